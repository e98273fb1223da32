// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * A plan's changes, one request to klpd-apply after another
 *
 * What comes of each is noted in `outcome` of the report: steps[], installed[], erased[],
 * switched[], modules[], output[].
 */

#include "klpd/job.h"

struct changes;

/* @answer: of klpd-worker plan: plan, apply. @outcome: what is noted there. Both are shared. */
_returns_nonnull_ struct changes *changes_new(struct job *job, json_t *answer, json_t *outcome);
void changes_free(struct changes *changes); /* accepts NULL */
DEFINE_CLEANUP(struct changes *, changes_free);

/* True if a plan has anything to be done. */
bool changes_any(json_t *plan);
/*
 * Starts the next one: EVENT_NONE; its end is EVENT_MORE, EVENT_DONE after the last, or
 * EVENT_FAILED, which ends them all.
 */
enum job_event changes_make_next(struct changes *changes);
/* Adds what was seen meanwhile to the job's findings. */
void changes_tell(struct changes *changes);
