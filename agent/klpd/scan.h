// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The phases of a scan, some of which an installation begins with
 */

#include "klpd/job.h"

/*
 * Brings the metadata up to date if the request and the cache say so, then goes on with @then.
 * @primary: also the package lists of kernel repositories, whatever their age.
 */
void scan_refresh(struct job *job, bool primary, void (*then)(struct job *job));
/*
 * Starts klpd-fetch for the node that was probed. @more (consumed, may be NULL) is added to the
 * request.
 */
void scan_start_fetch(struct job *job, json_t *more, tool_done_fn on_done);
/* Judges, by the verb of the job's kind, and ends it. */
void scan_judge(struct job *job);
