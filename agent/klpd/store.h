// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Reports on disk
 *
 *   STATE/report.json                           the latest by the configured baseline
 *   STATE/reports/BASELINE-DIGEST.json          the latest by any other one
 *   STATE/history/STARTED-ID-OPERATION.json     every one, the oldest of them removed
 *
 * A report is replaced as a whole or not at all: what is there is always a good one. What somebody
 * asks by a baseline of his own does not replace what the node is judged by.
 */

#include "base/err.h"

#include <jansson.h>

enum store_where {
	STORE_LATEST,
	STORE_BASELINE, /* beside it, under the baseline's id and digest */
	STORE_HISTORY,	/* only there */
	STORE_NOWHERE,
};

/* What stays of the history. */
struct store_keep {
	int64_t number; /* the newest of each operation */
	int64_t age;	/* in seconds; 0: whatever its age */
	int64_t now;
};

/*
 * Writes @report (it has `id`, `operation`, `started` and `baseline`). Return: 0, or -1 with @err
 * (IO); the latest one before then still stands.
 */
_must_check_ int store_save(int state_fd, json_t *report, enum store_where where,
			    const struct store_keep *keep, struct err *err);
/* 1 with the latest report, a new reference; 0 when there is none; -1 with @err. */
_must_check_ int store_latest(int state_fd, json_t **ret, struct err *err);
/* The same for the report called @id. */
_must_check_ int store_find(int state_fd, const char *id, json_t **ret, struct err *err);
/* The same for the newest of STORE_BASELINE by a baseline of that id; of that name if it has none.
 */
_must_check_ int store_find_baseline(int state_fd, const char *baseline, json_t **ret,
				     struct err *err);
/*
 * The newest @limit reports, newest first, as {id, operation, started, finished, overall}. What
 * cannot be read is left out. A new reference.
 */
_must_check_ int store_history(int state_fd, size_t limit, json_t **ret, struct err *err);
