// SPDX-License-Identifier: Apache-2.0
#include "core/kernel.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static const struct {
	const char *what, *text, *version, *release, *arch, *flavour;
} releases[] = {
	{ "Amazon Linux 2, 4.14", "4.14.165-131.185.amzn2.x86_64", "4.14.165", "131.185.amzn2",
	  "x86_64", NULL },
	{ "Amazon Linux 2, 5.10", "5.10.102-99.473.amzn2.x86_64", "5.10.102", "99.473.amzn2",
	  "x86_64", NULL },
	{ "Amazon Linux 2 on ARM", "5.10.75-79.358.amzn2.aarch64", "5.10.75", "79.358.amzn2",
	  "aarch64", NULL },
	{ "Amazon Linux 2023", "6.1.175-219.359.amzn2023.x86_64", "6.1.175", "219.359.amzn2023",
	  "x86_64", NULL },
	{ "Amazon Linux 2023, 6.18", "6.18.51-120.163.amzn2023.aarch64", "6.18.51",
	  "120.163.amzn2023", "aarch64", NULL },
	{ "RHEL 7", "3.10.0-1062.12.1.el7.x86_64", "3.10.0", "1062.12.1.el7", "x86_64", NULL },
	{ "RHEL 8", "4.18.0-147.0.2.el8.x86_64", "4.18.0", "147.0.2.el8", "x86_64", NULL },
	{ "RHEL 9 on POWER", "5.14.0-70.el9_0.ppc64le", "5.14.0", "70.el9_0", "ppc64le", NULL },
	{ "SLES 15", "5.14.21-150400.24.100-default", "5.14.21", "150400.24.100", NULL, "default" },
	{ "SLES with its real time kernel", "5.14.21-150400.15.79-rt", "5.14.21", "150400.15.79",
	  NULL, "rt" },
	{ "Debian", "6.1.0-18-amd64", "6.1.0", "18", NULL, "amd64" },
	{ "no architecture, as a profile writes it", "5.10.50-44.131.amzn2", "5.10.50",
	  "44.131.amzn2", NULL, NULL },
	{ "a release of digits and dashes", "5.4.0-1-2", "5.4.0", "1-2", NULL, NULL },
	{ "a pre-release", "6.12.0~rc3-1.fc42.x86_64", "6.12.0~rc3", "1.fc42", "x86_64", NULL },
};

static void releases_are_taken_apart(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(releases); i++) {
		_cleanup_(arena_freep)
		struct arena *arena = arena_new();
		struct kernel_release got;

		if (kernel_release_parse(releases[i].text, arena, &got) != 0)
			fail_msg("%s: %s is refused", releases[i].what, releases[i].text);
		if (!streq(got.version, releases[i].version) ||
		    !streq(got.release, releases[i].release) ||
		    !streq_null(got.arch, releases[i].arch) ||
		    !streq_null(got.flavour, releases[i].flavour))
			fail_msg("%s: version %s, release %s, arch %s, flavour %s",
				 releases[i].what, got.version, got.release,
				 got.arch ? got.arch : "(none)",
				 got.flavour ? got.flavour : "(none)");
	}
}

static const struct {
	const char *what, *text;
} no_releases[] = {
	{ "nothing", "" },
	{ "a version alone", "5.10.102" },
	{ "a dash first", "-99.473.amzn2.x86_64" },
	{ "a dash last", "5.10.102-" },
	{ "an architecture for a release", "5.10.102-.x86_64" },
	{ "a flavour for a release", "5.10.102--default" },
	{ "a name", "kernel-5.10.102-99.473.amzn2.x86_64" },
	{ "a blank before", " 5.10.102-99.473.amzn2.x86_64" },
	{ "a newline after", "5.10.102-99.473.amzn2.x86_64\n" },
	{ "a slash", "5.10.102-99/../../etc" },
	{ "a wildcard", "5.10.*-99.473.amzn2.x86_64" },
	{ "a blank inside", "5.10.102-99 473.x86_64" },
	{ "a control character", "5.10.102-99\x1b[2J" },
	{ "a byte above ASCII", "5.10.102-99\xc3\xa9" },
};

static void what_is_no_release_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(no_releases); i++) {
		_cleanup_(arena_freep)
		struct arena *arena = arena_new();
		struct kernel_release got = { .version = "untouched" };

		if (kernel_release_parse(no_releases[i].text, arena, &got) != -EINVAL ||
		    !streq(got.version, "untouched"))
			fail_msg("%s: is version %s, release %s", no_releases[i].what, got.version,
				 got.release);
	}
}

static const struct {
	const char *version, *series;
} series[] = {
	{ "5.10.102", "5.10" }, { "6.12.0", "6.12" },	    { "4.14", "4.14" },
	{ "6", "6" },		{ "5.10~rc1", "5.10~rc1" }, { "", "" },
};

static void a_series_is_the_first_two_numbers(void **state)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(series); i++)
		assert_string_equal(kernel_series(arena, series[i].version), series[i].series);
}

static const struct {
	const char *what, *text, *date; /* NULL: refused */
} builds[] = {
	{ "Amazon Linux 2", "#1 SMP Sun Feb 9 00:21:30 UTC 2020", "2020-02-09T00:21:30Z" },
	{ "a day of one digit with two blanks", "#1 SMP Sun Feb  9 00:21:30 UTC 2020",
	  "2020-02-09T00:21:30Z" },
	{ "Amazon Linux 2023", "#1 SMP PREEMPT_DYNAMIC Tue Oct  1 12:34:56 UTC 2024",
	  "2024-10-01T12:34:56Z" },
	{ "a realtime kernel, GMT", "#1 SMP PREEMPT_RT Thu Oct 10 22:14:45 GMT 2024",
	  "2024-10-10T22:14:45Z" },
	{ "Eastern time is taken as UTC", "#1 SMP PREEMPT_DYNAMIC Tue Mar 5 18:02:03 EST 2024",
	  "2024-03-05T18:02:03Z" },
	{ "as is Central European time", "#1 SMP Sat Feb 29 23:59:59 CET 2020",
	  "2020-02-29T23:59:59Z" },
	{ "and Pacific", "#1 SMP Sun Jun 30 23:59:60 PDT 2024", "2024-07-01T00:00:00Z" },
	{ "and one in lower case", "#1 SMP Sun Feb 9 00:21:30 utc 2020", "2020-02-09T00:21:30Z" },
	{ "a zone of six letters", "#1 SMP Sun Feb 9 00:21:30 XXXXXX 2020",
	  "2020-02-09T00:21:30Z" },
	{ "a zone with a colon", "#1 SMP Tue Oct 1 01:30:00 +05:30 2024", "2024-09-30T20:00:00Z" },
	{ "an offset that no zone has is taken as UTC", "#1 SMP Tue Oct 1 12:00:00 +9900 2024",
	  "2024-10-01T12:00:00Z" },
	{ "nor minutes that no hour has", "#1 SMP Tue Oct 1 12:00:00 +0190 2024",
	  "2024-10-01T12:00:00Z" },
	{ "east of everything", "#1 SMP Tue, 01 Oct 2024 00:00:00 +1400", "2024-09-30T10:00:00Z" },
	{ "a zone that is not known is taken as UTC", "#1 SMP Mon Mar 16 03:04:05 EDT 2020",
	  "2020-03-16T03:04:05Z" },
	{ "RFC 5322", "#1 SMP PREEMPT_DYNAMIC Tue, 01 Oct 2024 12:00:00 +0000",
	  "2024-10-01T12:00:00Z" },
	{ "RFC 5322, east", "#1 SMP Tue, 01 Oct 2024 12:00:00 +0530", "2024-10-01T06:30:00Z" },
	{ "RFC 5322, west, into the next day", "#1 SMP Tue, 31 Dec 2024 20:00:00 -0800",
	  "2025-01-01T04:00:00Z" },
	{ "RFC 5322 without a zone", "#1 SMP Tue, 01 Oct 2024 12:00:00", "2024-10-01T12:00:00Z" },
	{ "a numeric zone in date(1)'s form", "#1 SMP Tue Oct 1 12:00:00 +0200 2024",
	  "2024-10-01T10:00:00Z" },
	{ "Debian", "#1 SMP PREEMPT_DYNAMIC Debian 6.1.76-1 (2024-02-01)", "2024-02-01T00:00:00Z" },
	{ "SUSE, with a commit in parentheses",
	  "#1 SMP PREEMPT_DYNAMIC Tue Oct 17 09:51:31 UTC 2023 (a1b2c3d)", "2023-10-17T09:51:31Z" },
	{ "Ubuntu", "#21~22.04.1-Ubuntu SMP Mon Feb 26 13:38:30 UTC 2024", "2024-02-26T13:38:30Z" },
	{ "a leap day", "#1 SMP Thu Feb 29 00:00:00 UTC 2024", "2024-02-29T00:00:00Z" },

	{ "nothing", "", NULL },
	{ "no date", "#1 SMP", NULL },
	{ "a month that does not exist", "#1 SMP Sun Foo 9 00:21:30 UTC 2020", NULL },
	{ "letters that span two months", "#1 SMP Sun anF 9 00:21:30 UTC 2020", NULL },
	{ "a month in another case", "#1 SMP Sun FEB 9 00:21:30 UTC 2020", NULL },
	{ "a day that does not exist", "#1 SMP Sun Feb 30 00:21:30 UTC 2020", NULL },
	{ "day 0", "#1 SMP Sun Feb 0 00:21:30 UTC 2020", NULL },
	{ "an hour that does not exist", "#1 SMP Sun Feb 9 24:21:30 UTC 2020", NULL },
	{ "an hour below zero", "#1 SMP Sun Feb 9 -1:21:30 UTC 2020", NULL },
	{ "a minute below zero", "#1 SMP Sun Feb 9 01:-1:30 UTC 2020", NULL },
	{ "no year", "#1 SMP Sun Feb 9 00:21:30 UTC", NULL },
	{ "no zone", "#1 SMP Sun Feb 9 00:21:30 2020", NULL },
	{ "a clock of twelve hours", "#1 SMP Thu Oct 10 10:14:45 PM UTC 2024", NULL },
	{ "29 February of a common year", "#1 SMP Tue Feb 29 00:00:00 UTC 2100", NULL },
	{ "a month in lower case", "#1 SMP Sun feb 9 00:21:30 UTC 2020", NULL },
	{ "a zone longer than any", "#1 SMP Sun Feb 9 00:21:30 ABCDEFGHIJKL 2020", NULL },
	{ "a year before there were computers", "#1 SMP Sun Feb 9 00:21:30 UTC 1969", NULL },
	{ "noise", "\x1b[31m%s%n Sun Feb", NULL },
	{ "no seconds", "#1 SMP Sun Feb 9 00:21 UTC 2020", NULL },
	{ "cut in the year", "#1 SMP Sun Feb 9 00:21:30 UTC 20", NULL },
	{ "parentheses without a date", "#1 SMP Debian (gcc 12)", NULL },
	{ "a date in parentheses that does not exist", "#1 SMP Debian (2024-13-01)", NULL },
	{ "an open parenthesis", "#1 SMP (", NULL },
};

static void build_dates(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(builds); i++) {
		char text[TIMEX_TEXT_MAX];
		int64_t t = TIME_UNSET;
		int r = kernel_build_date(builds[i].text, &t);

		timex_format(t, text);
		if (r != (builds[i].date ? 0 : -EINVAL) ||
		    !streq(text, builds[i].date ? builds[i].date : ""))
			fail_msg("%s: %d, %s", builds[i].what, r, text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(releases_are_taken_apart),
		cmocka_unit_test(what_is_no_release_is_refused),
		cmocka_unit_test(a_series_is_the_first_two_numbers),
		cmocka_unit_test(build_dates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
