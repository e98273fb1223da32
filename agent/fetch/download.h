// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The packages of a request into the cache: from which sections, in what time, what to say
 */

#include "fetch/request.h"
#include "repo/fetch.h"

#include <signal.h>

/**
 * download() - bring packages into CACHE/packages
 * @fetch:   with root, cache, cache_path and progress set; its count is filled in
 * @stopped: set by a signal handler that also calls transfer_interrupt(): give up
 *
 * The metadata is not touched. What came stays, even when another package cannot be had.
 * Return: 0 if all of them are there, or -1 with @err, which tells of the first that is not
 * (CONFIG, UNAVAILABLE, DATA, IO, TEMPFAIL).
 */
_must_check_ int download(struct fetch *fetch, const struct request *request,
			  const volatile sig_atomic_t *stopped, struct err *err);
