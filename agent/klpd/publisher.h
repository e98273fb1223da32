// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Reports to plugins: a spool for each, and klpd-publish for each report
 *
 *   STATE/spool/PLUGIN/ID.json   reports that PLUGIN does not have yet; ids begin with the time
 *   STATE/publish.json           of each plugin that failed: since when, why, when to try again
 *
 * A plugin gets reports in the order in which they were made, the next one when it has taken the
 * last. One that fails is asked again after a while, which doubles up to an hour; meanwhile its
 * reports wait, the newest SPOOL_MAX of them. What went wrong is a finding of the next report. A
 * directory that stands for a node publishes nothing.
 */

#include "klpd/settings.h"

#include <jansson.h>

#define PUBLISHER_SPOOL_MAX 500

struct publisher;

struct publisher_spec {
	struct loop *loop;
	const struct place *place;
	const struct settings *settings;
	void (*on_idle)(void *userdata); /* nothing is being published any more */
	void *userdata;
};

_returns_nonnull_ struct publisher *publisher_new(const struct publisher_spec *spec);
/* Ends what runs; its report stays in the spool. Accepts NULL. */
void publisher_free(struct publisher *publisher);
DEFINE_CLEANUP(struct publisher *, publisher_free);

/* A report was stored. */
void publisher_take(struct publisher *publisher, json_t *report);
/* Hands over what waits and may be tried. */
void publisher_go(struct publisher *publisher);
/* Something is being handed over, or will be at once. */
bool publisher_busy(const struct publisher *publisher);
/* Nothing more after what runs. */
void publisher_stop(struct publisher *publisher);
/* Appends to @findings what could not be handed over. */
void publisher_tell(const struct publisher *publisher, json_t *findings);
