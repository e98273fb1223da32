// SPDX-License-Identifier: Apache-2.0
#include "core/advisory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

/* From the worst to the least; words that mean the same share a line. */
static void expect_order(int (*rank)(const char *), const char *const (*lines)[2], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (lines[i][1])
			assert_int_equal(rank(lines[i][0]), rank(lines[i][1]));
		if (i > 0 && rank(lines[i - 1][0]) <= rank(lines[i][0]))
			fail_msg("%s is not worse than %s", lines[i - 1][0], lines[i][0]);
	}
}

static void test_type_order(void **state _unused_)
{
	static const char *const lines[][2] = {
		{ "security", "SECURITY" },
		{ "bugfix", "Bugfix" },
		{ "enhancement", NULL },
		{ "recommended", NULL },
		{ "newpackage", NULL },
		{ "a word nobody knows", NULL },
		{ "", "" },
	};

	expect_order(advisory_type_rank, lines, ARRAY_SIZE(lines));
	assert_int_equal(advisory_type_rank(NULL), 0);
}

static void test_severity_order(void **state _unused_)
{
	static const char *const lines[][2] = {
		{ "critical", "Critical" }, { "important", "IMPORTANT" }, { "medium", "Moderate" },
		{ "low", "Low" },	    { "terrifying", NULL },	  { "none", "" },
	};

	expect_order(advisory_severity_rank, lines, ARRAY_SIZE(lines));
	assert_int_equal(advisory_severity_rank(NULL), 0);
}

static void test_words(void **state _unused_)
{
	static const struct {
		const char *what, *a, *b;
		bool equal;
	} rows[] = {
		{ "case does not matter", "Important", "important", true },
		{ "moderate is medium", "Moderate", "MEDIUM", true },
		{ "and the other way round", "medium", "moderate", true },
		{ "moderate is itself", "moderate", "Moderate", true },
		{ "different words differ", "low", "medium", false },
		{ "a beginning is not enough", "import", "important", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (advisory_word_equal(rows[i].a, rows[i].b) != rows[i].equal)
			fail_msg("%s", rows[i].what);
}

static void test_references(void **state _unused_)
{
	struct advisory_ref refs[] = { { "bugzilla", "1760550" }, { "CVE", "CVE-2019-15918" } };
	const struct advisory a = { .id = "A", .refs = refs, .n_refs = ARRAY_SIZE(refs) };
	const struct advisory none = { .id = "B" };

	assert_false(advisory_ref_is_cve(&refs[0]));
	assert_true(advisory_ref_is_cve(&refs[1]));
	assert_true(advisory_has_ref(&a, "1760550"));
	assert_true(advisory_has_ref(&a, "CVE-2019-15918"));
	assert_false(advisory_has_ref(&a, "CVE-2019-1591"));
	assert_false(advisory_has_ref(&none, "CVE-2019-15918"));
}

static void test_packages(void **state _unused_)
{
	struct nevra packages[] = { { "kernel", { 0, "5.10.1", "1.amzn2" }, "x86_64" },
				    { "kernel", { 0, "5.10.1", "1.amzn2" }, "aarch64" } };
	const struct advisory a = { .packages = packages, .n_packages = ARRAY_SIZE(packages) };
	struct nevra other = packages[1];

	assert_true(advisory_lists(&a, &other));
	other.evr.release = "2.amzn2";
	assert_false(advisory_lists(&a, &other));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_type_order), cmocka_unit_test(test_severity_order),
		cmocka_unit_test(test_words),	   cmocka_unit_test(test_references),
		cmocka_unit_test(test_packages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
