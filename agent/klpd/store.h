// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Reports on disk
 *
 *   STATE/report.json                 the latest
 *   STATE/history/STARTED-ID.json     every one, the oldest of them removed
 *
 * A report is replaced as a whole or not at all: what is there is always a good one.
 */

#include "base/err.h"

#include <jansson.h>

/* For @keep: nobody has said how many. */
#define STORE_KEEP_ALL ((int64_t)-1)

/*
 * Writes @report (it has `id` and `started`) as the latest and into the history, of which the
 * newest @keep stay. Return: 0, or -1 with @err (IO); the latest one before then still stands.
 */
_must_check_ int store_save(int state_fd, json_t *report, int64_t keep, struct err *err);
/* 1 with the latest report, a new reference; 0 when there is none; -1 with @err. */
_must_check_ int store_latest(int state_fd, json_t **ret, struct err *err);
/* The same for the report called @id. */
_must_check_ int store_find(int state_fd, const char *id, json_t **ret, struct err *err);
/*
 * The newest @limit reports, newest first, as {id, operation, started, finished, overall}. What
 * cannot be read is left out. A new reference.
 */
_must_check_ int store_history(int state_fd, size_t limit, json_t **ret, struct err *err);
