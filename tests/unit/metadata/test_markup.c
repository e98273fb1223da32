// SPDX-License-Identifier: Apache-2.0
#include "metadata/markup.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

/* Writes down what it is told, and stops at an element called "stop". */
struct log {
	struct markup *markup;
	char text[256];
};

static void on_start(void *userdata, const char *name, const char **attributes)
{
	struct log *log = userdata;

	strcat(strcat(log->text, "<"), name);
	for (size_t i = 0; attributes[i]; i++)
		strcat(strcat(log->text, i % 2 ? "=" : " "), attributes[i]);
	strcat(log->text, ">");
	if (streq(name, "stop"))
		markup_refuse(log->markup, "stopped at <%s>", name);
}

static void on_end(void *userdata)
{
	strcat(((struct log *)userdata)->text, "</>");
}

static void on_text(void *userdata, const char *bytes, size_t len)
{
	strncat(((struct log *)userdata)->text, bytes, len);
}

static const struct {
	const char *name, *document;
	const char *log;     /* what the handlers see */
	const char *message; /* NULL: accepted */
} rows[] = {
	{ "elements, attributes and text in order", "<a b=\"c\">d<e/>f</a>", "<a b=c>d<e></>f</>",
	  NULL },
	{ "character references are resolved", "<a>&lt;&#65;</a>", "<a><A</>", NULL },
	{ "CDATA is text", "<a><![CDATA[<b>]]></a>", "<a><b></>", NULL },
	{ "a DOCTYPE without content is passed over", "<!DOCTYPE a SYSTEM \"x.dtd\"><a/>", "<a></>",
	  NULL },
	{ "a DOCTYPE with content is refused", "<!DOCTYPE a [ ]><a/>", "",
	  "line 1: a document type declaration of its own is not accepted" },
	{ "an entity is never declared", "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>", "",
	  "line 1: a document type declaration of its own is not accepted" },
	{ "nothing follows what a handler refuses", "<a>\n<stop/><b/></a>", "<a>\n<stop>",
	  "line 2: stopped at <stop>" },
	{ "broken XML names its line", "<a>\n<b></a>", "<a>\n<b>", "line 2: mismatched tag" },
	{ "an unfinished document is broken", "<a>", "<a>", "line 1: no element found" },
};

static void test_documents(void **state _unused_)
{
	static const struct markup_handlers handlers = { on_start, on_end, on_text };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct log log = { 0 };
		_cleanup_(markup_freep)
		struct markup *m = log.markup = markup_new(&handlers, &log, 0);
		struct err err = ERR_INIT;
		int r = markup_feed(m, rows[i].document, strlen(rows[i].document), &err);

		if (r == 0)
			r = markup_finish(m, &err);
		if (!streq(log.text, rows[i].log))
			fail_msg("%s: the handlers saw %s", rows[i].name, log.text);
		if (!streq_null(err.message, rows[i].message) || (r == 0) != !rows[i].message)
			fail_msg("%s: %s", rows[i].name, err.message ? err.message : "accepted");
		err_clear(&err);
	}
}

static void test_no_handlers(void **state _unused_)
{
	static const struct markup_handlers none = { 0 };
	_cleanup_(markup_freep)
	struct markup *m = markup_new(&none, NULL, 0);

	assert_int_equal(markup_feed(m, "<a>b<c/></a>", 12, NULL), 0);
	assert_int_equal(markup_finish(m, NULL), 0);
	markup_free(NULL);
}

/* The limit is on a tag, not on text: a description may be as long as it likes. */
static void test_long_text_is_no_long_tag(void **state _unused_)
{
	static const struct markup_handlers none = { 0 };
	_cleanup_(markup_freep)
	struct markup *m = markup_new(&none, NULL, 0);
	size_t len = 2 * MARKUP_TOKEN_MAX;
	_cleanup_free_ char *text = xmalloc(len);

	memset(text, 'x', len);
	assert_int_equal(markup_feed(m, "<a>", 3, NULL), 0);
	assert_int_equal(markup_feed(m, text, len, NULL), 0);
	assert_int_equal(markup_feed(m, "</a>", 4, NULL), 0);
	assert_int_equal(markup_finish(m, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_documents),
		cmocka_unit_test(test_no_handlers),
		cmocka_unit_test(test_long_text_is_no_long_tag),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
