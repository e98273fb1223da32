// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The parts of a plan that turn live patching on and off, or clean up after kernels
 *
 * Pure; plan_goals() (core/plan.h) calls them. The steps are those of Amazon's documents (semantics
 * 6), each only where the node is not so already: what was interrupted goes on where it stopped.
 */

#include "core/plan.h"

/* The repository and the unit, where they are not @on (or off). */
void plan_switches(struct plan *plan, const struct judge *j, bool on);
/* All livepatches and markers; and from the kernel what the running one's has, if so @wishes. */
void plan_take_away(struct plan *plan, const struct judge *j, const struct plan_wishes *wishes);
/* Livepatches and markers of kernels that are neither installed nor running. */
void plan_clean(struct plan *plan, const struct judge *j);
/*
 * True, and refused, if nothing of the running kernel's is installed and what there is for it could
 * not be looked at; or if no repository of livepatches is on and the profile names none that could
 * be switched.
 */
bool plan_is_blind(struct plan *plan, const struct judge *j);
/*
 * True if the running kernel can be patched at all. Else a refusal says why not and which kernel to
 * move to, unless the wishes allow the way to it: then *@ret_kernel is that one.
 */
bool plan_can_enable(struct plan *plan, const struct judge *j, const struct plan_wishes *wishes,
		     const struct nevra **ret_kernel);
