// SPDX-License-Identifier: Apache-2.0
#include "base/timex.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>
#include <cmocka.h>

/* What is read, and how it is written again. */
static const struct {
	const char *what, *text, *written;
	int64_t t;
} dates[] = {
	{ "the epoch", "1970-01-01", "1970-01-01T00:00:00Z", 0 },
	{ "a day alone is its midnight", "2025-11-16", "2025-11-16T00:00:00Z", 1763251200 },
	{ "an hour", "2025-11-16 18", "2025-11-16T18:00:00Z", 1763316000 },
	{ "minutes, as old notices have them", "2018-01-16 01:28", "2018-01-16T01:28:00Z",
	  1516066080 },
	{ "seconds", "2020-04-28 18:37:59", "2020-04-28T18:37:59Z", 1588099079 },
	{ "a T for the blank", "2025-11-16T18:00:01Z", "2025-11-16T18:00:01Z", 1763316001 },
	{ "fractions and zones are ignored", "2018-06-21T09:27:05.252000+05:00",
	  "2018-06-21T09:27:05Z", 1529573225 },
	{ "so are words", "2020-02-09 00:21:30 UTC", "2020-02-09T00:21:30Z", 1581207690 },
	{ "so is what cannot be a clock", "2020-02-09 noon", "2020-02-09T00:00:00Z", 1581206400 },
	{ "and minutes that are not there", "2020-02-09 00:", "2020-02-09T00:00:00Z", 1581206400 },
	{ "a leap day", "2024-02-29", "2024-02-29T00:00:00Z", 1709164800 },
	{ "a leap day of a century", "2000-02-29", "2000-02-29T00:00:00Z", 951782400 },
	{ "a leap second is the next second", "2016-12-31 23:59:60", "2017-01-01T00:00:00Z",
	  1483228800 },
	{ "before the epoch", "1969-12-31 23:59:59", "1969-12-31T23:59:59Z", -1 },
	{ "the first day there is", "0001-01-01", "0001-01-01T00:00:00Z", -62135596800 },
	{ "the last day there is", "9999-12-31 23:59:59", "9999-12-31T23:59:59Z", 253402300799 },
};

static void dates_are_read_as_utc(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(dates); i++) {
		char text[TIMEX_TEXT_MAX], day[TIMEX_TEXT_MAX];
		int64_t t = 7;

		if (timex_parse(dates[i].text, &t) != 0 || t != dates[i].t)
			fail_msg("%s: %s is read as %lld", dates[i].what, dates[i].text,
				 (long long)t);
		if (!streq(timex_format(t, text), dates[i].written))
			fail_msg("%s: %lld is written as %s", dates[i].what, (long long)t, text);
		if (strlen(timex_format_date(t, day)) != 10 || strncmp(day, text, 10) != 0)
			fail_msg("%s: the day of %s is %s", dates[i].what, text, day);
	}
}

static const struct {
	const char *what, *text;
} refused[] = {
	{ "nothing", "" },
	{ "the null date", "0000-00-00" },
	{ "year 0", "0000-01-01" },
	{ "month 0", "2025-00-10" },
	{ "month 13", "2025-13-10" },
	{ "day 0", "2025-01-00" },
	{ "31 April", "2025-04-31" },
	{ "30 February", "2025-02-30" },
	{ "29 February of a common year", "2025-02-29" },
	{ "29 February of a common century", "1900-02-29" },
	{ "32 January", "2025-01-32" },
	{ "hour 24", "2025-01-01 24:00" },
	{ "minute 60", "2025-01-01 00:60" },
	{ "second 61", "2025-01-01 00:00:61" },
	{ "a month of one digit", "2025-1-10" },
	{ "a day of one digit", "2025-01-1" },
	{ "two digits of a year", "25-01-10" },
	{ "five digits of a year", "12025-01-10" },
	{ "slashes", "2025/01/10" },
	{ "no separators", "20250110" },
	{ "day first", "10-01-2025" },
	{ "a blank before", " 2025-01-10" },
	{ "a sign", "-2025-01-10" },
	{ "a cut year", "202" },
	{ "a cut month", "2025-" },
	{ "a cut day", "2025-01-" },
	{ "seconds since the epoch", "1763251200" },
	{ "words", "yesterday" },
	{ "digits of another script", "２０２５-01-10" },
};

static void what_is_no_date_is_refused_and_changes_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		int64_t t = 7;

		if (timex_parse(refused[i].text, &t) != -EINVAL || t != 7)
			fail_msg("%s: %s is read as %lld", refused[i].what, refused[i].text,
				 (long long)t);
	}
}

static void not_known_is_written_as_nothing(void **state)
{
	char text[TIMEX_TEXT_MAX] = "x";

	(void)state;
	assert_string_equal(timex_format(TIME_UNSET, text), "");
	text[0] = 'x';
	assert_string_equal(timex_format_date(TIME_UNSET, text), "");
}

/* Every day of four centuries, and the days beside them, as the C library counts them. */
static void days_agree_with_the_c_library(void **state)
{
	(void)state;
	for (int64_t day = -40000; day < 160000; day++) {
		time_t t = (time_t)(day * SEC_PER_DAY);
		char ours[TIMEX_TEXT_MAX], theirs[TIMEX_TEXT_MAX];
		struct tm tm;

		gmtime_r(&t, &tm);
		strftime(theirs, sizeof(theirs), "%Y-%m-%d", &tm);
		if (!streq(timex_format_date(t, ours), theirs) ||
		    timex_days_from_civil(tm.tm_year + 1900, (unsigned int)tm.tm_mon + 1,
					  (unsigned int)tm.tm_mday) != day)
			fail_msg("day %lld: %s, not %s", (long long)day, ours, theirs);
	}
}

static const struct {
	const char *what, *from;
	int months;
	const char *to;
} sums[] = {
	{ "the same day of a later month", "2020-02-09 00:21:30", 3, "2020-05-09T00:21:30Z" },
	{ "no months", "2020-02-29 12:00", 0, "2020-02-29T12:00:00Z" },
	{ "a shorter month ends earlier", "2025-01-31", 1, "2025-02-28T00:00:00Z" },
	{ "not so much in a leap year", "2024-01-31", 1, "2024-02-29T00:00:00Z" },
	{ "31 to 30", "2025-08-31 23:59:59", 3, "2025-11-30T23:59:59Z" },
	{ "across the year", "2025-11-30", 3, "2026-02-28T00:00:00Z" },
	{ "to December, not month 0", "2025-09-15", 3, "2025-12-15T00:00:00Z" },
	{ "a leap day a year on", "2024-02-29", 12, "2025-02-28T00:00:00Z" },
	{ "back", "2025-03-31", -1, "2025-02-28T00:00:00Z" },
	{ "back across the year", "2025-01-15", -1, "2024-12-15T00:00:00Z" },
	{ "before the epoch", "1970-01-31 01:00", -2, "1969-11-30T01:00:00Z" },
	{ "ten years", "2016-02-29", 120, "2026-02-28T00:00:00Z" },
};

static void months_are_calendar_months(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sums); i++) {
		char text[TIMEX_TEXT_MAX];
		int64_t t;

		assert_int_equal(timex_parse(sums[i].from, &t), 0);
		timex_format(timex_add_months(t, sums[i].months), text);
		if (!streq(text, sums[i].to))
			fail_msg("%s: %s %+d months is %s", sums[i].what, sums[i].from,
				 sums[i].months, text);
	}
}

static void the_clock_is_the_systems(void **state)
{
	int64_t before = time(NULL), now = timex_now();

	(void)state;
	assert_true(before <= now && now <= time(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dates_are_read_as_utc),
		cmocka_unit_test(what_is_no_date_is_refused_and_changes_nothing),
		cmocka_unit_test(not_known_is_written_as_nothing),
		cmocka_unit_test(days_agree_with_the_c_library),
		cmocka_unit_test(months_are_calendar_months),
		cmocka_unit_test(the_clock_is_the_systems),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
