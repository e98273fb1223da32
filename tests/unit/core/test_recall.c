// SPDX-License-Identifier: Apache-2.0
#include "core/recall.h"

#include "base/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define SHA256 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static int read_text(const char *text, struct plan_ban **ret, size_t *ret_n, struct arena *arena,
		     struct err *err)
{
	const struct doc *doc;

	if (yaml_parse(text, strlen(text), "f", arena, &doc, err) < 0)
		return -1;
	return recall_from_doc(doc, arena, ret, ret_n, err);
}

static void entries_are_read(void **state)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();
	struct plan_ban *bans;
	size_t n;

	(void)state;
	assert_int_equal(read_text("- {package: kernel-livepatch-*, reason: it panics}\n"
				   "- sha256: " SHA256 "\n",
				   &bans, &n, arena, NULL),
			 0);
	assert_int_equal(n, 2);
	assert_string_equal(bans[0].package, "kernel-livepatch-*");
	assert_string_equal(bans[0].reason, "it panics");
	assert_null(bans[0].sha256);
	assert_false(bans[0].quarantine);
	assert_null(bans[1].package);
	assert_string_equal(bans[1].sha256, SHA256);
	assert_non_null(bans[1].reason); /* a refusal always says why */
}

static void nothing_is_recalled(void **state)
{
	static const char *const texts[] = { "", "[]", "# nothing\n", "~" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_(arena_freep)
		struct arena *arena = arena_new();
		struct plan_ban *bans;
		size_t n = 1;

		assert_int_equal(read_text(texts[i], &bans, &n, arena, NULL), 0);
		assert_int_equal(n, 0);
	}
}

static const struct {
	const char *text, *message;
} wrong[] = {
	{ "package: x", "f:1: a list is expected, not a map of keys and values" },
	{ "- x", "f:1: a map of keys and values is expected, not a single value" },
	{ "- {reason: x}", "f:1: an entry needs a package or a sha256" },
	{ "- {package: ''}", "f:1: package: must not be empty" },
	{ "- {package: x}\n- {sha256: abc}",
	  "f:2: sha256: 'abc' is not 64 lower-case hexadecimal digits" },
	{ "- {pakage: x}", "f:1: pakage: no such key here; known are package, sha256, reason" },
};

/* A recall that is not understood must not pass for none. */
static void what_is_wrong_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		_cleanup_(arena_freep)
		struct arena *arena = arena_new();
		struct plan_ban *bans;
		struct err err = ERR_INIT;
		size_t n;

		if (read_text(wrong[i].text, &bans, &n, arena, &err) == 0)
			fail_msg("'%s' is accepted", wrong[i].text);
		if (!streq(err.message, wrong[i].message) || err.status != EXIT_STATUS_CONFIG)
			fail_msg("'%s': %s", wrong[i].text, err.message);
		err_clear(&err);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_are_read),
		cmocka_unit_test(nothing_is_recalled),
		cmocka_unit_test(what_is_wrong_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
