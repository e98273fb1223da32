// SPDX-License-Identifier: Apache-2.0
/* base/meminfo: what can be had, and whether that is enough. */
#include "base/meminfo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MIB ((int64_t)1024 * 1024)

static const struct {
	const char *what, *text;
	int64_t available;
} cases[] = {
	{ "as the kernel writes it",
	  "MemTotal:        4025948 kB\nMemFree:          166484 kB\nMemAvailable:    3116796 kB\n"
	  "Buffers:          215236 kB\n",
	  3116796LL * 1024 },
	{ "nothing", "MemFree: 5 kB\nMemAvailable: 0 kB\n", 0 },
	{ "the first line", "MemAvailable: 7 kB\n", 7 * 1024 },
	{ "a kernel before 3.14", "MemTotal: 4025948 kB\nMemFree: 166484 kB\n", -1 },
	{ "another key that ends so", "NotMemAvailable: 7 kB\n", -1 },
	{ "no number", "MemAvailable: kB\n", -1 },
	{ "another unit", "MemAvailable: 7 MB\n", -1 },
	{ "cut off", "MemAvailable: 70", -1 },
	{ "below nothing", "MemAvailable: -7 kB\n", -1 },
	{ "more than can be", "MemAvailable: 9223372036854775807 kB\n", -1 },
	{ "much more than can be", "MemAvailable: 99999999999999999999 kB\n", -1 },
	{ "no text", "", -1 },
};

static void test_available(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("# %s\n", cases[i].what);
		assert_int_equal(meminfo_available(cases[i].text), cases[i].available);
	}
}

static const struct {
	const char *what, *text;
	bool enough;
} floors[] = {
	{ "more than the floor", "MemAvailable: 49153 kB\n", true },
	{ "the floor itself", "MemAvailable: 49152 kB\n", true },
	{ "a page less", "MemAvailable: 49148 kB\n", false },
	{ "nothing", "MemAvailable: 0 kB\n", false },
	{ "not known", "MemFree: 12 kB\n", true },
};

static void test_check(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(floors); i++) {
		struct err err = ERR_INIT;

		print_message("# %s\n", floors[i].what);
		assert_int_equal(meminfo_check(floors[i].text, "prog", 48 * MIB, &err),
				 floors[i].enough ? 0 : -1);
		assert_int_equal(err.status, floors[i].enough ? 0 : EXIT_STATUS_TEMPFAIL);
		err_clear(&err);
	}
}

static void test_sentence(void **state _unused_)
{
	struct err err = ERR_INIT;

	assert_int_equal(meminfo_check("MemAvailable: 20000 kB\n", "prog", 48 * MIB, &err), -1);
	assert_string_equal(err.message,
			    "prog starts only where 48 MiB of memory are available, so that it "
			    "takes none from the node's own work, and 19 MiB are; try again when "
			    "less is running");
	err_clear(&err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_available),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
