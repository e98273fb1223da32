// SPDX-License-Identifier: Apache-2.0
#include "metadata/updateinfo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define PACKAGE(name)                                                                              \
	"<package name=\"" name "\" version=\"1.0\" release=\"2.amzn2\" epoch=\"0\" "              \
	"arch=\"x86_64\"/>"
#define PKGLIST(packages)                                                                          \
	"<pkglist><collection short=\"c\"><name>C</name>" packages "</collection></pkglist>"
#define UPDATE(inside) "<update status=\"final\" type=\"security\">" inside "</update>"
#define UPDATES(inside)                                                                            \
	"<?xml version=\"1.0\"?>\n<updates>" inside UPDATE(                                        \
		"<id>LAST</id>" PKGLIST(PACKAGE("last"))) "</updates>\n"

struct reading {
	struct arena *arena;
	struct findings findings;
	struct advisory *advisories;
	size_t n;
	int result;
	struct err err;
};

static void read_pieces(struct reading *r, const char *text, size_t len, size_t piece,
			const struct wanted *wanted, const struct updateinfo_limits *limits)
{
	_cleanup_(updateinfo_freep)
	struct updateinfo *u = NULL;
	struct updateinfo_options options;

	*r = (struct reading){ .arena = arena_new() };
	r->findings.arena = r->arena;
	options = (struct updateinfo_options){ .repo_id = "repo",
					       .repo = 7,
					       .wanted = wanted,
					       .limits = limits,
					       .arena = r->arena,
					       .findings = &r->findings };
	u = updateinfo_new(&options);
	for (size_t at = 0; at < len && r->result == 0; at += piece)
		r->result =
			updateinfo_feed(u, text + at, len - at < piece ? len - at : piece, &r->err);
	if (r->result == 0)
		r->result = updateinfo_finish(u, &r->advisories, &r->n, &r->err);
}

static void read_text(struct reading *r, const char *text)
{
	read_pieces(r, text, strlen(text), strlen(text) + 1, NULL, NULL);
}

static void reading_done(struct reading *r)
{
	err_clear(&r->err);
	arena_free(r->arena);
}

static void expect_message(const char *what, const char *message, const char *part)
{
	if (!message || !strstr(message, part))
		fail_msg("%s: \"%s\" does not contain \"%s\"", what, message ? message : "(none)",
			 part);
}

/* ---- what is read -------------------------------------------------------------------------- */

static const char sample[] = UPDATES(UPDATE(
	"<id> ALAS2LIVEPATCH-2020-001\n</id><title>A &amp; B</title>"
	"<issued date=\"2020-03-03 02:24:00\"/><updated date=\"2020-04-28 18:37\"/>"
	"<severity>important</severity><description>long <b>text</b></description>"
	"<references><reference href=\"x\" title=\"\" id=\"CVE-2019-15918\" type=\"cve\"/>"
	"<reference title=\"CVE-2019-20096\" type=\"cve\"/><reference href=\"y\"/></references>"
	"<pkglist><collection><name>C</name>" PACKAGE(
		"a") "</collection><collection>"
		     "<package name=\"b\" version=\"1\" release=\"2\" epoch=\"3\" "
		     "arch=\"aarch64\"><filename>f"
		     "</filename></package></collection></pkglist>"));

static void expect_sample(const struct reading *r)
{
	const struct advisory *a = r->advisories;

	assert_int_equal(r->result, 0);
	assert_int_equal(r->n, 2);
	assert_string_equal(a->id, "ALAS2LIVEPATCH-2020-001");
	assert_string_equal(a->title, "A & B");
	assert_string_equal(a->type, "security");
	assert_string_equal(a->status, "final");
	assert_string_equal(a->severity, "important");
	assert_int_equal(a->repo, 7);
	assert_int_equal(a->issued.at, 1583202240);
	assert_int_equal(a->updated.at, 1588099020);
	assert_int_equal(a->n_refs, 2);
	assert_string_equal(a->refs[0].id, "CVE-2019-15918");
	assert_string_equal(a->refs[1].id, "CVE-2019-20096");
	assert_string_equal(a->refs[1].type, "cve");
	assert_int_equal(a->n_packages, 2);
	assert_string_equal(a->packages[0].name, "a");
	assert_string_equal(a->packages[1].evr.release, "2");
	assert_int_equal(a->packages[1].evr.epoch, 3);
	assert_string_equal(a->packages[1].arch, "aarch64");
	assert_null(r->advisories[1].title);
	assert_null(r->advisories[1].severity);
	assert_int_equal(r->advisories[1].updated.state, NOTICE_DATE_ABSENT);
	assert_true(r->advisories[1].updated.at == TIME_UNSET);
	assert_int_equal(r->findings.n, 0);
}

static void test_all_fields(void **state _unused_)
{
	struct reading r;

	read_text(&r, sample);
	expect_sample(&r);
	reading_done(&r);
}

static void test_byte_by_byte(void **state _unused_)
{
	struct reading r;

	read_pieces(&r, sample, strlen(sample), 1, NULL, NULL);
	expect_sample(&r);
	reading_done(&r);
}

static void test_dates(void **state _unused_)
{
	static const struct {
		const char *name, *text;
		enum notice_date state;
		int64_t at;
	} rows[] = {
		{ "with seconds", "2020-03-03 02:24:05", NOTICE_DATE_VALID, 1583202245 },
		{ "without seconds", "2020-03-03 02:24", NOTICE_DATE_VALID, 1583202240 },
		{ "the day alone", "2020-03-03", NOTICE_DATE_VALID, 1583193600 },
		{ "with a T and a zone", "2020-03-03T02:24:05Z", NOTICE_DATE_VALID, 1583202245 },
		{ "with blanks around it", " 2020-03-03 02:24 ", NOTICE_DATE_VALID, 1583202240 },
		{ "seconds since 1970", "1700000000", NOTICE_DATE_VALID, 1700000000 },
		{ "nothing", "", NOTICE_DATE_ABSENT, TIME_UNSET },
		{ "a blank", " ", NOTICE_DATE_ABSENT, TIME_UNSET },
		{ "the day that never was", "0000-00-00", NOTICE_DATE_INVALID, TIME_UNSET },
		{ "30 February", "2021-02-30 00:00", NOTICE_DATE_INVALID, TIME_UNSET },
		{ "a day without separators", "20240131", NOTICE_DATE_INVALID, TIME_UNSET },
		{ "zero", "0", NOTICE_DATE_INVALID, TIME_UNSET },
		{ "more seconds than there are", "99999999999999999999", NOTICE_DATE_INVALID,
		  TIME_UNSET },
		{ "a word", "yesterday", NOTICE_DATE_INVALID, TIME_UNSET },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *text = xasprintf(
			UPDATES(UPDATE("<id>A</id><updated date=\"%s\"/>")), rows[i].text);
		struct reading r;

		read_text(&r, text);
		assert_int_equal(r.n, 2);
		if (r.advisories[0].updated.state != rows[i].state ||
		    r.advisories[0].updated.at != rows[i].at)
			fail_msg("%s", rows[i].name);
		if (findings_have(&r.findings, "notice-date-invalid") !=
		    (rows[i].state == NOTICE_DATE_INVALID))
			fail_msg("%s: finding", rows[i].name);
		reading_done(&r);
	}
}

static bool is_b(void *userdata _unused_, const char *name)
{
	return streq(name, "b");
}

static void test_only_the_wanted(void **state _unused_)
{
	static const struct wanted wanted = { is_b, NULL };
	struct reading r;

	read_pieces(&r, sample, strlen(sample), 64, &wanted, NULL);
	assert_int_equal(r.result, 0);
	assert_int_equal(r.n, 1);
	assert_int_equal(r.advisories[0].n_packages, 1);
	assert_string_equal(r.advisories[0].packages[0].name, "b");
	assert_int_equal(r.advisories[0].n_refs, 2);
	reading_done(&r);
}

/* ---- what is broken in one notice ---------------------------------------------------------- */

static const struct {
	const char *name, *update, *message;
} notices[] = {
	{ "no id", UPDATE("<title>t</title>"), "notice number 1 is left out: it has no id" },
	{ "an empty id", UPDATE("<id> </id>"), "it has no id" },
	{ "a newline in the id", UPDATE("<id>A&#10;B</id>"), "notice A?B is left out" },
	{ "a terminal escape in the id", UPDATE("<id>A&#155;B</id>"), "notice A??B is left out" },
	{ "a newline in a package name", UPDATE("<id>X</id>" PKGLIST(PACKAGE("a&#10;b"))),
	  "repository repo: notice X is left out: it lists a package with an impossible name" },
	{ "a slash in a package name", UPDATE("<id>X</id>" PKGLIST(PACKAGE("../a"))), "name" },
	{ "a package without a name", UPDATE("<id>X</id>" PKGLIST("<package version=\"1\"/>")),
	  "name" },
	{ "a package without a version",
	  UPDATE("<id>X</id>" PKGLIST("<package name=\"a\" release=\"1\" arch=\"x\"/>")),
	  "version" },
	{ "an epoch that is no number",
	  UPDATE("<id>X</id>" PKGLIST(
		  "<package name=\"a\" epoch=\"-1\" version=\"1\" release=\"1\" arch=\"x\"/>")),
	  "version" },
	{ "an epoch beyond 32 bits",
	  UPDATE("<id>X</id>" PKGLIST("<package name=\"a\" epoch=\"4294967296\" version=\"1\" "
				      "release=\"1\" arch=\"x\"/>")),
	  "version" },
	{ "too many packages",
	  UPDATE("<id>X</id>" PKGLIST(PACKAGE("a") PACKAGE("b") PACKAGE("c") PACKAGE("d"))),
	  "too many packages" },
	{ "too many references",
	  UPDATE("<id>X</id><references><reference id=\"1\"/><reference id=\"2\"/>"
		 "<reference id=\"3\"/></references>"),
	  "too many references" },
	{ "a long title", UPDATE("<id>X</id><title>0123456789 123456789 123456789</title>"),
	  "too long" },
	{ "a long attribute",
	  UPDATE("<id>X</id><updated date=\"2020-03-03 02:24:05.000000000000\"/>"), "too long" },
};

static void test_broken_notice(void **state _unused_)
{
	static const struct updateinfo_limits limits = {
		.bytes = 4096, .field = 24, .notices = 2, .refs = 2, .packages = 3
	};

	for (size_t i = 0; i < ARRAY_SIZE(notices); i++) {
		_cleanup_free_ char *text = xasprintf(UPDATES("%s"), notices[i].update);
		struct reading r;

		read_pieces(&r, text, strlen(text), 4096, NULL, &limits);
		if (r.result != 0 || r.n != 1 || !streq(r.advisories[0].id, "LAST"))
			fail_msg("%s: it is not just the notice that is lost", notices[i].name);
		if (r.findings.n != 1 || !findings_have(&r.findings, "notice-broken"))
			fail_msg("%s: no finding", notices[i].name);
		expect_message(notices[i].name, r.findings.items[0].message, notices[i].message);
		reading_done(&r);
	}
}

static void test_duplicates_are_kept(void **state _unused_)
{
	struct reading r;

	read_text(&r, UPDATES(UPDATE("<id>X</id>" PKGLIST(PACKAGE("a") PACKAGE("a")))
				      UPDATE("<id>X</id>" PKGLIST(PACKAGE("a")))));
	assert_int_equal(r.n, 3);
	assert_int_equal(r.advisories[0].n_packages, 2);
	reading_done(&r);
}

/* Elements count only where they belong. */
static void test_elsewhere(void **state _unused_)
{
	struct reading r;

	read_text(&r, UPDATES("<id>N</id><x>" UPDATE("<id>X</id>") "</x>" UPDATE(
			      "<id>Y</id><description><severity>low</severity></description>")));
	assert_int_equal(r.n, 2);
	assert_string_equal(r.advisories[0].id, "Y");
	assert_null(r.advisories[0].severity);
	reading_done(&r);
}

/* ---- what is broken in the file ------------------------------------------------------------ */

static const struct {
	const char *name, *text, *message;
} files[] = {
	{ "nothing at all", "", "no element found" },
	{ "HTML", "<html><body>404</body></html>", "the first element is <html>" },
	{ "HTML with its declaration", "<!DOCTYPE html><html><br></html>", "<html>" },
	{ "plain text", "Not Found\n", "line 1" },
	{ "an end tag too many", "<updates></update></updates>", "mismatched tag" },
	{ "a declaration of its own", "<!DOCTYPE updates [<!ELEMENT a ANY>]><updates/>",
	  "document type declaration" },
	{ "billion laughs",
	  "<!DOCTYPE a [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;\">]><updates><update><id>&b;</id>"
	  "</update></updates>",
	  "document type declaration" },
	{ "an entity that nobody declared", "<updates><update><id>&a;</id></update></updates>",
	  "undefined entity" },
	{ "too many notices",
	  "<updates><update><id>1</id></update><update><id>2</id></update><update/></updates>",
	  "more than 2 notices" },
};

static void test_broken_file(void **state _unused_)
{
	struct updateinfo_limits limits = UPDATEINFO_LIMITS;

	limits.notices = 2;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct reading r;

		read_pieces(&r, files[i].text, strlen(files[i].text), 16, NULL, &limits);
		if (r.result != -1 || r.err.status != EXIT_STATUS_DATA || r.advisories)
			fail_msg("%s is accepted", files[i].name);
		expect_message(files[i].name, r.err.message, files[i].message);
		expect_message(files[i].name, r.err.message, "updateinfo of repository repo");
		reading_done(&r);
	}
}

static void test_cut_anywhere(void **state _unused_)
{
	size_t whole = strlen(sample) - 1; /* the last newline may be missing */

	for (size_t len = 0; len < whole; len++) {
		struct reading r;

		read_pieces(&r, sample, len, 4096, NULL, NULL);
		if (r.result != -1 || r.advisories)
			fail_msg("the first %zu of %zu bytes are accepted", len, whole);
		reading_done(&r);
	}
}

static void test_too_large(void **state _unused_)
{
	struct updateinfo_limits limits = UPDATEINFO_LIMITS;
	struct reading r;

	limits.bytes = strlen(sample);
	read_pieces(&r, sample, strlen(sample), 100, NULL, &limits);
	assert_int_equal(r.result, 0);
	reading_done(&r);
	limits.bytes--;
	read_pieces(&r, sample, strlen(sample), 100, NULL, &limits);
	assert_int_equal(r.result, -1);
	expect_message("one byte too many", r.err.message, "larger than the limit");
	reading_done(&r);
}

static void test_depth(void **state _unused_)
{
	for (size_t depth = MARKUP_DEPTH_MAX; depth <= MARKUP_DEPTH_MAX + 1; depth++) {
		_cleanup_free_ char *text = xcalloc(1, 1024);
		struct reading r;

		strcpy(text, "<updates>");
		for (size_t i = 1; i < depth; i++)
			strcat(text, "<a>");
		for (size_t i = 1; i < depth; i++)
			strcat(text, "</a>");
		strcat(text, "</updates>");
		read_text(&r, text);
		assert_int_equal(r.result, depth <= MARKUP_DEPTH_MAX ? 0 : -1);
		if (r.result)
			expect_message("depth", r.err.message, "nested more than 32 deep");
		reading_done(&r);
	}
}

/* Ten megabytes in one attribute: refused when two have been seen, and without quadratic time. */
static void test_endless_attribute(void **state _unused_)
{
	static const char head[] = "<updates><update type=\"";
	size_t len = sizeof(head) - 1 + 10 * 1024 * 1024;
	_cleanup_free_ char *text = xmalloc(len);
	struct reading r;

	memset(text, 'x', len);
	memcpy(text, head, sizeof(head) - 1);
	read_pieces(&r, text, len, len, NULL, NULL);
	assert_int_equal(r.result, -1);
	expect_message("attribute", r.err.message, "a tag is longer than the limit");
	reading_done(&r);
}

/* Half of that costs only the notice: the attribute ends before the parser gives up. */
static void test_long_attribute(void **state _unused_)
{
	_cleanup_free_ char *value = xcalloc(1, 1024 * 1024 + 2), *text = NULL;
	struct reading r;

	memset(value, 'x', 1024 * 1024 + 1);
	text = xasprintf(UPDATES(UPDATE("<id>X</id><updated date=\"%s\"/>")), value);
	read_text(&r, text);
	assert_int_equal(r.result, 0);
	assert_int_equal(r.n, 1);
	assert_true(findings_have(&r.findings, "notice-broken"));
	reading_done(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_fields),     cmocka_unit_test(test_byte_by_byte),
		cmocka_unit_test(test_dates),	       cmocka_unit_test(test_only_the_wanted),
		cmocka_unit_test(test_broken_notice),  cmocka_unit_test(test_duplicates_are_kept),
		cmocka_unit_test(test_elsewhere),      cmocka_unit_test(test_broken_file),
		cmocka_unit_test(test_cut_anywhere),   cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_depth),	       cmocka_unit_test(test_endless_attribute),
		cmocka_unit_test(test_long_attribute),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
