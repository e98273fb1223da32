// SPDX-License-Identifier: Apache-2.0
#include "base/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

/* A tree as one line: {key: value}, [item], plain, "quoted", ~. */
static char *line_of(const struct doc *doc, struct arena *arena)
{
	char *text;

	if (doc->kind == DOC_SCALAR)
		return doc->is_null  ? arena_strdup(arena, "~")
		       : doc->quoted ? arena_printf(arena, "\"%s\"", doc->text)
				     : arena_strdup(arena, doc->text);
	text = arena_strdup(arena, doc->kind == DOC_MAP ? "{" : "[");
	DOC_FOREACH(member, doc) {
		text = arena_printf(arena, "%s%s", text, member == doc->members ? "" : ", ");
		if (doc->kind == DOC_MAP)
			text = arena_printf(arena, "%s%s: ", text, member->key);
		text = arena_printf(arena, "%s%s", text, line_of(member, arena));
	}
	return arena_printf(arena, "%s%s", text, doc->kind == DOC_MAP ? "}" : "]");
}

/* A string literal may contain NUL bytes: its length comes from the compiler. */
#define TEXT(text) text, sizeof(text) - 1

static const struct {
	const char *what, *text;
	size_t len;
	const char *tree;
} accepted[] = {
	{ "an empty document is an empty map", TEXT(""), "{}" },
	{ "so are blank lines and comments", TEXT("\n# nothing\n\n"), "{}" },
	{ "so is a document that is only marked", TEXT("---\n"), "{}" },
	{ "so is null", TEXT("null\n"), "{}" },
	{ "a quoted empty text is a value", TEXT("\"\"\n"), "\"\"" },
	{ "a value alone", TEXT("seven"), "seven" },
	{ "block maps and lists", TEXT("a: 1\nb:\n  - x\n  - c: d\n"), "{a: 1, b: [x, {c: d}]}" },
	{ "a list that is not indented", TEXT("b:\n- x\n- y\n"), "{b: [x, y]}" },
	{ "flow maps and lists", TEXT("{a: [1, 2], b: {}, c: []}"), "{a: [1, 2], b: {}, c: []}" },
	{ "quotes are remembered", TEXT("a: \"7\"\nb: '7'\nc: 7\n"), "{a: \"7\", b: \"7\", c: 7}" },
	{ "every spelling of null", TEXT("[null, Null, NULL, ~, '']"), "[~, ~, ~, ~, \"\"]" },
	{ "a key without a value is null", TEXT("a:\nb: 1\n"), "{a: ~, b: 1}" },
	{ "a quoted null is a text", TEXT("a: \"null\"\nb: '~'\n"), "{a: \"null\", b: \"~\"}" },
	{ "lines may be folded", TEXT("a: >-\n  one\n  two\n"), "{a: \"one two\"}" },
	{ "or kept", TEXT("a: |\n  one\n  two\n"), "{a: \"one\ntwo\n\"}" },
	{ "comments", TEXT("a: 1 # not this\n# b: 2\n"), "{a: 1}" },
	{ "line ends of DOS", TEXT("a: 1\r\nb: 2\r\n"), "{a: 1, b: 2}" },
	{ "a byte order mark",
	  TEXT("\xef\xbb\xbf"
	       "a: 1\n"),
	  "{a: 1}" },
	{ "keys differ in case", TEXT("Key: 1\nkey: 2\n"), "{Key: 1, key: 2}" },
	{ "the same key in two maps", TEXT("- {a: 1}\n- {a: 2}\n"), "[{a: 1}, {a: 2}]" },
	{ "letters beyond ASCII", TEXT("n: caf\xc3\xa9\n"), "{n: caf\xc3\xa9}" },
	{ "JSON", TEXT("{\"a\":[1,true,null,\"x\"],\"b\":{\"c\":-2.5e3}}"),
	  "{a: [1, true, ~, \"x\"], b: {c: -2.5e3}}" },
	{ "JSON over lines, with tabs", TEXT("{\n\t\"a\": 1,\n\t\"b\": [\n\t\t2\n\t]\n}\n"),
	  "{a: 1, b: [2]}" },
	{ "JSON after blank lines", TEXT("\n \n{\"a\": \"\\/\"}"), "{a: \"/\"}" },
	{ "an escaped slash", TEXT("{\"u\": \"s3:\\/\\/b\\/k\"}"), "{u: \"s3://b/k\"}" },
	{ "an escaped backslash before a slash", TEXT("[\"\\\\/\"]"), "[\"\\/\"]" },
	{ "the other escapes of JSON", TEXT("[\"\\\"\\b\\f\\n\\r\\t\\u00e9\"]"),
	  "[\"\"\b\f\n\r\t\xc3\xa9\"]" },
	{ "an escaped quote does not end a string", TEXT("[\"\\\"\\/\"]"), "[\"\"/\"]" },
	{ "a surrogate pair is one character", TEXT("[\"\\ud83d\\uDE00\"]"),
	  "[\"\xf0\x9f\x98\x80\"]" },
	{ "the last character there is", TEXT("[\"\\udbff\\udfff\"]"), "[\"\xf4\x8f\xbf\xbf\"]" },
	{ "escapes in a key", TEXT("{\"a\\/b\": 1}"), "{a/b: 1}" },
};

static void what_is_accepted(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(accepted); i++) {
		_cleanup_(arena_freep)
		struct arena *arena = arena_new();
		struct err err = ERR_INIT;
		const struct doc *doc;
		const char *got;

		if (yaml_parse(accepted[i].text, accepted[i].len, "f", arena, &doc, &err) < 0)
			fail_msg("%s: %s", accepted[i].what, err.message);
		got = line_of(doc, arena);
		if (!streq(got, accepted[i].tree))
			fail_msg("%s: %s", accepted[i].what, got);
	}
}

static const struct {
	const char *what, *text;
	size_t len;
	const char *message;
} refused[] = {
	{ "an anchor", TEXT("a: &x 1\n"), "f:1: anchors, aliases and tags are not accepted" },
	{ "an anchor on a map", TEXT("a: 1\nb: &x\n  c: 1\n"),
	  "f:2: anchors, aliases and tags are not accepted" },
	{ "an anchor on a list", TEXT("a: &x [1]\n"),
	  "f:1: anchors, aliases and tags are not accepted" },
	{ "an alias, even of nothing", TEXT("a: 1\nb: *x\n"),
	  "f:2: anchors, aliases and tags are not accepted" },
	{ "an anchor on a key", TEXT("&x a: 1\n"),
	  "f:1: anchors, aliases and tags are not accepted" },
	{ "a tag", TEXT("a: !!str 1\n"), "f:1: anchors, aliases and tags are not accepted" },
	{ "a tag of one's own", TEXT("a: !x {b: 1}\n"),
	  "f:1: anchors, aliases and tags are not accepted" },
	{ "a key twice", TEXT("a: 1\nb: 2\na: 3\n"), "f:3: a: the key stands twice" },
	{ "a key twice in JSON", TEXT("{\"a\": 1,\n \"a\": 1}"), "f:2: a: the key stands twice" },
	{ "a key twice, deep inside", TEXT("- x:\n    y: 1\n    y: 1\n"),
	  "f:3: y: the key stands twice" },
	{ "two documents", TEXT("a: 1\n---\nb: 2\n"),
	  "f:2: only one document per file is accepted" },
	{ "a list as a key", TEXT("? [a]\n: 1\n"), "f:1: a key must be a single value" },
	{ "a map as a key", TEXT("a: 1\n? {b: c}\n: 1\n"), "f:2: a key must be a single value" },
	{ "a NUL character in a text", TEXT("a: \"x\\0y\"\n"), "f:1: a value contains a NUL byte" },
	{ "a NUL character in JSON", TEXT("{\"a\":\n \"\\u0000\"}"),
	  "f:2: a value contains a NUL byte" },
	{ "a NUL character in a key", TEXT("{\"a\\u0000\": 1}"),
	  "f:1: a value contains a NUL byte" },
	{ "a NUL byte", TEXT("a: 1\nb: x\0y\n"), "f:2: control characters are not allowed" },
	{ "a NUL byte in JSON", TEXT("{\"a\": \"\0\"}"),
	  "f:1: control characters are not allowed" },
	{ "an escape character of a terminal", TEXT("a: 1\n\nb: \x1b[2J\n"),
	  "f:3: control characters are not allowed" },
	{ "bytes that are not UTF-8", TEXT("a: 1\nb: \xff\xfe\n"),
	  "f:2: invalid leading UTF-8 octet" },
	{ "a character that is cut", TEXT("a: 1\nb: \xc3"),
	  "f:2: incomplete UTF-8 octet sequence" },
	{ "a character that is encoded too long", TEXT("b: \xc0\xaf\n"),
	  "f:1: invalid length of a UTF-8 sequence" },
	{ "half a surrogate pair", TEXT("{\"a\":\n\"\\ud83d\"}"),
	  "f:2: while parsing a quoted scalar, found invalid Unicode character escape code" },
	{ "a pair in the wrong order", TEXT("[\"\\ude00\\ud83d\"]"),
	  "f:1: while parsing a quoted scalar, found invalid Unicode character escape code" },
	{ "a high half before a letter", TEXT("[\"\\ud83d\\u0041\"]"),
	  "f:1: while parsing a quoted scalar, found invalid Unicode character escape code" },
	{ "an escape that is cut", TEXT("[\"\\ud83d\\ude"),
	  "f:1: while parsing a quoted scalar, found invalid Unicode character escape code" },
	{ "an escape that does not exist", TEXT("[\"\\q\"]"),
	  "f:1: while parsing a quoted scalar, found unknown escape character" },
	{ "a tab as indentation", TEXT("a:\n\tb: 1\n"),
	  "f:2: while scanning for the next token, found character that cannot start any token" },
	{ "indentation that does not fit", TEXT("a: 1\n  b: 2\n"),
	  "f:2: mapping values are not allowed in this context" },
	{ "two values on a line", TEXT("a: b: c\n"),
	  "f:1: mapping values are not allowed in this context" },
	{ "a quote that is never closed", TEXT("a: \"x\n"),
	  "f:2: while scanning a quoted scalar, found unexpected end of stream" },
	{ "JSON that is cut in a string", TEXT("{\"a\": \"x"),
	  "f:1: while scanning a quoted scalar, found unexpected end of stream" },
	{ "JSON that is cut after a backslash", TEXT("{\"a\": \"x\\"),
	  "f:1: while parsing a quoted scalar, found unknown escape character" },
	{ "JSON that is cut in a list", TEXT("{\"a\": [1,\n"),
	  "f:2: while parsing a flow node, did not find expected node content" },
	{ "JSON that is cut in a map", TEXT("{\"a\": 1\n"),
	  "f:2: while parsing a flow mapping, did not find expected ',' or '}'" },
	{ "a bracket too many", TEXT("{\"a\": 1}}"),
	  "f:1: did not find expected <document start>" },
	{ "the wrong bracket", TEXT("{\"a\": [1}"),
	  "f:1: while parsing a flow sequence, did not find expected ',' or ']'" },
	{ "text after JSON", TEXT("{\"a\": 1}\nrubbish\n"),
	  "f:2: did not find expected <document start>" },
	{ "two values side by side", TEXT("[\"a\" \"b\"]"),
	  "f:1: while parsing a flow sequence, did not find expected ',' or ']'" },
	{ "HTML", TEXT("<html>\n<p style=\"x: y\">z</p>\n"),
	  "f:2: mapping values are not allowed in this context" },
	{ "a version that does not exist", TEXT("%YAML 3.0\n---\na: 1\n"),
	  "f:1: found incompatible YAML document" },
};

static void what_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		_cleanup_(arena_freep)
		struct arena *arena = arena_new();
		/* exactly as long as it is, so that a sanitizer sees what is read past the end */
		_cleanup_free_ char *text = xmalloc(refused[i].len);
		const struct doc *doc = NULL;
		struct err err = ERR_INIT;

		memcpy(text, refused[i].text, refused[i].len);
		if (yaml_parse(text, refused[i].len, "f", arena, &doc, &err) != -1 || doc ||
		    err.status != EXIT_STATUS_CONFIG)
			fail_msg("%s: is accepted, or refused with status %d", refused[i].what,
				 err.status);
		if (!streq(err.message, refused[i].message))
			fail_msg("%s: %s", refused[i].what, err.message);
		err_clear(&err);
	}
}

/* @before, then @n times @unit, then @after. */
static char *repeat(const char *before, const char *unit, size_t n, const char *after)
{
	size_t len = strlen(unit), head = strlen(before);
	char *text = xmalloc(head + n * len + strlen(after) + 1);

	memcpy(text, before, head);
	for (size_t i = 0; i < n; i++)
		memcpy(text + head + i * len, unit, len);
	strcpy(text + head + n * len, after);
	return text;
}

static const struct {
	const char *what, *before, *unit;
	size_t n;
	const char *after, *message; /* NULL: accepted */
} limits[] = {
	{ "32 lists in each other", "", "[", 31, "[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]", NULL },
	{ "33 lists in each other", "", "[", 33, "", "f:1: the document is nested too deeply" },
	{ "a million brackets", "", "[", 1000000, "", "f:1: the document is nested too deeply" },
	{ "a million braces", "", "{", 1000000, "", "f:1: a key must be a single value" },
	{ "33 maps in each other", "", "{a: ", 33, "", "f:1: the document is nested too deeply" },
	{ "33 lists in each other, in blocks", "", "- ", 33, "x",
	  "f:1: the document is nested too deeply" },
	{ "199998 values in a list", "[x", ",x", 199998, "]", NULL },
	{ "200000 values in a list, which is one too", "[x", ",x", 199999, "]",
	  "f:1: the document has too many values" },
	{ "8 MiB", "#", "x", YAML_BYTES_MAX - 1, "", NULL },
	{ "8 MiB and a byte", "#", "x", YAML_BYTES_MAX, "", "f: larger than 8388608 bytes" },
};

static void sizes_are_limited(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		_cleanup_(arena_freep)
		struct arena *arena = arena_new();
		_cleanup_free_ char *text =
			repeat(limits[i].before, limits[i].unit, limits[i].n, limits[i].after);
		const struct doc *doc;
		struct err err = ERR_INIT;
		int r = yaml_parse(text, strlen(text), "f", arena, &doc, &err);

		if ((r == 0) != !limits[i].message || !streq_null(err.message, limits[i].message))
			fail_msg("%s: %s", limits[i].what, err.message);
		err_clear(&err);
	}
}

static char *map_of(size_t n)
{
	char *text = xcalloc(n + 1, 16), *end = text;

	for (size_t i = 0; i < n; i++)
		end += sprintf(end, "k%zu: 1\n", i);
	return text;
}

static void keys_of_a_map_are_limited(void **state)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();
	_cleanup_free_ char *fits = map_of(YAML_KEYS_MAX), *more = map_of(YAML_KEYS_MAX + 1);
	const struct doc *doc;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(yaml_parse(fits, strlen(fits), "f", arena, &doc, &err), 0);
	assert_int_equal(doc->n_members, YAML_KEYS_MAX);
	assert_string_equal(doc->members[YAML_KEYS_MAX - 1].key, "k999");
	assert_int_equal(yaml_parse(more, strlen(more), "f", arena, &doc, &err), -1);
	assert_string_equal(err.message, "f:1001: the map has too many keys");
	err_clear(&err);
}

static void every_value_knows_its_line_its_file_and_what_it_belongs_to(void **state)
{
	static const char text[] = "# a comment\n"
				   "a: 1\n"
				   "b:\n"
				   "  - x\n"
				   "  - c: y\n"
				   "    d: >\n"
				   "      long\n"
				   "e: [1,\n"
				   "    2]\n";
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();
	char name[] = "name.yaml";
	const struct doc *doc, *b, *e;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(yaml_parse(text, sizeof(text) - 1, name, arena, &doc, &err), 0);
	name[0] = 'X';
	b = doc_get(doc, "b");
	e = doc_get(doc, "e");
	assert_int_equal(doc_get(doc, "a")->line, 2);
	assert_int_equal(b->members[0].line, 4);
	assert_int_equal(b->members[1].line, 5);
	assert_int_equal(doc_get(&b->members[1], "c")->line, 5);
	assert_int_equal(doc_get(&b->members[1], "d")->line, 6);
	assert_int_equal(e->members[1].line, 9);
	assert_string_equal(e->members[1].file, "name.yaml");
	assert_null(doc->key);
	assert_string_equal(b->key, "b");
	assert_string_equal(b->members[1].key, "b");
	assert_string_equal(doc_get(&b->members[1], "d")->key, "d");
}

/* Whatever the text is cut off at, the answer is a tree or a sentence. */
static void a_text_may_end_anywhere(void **state)
{
	static const char text[] =
		"{\"a\\/b\": [\"\\ud83d\\ude00\", {\"c\": null}], \"d\": 'x' }\n";
	const size_t whole = sizeof(text) - 2;

	(void)state;
	for (size_t len = 0; len < sizeof(text); len++) {
		_cleanup_(arena_freep)
		struct arena *arena = arena_new();
		_cleanup_free_ char *cut = xmalloc(len);
		const struct doc *doc;
		struct err err = ERR_INIT;
		int r;

		memcpy(cut, text, len);
		r = yaml_parse(cut, len, "f", arena, &doc, &err);
		if ((r == 0) != !err.message || (r == 0) != (len == 0 || len >= whole))
			fail_msg("cut at %zu: %d, %s", len, r, err.message);
		err_clear(&err);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_accepted),
		cmocka_unit_test(what_is_refused),
		cmocka_unit_test(sizes_are_limited),
		cmocka_unit_test(keys_of_a_map_are_limited),
		cmocka_unit_test(every_value_knows_its_line_its_file_and_what_it_belongs_to),
		cmocka_unit_test(a_text_may_end_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
