// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Maintenance windows: when a timer may change the node
 *
 *   [WEEKDAYS] [*-*-DAYS] HH:MM-HH:MM [UTC]
 *
 *   22:00-04:00                  every night, until the next morning
 *   Mon..Fri 01:00-05:00         weekdays and days of the month as in systemd.time(7)
 *   Sat,Sun 00:00-24:00 UTC
 *   Tue *-*-8..14 02:00-06:00    the second Tuesday of a month
 *
 * Without UTC the node's local time counts. A window that crosses midnight belongs to the day on
 * which it opens. It lasts an hour at least, so that an hourly timer cannot miss it.
 */

#include "base/timex.h"

#define WINDOW_MAX 16
#define WINDOW_MIN ((int64_t)3600)

struct window {
	const char *text;    /* as it was written; the caller's */
	uint32_t weekdays;   /* bit 0: Monday */
	uint32_t days;	     /* of the month; bit 1: the first */
	int64_t from, until; /* seconds since midnight; @until may lie beyond the day */
	bool utc;
};

struct windows {
	struct window items[WINDOW_MAX];
	size_t n;
};

struct window_state {
	bool open;
	int64_t since; /* open: when it opened */
	int64_t next;  /* closed: when one opens; TIME_UNSET: never */
};

/* 0, or -EINVAL with @ret untouched and @ret_why a sentence's end. */
_must_check_ int window_parse(const char *text, struct window *ret, const char **ret_why);

/*
 * @offset: what is added to UTC for the node's local time, in seconds, now; a change of it before
 * the next opening is not foreseen. No window at all: always open, anew each UTC day.
 */
struct window_state window_state(const struct windows *windows, int64_t now, int64_t offset);
