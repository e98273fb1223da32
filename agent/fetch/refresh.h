// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * All repositories that have a role: which sections count, which must be fetched, in what time
 */

#include "fetch/request.h"
#include "repo/fetch.h"

#include <signal.h>

/**
 * refresh() - bring the cache up to date
 * @fetch:   with root, cache, cache_path and progress set; its count is filled in
 * @stopped: set by a signal handler that also calls transfer_interrupt(): give up
 *
 * state.json is replaced at the very end; until then the cache is what it was. An unreachable
 * repository is no failure: it is recorded.
 * Return: 0, or -1 with @err (TEMPFAIL: locked or stopped; IO).
 */
_must_check_ int refresh(struct fetch *fetch, const struct request *request,
			 const volatile sig_atomic_t *stopped, struct err *err);
