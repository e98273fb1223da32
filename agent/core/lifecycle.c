// SPDX-License-Identifier: Apache-2.0
#include "core/lifecycle.h"

static int64_t day_of(int64_t t)
{
	return t / SEC_PER_DAY - (t % SEC_PER_DAY < 0);
}

static enum tristate not_after(int64_t now, int64_t limit)
{
	if (limit == TIME_UNSET)
		return TRISTATE_UNKNOWN;
	return day_of(now) <= day_of(limit) ? TRISTATE_YES : TRISTATE_NO;
}

static int64_t earlier(int64_t a, int64_t b)
{
	if (a == TIME_UNSET || b == TIME_UNSET)
		return a == TIME_UNSET ? b : a;
	return a < b ? a : b;
}

struct lifecycle lifecycle_of(const struct platform *platform, const struct platform_kernel *line,
			      int64_t build_date, int64_t now)
{
	struct lifecycle l = { .window_ends = TIME_UNSET, .supported_until = TIME_UNSET };

	if (platform->support_months > 0 && build_date != TIME_UNSET)
		l.window_ends = timex_add_months(build_date, platform->support_months);
	l.supported_until = earlier(l.window_ends, line ? line->ends : TIME_UNSET);
	/* Without the window only a line that has ended already tells something. */
	if (platform->support_months > 0 && l.window_ends == TIME_UNSET &&
	    not_after(now, l.supported_until) == TRISTATE_YES)
		l.supported_until = TIME_UNSET;

	l.in_window = not_after(now, l.window_ends);
	l.supported = not_after(now, l.supported_until);
	if (l.supported_until != TIME_UNSET)
		l.days_left = day_of(l.supported_until) - day_of(now);
	return l;
}
