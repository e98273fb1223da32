// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The documents of a request into the cache: in what time, what to say of those that cannot be had
 */

#include "fetch/request.h"
#include "repo/fetch.h"

#include <signal.h>

/**
 * documents() - bring documents into CACHE/documents
 * @fetch:   with root, cache and cache_path set; its count is filled in
 * @request: whose documents get their paths
 * @stopped: set by a signal handler that also calls transfer_interrupt(): give up
 *
 * The first that cannot be had ends it: they are wanted together.
 * Return: 0, or -1 with @err (UNAVAILABLE, DATA, CONFIG, IO, TEMPFAIL).
 */
_must_check_ int documents(struct fetch *fetch, const struct request *request,
			   const volatile sig_atomic_t *stopped, struct err *err);
