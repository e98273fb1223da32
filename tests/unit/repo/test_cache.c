// SPDX-License-Identifier: Apache-2.0
#include "repo/cache.h"

#include "base/fsx.h"
#include "tests/unit/probe/tree.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <utime.h>

#define DIGEST "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define NAME   "updateinfo-" DIGEST ".xml.gz"
#define NOW    ((int64_t)1700000000)

struct fixture {
	struct tree cache, root;
	struct cache_state *state;
};

static const char *const inputs[] = { "etc/yum.repos.d", "etc/yum.conf", "etc/yum/vars" };

/* A state with one repository that has one file, and the configuration that it came from. */
static int set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	struct cache_entry *e;
	struct cache_file *file;
	char *signature;

	tree_make(&f->cache);
	tree_make(&f->root);
	tree_write(&f->root, "etc/yum.repos.d/a.repo", "[a]\n");
	tree_write(&f->root, "etc/yum/vars/awsregion", "default\n");
	f->state = cache_state_new();
	for (size_t i = 0; i < ARRAY_SIZE(inputs); i++)
		*ARENA_PUSH(f->state->arena, f->state->inputs, f->state->n_inputs) = inputs[i];
	signature = cache_signature(f->root.fd, inputs, ARRAY_SIZE(inputs));
	f->state->signature = arena_strdup(f->state->arena, signature);
	free(signature);
	e = cache_entry_add(f->state, "a", REPO_ROLE_LIVEPATCH);
	e->status = REPO_OK;
	e->fetched = NOW - 10;
	e->expires = NOW + 300;
	file = ARENA_PUSH(f->state->arena, e->files, e->n_files);
	*file = (struct cache_file){ "updateinfo", NAME, "sha256:" DIGEST, 5, -1 };
	tree_write(&f->cache, NAME, "12345");
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	cache_state_free(f->state);
	tree_remove(&f->cache);
	tree_remove(&f->root);
	free(f);
	return 0;
}

static void write_state(struct fixture *f)
{
	struct err err = ERR_INIT;

	if (cache_write(f->cache.fd, f->state, &err) < 0)
		fail_msg("%s", err.message);
}

static void what_is_written_is_read(void **state)
{
	static const char *const excludes[] = { "kernel*", "kpatch-runtime" };
	static const char *const gpgkeys[] = { "file:///etc/pki/rpm-gpg/KEY" };
	struct fixture *f = *state;
	struct cache_entry *e = cache_entry_find(f->state, "a");
	_cleanup_(cache_state_freep)
	struct cache_state *read = NULL;

	e->revision = "17";
	e->checksum = "sha256:" DIGEST;
	e->timestamp = NOW - 100;
	e->excludes = excludes;
	e->n_excludes = ARRAY_SIZE(excludes);
	e->gpgkeys = gpgkeys;
	e->n_gpgkeys = ARRAY_SIZE(gpgkeys);
	finding_add(&e->findings, FINDING_WARNING, "metadata-older", "a", "repository a: \"old\"");
	finding_add(&f->state->findings, FINDING_ERROR, "repository-file-malformed", "b.repo",
		    "b.repo:1: not UTF-8: \xff");
	cache_entry_add(f->state, "gone-*", REPO_ROLE_KERNEL)->expires = CACHE_EXPIRES_NEVER;
	write_state(f);

	assert_int_equal(cache_read(f->cache.fd, &read, NULL), 0);
	assert_int_equal(read->n_entries, 2);
	e = cache_entry_find(read, "a");
	assert_string_equal(e->revision, "17");
	assert_string_equal(e->checksum, "sha256:" DIGEST);
	assert_int_equal(e->role, REPO_ROLE_LIVEPATCH);
	assert_int_equal(e->status, REPO_OK);
	assert_int_equal(e->timestamp, NOW - 100);
	assert_int_equal(e->fetched, NOW - 10);
	assert_int_equal(e->expires, NOW + 300);
	assert_int_equal(e->n_excludes, 2);
	assert_string_equal(e->excludes[1], "kpatch-runtime");
	assert_int_equal(e->n_gpgkeys, 1);
	assert_string_equal(e->gpgkeys[0], gpgkeys[0]);
	assert_int_equal(e->findings.items[0].severity, FINDING_WARNING);
	assert_string_equal(e->findings.items[0].message, "repository a: \"old\"");
	assert_string_equal(cache_file_find(e, "updateinfo")->name, NAME);
	assert_int_equal(cache_file_find(e, "updateinfo")->size, 5);
	assert_int_equal(cache_file_find(e, "updateinfo")->open_size, -1);
	assert_null(cache_file_find(e, "primary"));
	e = cache_entry_find(read, "gone-*");
	assert_int_equal(e->status, REPO_ABSENT);
	assert_true(e->expires == CACHE_EXPIRES_NEVER);
	assert_true(e->fetched == TIME_UNSET);
	assert_null(e->revision);
	assert_string_equal(read->findings.items[0].message, "b.repo:1: not UTF-8: ?");
	assert_int_equal(read->n_inputs, ARRAY_SIZE(inputs));
	assert_string_equal(read->signature, f->state->signature);
	assert_null(cache_entry_find(read, "b"));
}

#define HEAD "{\"format\":1,\"signature\":null,\"inputs\":[],\"findings\":[],\"repositories\":"
#define ENTRY(x)                                                                                   \
	HEAD "[{\"id\":\"a\",\"role\":\"kernel\",\"status\":\"ok\",\"excludes\":[],"               \
	     "\"findings\":[]," x "}]}"
#define FILE_(x) ENTRY("\"files\":[{" x "}]")
#define DAMAGED(x)                                                                                 \
	"the metadata cache's state.json is damaged (" x "); the next fetch makes it anew"

static const struct {
	const char *what, *text, *sentence;
} damaged[] = {
	{ "an empty file", "", DAMAGED("line 1: '[' or '{' expected near end of file") },
	{ "half a file", "{\"format\":1,",
	  DAMAGED("line 1: string or '}' expected near end of file") },
	{ "no object", "[]", DAMAGED("it is no object") },
	{ "another format", "{\"format\":2}",
	  DAMAGED("it was written by another version of klpd") },
	{ "no repositories", "{\"format\":1,\"inputs\":[],\"findings\":[]}",
	  DAMAGED("'repositories' is not as it should be") },
	{ "an unknown role", HEAD "[{\"id\":\"a\",\"role\":\"cook\",\"status\":\"ok\"}]}",
	  DAMAGED("'role' is not as it should be") },
	{ "a time that is a text", ENTRY("\"files\":[],\"fetched\":\"today\""),
	  DAMAGED("'fetched' is not as it should be") },
	{ "a file without a size",
	  FILE_("\"type\":\"primary\",\"file\":\"" NAME "\",\"checksum\":\"sha256:0\""),
	  DAMAGED("'size' is not as it should be") },
	{ "a file outside the cache",
	  FILE_("\"type\":\"primary\",\"file\":\"../../etc/passwd\",\"checksum\":\"sha256:0\","
		"\"size\":1"),
	  DAMAGED("'file' is not as it should be") },
};

static void a_damaged_state_is_not_trusted(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(damaged); i++) {
		struct cache_state *read = NULL;
		struct err err = ERR_INIT;

		tree_write(&f->cache, "state.json", damaged[i].text);
		if (cache_read(f->cache.fd, &read, &err) == 0)
			fail_msg("%s: was read", damaged[i].what);
		assert_string_equal(err.message, damaged[i].sentence);
		assert_int_equal(err.status, EXIT_STATUS_DATA);
		assert_false(cache_is_fresh(f->cache.fd, f->root.fd, NOW));
		err_clear(&err);
	}
}

static void no_state_is_an_empty_one(void **state)
{
	struct fixture *f = *state;
	struct cache_state *read = NULL;

	assert_int_equal(cache_read(f->cache.fd, &read, NULL), 0);
	assert_int_equal(read->n_entries, 0);
	cache_state_free(read);
	assert_false(cache_is_fresh(f->cache.fd, f->root.fd, NOW));
}

static void fresh_until_it_expires(void **state)
{
	struct fixture *f = *state;

	write_state(f);
	assert_true(cache_is_fresh(f->cache.fd, f->root.fd, NOW));
	assert_true(cache_is_fresh(f->cache.fd, f->root.fd, NOW + 299));
	assert_false(cache_is_fresh(f->cache.fd, f->root.fd, NOW + 300));
	/* The clock was set back to before it was fetched. */
	assert_false(cache_is_fresh(f->cache.fd, f->root.fd, NOW - 11));
}

static void touch_repo(struct fixture *f)
{
	_cleanup_free_ char *path = xasprintf("%s/etc/yum.repos.d/a.repo", f->root.path);
	struct utimbuf times = { 1, 1 };

	assert_int_equal(utime(path, &times), 0);
}

static void grow_repo(struct fixture *f)
{
	tree_write(&f->root, "etc/yum.repos.d/a.repo", "[a]\nenabled=0\n");
}

static void add_repo(struct fixture *f)
{
	tree_write(&f->root, "etc/yum.repos.d/b.repo", "");
}

static void remove_repo(struct fixture *f)
{
	assert_int_equal(unlinkat(f->root.fd, "etc/yum.repos.d/a.repo", 0), 0);
}

static void add_conf(struct fixture *f)
{
	tree_write(&f->root, "etc/yum.conf", "[main]\n");
}

static void change_variable(struct fixture *f)
{
	tree_write(&f->root, "etc/yum/vars/awsregion", "eu-west-1\n");
}

static void lose_file(struct fixture *f)
{
	assert_int_equal(unlinkat(f->cache.fd, NAME, 0), 0);
}

static void cut_file(struct fixture *f)
{
	tree_write(&f->cache, NAME, "1234");
}

static const struct {
	const char *what;
	void (*change)(struct fixture *f);
} changes[] = {
	{ "a .repo file was touched", touch_repo }, { "a .repo file was edited", grow_repo },
	{ "a .repo file was added", add_repo },	    { "a .repo file was removed", remove_repo },
	{ "yum.conf appeared", add_conf },	    { "a variable was changed", change_variable },
	{ "a metadata file is gone", lose_file },   { "a metadata file was cut", cut_file },
};

static void a_change_makes_it_stale(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		struct fixture *f;

		if (i > 0)
			set_up(state);
		f = *state;
		write_state(f);
		assert_true(cache_is_fresh(f->cache.fd, f->root.fd, NOW));
		changes[i].change(f);
		if (cache_is_fresh(f->cache.fd, f->root.fd, NOW))
			fail_msg("%s: still fresh", changes[i].what);
		if (i + 1 < ARRAY_SIZE(changes))
			tear_down(state);
	}
}

static const struct {
	const char *name;
	bool valid;
} names[] = {
	{ NAME, true },
	{ "primary-" DIGEST ".xml", true },
	{ "primary-" DIGEST ".xml.zst", true },
	{ "primary-" DIGEST ".xml.exe", false },
	{ "primary-.xml", false },
	{ "-" DIGEST ".xml", false },
	{ "primary-" DIGEST, false },
	{ "../primary-" DIGEST ".xml", false },
	{ "a/b-" DIGEST ".xml", false },
	{ "primary-" DIGEST "/x.xml", false },
	{ ".primary-" DIGEST ".xml", false },
	{ "state.json", false },
	{ "", false },
};

static void names_are_ours(void **state _unused_)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (cache_name_is_valid(names[i].name) != names[i].valid)
			fail_msg("%s: expected %d", names[i].name, names[i].valid);
	assert_string_equal(cache_file_name("updateinfo", DIGEST, "x/../y.xml.gz", arena), NAME);
	assert_string_equal(cache_file_name("primary", "ab", "../../etc/passwd", arena),
			    "primary-ab.xml");
}

static void files_are_opened_as_they_were(void **state)
{
	struct fixture *f = *state;
	struct cache_file file = *cache_file_find(cache_entry_find(f->state, "a"), "updateinfo");
	int fd = cache_open_file(f->cache.fd, &file);

	assert_true(fd >= 0);
	close(fd);
	file.size = 6;
	assert_int_equal(cache_open_file(f->cache.fd, &file), -ESTALE);
	lose_file(f);
	assert_int_equal(cache_open_file(f->cache.fd, &file), -ENOENT);
	assert_int_equal(symlinkat("/etc/passwd", f->cache.fd, NAME), 0);
	assert_int_equal(cache_open_file(f->cache.fd, &file), -ELOOP);
	file.name = "../x";
	assert_int_equal(cache_open_file(f->cache.fd, &file), -EINVAL);
}

static void only_what_is_ours_is_pruned(void **state)
{
	static const char old[] = "primary-" DIGEST ".xml.xz";
	struct fixture *f = *state;

	write_state(f);
	tree_write(&f->cache, old, "");
	tree_write(&f->cache, "tmp-abcdef/repodata/repomd.xml", "");
	tree_write(&f->cache, ".state.json.1.tmp", "");
	tree_write(&f->cache, "notes.txt", "");
	cache_prune(f->cache.fd, f->state);
	assert_true(fsx_exists_at(f->cache.fd, NAME));
	assert_true(fsx_exists_at(f->cache.fd, "state.json"));
	assert_true(fsx_exists_at(f->cache.fd, "notes.txt"));
	assert_false(fsx_exists_at(f->cache.fd, old));
	assert_false(fsx_exists_at(f->cache.fd, "tmp-abcdef"));
	assert_false(fsx_exists_at(f->cache.fd, ".state.json.1.tmp"));
}

static void pruning_follows_no_link(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(symlinkat(f->root.path, f->cache.fd, "tmp-link"), 0);
	cache_prune(f->cache.fd, f->state);
	assert_true(fsx_exists_at(f->root.fd, "etc/yum.repos.d/a.repo"));
}

static void one_writer_at_a_time(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;
	_cleanup_free_ char *sentence = xasprintf("the metadata cache is being written by process "
						  "%ld; try again when it is done",
						  (long)getpid());
	int first = cache_lock(f->cache.fd, 0, &err), second;

	assert_true(first >= 0);
	second = cache_lock(f->cache.fd, 60, &err);
	assert_int_equal(second, -1);
	assert_int_equal(err.status, EXIT_STATUS_TEMPFAIL);
	assert_string_equal(err.message, sentence);
	err_clear(&err);
	close(first);
	second = cache_lock(f->cache.fd, 0, &err);
	assert_true(second >= 0);
	close(second);
}

static void freeing_nothing_is_allowed(void **state _unused_)
{
	cache_state_free(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_written_is_read),
		TEST(a_damaged_state_is_not_trusted),
		TEST(no_state_is_an_empty_one),
		TEST(fresh_until_it_expires),
		TEST(a_change_makes_it_stale),
		TEST(files_are_opened_as_they_were),
		TEST(only_what_is_ours_is_pruned),
		TEST(pruning_follows_no_link),
		TEST(one_writer_at_a_time),
		cmocka_unit_test(names_are_ours),
		cmocka_unit_test(freeing_nothing_is_allowed),
	};

	return cmocka_run_group_tests_name("cache", tests, NULL, NULL);
}
