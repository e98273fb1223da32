// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Exit statuses: what each means, and which one a verdict becomes (DESIGN section 7)
 */

#include "base/err.h"

struct outcome_row {
	int status;
	const char *text;
};

/* Every status that klpctl ends with; the last row has a NULL text. docs/klpctl.8 has the same. */
extern const struct outcome_row outcome_table[];

/*
 * What `check` ends with: @overall and @livepatch are verdicts as a report spells them. UNAVAILABLE
 * for what it cannot read, since that says nothing about the node.
 */
int outcome_of_verdict(const char *overall, const char *livepatch);
