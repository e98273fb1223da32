// SPDX-License-Identifier: Apache-2.0
#include "base/doc.h"

#include "base/timex.h"
#include "base/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static const struct doc *parse(const char *text, struct arena *arena)
{
	const struct doc *doc = NULL;
	struct err err = ERR_INIT;

	if (yaml_parse(text, strlen(text), "f", arena, &doc, &err) < 0)
		fail_msg("%s", err.message);
	return doc;
}

static const char *const colours[] = { "red", "Green", "blue", NULL };

/* The value of "k" read in every way: what is read as text, or the sentence. */
static const char *as_text(const struct doc *doc, struct arena *arena, struct err *err)
{
	const char *text = "untouched";

	(void)arena;
	if (doc_text(doc, &text, err) < 0 && !streq(text, "untouched"))
		return "touched";
	return text;
}

static const char *as_int(const struct doc *doc, struct arena *arena, struct err *err)
{
	int64_t v = 77;

	return doc_int(doc, -5, 360, &v, err) < 0 && v != 77
		       ? "touched"
		       : arena_printf(arena, "%lld", (long long)v);
}

static const char *as_bool(const struct doc *doc, struct arena *arena, struct err *err)
{
	bool on = false, off = true;

	(void)arena;
	if (doc_bool(doc, &on, err) < 0 || doc_bool(doc, &off, err) < 0)
		return on || !off ? "touched" : "";
	return on != off ? "mixed" : on ? "true" : "false";
}

static const char *as_word(const struct doc *doc, struct arena *arena, struct err *err)
{
	int word = 77;

	return doc_word(doc, colours, &word, err) < 0 && word != 77
		       ? "touched"
		       : arena_printf(arena, "%d", word);
}

static const char *as_texts(const struct doc *doc, struct arena *arena, struct err *err)
{
	const char *const *items = NULL;
	char *text = arena_strdup(arena, "");
	size_t n = 0;

	if (doc_texts(doc, arena, &items, &n, err) < 0)
		return items || n ? "touched" : "";
	for (size_t i = 0; i < n; i++)
		text = arena_printf(arena, "%s<%s>", text, items[i]);
	return text;
}

static const char *as_name(const struct doc *doc, struct arena *arena, struct err *err)
{
	const char *text = "untouched";

	return doc_read_text(doc, arena, &text, err) < 0 && !streq(text, "untouched") ? "touched"
										      : text;
}

static const char *as_day(const struct doc *doc, struct arena *arena, struct err *err)
{
	char *buf = arena_alloc(arena, TIMEX_TEXT_MAX);
	int64_t t = 77;

	return doc_read_day(doc, arena, &t, err) < 0 && t != 77 ? "touched" : timex_format(t, buf);
}

typedef const char *(*read_fn)(const struct doc *, struct arena *, struct err *);

static const struct {
	const char *what;
	read_fn read;
	const char *yaml;   /* the value of k, which stands in line 2 */
	const char *result; /* NULL: refused */
	const char *message;
} rows[] = {
	{ "a text", as_text, "hello", "hello", NULL },
	{ "a quoted null is a text", as_text, "'null'", "null", NULL },
	{ "an empty text is a text", as_text, "''", "", NULL },
	{ "null is no text", as_text, "null", NULL, "f:2: k: a value is expected, not null" },
	{ "nothing is no text", as_text, "", NULL, "f:2: k: a value is expected, not null" },
	{ "a list is no text", as_text, "[a]", NULL,
	  "f:2: k: a single value is expected, not a list" },
	{ "a map is no text", as_text, "{a: b}", NULL,
	  "f:2: k: a single value is expected, not a map of keys and values" },

	{ "a number", as_int, "7", "7", NULL },
	{ "the smallest", as_int, "-5", "-5", NULL },
	{ "the largest", as_int, "360", "360", NULL },
	{ "a number may be quoted", as_int, "'12'", "12", NULL },
	{ "one too small", as_int, "-6", NULL, "f:2: k: -6 is not between -5 and 360" },
	{ "one too large", as_int, "361", NULL, "f:2: k: 361 is not between -5 and 360" },
	{ "a fraction", as_int, "7.0", NULL, "f:2: k: '7.0' is not a whole number" },
	{ "an exponent", as_int, "1e2", NULL, "f:2: k: '1e2' is not a whole number" },
	{ "a hexadecimal", as_int, "0x10", NULL, "f:2: k: '0x10' is not a whole number" },
	{ "a plus", as_int, "+7", NULL, "f:2: k: '+7' is not a whole number" },
	{ "a minus alone", as_int, "'-'", NULL, "f:2: k: '-' is not a whole number" },
	{ "a blank before", as_int, "' 7'", NULL, "f:2: k: ' 7' is not a whole number" },
	{ "a blank after", as_int, "'7 '", NULL, "f:2: k: '7 ' is not a whole number" },
	{ "no digits", as_int, "''", NULL, "f:2: k: '' is not a whole number" },
	{ "words", as_int, "seven", NULL, "f:2: k: 'seven' is not a whole number" },
	{ "a unit", as_int, "7d", NULL, "f:2: k: '7d' is not a whole number" },
	{ "more than any number", as_int, "99999999999999999999", NULL,
	  "f:2: k: '99999999999999999999' is not a whole number" },
	{ "null is no number", as_int, "~", NULL, "f:2: k: a value is expected, not null" },
	{ "a list is no number", as_int, "[7]", NULL,
	  "f:2: k: a single value is expected, not a list" },

	{ "true", as_bool, "true", "true", NULL },
	{ "yes", as_bool, "Yes", "true", NULL },
	{ "on", as_bool, "ON", "true", NULL },
	{ "false", as_bool, "False", "false", NULL },
	{ "no", as_bool, "no", "false", NULL },
	{ "off", as_bool, "off", "false", NULL },
	{ "1 is no truth", as_bool, "1", NULL,
	  "f:2: k: '1' is not one of false, no, off, true, yes, on" },
	{ "y is no truth", as_bool, "y", NULL,
	  "f:2: k: 'y' is not one of false, no, off, true, yes, on" },
	{ "nothing is no truth", as_bool, "", NULL, "f:2: k: a value is expected, not null" },

	{ "a word", as_word, "Green", "1", NULL },
	{ "a word in another case", as_word, "BLUE", "2", NULL },
	{ "a word that does not exist", as_word, "pink", NULL,
	  "f:2: k: 'pink' is not one of red, Green, blue" },
	{ "a part of a word", as_word, "re", NULL, "f:2: k: 're' is not one of red, Green, blue" },
	{ "a word and more", as_word, "reds", NULL,
	  "f:2: k: 'reds' is not one of red, Green, blue" },
	{ "an empty word", as_word, "''", NULL, "f:2: k: '' is not one of red, Green, blue" },

	{ "a list of texts", as_texts, "[a, '', c]", "<a><><c>", NULL },
	{ "an empty list", as_texts, "[]", "", NULL },
	{ "a text is a list of one", as_texts, "a", "<a>", NULL },
	{ "five texts, which makes the array grow", as_texts, "[a, b, c, d, e]", "<a><b><c><d><e>",
	  NULL },
	{ "null is no list", as_texts, "~", NULL, "f:2: k: a value is expected, not null" },
	{ "null in a list", as_texts, "[a,\n    ~]", NULL,
	  "f:3: k: a value is expected, not null" },
	{ "a list in a list", as_texts, "[a, [b]]", NULL,
	  "f:2: k: a single value is expected, not a list" },
	{ "a map is no list", as_texts, "{a: b}", NULL,
	  "f:2: k: a list is expected, not a map of keys and values" },

	{ "a name", as_name, "x", "x", NULL },
	{ "an empty name", as_name, "''", NULL, "f:2: k: must not be empty" },

	{ "a day", as_day, "2026-06-30", "2026-06-30T00:00:00Z", NULL },
	{ "a day that does not exist", as_day, "2026-06-31", NULL,
	  "f:2: k: '2026-06-31' is not a day such as 2026-06-30" },
	{ "the null date", as_day, "0000-00-00", NULL,
	  "f:2: k: '0000-00-00' is not a day such as 2026-06-30" },
	{ "a day with a time", as_day, "2026-06-30T10:00:00Z", NULL,
	  "f:2: k: '2026-06-30T10:00:00Z' is not a day such as 2026-06-30" },
	{ "a day without its zeros", as_day, "2026-6-30", NULL,
	  "f:2: k: '2026-6-30' is not a day such as 2026-06-30" },
	{ "days", as_day, "[2026-06-30]", NULL, "f:2: k: a single value is expected, not a list" },
};

static void values_are_read_or_refused_with_their_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(arena_freep)
		struct arena *arena = arena_new();
		char *text = arena_printf(arena, "before: 1\nk: %s\n", rows[i].yaml);
		const struct doc *doc = doc_get(parse(text, arena), "k");
		struct err err = ERR_INIT;
		const char *got = rows[i].read(doc, arena, &err);

		if (!streq_null(err.message, rows[i].message))
			fail_msg("%s: %s", rows[i].what, err.message);
		if (rows[i].result ? !streq(got, rows[i].result) : streq(got, "touched"))
			fail_msg("%s: is '%s'", rows[i].what, got);
		if (err.status != (rows[i].message ? EXIT_STATUS_CONFIG : 0))
			fail_msg("%s: status %d", rows[i].what, err.status);
		err_clear(&err);
	}
}

static void members_are_found_by_their_exact_key(void **state)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();
	const struct doc *map = parse("a: 1\nB: 2\n'': 3\n", arena), *list = parse("[a]", arena);

	(void)state;
	assert_string_equal(doc_get(map, "a")->text, "1");
	assert_string_equal(doc_get(map, "")->text, "3");
	assert_null(doc_get(map, "A"));
	assert_null(doc_get(map, "b"));
	assert_null(doc_get(map, "c"));
	assert_null(doc_get(list, "a"));
	assert_null(doc_get(list->members, "a"));
}

static void a_complaint_about_the_whole_names_no_field(void **state)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(doc_expect(parse("\n[a]", arena), DOC_MAP, &err), -1);
	assert_string_equal(err.message, "f:2: a map of keys and values is expected, not a list");
	err_clear(&err);
}

/* ---- maps by table -------------------------------------------------------------------------- */

struct thing {
	const char *name;
	struct doc_list tags;
	bool on;
	int64_t day;
};

static const struct doc_field fields[] = {
	{ "name", doc_read_text, offsetof(struct thing, name), true },
	{ "tags", doc_read_texts, offsetof(struct thing, tags), false },
	{ "on", doc_read_bool, offsetof(struct thing, on), false },
	{ "On", doc_read_bool, offsetof(struct thing, on), false },
	{ "day", doc_read_day, offsetof(struct thing, day), false },
	{ "note", NULL, 0, false },
	{ "Note", NULL, 0, false },
};

static void a_table_fills_a_structure(void **state)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();
	const struct doc *doc = parse(
		"{day: 1970-01-02, note: [x], Note: {}, On: yes, tags: [a, b], name: n}", arena);
	struct thing thing = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(doc_read_map(doc, fields, ARRAY_SIZE(fields), arena, &thing, &err), 0);
	assert_string_equal(thing.name, "n");
	assert_int_equal(thing.tags.n, 2);
	assert_string_equal(thing.tags.items[1], "b");
	assert_true(thing.on);
	assert_int_equal(thing.day, SEC_PER_DAY);
}

static void what_is_left_out_stays_as_it_was(void **state)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();
	struct thing thing = { .on = true, .day = 5 };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(doc_read_map(parse("name: n", arena), fields, ARRAY_SIZE(fields), arena,
				      &thing, &err),
			 0);
	assert_true(thing.on);
	assert_int_equal(thing.day, 5);
}

static const struct {
	const char *what, *text, *message;
} maps[] = {
	{ "no map", "[name]", "f:1: a map of keys and values is expected, not a list" },
	{ "a value", "name", "f:1: a map of keys and values is expected, not a single value" },
	{ "a required key is missing", "# c\non: true\n", "f:2: name is missing" },
	{ "an empty map", "", "f:1: name is missing" },
	{ "an unknown key", "name: n\ntag: x\n",
	  "f:2: tag: no such key here; known are name, tags, on, On, day, note, Note" },
	{ "a key in another case", "Name: n\n",
	  "f:1: Name: no such key here; known are name, tags, on, On, day, note, Note" },
	{ "an empty key", "name: n\n'': x\n",
	  "f:2: : no such key here; known are name, tags, on, On, day, note, Note" },
	{ "two spellings of one field", "name: n\non: true\nOn: true\n",
	  "f:3: On: the same as on in line 2; keep one of them" },
	{ "a value that its row refuses", "name: n\nday: soon\n",
	  "f:2: day: 'soon' is not a day such as 2026-06-30" },
	{ "a required key with nothing", "name:\n", "f:1: name: a value is expected, not null" },
};

static void a_map_that_does_not_fit_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
		_cleanup_(arena_freep)
		struct arena *arena = arena_new();
		struct thing thing = { 0 };
		struct err err = ERR_INIT;

		if (doc_read_map(parse(maps[i].text, arena), fields, ARRAY_SIZE(fields), arena,
				 &thing, &err) != -1 ||
		    !streq(err.message, maps[i].message) || err.status != EXIT_STATUS_CONFIG)
			fail_msg("%s: status %d, %s", maps[i].what, err.status, err.message);
		err_clear(&err);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_read_or_refused_with_their_place),
		cmocka_unit_test(members_are_found_by_their_exact_key),
		cmocka_unit_test(a_complaint_about_the_whole_names_no_field),
		cmocka_unit_test(a_table_fills_a_structure),
		cmocka_unit_test(what_is_left_out_stays_as_it_was),
		cmocka_unit_test(a_map_that_does_not_fit_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
