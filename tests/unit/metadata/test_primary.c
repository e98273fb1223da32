// SPDX-License-Identifier: Apache-2.0
#include "metadata/primary.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define DECLARATION  "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
#define KEEP(inside) "<package type=\"rpm\"><name>keep</name>" inside "</package>"
#define DROP(inside) "<package type=\"rpm\"><name>drop</name>" inside "</package>"
#define META(inside) "<metadata>" inside "</metadata>"
#define OUT(inside)  DECLARATION "<metadata>" inside "</metadata>\n"

struct output {
	char *data;
	size_t len;
};

static void append(void *userdata, const char *bytes, size_t len)
{
	struct output *o = userdata;

	o->data = xreallocarray(o->data, o->len + len + 1, 1);
	memcpy(o->data + o->len, bytes, len);
	o->len += len;
	o->data[o->len] = '\0';
}

static bool is_keep(void *userdata _unused_, const char *name)
{
	return streq(name, "keep") || streq(name, "keep&A<é");
}

static const struct wanted keep = { is_keep, NULL };

/* First a piece of @first bytes, then pieces of @piece. Returns what the filter returned last. */
static int filter(const char *text, size_t len, size_t first, size_t piece, struct output *output,
		  char **ret_unusual, struct err *err)
{
	const struct primary_sink sink = { append, output };
	_cleanup_(primary_freep)
	struct primary *p = primary_new(&keep, &sink);
	int r = primary_feed(p, text, first, err);

	for (size_t at = first; at < len && r == 0; at += piece) {
		size_t n = len - at < piece ? len - at : piece;
		_cleanup_free_ char *copy = xmalloc(n); /* exact: reading past the end is seen */

		memcpy(copy, text + at, n);
		r = primary_feed(p, copy, n, err);
	}
	if (r == 0)
		r = primary_finish(p, err);
	*ret_unusual = primary_unusual(p) ? xstrdup(primary_unusual(p)) : NULL;
	return r;
}

static const struct row {
	const char *name, *in, *out; /* out NULL: see message */
	int result;
	const char *message;
} rows[] = {
	{ "nothing wanted leaves an empty list", META(DROP("")), OUT("") },
	{ "an empty list stays one", "<metadata/>", DECLARATION "<metadata/>" },
	{ "the wanted comes out byte for byte",
	  META("\n" DROP("") " " KEEP("<a  b='c' />\n") DROP("")), OUT(KEEP("<a  b='c' />\n")) },
	{ "the root keeps its attributes",
	  "<metadata xmlns:rpm=\"r\" packages='2'>" KEEP("") "</metadata >",
	  DECLARATION "<metadata xmlns:rpm=\"r\" packages='2'>" KEEP("") "</metadata>\n" },
	{ "the declaration and comments before the root are passed over",
	  "\xef\xbb\xbf<?xml version='1.0' encoding='utf-8'?>\n<!-- <metadata> --><?pi ?>" META(
		  KEEP("")),
	  OUT(KEEP("")) },
	{ "the name must fit exactly",
	  META("<package><name>keeper</name></package><package><name>kee</name></package>"
	       "<package><name> keep</name></package><package><name>Keep</name></package>"),
	  OUT("") },
	{ "entities in a name are resolved",
	  META("<package><name>&#107;eep&amp;&#x41;&lt;&#xe9;</name></package>"),
	  OUT("<package><name>&#107;eep&amp;&#x41;&lt;&#xe9;</name></package>") },
	{ "the name need not come first",
	  META("<package><arch>x</arch><name>keep</name></package>"),
	  OUT("<package><arch>x</arch><name>keep</name></package>") },
	{ "a name deeper down is not the name",
	  META("<package><format><name>keep</name></format><name>drop</name></package>"), OUT("") },
	{ "blanks inside tags do not matter",
	  META("<package\n type='rpm' ><name >keep</name\t></package >"),
	  OUT("<package\n type='rpm' ><name >keep</name\t></package >") },
	{ "\">\" and tags in an attribute are no markup",
	  META(KEEP("<a b='</package>' c=\"/>\"/>") DROP("<a b='/>' c='/package>'/>") KEEP("")),
	  OUT(KEEP("<a b='</package>' c=\"/>\"/>") KEEP("")) },
	{ "where nothing is wanted tags need not be whole", META(DROP("<a<b c='></d e=f") KEEP("")),
	  OUT(KEEP("")) },
	{ "words that begin as those that matter do not",
	  META(DROP("<packager/><names></names></packages><n/><p/><_package/>") KEEP("")),
	  OUT(KEEP("")) },
	{ "tags in a comment are no markup",
	  META("<!-- <package><name>keep</name></package> -->" DROP("<!-- -> </package> --->")
		       KEEP("")),
	  OUT(KEEP("")) },
	{ "tags in CDATA are no markup",
	  META(DROP("<![CDATA[</package>]]]>>]]]]>") KEEP("<![CDATA[<]]>")),
	  OUT(KEEP("<![CDATA[<]]>")) },
	{ "tags in a processing instruction are no markup",
	  META(DROP("<?a </package> ?b>?"
		    "?>") KEEP("")),
	  OUT(KEEP("")) },
	{ "what is no package does not come out",
	  META("<other><name>keep</name></other><packages><name>keep</name></packages>" KEEP("")),
	  OUT(KEEP("")) },
	{ "a package without a name does not come out", META("<package/><package><a/></package>"),
	  OUT("") },
	{ "a package with an empty name does not come out", META("<package><name/></package>"),
	  OUT("") },

	{ "a comment in a name is unusual", META("<package><name>ke<!-- -->ep</name></package>"),
	  NULL, PRIMARY_UNUSUAL, "a package name contains a comment" },
	{ "CDATA in a name is unusual", META("<package><name><![CDATA[keep]]></name></package>"),
	  NULL, PRIMARY_UNUSUAL, "a package name contains a comment, CDATA" },
	{ "a processing instruction in a name is unusual",
	  META("<package><name>keep<?a?></name></package>"), NULL, PRIMARY_UNUSUAL,
	  "processing instruction" },
	{ "an element in a name is unusual", META("<package><name>keep<b/></name></package>"), NULL,
	  PRIMARY_UNUSUAL, "a package name contains an element" },
	{ "an unknown entity in a name is unusual", META("<package><name>&keep;</name></package>"),
	  NULL, PRIMARY_UNUSUAL, "unknown entity" },
	{ "a reference to no character in a name is unusual",
	  META("<package><name>&#xd800;</name></package>"), NULL, PRIMARY_UNUSUAL,
	  "unknown entity" },
	{ "a reference without digits is unusual", META("<package><name>&# 5;</name></package>"),
	  NULL, PRIMARY_UNUSUAL, "unknown entity" },
	{ "two names are unusual", META("<package><name>a</name><name>keep</name></package>"), NULL,
	  PRIMARY_UNUSUAL, "a package has two names" },
	{ "a package in a package is unusual", META("<package><name>a</name><package/></package>"),
	  NULL, PRIMARY_UNUSUAL, "a package contains a package" },
	{ "another encoding is unusual", "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>" META(""),
	  NULL, PRIMARY_UNUSUAL, "not written in UTF-8" },
	{ "an encoding that begins alike is unusual",
	  "<?xml version='1.0' encoding='utf-8x'?>" META(""), NULL, PRIMARY_UNUSUAL,
	  "not written in UTF-8" },
	{ "UTF-16 is unusual", "\xff\xfe<", NULL, PRIMARY_UNUSUAL, "not written in UTF-8" },
	{ "a DOCTYPE is unusual", "<!DOCTYPE metadata SYSTEM \"a>b\">" META(""), NULL,
	  PRIMARY_UNUSUAL, "document type declaration" },

	{ "a DOCTYPE with content is refused", "<!DOCTYPE a [<!ENTITY b \"c\">]>" META(""), NULL,
	  -1, "a document type declaration of its own is not accepted" },
	{ "HTML is refused", "<html><body>404</body></html>", NULL, -1,
	  "<html> where <metadata> is expected" },
	{ "plain text is refused", "Not Found", NULL, -1, "not XML" },
	{ "nothing is refused", "", NULL, -1, "ends in the middle" },
	{ "a second root is refused", META("") META(""), NULL, -1, "<metadata> where <metadata>" },
	{ "text after the root is refused", META("") "x", NULL, -1, "not XML" },
	{ "a wrong end of a package is refused", META("<package><name>keep</name></pack>"), NULL,
	  -1, "</pack> where </package> is expected" },
	{ "a wrong end of what is not wanted is none", META("<package><name>a</name></pack>"), NULL,
	  -1, "the file ends in the middle" },
	{ "a wrong end of a name is refused", META("<package><name>a</nam>"), NULL, -1, "</nam>" },
	{ "a wrong end of the root is refused", "<metadata></meta>", NULL, -1, "</meta>" },
	{ "an end without a beginning is refused", "</metadata>", NULL, -1,
	  "ends what never began" },
	{ "a tag in a tag is refused", META("<package <name>"), NULL, -1,
	  "\"<\" inside <package>" },
	{ "a tag without a name is refused", META("< package>"), NULL, -1,
	  "\"<\" where no element" },
	{ "an unknown declaration is refused", META("<!ENTITY a 'b'>"), NULL, -1, "declaration" },
	{ "CDATA outside of the root is refused", "<![CDATA[x]]>", NULL, -1, "text outside" },
	{ "escapes in a message are masked",
	  "<a\xc2\x9b"
	  "b>",
	  NULL, -1, "<a??b>" },
};

static void expect(const struct row *row, size_t first, size_t piece)
{
	struct output output = { 0 };
	_cleanup_free_ char *odd = NULL;
	struct err err = ERR_INIT;
	int r = filter(row->in, strlen(row->in), first, piece, &output, &odd, &err);
	const char *message = odd ? odd : err.message;

	if (r != row->result)
		fail_msg("%s, split at %zu: result %d (%s)", row->name, first, r,
			 message ? message : "no message");
	if (row->out && !streq(row->out, output.data))
		fail_msg("%s, split at %zu: %s", row->name, first, output.data);
	if (row->message && (!message || !strstr(message, row->message)))
		fail_msg("%s, split at %zu: %s", row->name, first,
			 message ? message : "no message");
	if (r < 0 && err.status != EXIT_STATUS_DATA)
		fail_msg("%s: status %d", row->name, err.status);
	err_clear(&err);
	free(output.data);
}

/* Every row, cut in two at every place, and cut everywhere. */
static void test_documents(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t len = strlen(rows[i].in);

		for (size_t first = 0; first <= len; first++)
			expect(&rows[i], first, len + 1);
		expect(&rows[i], 0, 1);
	}
}

static void test_cut_short(void **state _unused_)
{
	static const char text[] =
		DECLARATION "<metadata>" KEEP("<!-- a --><b c='d'/>") "</metadata>";

	for (size_t len = 0; len < sizeof(text) - 1; len++) {
		struct output output = { 0 };
		_cleanup_free_ char *odd = NULL;

		if (filter(text, len, 0, 4096, &output, &odd, NULL) != -1)
			fail_msg("the first %zu bytes are accepted", len);
		free(output.data);
	}
}

/* A document of one element that is repeated until it is larger than @size. */
static int filter_large(const char *head, char fill, size_t size, struct err *err)
{
	size_t len = strlen(head) + size;
	_cleanup_free_ char *text = xmalloc(len), *odd = NULL;
	struct output output = { 0 };
	int r;

	memset(text, fill, len);
	memcpy(text, head, strlen(head));
	r = filter(text, len, 0, 65536, &output, &odd, err);
	free(output.data);
	return r;
}

static void test_limits(void **state _unused_)
{
	static const struct {
		const char *name, *head, *message;
	} large[] = {
		{ "a package without an end", "<metadata><package><name>keep</name>",
		  "larger than the limit" },
		{ "a package whose name does not come", "<metadata><package>",
		  "larger than the limit" },
		{ "an attribute without an end", "<metadata a=\"", "larger than the limit" },
		{ "an unwanted package without an end", "<metadata><package><name>drop</name>",
		  "in the middle" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(large); i++) {
		struct err err = ERR_INIT;

		assert_int_equal(filter_large(large[i].head, 'x', 5 * 1024 * 1024, &err), -1);
		if (!strstr(err.message, large[i].message))
			fail_msg("%s: %s", large[i].name, err.message);
		err_clear(&err);
	}
	assert_int_equal(filter_large("<metadata><package><name>", 'x', 2048, NULL),
			 PRIMARY_UNUSUAL);
}

static void test_depth(void **state _unused_)
{
	for (int deep = PRIMARY_DEPTH_MAX; deep <= PRIMARY_DEPTH_MAX + 1; deep++) {
		char text[1024] = "<metadata>";
		struct output output = { 0 };
		_cleanup_free_ char *odd = NULL;

		for (int i = 1; i < deep; i++)
			strcat(text, "<a>");
		for (int i = 1; i < deep; i++)
			strcat(text, "</a>");
		strcat(text, "</metadata>");
		assert_int_equal(filter(text, strlen(text), 0, 7, &output, &odd, NULL),
				 deep > PRIMARY_DEPTH_MAX ? -1 : 0);
		free(output.data);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_documents),
		cmocka_unit_test(test_cut_short),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_depth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
