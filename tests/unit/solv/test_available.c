// SPDX-License-Identifier: Apache-2.0
#include "solv/available.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define SEED	  20261123u
#define DOCUMENTS 200

#define HEAD                                                                                       \
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<metadata "                                   \
	"xmlns=\"http://linux.duke.edu/metadata/common\" "                                         \
	"xmlns:rpm=\"http://linux.duke.edu/metadata/rpm\" packages=\"1\">"
#define PACKAGE(name, evr)                                                                         \
	"<package type=\"rpm\"><name>" name "</name><arch>x86_64</arch><version " evr              \
	"/><time file=\"5\" build=\"1700000000\"/></package>"
#define EVR "epoch=\"0\" ver=\"1.0\" rel=\"2.amzn2\""

struct reading {
	struct arena *arena;
	struct findings findings;
	struct available *rows;
	size_t n;
	int result;
	struct err err;
};

static bool begins_with_k(void *userdata _unused_, const char *name)
{
	return name[0] == 'k';
}

static const struct wanted k = { begins_with_k, NULL };

static struct reading read_text(const char *text, const struct wanted *wanted)
{
	struct reading r = { .arena = arena_new() };
	struct available_options options = { .repo_id = "repo", .repo = 7, .wanted = wanted };
	_cleanup_(stream_closep)
	struct stream *s = NULL;
	FILE *file = tmpfile();

	assert_non_null(file);
	fputs(text, file);
	fflush(file);
	r.findings.arena = r.arena;
	options.arena = r.arena;
	options.findings = &r.findings;
	assert_int_equal(stream_open(fileno(file), "primary.xml", 1 << 20, -1, &s, NULL), 0);
	fclose(file);
	r.result = available_read(&options, s, &r.rows, &r.n, &r.err);
	return r;
}

static void reading_done(struct reading *r)
{
	err_clear(&r->err);
	arena_free(r->arena);
}

/* ---- known documents ----------------------------------------------------------------------- */

static void test_one_package(void **state _unused_)
{
	struct reading r =
		read_text(HEAD PACKAGE("other", EVR)
				  PACKAGE("kernel-livepatch-5.10.1-1.1", EVR) "</metadata>",
			  &k);
	const struct available *a = r.rows;

	assert_int_equal(r.result, 0);
	assert_int_equal(r.n, 1);
	assert_string_equal(a->nevra.name, "kernel-livepatch-5.10.1-1.1");
	assert_int_equal(a->nevra.evr.epoch, 0);
	assert_string_equal(a->nevra.evr.version, "1.0");
	assert_string_equal(a->nevra.evr.release, "2.amzn2");
	assert_string_equal(a->nevra.arch, "x86_64");
	assert_int_equal(a->build_time, 1700000000);
	assert_int_equal(a->repo, 7);
	assert_int_equal(r.findings.n, 0);
	reading_done(&r);
}

static void test_versions(void **state _unused_)
{
	static const struct {
		const char *name, *evr;
		uint32_t epoch;
		const char *version; /* NULL: left out with a finding */
		const char *release;
	} rows[] = {
		{ "an epoch", "epoch=\"2\" ver=\"1\" rel=\"3\"", 2, "1", "3" },
		{ "no epoch", "ver=\"1\" rel=\"3\"", 0, "1", "3" },
		{ "the largest epoch", "epoch=\"4294967295\" ver=\"1\" rel=\"3\"", UINT32_MAX, "1",
		  "3" },
		{ "an epoch beyond 32 bits", "epoch=\"4294967296\" ver=\"1\" rel=\"3\"", 0, NULL,
		  NULL },
		{ "a dash in the version goes to the version", "epoch=\"0\" ver=\"1-2\" rel=\"3\"",
		  0, "1-2", "3" },
		{ "a slash in the version", "epoch=\"0\" ver=\"1/2\" rel=\"3\"", 0, NULL, NULL },
		{ "a newline in the release", "epoch=\"0\" ver=\"1\" rel=\"3&#10;4\"", 0, NULL,
		  NULL },
		{ "no release", "epoch=\"0\" ver=\"1\"", 0, NULL, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *text =
			xasprintf(HEAD PACKAGE("k", "%s") "</metadata>", rows[i].evr);
		struct reading r = read_text(text, &k);

		if (r.result != 0 || r.n != (rows[i].version ? 1 : 0))
			fail_msg("%s: %zu packages", rows[i].name, r.n);
		if (findings_have(&r.findings, "package-broken") != !rows[i].version)
			fail_msg("%s: finding", rows[i].name);
		if (rows[i].version && (r.rows->nevra.evr.epoch != rows[i].epoch ||
					!streq(r.rows->nevra.evr.version, rows[i].version) ||
					!streq(r.rows->nevra.evr.release, rows[i].release)))
			fail_msg("%s", rows[i].name);
		reading_done(&r);
	}
}

static void test_no_build_time(void **state _unused_)
{
	struct reading r = read_text(HEAD "<package type=\"rpm\"><name>k</name><arch>noarch</arch>"
					  "<version " EVR "/></package></metadata>",
				     &k);

	assert_int_equal(r.n, 1);
	assert_true(r.rows->build_time == TIME_UNSET);
	reading_done(&r);
}

static void test_nothing_wanted(void **state _unused_)
{
	struct reading r = read_text(HEAD PACKAGE("other", EVR) "</metadata>", &k);

	assert_int_equal(r.result, 0);
	assert_int_equal(r.n, 0);
	reading_done(&r);
}

/* Rows of several repositories stand in one array. */
static void test_appends(void **state _unused_)
{
	struct reading r = read_text(HEAD PACKAGE("k", EVR) "</metadata>", &k);
	struct available_options options = { "repo", 8, &k, r.arena, &r.findings };
	_cleanup_(stream_closep)
	struct stream *s = NULL;
	FILE *file = tmpfile();

	fputs(HEAD PACKAGE("k2", EVR) "</metadata>", file);
	fflush(file);
	assert_int_equal(stream_open(fileno(file), "primary.xml", 1 << 20, -1, &s, NULL), 0);
	fclose(file);
	assert_int_equal(available_read(&options, s, &r.rows, &r.n, NULL), 0);
	assert_int_equal(r.n, 2);
	assert_string_equal(r.rows[0].nevra.name, "k");
	assert_string_equal(r.rows[1].nevra.name, "k2");
	assert_int_equal(r.rows[1].repo, 8);
	reading_done(&r);
}

static void test_broken(void **state _unused_)
{
	static const struct {
		const char *name, *text, *message;
	} rows[] = {
		{ "HTML", "<html><body/></html>", "primary.xml: not a list of packages" },
		{ "HTML with its declaration", "<!DOCTYPE html><html><body/></html>",
		  "not a list of packages" },
		{ "cut short", HEAD PACKAGE("k", EVR), "primary.xml: the file ends in the middle" },
		{ "cut in an unwanted package", HEAD "<package><name>other</name>",
		  "in the middle" },
		{ "cut after something unusual", HEAD "<package><name>k<!-- --></name>",
		  "no element found" },
		{ "broken XML in a wanted package",
		  HEAD "<package><name>k</name><a></b></package></metadata>", "primary.xml: " },
		{ "billion laughs", "<!DOCTYPE a [<!ENTITY b \"c\">]><metadata/>",
		  "document type" },
		{ "billion laughs in another encoding",
		  "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><!DOCTYPE a [<!ENTITY b "
		  "\"c\">]><metadata/>",
		  "document type" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct reading r = read_text(rows[i].text, &k);

		if (r.result != -1 || r.err.status != EXIT_STATUS_DATA || r.n != 0)
			fail_msg("%s is accepted", rows[i].name);
		if (!strstr(r.err.message, rows[i].message))
			fail_msg("%s: %s", rows[i].name, r.err.message);
		reading_done(&r);
	}
}

/* ---- generated documents: filtered and whole must say the same ------------------------------- */

static unsigned int next(unsigned int *seed, unsigned int below)
{
	*seed = *seed * 1103515245u + 12345u;
	return (*seed >> 16) % below;
}

static const char *pick(unsigned int *seed, const char *const *from, size_t n)
{
	return from[next(seed, (unsigned int)n)];
}

#define PICK(seed, ...)                                                                            \
	pick((seed), (const char *const[]){ __VA_ARGS__ },                                         \
	     ARRAY_SIZE(((const char *const[]){ __VA_ARGS__ })))

static void put_noise(FILE *out, unsigned int *seed)
{
	fputs(PICK(seed, "", "", "\n", "  ", "<!-- <package><name>k</name></package> -->",
		   "<summary><![CDATA[</package><name>k</name>]]></summary>", "<?pi </package>?>",
		   "<description>a &lt; b &#38; c</description>", "<url/>",
		   "<packager a='>' b=\"'/>\"></packager>",
		   "<format><rpm:provides><rpm:entry name=\"k\"/></rpm:provides></format>"),
	      out);
}

/* One in eight documents has something unusual in a name. */
static void put_package(FILE *out, unsigned int *seed, bool odd)
{
	const char *name =
		PICK(seed, "k1", "k2", "other", "K", "&#107;3", "k&amp;4", "x&#107;", "kö");

	if (odd && next(seed, 4) == 0)
		name = PICK(seed, "k<!-- -->5", "<![CDATA[k6]]>", "<![CDATA[other]]>", "k<?pi?>7");
	fputs(PICK(seed, "<package type=\"rpm\">", "<package\n\ttype='rpm' >", "<package>"), out);
	put_noise(out, seed);
	fprintf(out, "%s%s%s", PICK(seed, "<name>", "<name >", "<name a='b'>"), name,
		PICK(seed, "</name>", "</name\n>"));
	put_noise(out, seed);
	fprintf(out, "<arch>%s</arch>", PICK(seed, "x86_64", "aarch64", "noarch"));
	fprintf(out,
		PICK(seed, "<version epoch=\"%u\" ver=\"1.0\" rel=\"%u.amzn2\"/>",
		     "<version rel='%2$u.amzn2' ver='1.0' epoch='%1$u'></version>"),
		next(seed, 2), next(seed, 9));
	fprintf(out, "<time build='%u' file=\"1\" />", 1600000000 + next(seed, 1000));
	put_noise(out, seed);
	fputs(PICK(seed, "</package>", "</package >", "</package>\n"), out);
}

static char *generate(unsigned int *seed)
{
	bool odd = next(seed, 8) == 0;
	unsigned int n = next(seed, 12);
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	fputs(HEAD, out);
	while (n--) {
		put_package(out, seed, odd);
		fputs(PICK(seed, "", "\n", "<!-- </metadata> -->", "<?pi ?>"), out);
	}
	fputs("</metadata>\n", out);
	fclose(out);
	return text;
}

static bool same(const struct available *a, const struct available *b)
{
	return nevra_equal(&a->nevra, &b->nevra) && a->build_time == b->build_time;
}

static void compare(const char *text, unsigned int number, size_t counts[2])
{
	struct reading whole = read_text(text, NULL), filtered = read_text(text, &k);
	size_t n = 0;

	if (whole.result != 0 || filtered.result != 0)
		fail_msg("document %u: %s\n%s", number,
			 whole.result ? whole.err.message : filtered.err.message, text);
	for (size_t i = 0; i < whole.n; i++) {
		if (whole.rows[i].nevra.name[0] != 'k')
			continue;
		if (n == filtered.n || !same(&whole.rows[i], &filtered.rows[n]))
			fail_msg("document %u: %s is not where it should be\n%s", number,
				 whole.rows[i].nevra.name, text);
		n++;
	}
	if (n != filtered.n)
		fail_msg("document %u: %zu packages too many\n%s", number, filtered.n - n, text);
	counts[0] += n;
	counts[1] += findings_have(&filtered.findings, "primary-unusual");
	reading_done(&whole);
	reading_done(&filtered);
}

static void test_filtered_is_whole(void **state _unused_)
{
	unsigned int seed = SEED;
	size_t counts[2] = { 0 };

	for (unsigned int i = 0; i < DOCUMENTS; i++) {
		_cleanup_free_ char *text = generate(&seed);

		compare(text, i, counts);
	}
	print_message("# seed %u: %d documents, %zu unusual; %zu wanted packages\n", SEED,
		      DOCUMENTS, counts[1], counts[0]);
	assert_true(counts[0] > DOCUMENTS);
	assert_true(counts[1] > 0 && counts[1] < DOCUMENTS / 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_package),	  cmocka_unit_test(test_versions),
		cmocka_unit_test(test_no_build_time),	  cmocka_unit_test(test_nothing_wanted),
		cmocka_unit_test(test_appends),		  cmocka_unit_test(test_broken),
		cmocka_unit_test(test_filtered_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
