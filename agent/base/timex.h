// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Time
 *
 * Points in time are seconds since 1970-01-01T00:00:00Z in an int64_t; TIME_UNSET means "not
 * known". Everything is UTC. timex_now() is the only place that asks the clock; core never calls
 * it but takes `now` as a parameter.
 */

#include "base/macro.h"

#define TIME_UNSET     INT64_MIN
#define SEC_PER_DAY    ((int64_t)86400)
#define TIMEX_TEXT_MAX 32

/* The wall clock, in seconds. */
int64_t timex_now(void);
/* The same in milliseconds. */
int64_t timex_now_msec(void);
/* What the machine's time zone adds to UTC at @t, in seconds. */
int64_t timex_zone_offset(int64_t t);

/* "2025-11-16T18:00:00Z" into @buf; the empty string for TIME_UNSET. Returns @buf. */
const char *timex_format(int64_t t, char buf[static TIMEX_TEXT_MAX]);
/* "2025-11-16"; the empty string for TIME_UNSET. Returns @buf. */
const char *timex_format_date(int64_t t, char buf[static TIMEX_TEXT_MAX]);

/**
 * timex_parse() - read a UTC date
 * @text: `YYYY-MM-DD`, with an optional ` HH`, ` HH:MM` or ` HH:MM:SS` (a `T` may stand for the
 *        blank); what follows (zone text, fractions) is ignored, as AWS Patch Manager does
 *        (patch-manager semantics 3.4).
 *
 * A day that does not exist (2025-02-30, 0000-00-00) is refused.
 * Return: 0, or -EINVAL with @ret untouched.
 */
_must_check_ int timex_parse(const char *text, int64_t *ret);

/* Days since 1970-01-01 of a proleptic Gregorian date; no range check. */
int64_t timex_days_from_civil(int64_t year, unsigned int month, unsigned int day);

/* Days since 1970-01-01, rounded down; and which day of its month (from 1) such a day is. */
int64_t timex_day(int64_t t);
unsigned int timex_day_of_month(int64_t day);

/*
 * @t plus @months calendar months; the day is clamped to the month's length (31 January + 1 month
 * = 28 or 29 February), the time of day is kept.
 */
int64_t timex_add_months(int64_t t, int months);
