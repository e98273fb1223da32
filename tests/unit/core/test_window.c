// SPDX-License-Identifier: Apache-2.0
#include "core/window.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define EVERY UINT32_C(0x7f)
#define ANY   UINT32_C(0xfffffffe)
#define H(n)  ((int64_t)(n)*3600)

static const struct {
	const char *text;
	struct window w;
} accepted[] = {
	{ "22:00-04:00", { NULL, EVERY, ANY, H(22), H(28), false } },
	{ " 02:30-06:00 ", { NULL, EVERY, ANY, H(2) + 1800, H(6), false } },
	{ "Mon..Fri 01:00-05:00", { NULL, 0x1f, ANY, H(1), H(5), false } },
	{ "mon,wed..thu 1:00-5:00", { NULL, 0x0d, ANY, H(1), H(5), false } },
	{ "Sat,Sun 00:00-24:00 UTC", { NULL, 0x60, ANY, 0, H(24), true } },
	{ "Tue *-*-8..14 02:00-06:00 utc", { NULL, 0x02, 0x7f00, H(2), H(6), true } },
	{ "*-*-1,15 00:00-00:00", { NULL, EVERY, 0x8002, 0, H(24), false } },
};

static const char *const refused[] = {
	"",
	"daily",
	"22:00",
	"22:00-22:30",
	"24:00-02:00",
	"01:00-24:30",
	"01:60-03:00",
	"Foo 01:00-03:00",
	"Fri..Mon 01:00-03:00",
	"*-*-0 01:00-03:00",
	"*-*-32 01:00-03:00",
	"*-*-8.. 01:00-03:00",
	"*-*- 01:00-03:00",
	"01:00-03:00 CET",
	"01:00-03:00 UTC x",
	"Mon 01:00 - 03:00",
	"-1:00-03:00",
	"01:00-03:00-04:00",
	"Mon, 01:00-03:00",
	"01:00-000000000003:00",
};

static void what_is_a_window(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(accepted); i++) {
		struct window w;
		const char *why;

		if (window_parse(accepted[i].text, &w, &why) < 0)
			fail_msg("%s: %s", accepted[i].text, why);
		assert_ptr_equal(w.text, accepted[i].text);
		assert_int_equal(w.weekdays, accepted[i].w.weekdays);
		assert_int_equal(w.days, accepted[i].w.days);
		assert_int_equal(w.from, accepted[i].w.from);
		assert_int_equal(w.until, accepted[i].w.until);
		assert_int_equal(w.utc, accepted[i].w.utc);
	}
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct window w = { .from = 42 };
		const char *why = NULL;

		if (window_parse(refused[i], &w, &why) == 0)
			fail_msg("%s was taken", refused[i]);
		assert_non_null(why);
		assert_int_equal(w.from, 42);
	}
}

/* 2026-11-23 is a Monday. */
static const struct {
	const char *windows[2];
	const char *now;
	int64_t offset;
	bool open;
	const char *when; /* open: since; closed: next */
} moments[] = {
	{ { NULL }, "2026-11-23 13:00", 0, true, "2026-11-23 00:00" },
	{ { "22:00-04:00" }, "2026-11-23 21:59:59", 0, false, "2026-11-23 22:00" },
	{ { "22:00-04:00" }, "2026-11-23 22:00:00", 0, true, "2026-11-23 22:00" },
	{ { "22:00-04:00" }, "2026-11-24 03:59:59", 0, true, "2026-11-23 22:00" },
	{ { "22:00-04:00" }, "2026-11-24 04:00:00", 0, false, "2026-11-24 22:00" },
	/* the night of Friday goes on into Saturday, that of Saturday is none */
	{ { "Mon..Fri 22:00-04:00" }, "2026-11-28 01:00", 0, true, "2026-11-27 22:00" },
	{ { "Mon..Fri 22:00-04:00" }, "2026-11-28 23:00", 0, false, "2026-11-30 22:00" },
	/* the second Tuesday */
	{ { "Tue *-*-8..14 02:00-06:00" }, "2026-11-23 12:00", 0, false, "2026-12-08 02:00" },
	{ { "Tue *-*-8..14 02:00-06:00" }, "2026-12-08 05:00", 0, true, "2026-12-08 02:00" },
	{ { "Tue *-*-8..14 02:00-06:00" }, "2026-12-15 05:00", 0, false, "2027-01-12 02:00" },
	{ { "*-*-31 00:00-24:00" }, "2026-11-23 12:00", 0, false, "2026-12-31 00:00" },
	/* local time, two hours ahead and five behind; and a window that does not care */
	{ { "02:00-03:00" }, "2026-11-23 00:30", 7200, true, "2026-11-23 00:00" },
	{ { "02:00-03:00" }, "2026-11-23 01:00", 7200, false, "2026-11-24 00:00" },
	{ { "22:00-23:00" }, "2026-11-24 03:30", -18000, true, "2026-11-24 03:00" },
	{ { "Mon 22:00-23:00" }, "2026-11-24 03:30", -18000, true, "2026-11-24 03:00" },
	{ { "02:00-03:00 UTC" }, "2026-11-23 02:30", 7200, true, "2026-11-23 02:00" },
	/* the first that is open counts from its beginning; of two closed ones, the sooner */
	{ { "01:00-05:00", "00:00-03:00" }, "2026-11-23 02:00", 0, true, "2026-11-23 00:00" },
	{ { "20:00-22:00", "Tue 01:00-05:00" }, "2026-11-23 23:00", 0, false, "2026-11-24 01:00" },
	{ { "20:00-22:00", "Tue 01:00-05:00" }, "2026-11-24 02:00", 0, true, "2026-11-24 01:00" },
};

static void when_it_is_open(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(moments); i++) {
		struct windows windows = { .n = 0 };
		struct window_state is;
		int64_t now, when;
		const char *why;

		for (size_t k = 0; k < 2 && moments[i].windows[k]; k++)
			assert_int_equal(window_parse(moments[i].windows[k],
						      &windows.items[windows.n++], &why),
					 0);
		assert_int_equal(timex_parse(moments[i].now, &now), 0);
		assert_int_equal(timex_parse(moments[i].when, &when), 0);
		is = window_state(&windows, now, moments[i].offset);
		if (is.open != moments[i].open || (is.open ? is.since : is.next) != when)
			fail_msg("%s at %s: open %d, since %lld, next %lld; expected %lld",
				 moments[i].windows[0] ? moments[i].windows[0] : "always",
				 moments[i].now, is.open, (long long)is.since, (long long)is.next,
				 (long long)when);
	}
}

/* A window without days does not make the search endless. */
static void never(void **state)
{
	struct windows windows = { .n = 1 };
	struct window_state is;

	(void)state;
	windows.items[0] = (struct window){ .weekdays = 0, .days = ANY, .until = H(1) };
	is = window_state(&windows, 0, 0);
	assert_false(is.open);
	assert_true(is.next == TIME_UNSET);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_a_window),
		cmocka_unit_test(when_it_is_open),
		cmocka_unit_test(never),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
