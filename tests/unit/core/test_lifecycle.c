// SPDX-License-Identifier: Apache-2.0
#include "core/lifecycle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static int64_t at(const char *text)
{
	int64_t t = TIME_UNSET;

	if (text && timex_parse(text, &t) < 0)
		fail_msg("bad date in a test row: %s", text);
	return t;
}

static const struct {
	const char *what, *built, *line_ends, *now;
	const char *until; /* NULL: not known */
	enum tristate in_window, supported;
	int64_t days_left;
} rows[] = {
	{ "three calendar months after the build", "2020-02-09 00:21:30", NULL, "2020-03-01",
	  "2020-05-09 00:21:30", TRISTATE_YES, TRISTATE_YES, 69 },
	{ "the last day counts as a whole", "2020-02-09 00:21:30", NULL, "2020-05-09 23:59:59",
	  "2020-05-09 00:21:30", TRISTATE_YES, TRISTATE_YES, 0 },
	{ "the day after is outside", "2020-02-09 00:21:30", NULL, "2020-05-10",
	  "2020-05-09 00:21:30", TRISTATE_NO, TRISTATE_NO, -1 },
	{ "30 November is clamped to 28 February", "2022-11-30 12:00", NULL, "2023-02-28",
	  "2023-02-28 12:00", TRISTATE_YES, TRISTATE_YES, 0 },
	{ "and to 29 February in a leap year", "2023-11-30 12:00", NULL, "2024-02-29",
	  "2024-02-29 12:00", TRISTATE_YES, TRISTATE_YES, 0 },
	{ "the window crosses the year", "2021-10-31", NULL, "2022-01-31", "2022-01-31",
	  TRISTATE_YES, TRISTATE_YES, 0 },
	{ "29 November too, where the year is common", "2022-11-29 12:00", NULL, "2023-02-28",
	  "2023-02-28 12:00", TRISTATE_YES, TRISTATE_YES, 0 },
	{ "28 November is not clamped", "2022-11-28 12:00", NULL, "2023-02-28", "2023-02-28 12:00",
	  TRISTATE_YES, TRISTATE_YES, 0 },
	{ "2028 is a leap year", "2027-11-30 23:59:59", NULL, "2028-02-29 23:59:59",
	  "2028-02-29 23:59:59", TRISTATE_YES, TRISTATE_YES, 0 },
	{ "2000 was one", "1999-11-30", NULL, "2000-03-01", "2000-02-29", TRISTATE_NO, TRISTATE_NO,
	  -1 },
	{ "2100 is none", "2099-11-30", NULL, "2100-03-01", "2100-02-28", TRISTATE_NO, TRISTATE_NO,
	  -1 },
	{ "31 December has the whole of March", "2025-12-31 23:59:59", NULL, "2026-03-31 23:59:59",
	  "2026-03-31 23:59:59", TRISTATE_YES, TRISTATE_YES, 0 },
	{ "31 March is clamped to 30 June", "2026-03-31", NULL, "2026-07-01", "2026-06-30",
	  TRISTATE_NO, TRISTATE_NO, -1 },
	{ "29 February stays the 29th", "2024-02-29 10:00", NULL, "2024-05-29 23:59:59",
	  "2024-05-29 10:00", TRISTATE_YES, TRISTATE_YES, 0 },
	{ "days are counted across the leap day", "2023-12-01", NULL, "2024-02-28", "2024-03-01",
	  TRISTATE_YES, TRISTATE_YES, 2 },
	{ "and where there is none", "2022-12-01", NULL, "2023-02-28", "2023-03-01", TRISTATE_YES,
	  TRISTATE_YES, 1 },
	{ "the last second of the last day", "2020-02-09", NULL, "2020-05-09 23:59:59",
	  "2020-05-09", TRISTATE_YES, TRISTATE_YES, 0 },
	{ "the first second after it", "2020-02-09 23:59:59", NULL, "2020-05-10 00:00:00",
	  "2020-05-09 23:59:59", TRISTATE_NO, TRISTATE_NO, -1 },
	{ "the last second of the line's last day", "2026-05-20", "2026-06-30",
	  "2026-06-30 23:59:59", "2026-06-30", TRISTATE_YES, TRISTATE_YES, 0 },
	{ "the line may end before the window", "2026-05-20", "2026-06-30", "2026-07-01",
	  "2026-06-30", TRISTATE_YES, TRISTATE_NO, -1 },
	{ "a line that ends later changes nothing", "2026-01-01", "2026-06-30", "2026-02-01",
	  "2026-04-01", TRISTATE_YES, TRISTATE_YES, 59 },
	{ "without a build date a line that goes on tells nothing", NULL, "2026-06-30",
	  "2026-06-01", NULL, TRISTATE_UNKNOWN, TRISTATE_UNKNOWN, 0 },
	{ "but a line that has ended does", NULL, "2026-06-30", "2026-07-02", "2026-06-30",
	  TRISTATE_UNKNOWN, TRISTATE_NO, -2 },
	{ "nothing known", NULL, NULL, "2026-06-01", NULL, TRISTATE_UNKNOWN, TRISTATE_UNKNOWN, 0 },
};

static void window_and_line_end(void **state)
{
	static const struct platform platform = { .name = "test", .support_months = 3 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct platform_kernel line = { .series = "*", .ends = at(rows[i].line_ends) };
		struct lifecycle l =
			lifecycle_of(&platform, &line, at(rows[i].built), at(rows[i].now));

		if (l.supported_until != at(rows[i].until) || l.in_window != rows[i].in_window ||
		    l.supported != rows[i].supported || l.days_left != rows[i].days_left)
			fail_msg("%s: until %lld, in window %d, supported %d, %lld days left",
				 rows[i].what, (long long)l.supported_until, l.in_window,
				 l.supported, (long long)l.days_left);
	}
}

static void a_platform_without_a_window(void **state)
{
	static const struct platform platform = { .name = "test", .support_months = 0 };
	struct lifecycle l = lifecycle_of(&platform, NULL, at("2020-01-01"), at("2026-01-01"));

	(void)state;
	assert_int_equal(l.in_window, TRISTATE_UNKNOWN);
	assert_true(l.supported_until == TIME_UNSET);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(window_and_line_end),
		cmocka_unit_test(a_platform_without_a_window),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
