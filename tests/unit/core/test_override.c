// SPDX-License-Identifier: Apache-2.0
#include "core/override.h"

#include "base/yaml.h"
#include "core/finding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static const struct {
	const char *what, *text;
	size_t n;
	const char *message;
} overrides[] = {
	{ "an id", "patches:\n- id: 'kernel.x86_64'\n", 1, NULL },
	{ "an id and a title", "patches: [{id: k.x86_64, title: 'k.x86_64:0:5.10-*'}]", 1, NULL },
	{ "other keys are ignored", "patches: [{id: a, note: [x]}, {id: b}]\nversion: 1\n", 2,
	  NULL },
	{ "JSON", "{\"patches\": [{\"id\": \"a\"}]}", 1, NULL },
	{ "no patches", "patches: []", 0, NULL },
	{ "an empty file", "", 0, "f:1: patches is missing: a list of entries with an id" },
	{ "a list of ids", "[a, b]", 0, "f:1: a map of keys and values is expected, not a list" },
	{ "another key", "Patches: [{id: a}]", 0,
	  "f:1: patches is missing: a list of entries with an id" },
	{ "patches that are a map", "patches: {id: a}", 0,
	  "f:1: patches: a list is expected, not a map of keys and values" },
	{ "patches that are null", "patches:\n", 0,
	  "f:1: patches: a list is expected, not a single value" },
	{ "an entry that is a word", "patches:\n- a\n", 0,
	  "f:2: patches: a map of keys and values is expected, not a single value" },
	{ "an entry without an id", "patches:\n- id: a\n- title: b\n", 0,
	  "f:3: patches: an entry needs an id" },
	{ "an entry with an empty id", "patches: [{id: ''}]", 0, "f:1: id: must not be empty" },
	{ "an entry with an empty title", "patches: [{id: a, title: ''}]", 0,
	  "f:1: title: must not be empty" },
	{ "an id that is a list", "patches: [{id: [a]}]", 0,
	  "f:1: id: a single value is expected, not a list" },
};

static void what_is_accepted_and_what_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(overrides); i++) {
		_cleanup_(arena_freep)
		struct arena *arena = arena_new();
		struct findings findings = { .arena = arena };
		struct override_list *list = NULL;
		const struct doc *doc;
		struct err err = ERR_INIT;
		const char *text = overrides[i].text;
		int r;

		assert_int_equal(yaml_parse(text, strlen(text), "f", arena, &doc, NULL), 0);
		r = override_from_doc(doc, arena, &list, &findings, &err);
		if ((r == 0) != !overrides[i].message ||
		    !streq_null(err.message, overrides[i].message) || (r == 0) != (list != NULL))
			fail_msg("%s: %d, %s", overrides[i].what, r, err.message);
		if (list && (list->n_entries != overrides[i].n ||
			     findings_have(&findings, "override-list-empty") != !list->n_entries))
			fail_msg("%s: %zu entries", overrides[i].what, list->n_entries);
		err_clear(&err);
	}
}

static void entries_arrive(void **state)
{
	static const char text[] = "patches: [{id: a, title: b}, {id: 'c*'}]";
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();
	struct findings findings = { .arena = arena };
	struct override_list *list = NULL;
	const struct doc *doc;

	(void)state;
	assert_int_equal(yaml_parse(text, sizeof(text) - 1, "f", arena, &doc, NULL), 0);
	assert_int_equal(override_from_doc(doc, arena, &list, &findings, NULL), 0);
	assert_int_equal(list->n_entries, 2);
	assert_string_equal(list->entries[0].id, "a");
	assert_string_equal(list->entries[0].title, "b");
	assert_string_equal(list->entries[1].id, "c*");
	assert_null(list->entries[1].title);
	assert_int_equal(findings.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_accepted_and_what_is_refused),
		cmocka_unit_test(entries_arrive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
