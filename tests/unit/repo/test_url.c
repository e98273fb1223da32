// SPDX-License-Identifier: Apache-2.0
#include "repo/url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void check_text(const char *what, const char *got, const char *expected)
{
	if (!streq_null(got, expected))
		fail_msg("%s: got %s, expected %s", what, got ? got : "(null)",
			 expected ? expected : "(null)");
}

#define BASE "http://h.example/2/core/2.0/x86_64/abc/"

static const struct {
	const char *what, *base, *ref, *result;
} joins[] = {
	{ "a file of the repository", BASE, "repodata/repomd.xml", BASE "repodata/repomd.xml" },
	{ "a base without a slash at its end counts as a folder", "http://h.example/a", "b/c",
	  "http://h.example/a/b/c" },
	{ "Amazon's blobstore is above the repository", BASE, "../../../../../blobstore/1f/x.rpm",
	  "http://h.example/blobstore/1f/x.rpm" },
	{ "nothing is above the top", BASE, "../../../../../../../../x", "http://h.example/x" },
	{ "dots in the middle", BASE, "a/./b/../c.rpm", BASE "a/c.rpm" },
	{ "dots at the end leave a slash", "http://h.example/a/b/", "..", "http://h.example/a/" },
	{ "names that begin with dots are names", BASE, "..a/.b", BASE "..a/.b" },
	{ "an absolute path", BASE, "/x/y", "http://h.example/x/y" },
	{ "another host", BASE, "//other.example/x", "http://other.example/x" },
	{ "an absolute URL stays", BASE, "https://other.example/x?y", "https://other.example/x?y" },
	{ "the base's query is dropped", "http://h.example/a/?token=1", "b",
	  "http://h.example/a/b" },
	{ "the reference's query is kept", "http://h.example/a/", "b?c=../d",
	  "http://h.example/a/b?c=../d" },
	{ "a base without a path", "http://h.example", "x", "http://h.example/x" },
	{ "a file URL", "file:///srv/repo", "repodata/repomd.xml",
	  "file:///srv/repo/repodata/repomd.xml" },
	{ "a line break is refused", BASE, "a\nb", NULL },
	{ "a blank is refused", BASE, "a b", NULL },
	{ "a base that is a path is refused", "/srv/repo", "x", NULL },
};

static void join(void **state _unused_)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();

	for (size_t i = 0; i < ARRAY_SIZE(joins); i++)
		check_text(joins[i].what, url_join(joins[i].base, joins[i].ref, arena),
			   joins[i].result);
}

/* RFC 3986 5.4, without its "path;parameters" base document: our base is a folder. */
static const char *const normal[][2] = {
	{ "g", "http://a/b/c/g" },	{ "./g", "http://a/b/c/g" },
	{ "g/", "http://a/b/c/g/" },	{ "/g", "http://a/g" },
	{ "g?y", "http://a/b/c/g?y" },	{ ".", "http://a/b/c/" },
	{ "./", "http://a/b/c/" },	{ "..", "http://a/b/" },
	{ "../", "http://a/b/" },	{ "../g", "http://a/b/g" },
	{ "../..", "http://a/" },	{ "../../", "http://a/" },
	{ "../../g", "http://a/g" },	{ "../../../g", "http://a/g" },
	{ "/./g", "http://a/g" },	{ "/../g", "http://a/g" },
	{ "g.", "http://a/b/c/g." },	{ ".g", "http://a/b/c/.g" },
	{ "./../g", "http://a/b/g" },	{ "./g/.", "http://a/b/c/g/" },
	{ "g/../h", "http://a/b/c/h" },
};

static void join_as_the_rfc_says(void **state _unused_)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();

	for (size_t i = 0; i < ARRAY_SIZE(normal); i++)
		check_text(normal[i][0], url_join("http://a/b/c/", normal[i][0], arena),
			   normal[i][1]);
}

static const struct {
	const char *ref;
	bool relative;
} references[] = {
	{ "repodata/updateinfo.xml.gz", true },
	{ "../other/x", true },
	{ "a:b", false },
	{ "", false },
	{ "/etc/passwd", false },
	{ "//h.example/x", false },
	{ "http://h.example/x", false },
	{ "file:///etc/passwd", false },
	{ "a\nb", false },
	{ "?x", false },
};

static void relative(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(references); i++)
		if (url_is_relative(references[i].ref) != references[i].relative)
			fail_msg("%s: expected %d", references[i].ref, references[i].relative);
}

static const struct {
	const char *what, *url, *shown;
} people[] = {
	{ "nothing to hide", "http://h.example:81/a/b", "http://h.example:81/a/b" },
	{ "user and password", "https://me:secret@h.example/a", "https://h.example/a" },
	{ "a password with an at sign", "https://me:s@crt@h.example/a", "https://h.example/a" },
	{ "a token in the query", "http://h.example/a?token=secret", "http://h.example/a" },
	{ "an at sign in the path is no user", "http://h.example/a@b", "http://h.example/a@b" },
	{ "a file", "file:///srv/a", "file:///srv/a" },
	{ "no URL at all", "a/b?c", "a/b" },
};

static void for_people(void **state _unused_)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();

	for (size_t i = 0; i < ARRAY_SIZE(people); i++)
		check_text(people[i].what, url_for_people(people[i].url, arena), people[i].shown);
}

static const struct {
	const char *what, *text, *clean;
} sentences[] = {
	{ "no URL", "Could not resolve host", "Could not resolve host" },
	{ "a URL in the middle", "404 for http://me:secret@h.example/a?t=1 (IP: 127.0.0.1)",
	  "404 for http://h.example/a (IP: 127.0.0.1)" },
	{ "two", "http://a:b@h.example/1 -> 'https://c:d@h.example/2?x'!",
	  "http://h.example/1 -> 'https://h.example/2'!" },
	{ "a sign that is no URL", "what :// is this", "what :// is this" },
	{ "quotes and brackets in the query", "no 'https://h.example/a?s='x')y>z\"1' (IP)",
	  "no 'https://h.example/a' (IP)" },
	{ "and in the password", "at https://me:a'b)c@h.example/.", "at https://h.example/." },
};

static void hide_secrets(void **state _unused_)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();

	for (size_t i = 0; i < ARRAY_SIZE(sentences); i++)
		check_text(sentences[i].what, url_hide_secrets(sentences[i].text, arena),
			   sentences[i].clean);
}

static const struct {
	const char *url, *host;
} hosts[] = {
	{ "https://h.example", "h.example" },
	{ "HTTPS://h.example:443/a?b", "h.example" },
	{ "https://me:pw@h.example?b", "h.example" },
	{ "https://me:pw@x@[::1]:8443/a", "::1" },
	{ "https:///a", NULL },
	{ "https://", NULL },
	{ "https://me@/a", NULL },
	{ "https:h.example", NULL },
	{ "http://h.example/", NULL },
	{ "httpsx://h.example/", NULL },
	{ "https://h.example/a b", NULL },
	{ "https://h.example/a\n", NULL },
	{ "//h.example/", NULL },
	{ "", NULL },
};

static void https_host(void **state _unused_)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();

	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++)
		check_text(hosts[i].url, url_https_host(hosts[i].url, arena), hosts[i].host);
}

static const struct {
	const char *url, *path;
} files[] = {
	{ "file:///etc/pki/KEY", "/etc/pki/KEY" },
	{ "FILE:///a", "/a" },
	{ "file:/a", "/a" },
	{ "file:///a%20b%2Fc", "/a b/c" },
	{ "file:///a%2", "/a%2" },
	{ "file:///a%zz", "/a%zz" },
	{ "file://host/a", NULL },
	{ "file:a", NULL },
	{ "http://h.example/a", NULL },
	{ "/a", NULL },
};

static void file_path(void **state _unused_)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		check_text(files[i].url, url_file_path(files[i].url, arena), files[i].path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(join),		cmocka_unit_test(join_as_the_rfc_says),
		cmocka_unit_test(relative),	cmocka_unit_test(for_people),
		cmocka_unit_test(hide_secrets), cmocka_unit_test(https_host),
		cmocka_unit_test(file_path),
	};

	return cmocka_run_group_tests_name("url", tests, NULL, NULL);
}
