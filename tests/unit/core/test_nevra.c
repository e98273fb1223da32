// SPDX-License-Identifier: Apache-2.0
#include "core/nevra.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define NAME "kernel-livepatch-5.10.109-104.500"

static const struct nevra sample = { NAME, { 0, "1.0", "3.amzn2" }, "x86_64" };

static void test_sane(void **state _unused_)
{
	static const struct {
		const char *what;
		struct nevra nevra;
		bool sane;
	} rows[] = {
		{ "what rpm would write is sane", { NAME, { 0, "1.0", "3" }, "x86_64" }, true },
		{ "letters beyond ASCII are", { "größe", { 0, "1", "1" }, "noarch" }, true },
		{ "a newline in the name is not", { "a\nb", { 0, "1", "1" }, "noarch" }, false },
		{ "a blank in the name is not", { "a b", { 0, "1", "1" }, "noarch" }, false },
		{ "a slash in the name is not", { "../a", { 0, "1", "1" }, "noarch" }, false },
		{ "an escape in the version is not", { "a", { 0, "1\033[m", "1" }, "x" }, false },
		{ "a DEL in the release is not", { "a", { 0, "1", "\177" }, "x" }, false },
		{ "an empty name is not", { "", { 0, "1", "1" }, "x" }, false },
		{ "an absent name is not", { NULL, { 0, "1", "1" }, "x" }, false },
		{ "an absent release is not", { "a", { 0, "1", NULL }, "x" }, false },
		{ "an absent architecture is not", { "a", { 0, "1", "1" }, NULL }, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (nevra_is_sane(&rows[i].nevra) != rows[i].sane)
			fail_msg("%s", rows[i].what);
}

static void test_texts(void **state _unused_)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();
	struct nevra epoch = sample;

	assert_string_equal(nevra_id(arena, &sample), NAME ".x86_64");
	assert_string_equal(nevra_title(arena, &sample), NAME ".x86_64:0:1.0-3.amzn2");
	assert_string_equal(nevra_text(arena, &sample), NAME "-1.0-3.amzn2.x86_64");
	epoch.evr.epoch = 2;
	assert_string_equal(nevra_title(arena, &epoch), NAME ".x86_64:2:1.0-3.amzn2");
	assert_string_equal(nevra_text(arena, &epoch), NAME "-2:1.0-3.amzn2.x86_64");
}

static void test_compare(void **state _unused_)
{
	static const struct {
		const char *what;
		struct nevra a, b;
		int expected;
		bool same_name_arch;
	} rows[] = {
		{ "the name decides first",
		  { "a", { 9, "9", "9" }, "z" },
		  { "b", { 0, "1", "1" }, "a" },
		  -1,
		  false },
		{ "then the architecture",
		  { "a", { 9, "9", "9" }, "aarch64" },
		  { "a", { 0, "1", "1" }, "x86_64" },
		  -1,
		  false },
		{ "then the version",
		  { "a", { 0, "1", "9" }, "x" },
		  { "a", { 0, "1", "10" }, "x" },
		  -1,
		  true },
		{ "all the same",
		  { "a", { 1, "1", "9" }, "x" },
		  { "a", { 1, "1", "9" }, "x" },
		  0,
		  true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int r = nevra_compare(&rows[i].a, &rows[i].b);

		if ((r > 0) - (r < 0) != rows[i].expected ||
		    nevra_equal(&rows[i].a, &rows[i].b) != (rows[i].expected == 0) ||
		    nevra_same_name_arch(&rows[i].a, &rows[i].b) != rows[i].same_name_arch)
			fail_msg("%s", rows[i].what);
	}
}

/* Versions that sort alike are still two packages. */
static void test_equal_is_by_text(void **state _unused_)
{
	struct nevra a = sample, b = sample;

	a.evr.version = "1.0";
	b.evr.version = "1.00";
	assert_int_equal(nevra_compare(&a, &b), 0);
	assert_false(nevra_equal(&a, &b));
}

static void test_dup(void **state _unused_)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();
	struct nevra copy = nevra_dup(arena, &sample);

	assert_true(nevra_equal(&copy, &sample));
	assert_ptr_not_equal(copy.name, sample.name);
	assert_ptr_not_equal(copy.evr.release, sample.evr.release);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sane),	cmocka_unit_test(test_texts),
		cmocka_unit_test(test_compare), cmocka_unit_test(test_equal_is_by_text),
		cmocka_unit_test(test_dup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
