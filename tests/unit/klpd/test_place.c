// SPDX-License-Identifier: Apache-2.0
/* klpd/place: where the directories are made, and where never. */
#include "klpd/place.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

struct fixture {
	char dir[PATH_MAX]; /* DIR/root and DIR/home are made in it */
	char *root, *home;
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	char template[] = "/tmp/klpd-place-XXXXXX";

	assert_non_null(realpath(mkdtemp(template), f->dir));
	f->root = xasprintf("%s/ro.ot", f->dir);
	f->home = xasprintf("%s/home", f->dir);
	assert_int_equal(mkdir(f->root, 0755), 0);
	assert_int_equal(mkdir(f->home, 0755), 0);
	setenv("HOME", f->home, 1);
	unsetenv("XDG_CACHE_HOME");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *command = xasprintf("rm -rf '%s'", f->dir);

	assert_int_equal(system(command), 0);
	free(f->root);
	free(f->home);
	free(f);
	return 0;
}

static void expect_path(const char *path, const char *top, const char *below)
{
	_cleanup_free_ char *expected = xasprintf("%s/%s", top, below);
	struct stat st;

	assert_string_equal(path, expected);
	assert_int_equal(stat(path, &st), 0);
	assert_true(S_ISDIR(st.st_mode));
}

static void test_below_the_root(void **state)
{
	struct fixture *f = *state;
	_cleanup_(place_close)
	struct place place = PLACE_INIT;
	struct err err = ERR_INIT;

	assert_int_equal(place_open(&(struct options){ .root = f->root }, &place, &err), 0);
	assert_string_equal(place.root, f->root);
	assert_false(place.running_system);
	expect_path(place.cache, f->root, "var/cache/klpd");
	expect_path(place.state, f->root, "var/lib/klpd");
	assert_true(place.root_fd >= 0 && place.cache_fd >= 0 && place.state_fd >= 0);
}

static void test_nothing_empty_is_left_behind(void **state)
{
	struct fixture *f = *state;
	struct place place = PLACE_INIT;
	_cleanup_free_ char *kept = xasprintf("%s/var/lib/klpd", f->root);
	_cleanup_free_ char *made = xasprintf("%s/var/cache/klpd", f->root);
	struct err err = ERR_INIT;
	struct stat st;
	int fd;

	for (int round = 0; round < 2; round++) {
		assert_int_equal(place_open(&(struct options){ .root = f->root }, &place, &err), 0);
		fd = openat(place.state_fd, "report.json", O_WRONLY | O_CREAT, 0600);
		assert_true(fd >= 0);
		close(fd);
		place_close(&place);
		assert_int_equal(stat(made, &st), -1);
		assert_int_equal(stat(kept, &st), 0);
	}
	/* what was there before stays, empty or not */
	assert_int_equal(mkdir(made, 0755), 0);
	assert_int_equal(place_open(&(struct options){ .root = f->root }, &place, &err), 0);
	place_close(&place);
	assert_int_equal(stat(made, &st), 0);
}

/* DIR/home/.cache/klpd/ESCAPED/WHICH; the escaping of DIR itself is tested below. */
static void expect_private(const struct fixture *f, const char *path, const char *which)
{
	_cleanup_free_ char *name = place_escape(f->root);
	_cleanup_free_ char *below = xasprintf(".cache/klpd/%s/%s", name, which);
	struct stat st;

	expect_path(path, f->home, below);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
}

static void test_never_through_a_link_out_of_the_root(void **state)
{
	struct fixture *f = *state;
	_cleanup_(place_close)
	struct place place = PLACE_INIT;
	_cleanup_free_ char *link = xasprintf("%s/var", f->root);
	_cleanup_free_ char *outside = xasprintf("%s/outside", f->dir);
	struct err err = ERR_INIT;

	assert_int_equal(mkdir(outside, 0755), 0);
	assert_int_equal(symlink(outside, link), 0);
	assert_int_equal(place_open(&(struct options){ .root = f->root }, &place, &err), 0);
	expect_private(f, place.cache, "cache");
	expect_private(f, place.state, "state");
	assert_int_equal(rmdir(outside), 0); /* nothing was made there */
}

static void test_file_in_the_way(void **state)
{
	struct fixture *f = *state;
	_cleanup_(place_close)
	struct place place = PLACE_INIT;
	_cleanup_free_ char *file = xasprintf("%s/var", f->root);
	_cleanup_free_ char *other = xasprintf("%s/other", f->dir);
	struct err err = ERR_INIT;

	assert_int_equal(mknod(file, S_IFREG | 0644, 0), 0);
	setenv("XDG_CACHE_HOME", other, 1);
	assert_int_equal(place_open(&(struct options){ .root = f->root }, &place, &err), 0);
	assert_true(starts_with(place.cache, other)); /* goes before the home directory */
	assert_true(ends_with(place.state, "/state"));
	unsetenv("XDG_CACHE_HOME");
}

static void test_nowhere(void **state)
{
	struct fixture *f = *state;
	struct place place = PLACE_INIT;
	_cleanup_free_ char *file = xasprintf("%s/var", f->root);
	_cleanup_free_ char *expected = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(mknod(file, S_IFREG | 0644, 0), 0);
	unsetenv("HOME");
	assert_int_equal(place_open(&(struct options){ .root = f->root }, &place, &err), -1);
	expected =
		xasprintf("no place for the cache and reports of %s: it cannot be written to and "
			  "there is no home directory; name --cache-dir and --state-dir",
			  f->root);
	assert_string_equal(err.message, expected);
	assert_int_equal(err.status, EXIT_STATUS_USAGE);
	err_clear(&err);
}

static void test_named_directories(void **state)
{
	struct fixture *f = *state;
	_cleanup_(place_close)
	struct place place = PLACE_INIT;
	_cleanup_free_ char *cache = xasprintf("%s/a/b", f->dir);
	_cleanup_free_ char *state_dir = xasprintf("%s/c", f->dir);
	struct err err = ERR_INIT;

	assert_int_equal(place_open(&(struct options){ .root = f->root,
						       .cache_dir = cache,
						       .state_dir = state_dir },
				    &place, &err),
			 0);
	assert_string_equal(place.cache, cache);
	assert_string_equal(place.state, state_dir);
}

static const struct {
	const char *what, *root, *sentence;
} bad_roots[] = {
	{ "a root that is missing", "/nonexistent",
	  "root directory /nonexistent: No such file or directory" },
	{ "a root that is a file", "/etc/passwd", "root directory /etc/passwd: Not a directory" },
};

static void test_bad_roots(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad_roots); i++) {
		struct place place = PLACE_INIT;
		struct err err = ERR_INIT;

		print_message("# %s\n", bad_roots[i].what);
		assert_int_equal(
			place_open(&(struct options){ .root = bad_roots[i].root }, &place, &err),
			-1);
		assert_string_equal(err.message, bad_roots[i].sentence);
		assert_int_equal(err.status, EXIT_STATUS_USAGE);
		err_clear(&err);
	}
}

static void test_named_directory_that_cannot_be(void **state)
{
	struct fixture *f = *state;
	struct place place = PLACE_INIT;
	struct err err = ERR_INIT;

	assert_int_equal(
		place_open(&(struct options){ .root = f->root, .cache_dir = "/dev/null/cache" },
			   &place, &err),
		-1);
	assert_string_equal(err.message,
			    "cannot write to directory /dev/null/cache: Not a directory");
	assert_int_equal(err.status, EXIT_STATUS_IO);
	err_clear(&err);
}

static const struct {
	const char *what, *path, *name;
} escapes[] = {
	{ "the root itself", "/", "-" },
	{ "a path", "/srv/image", "srv-image" },
	{ "a hyphen is not a slash", "/srv/my-image", "srv-my\\x2dimage" },
	{ "dots inside", "/srv/al2.0", "srv-al2.0" },
	{ "a dot in front is not hidden", "/.x", "\\x2ex" },
	{ "blanks and newlines", "/a b\n", "a\\x20b\\x0a" },
	{ "other alphabets", "/\xc3\xa4", "\\xc3\\xa4" },
};

static void test_escape(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(escapes); i++) {
		_cleanup_free_ char *name = place_escape(escapes[i].path);

		print_message("# %s\n", escapes[i].what);
		assert_string_equal(name, escapes[i].name);
	}
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_below_the_root),
		TEST(test_nothing_empty_is_left_behind),
		TEST(test_never_through_a_link_out_of_the_root),
		TEST(test_file_in_the_way),
		TEST(test_nowhere),
		TEST(test_named_directories),
		cmocka_unit_test(test_bad_roots),
		TEST(test_named_directory_that_cannot_be),
		cmocka_unit_test(test_escape),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
