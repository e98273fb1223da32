// SPDX-License-Identifier: Apache-2.0
#include "codec/jsonx.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static const struct {
	const char *what, *text, *expected; /* NULL: null */
} texts[] = {
	{ "an absent string is null", NULL, NULL },
	{ "an empty string stays empty", "", "" },
	{ "two, three and four byte characters stay", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xa7",
	  "\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xa7" },
	{ "a stray byte is replaced, what surrounds it stays", "a\xff\xc3\xa9",
	  "a\xef\xbf\xbd\xc3\xa9" },
	{ "a sequence cut by the end is replaced", "ab\xe2\x82", "ab\xef\xbf\xbd\xef\xbf\xbd" },
	{ "an overlong slash is replaced", "\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd" },
	{ "a surrogate is replaced", "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
	{ "beyond U+10FFFF is replaced", "\xf4\x90\x80\x80",
	  "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
};

static void text_is_always_valid_json(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		json_t *value = jsonx_text(texts[i].text);

		assert_non_null(value);
		if (!streq_null(json_string_value(value), texts[i].expected))
			fail_msg("%s: got \"%s\"", texts[i].what, json_string_value(value));
		json_decref(value);
	}
}

static void times_and_tristates_have_an_unknown(void **state _unused_)
{
	json_t *at = jsonx_time(1763316000), *none = jsonx_time(TIME_UNSET);

	assert_string_equal(json_string_value(at), "2025-11-16T18:00:00Z");
	assert_true(json_is_null(none));
	assert_true(json_is_true(jsonx_tristate(TRISTATE_YES)));
	assert_true(json_is_false(jsonx_tristate(TRISTATE_NO)));
	assert_true(json_is_null(jsonx_tristate(TRISTATE_UNKNOWN)));
	json_decref(at);
}

static void a_list_without_members_is_a_list(void **state _unused_)
{
	static const char *const members[] = { "a", "b" };
	json_t *none = jsonx_texts(NULL, 0), *two = jsonx_texts(members, 2);

	assert_true(json_is_array(none));
	assert_int_equal(json_array_size(none), 0);
	assert_int_equal(json_array_size(two), 2);
	assert_string_equal(json_string_value(json_array_get(two, 1)), "b");
	json_decref(none);
	json_decref(two);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_always_valid_json),
		cmocka_unit_test(times_and_tristates_have_an_unknown),
		cmocka_unit_test(a_list_without_members_is_a_list),
	};

	jsonx_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
