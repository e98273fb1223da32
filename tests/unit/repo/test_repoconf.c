// SPDX-License-Identifier: Apache-2.0
#include "repo/repoconf.h"

#include "tests/unit/probe/tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

struct fixture {
	struct tree root;
	struct findings findings;
	struct repoconf *conf;
};

static int set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	tree_make(&f->root);
	f->findings.arena = arena_new();
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	tree_remove(&f->root);
	arena_free(f->findings.arena);
	free(f);
	return 0;
}

static void read_all(struct fixture *f)
{
	static const struct repoconf_builtin builtin = { "2", "x86_64" };

	f->findings.items = NULL;
	f->findings.n = 0;
	f->conf = repoconf_read(f->root.fd, &builtin, &f->findings);
}

static const struct repoconf_section *section(struct fixture *f, const char *id)
{
	for (size_t i = 0; i < f->conf->n_sections; i++)
		if (streq(f->conf->sections[i].id, id))
			return &f->conf->sections[i];
	fail_msg("no section %s", id);
	return NULL;
}

/* Reads one .repo file whose section is [a] and returns that. */
static const struct repoconf_section *read_one(struct fixture *f, const char *text)
{
	tree_write(&f->root, "etc/yum.repos.d/a.repo", text);
	read_all(f);
	if (f->findings.n)
		fail_msg("%s", f->findings.items[0].message);
	return section(f, "a");
}

static void amazons_own_file(void **state)
{
	struct fixture *f = *state;
	const struct repoconf_section *s;

	tree_write(&f->root, "etc/yum.repos.d/amzn2-core.repo",
		   "[amzn2-core]\nname=Amazon Linux 2 core repository\n"
		   "mirrorlist=$awsproto://$amazonlinux.$awsregion.$awsdomain/$releasever/$product/"
		   "$target/$basearch/mirror.list\n"
		   "priority=10\ngpgcheck=1\n"
		   "gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-amazon-linux-2\nenabled=1\n"
		   "metadata_expire=300\nmirrorlist_expire=300\nreport_instanceid=yes\n\n"
		   "[amzn2-core-source]\nenabled = 0\nname = Source\nmirrorlist = "
		   "https://h.example/$releasever/SRPMS\nskip_if_unavailable = 1\n");
	tree_write(&f->root, "etc/yum/vars/awsproto", "https\n");
	tree_write(&f->root, "etc/yum/vars/amazonlinux", "amazonlinux-2-repos-eu-west-1\n");
	tree_write(&f->root, "etc/yum/vars/awsregion", "s3.dualstack.eu-west-1\r\nrest\n");
	tree_write(&f->root, "etc/yum/vars/awsdomain", "example.com");
	tree_write(&f->root, "etc/yum/vars/product", "core\n");
	tree_write(&f->root, "etc/yum/vars/target", "latest\n");
	read_all(f);
	assert_int_equal(f->findings.n, 0);
	assert_int_equal(f->conf->n_sections, 2);
	s = section(f, "amzn2-core");
	assert_string_equal(s->mirrorlist,
			    "https://amazonlinux-2-repos-eu-west-1.s3.dualstack.eu-west-1."
			    "example.com/2/core/latest/x86_64/mirror.list");
	assert_null(s->unresolved);
	assert_true(s->enabled && s->gpgcheck && !s->repo_gpgcheck && !s->skip_if_unavailable);
	assert_int_equal(s->metadata_expire, 300);
	assert_int_equal(s->gpgkeys.n, 1);
	assert_string_equal(s->gpgkeys.items[0],
			    "file:///etc/pki/rpm-gpg/RPM-GPG-KEY-amazon-linux-2");
	assert_string_equal(s->file, "etc/yum.repos.d/amzn2-core.repo");
	s = section(f, "amzn2-core-source");
	assert_true(!s->enabled && s->skip_if_unavailable);
}

static void what_is_not_said_has_defaults(void **state)
{
	const struct repoconf_section *s = read_one(*state, "[a]\nbaseurl=http://h.example/\n");

	assert_true(s->enabled && s->sslverify);
	assert_true(!s->gpgcheck && !s->repo_gpgcheck && !s->skip_if_unavailable);
	assert_int_equal(s->metadata_expire, REPOCONF_EXPIRE_DEFAULT);
	assert_int_equal(s->timeout, 30);
	assert_int_equal(s->retries, 0);
	assert_null(s->proxy);
	assert_null(s->mirrorlist);
	assert_int_equal(s->excludes.n, 0);
}

static const struct {
	const char *what, *text, *urls;
} lists[] = {
	{ "one", "baseurl=http://h.example/1", "http://h.example/1" },
	{ "separated by blanks and commas", "baseurl=http://h.example/1, http://h.example/2",
	  "http://h.example/1 http://h.example/2" },
	{ "over several lines",
	  "baseurl=http://h.example/1\n\thttp://h.example/2\n  ,http://h.example/3",
	  "http://h.example/1 http://h.example/2 http://h.example/3" },
	{ "starting in the next line", "baseurl=\n  http://h.example/1", "http://h.example/1" },
	{ "a comment and an empty line between them",
	  "baseurl=http://h.example/1\n# http://h.example/2\n\n  http://h.example/3",
	  "http://h.example/1 http://h.example/3" },
	{ "blanks around the sign", "baseurl = http://h.example/1", "http://h.example/1" },
	{ "a colon for a sign", "baseurl: http://h.example/a=b", "http://h.example/a=b" },
	{ "DOS line ends", "baseurl=http://h.example/1\r\nenabled=1\r", "http://h.example/1" },
	{ "a comment by semicolon", "; baseurl=http://h.example/0\nbaseurl=http://h.example/1",
	  "http://h.example/1" },
	{ "a variable with braces", "baseurl=http://h.example/${basearch}x",
	  "http://h.example/x86_64x" },
};

static void base_urls(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		_cleanup_free_ char *text = xasprintf("[a]\n%s\n", lists[i].text);
		const struct repoconf_section *s = read_one(*state, text);
		_cleanup_free_ char *urls = xstrdup("");

		for (size_t k = 0; k < s->baseurls.n; k++) {
			char *more = xasprintf("%s%s%s", urls, k ? " " : "", s->baseurls.items[k]);

			free(urls);
			urls = more;
		}
		if (!streq(urls, lists[i].urls))
			fail_msg("%s: got %s", lists[i].what, urls);
	}
}

static const struct {
	const char *text;
	int64_t seconds;
} times[] = {
	{ "300", 300 },
	{ "90s", 90 },
	{ "2m", 120 },
	{ "1.5h", 5400 },
	{ "7d", 604800 },
	{ "never", REPOCONF_EXPIRE_NEVER },
	{ "NEVER", REPOCONF_EXPIRE_NEVER },
	{ "-1", REPOCONF_EXPIRE_NEVER },
	{ "0", 0 },
};

static void how_long_metadata_lives(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		_cleanup_free_ char *text = xasprintf("[a]\nmetadata_expire=%s\n", times[i].text);

		if (read_one(*state, text)->metadata_expire != times[i].seconds)
			fail_msg("metadata_expire=%s", times[i].text);
	}
}

static void proxies_and_certificates(void **state)
{
	struct fixture *f = *state;
	const struct repoconf_section *s;

	tree_write(&f->root, "etc/yum.conf",
		   "[main]\nproxy=http://proxy.example:3128\nproxy_username=me\n"
		   "proxy_password=p%40ss\nsslverify=0\nsslcacert=/etc/pki/ca.pem\ntimeout=7\n"
		   "retries=3\nmetadata_expire=1h\nexclude=kernel* foo\n");
	tree_write(&f->root, "etc/dnf/dnf.conf", "[main]\nexcludepkgs=bar\ntimeout=8\n");
	tree_write(&f->root, "etc/yum.repos.d/a.repo",
		   "[a]\nbaseurl=http://h.example/\nexclude=mine\nexcludepkgs=too\n"
		   "sslclientcert=/etc/pki/c.pem\nsslclientkey=/etc/pki/k.pem\n"
		   "username=u\npassword=w\n"
		   "[b]\nproxy=_none_\nsslverify=true\nmetadata_expire=5\n");
	read_all(f);
	assert_int_equal(f->findings.n, 0);
	s = section(f, "a");
	assert_string_equal(s->proxy, "http://proxy.example:3128");
	assert_string_equal(s->proxy_username, "me");
	assert_string_equal(s->proxy_password, "p%40ss");
	assert_false(s->sslverify);
	assert_string_equal(s->sslcacert, "/etc/pki/ca.pem");
	assert_string_equal(s->sslclientcert, "/etc/pki/c.pem");
	assert_string_equal(s->sslclientkey, "/etc/pki/k.pem");
	assert_string_equal(s->username, "u");
	assert_string_equal(s->password, "w");
	assert_int_equal(s->timeout, 8);
	assert_int_equal(s->retries, 3);
	assert_int_equal(s->metadata_expire, 3600);
	assert_int_equal(s->excludes.n, 5);
	assert_string_equal(s->excludes.items[0], "kernel*");
	assert_string_equal(s->excludes.items[4], "too");
	s = section(f, "b");
	assert_null(s->proxy);
	assert_true(s->sslverify);
	assert_int_equal(s->metadata_expire, 5);
	assert_int_equal(s->excludes.n, 3);
}

static void a_variable_without_a_value_is_named(void **state)
{
	struct fixture *f = *state;

	tree_write(&f->root, "etc/yum/vars/awsdomain", "example.com\n");
	assert_string_equal(
		read_one(f, "[a]\nmirrorlist=http://x.$awsregion.$awsdomain/\n")->unresolved,
		"awsregion");
	/* An empty value is a value: AL2023's dualstack. */
	tree_write(&f->root, "etc/dnf/vars/awsregion", "\n");
	assert_string_equal(
		read_one(f, "[a]\nmirrorlist=http://x$awsregion.$awsdomain/\n")->mirrorlist,
		"http://x.example.com/");
	assert_null(section(f, "a")->unresolved);
}

static void a_file_overrides_releasever(void **state)
{
	struct fixture *f = *state;

	tree_write(&f->root, "etc/dnf/vars/releasever", "latest\n");
	assert_string_equal(
		read_one(f, "[a]\nbaseurl=http://h.example/$releasever/$arch\n")->baseurls.items[0],
		"http://h.example/latest/x86_64");
}

static void reposdir_moves_the_files(void **state)
{
	struct fixture *f = *state;

	tree_write(&f->root, "etc/yum.repos.d/a.repo", "[a]\n");
	tree_write(&f->root, "srv/repos/b.repo", "[b]\n");
	tree_write(&f->root, "etc/yum.conf", "[main]\nreposdir=/srv/repos\n");
	read_all(f);
	assert_int_equal(f->conf->n_sections, 1);
	assert_string_equal(section(f, "b")->file, "srv/repos/b.repo");
}

static void links_stay_inside_the_root(void **state)
{
	struct fixture *f = *state;

	tree_write(&f->root, "srv/a.txt", "[a]\n");
	tree_write(&f->root, "etc/yum.repos.d/c.repo", "[c]\n");
	assert_int_equal(symlinkat("/srv/a.txt", f->root.fd, "etc/yum.repos.d/b.repo"), 0);
	read_all(f);
	assert_int_equal(f->findings.n, 0);
	section(f, "a");
	section(f, "c");
}

static const struct {
	const char *what, *text, *code, *sentence;
} broken[] = {
	{ "text before a section", "name=x\n[a]\n", "repository-file-malformed",
	  "/etc/yum.repos.d/b.repo:1: it stands before the first section; the whole file is left "
	  "out until this line is corrected" },
	{ "a line that is nothing", "[b]\n# fine\n\nenabled=1\nHello\n",
	  "repository-file-malformed",
	  "/etc/yum.repos.d/b.repo:5: it is neither a section, a key=value nor a comment; the "
	  "whole "
	  "file is left out until this line is corrected" },
	{ "a section without a name", "[]\nenabled=1\n", "repository-file-malformed",
	  "/etc/yum.repos.d/b.repo:1: the section has no name; the whole file is left out until "
	  "this line is corrected" },
	{ "a section that is not closed", "[b\nenabled=1\n", "repository-file-malformed",
	  "/etc/yum.repos.d/b.repo:1: the section has no name; the whole file is left out until "
	  "this line is corrected" },
	{ "an indented line after a section", "[b]\n  enabled=1x\n[c]\n  lost\n",
	  "repository-file-malformed",
	  "/etc/yum.repos.d/b.repo:4: it is neither a section, a key=value nor a comment; the "
	  "whole "
	  "file is left out until this line is corrected" },
	{ "a value that is not understood", "[b]\nmetadata_expire=soon\n", "repository-key-invalid",
	  "/etc/yum.repos.d/b.repo: [b] metadata_expire=soon is not understood and therefore left "
	  "at its default; correct it" },
	{ "a word that is neither yes nor no", "[b]\nenabled=maybe\n", "repository-key-invalid",
	  "/etc/yum.repos.d/b.repo: [b] enabled=maybe is not understood and therefore left at its "
	  "default; correct it" },
	{ "a section that is known already", "[a]\nenabled=0\n", "repository-duplicate",
	  "the repository a is in /etc/yum.repos.d/a.repo and again in /etc/yum.repos.d/b.repo, "
	  "which is left out; remove one of them" },
};

static void what_is_broken_is_named_and_the_rest_counts(void **state)
{
	struct fixture *f = *state;

	tree_write(&f->root, "etc/yum.repos.d/a.repo", "[a]\nbaseurl=http://h.example/\n");
	for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
		tree_write(&f->root, "etc/yum.repos.d/b.repo", broken[i].text);
		read_all(f);
		if (f->findings.n != 1)
			fail_msg("%s: %zu findings", broken[i].what, f->findings.n);
		assert_string_equal(f->findings.items[0].code, broken[i].code);
		assert_string_equal(f->findings.items[0].message, broken[i].sentence);
		assert_true(section(f, "a")->enabled);
	}
}

static void bytes_that_are_no_text_are_refused(void **state)
{
	static const char text[] = "[b]\nname=\0\n";
	struct fixture *f = *state;
	int fd;

	tree_write(&f->root, "etc/yum.repos.d/b.repo", "");
	fd = openat(f->root.fd, "etc/yum.repos.d/b.repo", O_WRONLY | O_CLOEXEC);
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	close(fd);
	read_all(f);
	assert_int_equal(f->findings.n, 1);
	assert_string_equal(f->findings.items[0].message,
			    "/etc/yum.repos.d/b.repo: it holds NUL bytes; the whole file is left "
			    "out until this is corrected");
}

static void a_file_that_cannot_be_read_is_named(void **state)
{
	struct fixture *f = *state;

	tree_write(&f->root, "etc/yum.repos.d/a.repo", "[a]\n");
	assert_int_equal(symlinkat("/gone", f->root.fd, "etc/yum.repos.d/b.repo"), 0);
	read_all(f);
	assert_int_equal(f->findings.n, 1);
	assert_string_equal(f->findings.items[0].subject, "etc/yum.repos.d/b.repo");
	assert_string_equal(f->findings.items[0].message,
			    "/etc/yum.repos.d/b.repo cannot be read (No such file or directory): "
			    "the repositories in it are not looked at; check its permissions");
	section(f, "a");
}

static void nothing_at_all_is_no_trouble(void **state)
{
	struct fixture *f = *state;

	read_all(f);
	assert_int_equal(f->conf->n_sections, 0);
	assert_int_equal(f->findings.n, 0);
	assert_true(f->conf->inputs.n > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(amazons_own_file),
		TEST(what_is_not_said_has_defaults),
		TEST(base_urls),
		TEST(how_long_metadata_lives),
		TEST(proxies_and_certificates),
		TEST(a_variable_without_a_value_is_named),
		TEST(a_file_overrides_releasever),
		TEST(reposdir_moves_the_files),
		TEST(links_stay_inside_the_root),
		TEST(what_is_broken_is_named_and_the_rest_counts),
		TEST(bytes_that_are_no_text_are_refused),
		TEST(a_file_that_cannot_be_read_is_named),
		TEST(nothing_at_all_is_no_trouble),
	};

	return cmocka_run_group_tests_name("repoconf", tests, NULL, NULL);
}
