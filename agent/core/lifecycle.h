// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Lifecycle: until when the running kernel gets livepatches
 *
 * Pure. A kernel gets livepatches for some months after its build (profile: support-months; AWS
 * documents three), and no longer than its line does (profile: ends).
 */

#include "core/node.h"
#include "core/platform.h"

struct lifecycle {
	int64_t window_ends;	 /* build date plus support-months; TIME_UNSET: not known */
	enum tristate in_window; /* by window_ends alone: what the coverage rule asks (ruling 8) */
	int64_t supported_until; /* the earlier of window_ends and the line's end; or TIME_UNSET */
	enum tristate supported; /* by supported_until */
	int64_t days_left;	 /* until supported_until, in whole days; negative after it */
};

/* The last day counts as a whole: both limits are compared by UTC date, as AWS does. */
struct lifecycle lifecycle_of(const struct platform *platform, const struct platform_kernel *line,
			      int64_t build_date, int64_t now);
