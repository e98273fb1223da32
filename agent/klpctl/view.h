// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Parts of a report (schema klpd.report/1) for people
 *
 * Each prints one part and nothing when there is nothing to show. Ages are told relative to
 * screen->now.
 */

#include "klpctl/screen.h"

/* "Label          " with the text after it, wrapped; NULL label: a further line of the last one. */
void view_field(struct screen *screen, const char *label, enum screen_style style,
		const char *text);
_printf_(3, 4) void view_fieldf(struct screen *screen, const char *label, const char *fmt, ...);

/* Node, kernel, verdicts, window, counts, age of every input: one field each. */
void view_card(struct screen *screen, const json_t *report);
/* "2 missing, 3 held", "none"; to be freed. */
_returns_nonnull_ char *view_count_states(const json_t *report);
/* One line: what the counts are and when this was looked at. */
void view_counts(struct screen *screen, const json_t *report);
/* The table of patches: those of @kind, or all (NULL). @all: with what does not apply. */
void view_patches(struct screen *screen, const json_t *report, const char *kind, bool all);
/* The table of builds that exist but are not approved. */
void view_held(struct screen *screen, const json_t *report);
void view_findings(struct screen *screen, const json_t *report);
/* Effective level, window, line, coverage and reboot verdict, as fields. */
void view_kernel(struct screen *screen, const json_t *report);
/* The table of kernels that the node could boot, and a line with the one for the next reboot. */
void view_kernels(struct screen *screen, const json_t *report);

/* "Missing", "Installed, not active"; to be freed. */
_returns_nonnull_ char *view_state(const json_t *patch);
/* Elements of a list of texts, with commas between them; at most @max, then how many more there
 * are. To be freed. */
_returns_nonnull_ char *view_join(const json_t *texts, size_t max);
