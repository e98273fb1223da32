// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The text of /proc/meminfo
 */

#include "base/err.h"

#define MEMINFO_BYTES_MAX ((size_t)64 * 1024)

/* Bytes that can be had without swapping (MemAvailable, Linux 3.14), or -1: the text does not tell.
 */
int64_t meminfo_available(const char *text);

/**
 * meminfo_check() - is there memory enough to start?
 * @text:    of /proc/meminfo
 * @program: for the sentence
 * @floor:   bytes that must be available
 *
 * What is not known is no reason to refuse. Return: 0, or -1 with @err (TEMPFAIL).
 */
_must_check_ int meminfo_check(const char *text, const char *program, int64_t floor,
			       struct err *err);
