// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Hooks: the operator's programs, run at points in a job's life
 *
 *   /etc/klpd/hooks.d/pre-install/   before the node is changed; one that fails vetoes the change
 *   /etc/klpd/hooks.d/post-install/  after a change was made and reported
 *   /etc/klpd/hooks.d/on-exit/       after each report that is kept
 *
 * The executable files of a folder run one after another, by name, with the report on standard
 * input (before a change: the report of before, with `plan`), as the user that klpd is, in its
 * sandbox. What somebody else than root or klpd's starter could have put there is not run. A
 * directory that stands for a node has none: its programs are another system's.
 */

#include "base/loop.h"
#include "klpd/place.h"

#include <jansson.h>

struct hooks;

struct hooks_spec {
	const char *const *stages; /* folders, in order, NULL-terminated; outlive the run */
	bool veto;		   /* the first one that fails ends it; else all run */
	const char *command;	   /* "install": KLPD_COMMAND */
	json_t *report;		   /* borrowed for the call */
	int64_t timeout;	   /* seconds, of each */
	/* @err: the first one that failed, with its last words; NULL: none. May free the hooks. */
	void (*on_done)(const struct err *err, void *userdata);
	void *userdata;
};

/* True if there is anything to run. */
bool hooks_exist(const struct place *place, const char *const *stages);
/* What may not be run counts as failed. @on_done always comes, from the loop. */
_returns_nonnull_ struct hooks *hooks_start(struct loop *loop, const struct place *place,
					    const struct hooks_spec *spec);
/* Ends what runs, without @on_done. Accepts NULL. */
void hooks_free(struct hooks *hooks);
DEFINE_CLEANUP(struct hooks *, hooks_free);
