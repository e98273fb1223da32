// SPDX-License-Identifier: Apache-2.0
#include "core/reposwitch.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

/* NULL when nothing changes; to be freed. */
static char *set(const char *text, const char *section, bool on)
{
	char *made = NULL;
	size_t len = 0;
	int r = reposwitch_set(text, strlen(text), section, on, &made, &len);

	assert_in_range(r, 0, 1);
	if (r == 1)
		assert_int_equal(strlen(made), len);
	return made;
}

static void one_value_changes(void **state)
{
	static const struct {
		const char *before;
		bool on;
		const char *after; /* NULL: nothing changes */
	} rows[] = {
		{ "[a]\nenabled=0\n", true, "[a]\nenabled=1\n" },
		{ "[a]\nenabled=1\n", false, "[a]\nenabled=0\n" },
		{ "[a]\nenabled=1\n", true, NULL },
		{ "[a]\nenabled=0\n", false, NULL },
		{ "[a]\nenabled = 0\n", true, "[a]\nenabled = 1\n" },
		{ "[a]\nenabled\t:  no\n", true, "[a]\nenabled\t:  1\n" },
		{ "[a]\nEnabled=False\r\n", true, "[a]\nEnabled=1\r\n" },
		{ "[a]\nenabled=yes\n", true, NULL },
		{ "[a]\nenabled=True\n", false, "[a]\nenabled=0\n" },
		{ "[a]\nenabled=0 \n", true, "[a]\nenabled=1 \n" },
		{ "[a]\nenabled=1 ; for now\n", false, "[a]\nenabled=0 ; for now\n" },
		{ "[a]\nenabled=0", true, "[a]\nenabled=1" },
		{ "[a]\nenabled=\n", true, "[a]\nenabled=1\n" },
		{ "[a]\nenabled=maybe\n", true, "[a]\nenabled=1\n" },
		{ "[a]\nenabled=maybe\n", false, "[a]\nenabled=0\n" },
		/* without the key it is enabled */
		{ "[a]\nname=A\n", true, NULL },
		{ "[a]\nname=A\n", false, "[a]\nenabled=0\nname=A\n" },
		{ "[a]\r\nname=A\r\n", false, "[a]\r\nenabled=0\r\nname=A\r\n" },
		{ "[a]", false, "[a]\nenabled=0\n" },
		/* of several the last counts */
		{ "[a]\nenabled=0\nenabled=1\n", false, "[a]\nenabled=0\nenabled=0\n" },
		{ "[a]\nenabled=0\n[b]\nenabled=0\n[a]\nenabled=1\n", false,
		  "[a]\nenabled=0\n[b]\nenabled=0\n[a]\nenabled=0\n" },
		/* what only looks like it */
		{ "[a]\n#enabled=0\n;enabled=0\nenabled_metadata=0\nenabled=1\n", false,
		  "[a]\n#enabled=0\n;enabled=0\nenabled_metadata=0\nenabled=0\n" },
		{ "[a]\nname=A\n enabled=0\n", true, NULL },
		{ "[aa]\nenabled=0\n[a]\nenabled=0\n[a-source]\nenabled=0\n", true,
		  "[aa]\nenabled=0\n[a]\nenabled=1\n[a-source]\nenabled=0\n" },
		{ "enabled=0\n[a] # mine\nenabled=0\n", true,
		  "enabled=0\n[a] # mine\nenabled=1\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *made = set(rows[i].before, "a", rows[i].on);

		if (rows[i].after)
			assert_string_equal(made, rows[i].after);
		else
			assert_null(made);
	}
}

static void no_such_section(void **state)
{
	static const char *const texts[] = {
		"", "a\n", "[b]\nenabled=0\n", "[a\nenabled=0\n", " [a]\nenabled=0\n", "[A]\n"
	};
	char *made = NULL;
	size_t len;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_int_equal(reposwitch_set(texts[i], strlen(texts[i]), "a", true, &made, &len),
				 -ENOENT);
	assert_null(made);
}

/* As amazon-linux-extras writes it. */
static void there_and_back_is_the_same_file(void **state)
{
	static const char text[] = "### This file is managed by amazon-linux-extras\n\n"
				   "[amzn2extra-docker]\nenabled = 1\nname = Extras for docker\n\n"
				   "[amzn2extra-livepatch]\nenabled = 0\nname = livepatch\n"
				   "priority = 10\n# a remark\n\n[amzn2extra-nginx]\nenabled = 0\n";
	_cleanup_free_ char *on = set(text, "amzn2extra-livepatch", true), *off = NULL;
	size_t different = 0;

	(void)state;
	assert_non_null(on);
	assert_int_equal(strlen(on), strlen(text));
	for (size_t i = 0; i < strlen(text); i++)
		different += on[i] != text[i];
	assert_int_equal(different, 1);
	off = set(on, "amzn2extra-livepatch", false);
	assert_string_equal(off, text);
}

/* What is not text is not lost. */
static void bytes_are_kept(void **state)
{
	static const char before[] = "[a]\nname=\0\xff\nenabled=0\n";
	_cleanup_free_ char *made = NULL;
	size_t len;

	(void)state;
	assert_int_equal(reposwitch_set(before, sizeof(before) - 1, "a", true, &made, &len), 1);
	assert_int_equal(len, sizeof(before) - 1);
	assert_memory_equal(made, "[a]\nname=\0\xff\nenabled=1\n", len);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_value_changes),
		cmocka_unit_test(no_such_section),
		cmocka_unit_test(there_and_back_is_the_same_file),
		cmocka_unit_test(bytes_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
