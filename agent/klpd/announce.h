// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * What the operator hears of a job: events in the journal (klpd/journal.h)
 */

#include "klpd/caller.h"

/* @job: its name. A report that was stored: its verdict, each patch to act on, each warning. */
void announce_report(const char *job, json_t *report);
/* A job that ended without one. */
void announce_failure(const char *job, const struct err *err);
/* What an installation did: packages, livepatches, the result. */
void announce_outcome(const char *job, json_t *outcome);

/* Someone asked for a change. @held: why it must wait; NULL: it need not. */
void announce_request(const char *action, const struct caller *caller, bool allowed,
		      const char *held);
