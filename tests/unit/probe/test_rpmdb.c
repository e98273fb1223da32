// SPDX-License-Identifier: Apache-2.0
#include "probe/rpmdb.h"

#include "base/fsx.h"
#include "tests/unit/probe/tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

/*
 * Real databases: an Amazon Linux 2 image (Berkeley DB without index files) and an Amazon Linux
 * 2023 container (sqlite), each with a list of what another program read out of it.
 */
static const struct sample {
	const char *archive, *expected, *directory, *file, *provide, *version;
} samples[] = {
	{ "al2-container-2022.Packages.bdb.xz", "al2-container-2022.expected.tsv", "var/lib/rpm",
	  "Packages", "system-release(releasever)", "2" },
	{ "al2023-container-20230825.rpmdb.sqlite.xz", "al2023-container-20230825.expected.tsv",
	  "var/lib/rpm", "rpmdb.sqlite", "system-release", "2023.1.20230825" },
	{ "al2023-container-20230825.rpmdb.sqlite.xz", "al2023-container-20230825.expected.tsv",
	  "usr/lib/sysimage/rpm", "rpmdb.sqlite", NULL, NULL },
};

static const char *data_folder(void)
{
	const char *folder = getenv("KLPD_TEST_DATA");

	return folder ? folder : "../shared/data";
}

static bool have_data(void)
{
	if (access(data_folder(), R_OK) == 0)
		return true;
	print_message("skipped: no real rpm databases in %s (KLPD_TEST_DATA names the folder)\n",
		      data_folder());
	return false;
}

/* Unpacks at most @max bytes (0: all) of a sample into the tree. */
static void unpack(const struct tree *tree, const struct sample *s, size_t max)
{
	char command[512], limit[64] = "";

	tree_parents(tree, s->directory);
	if (mkdirat(tree->fd, s->directory, 0755) < 0 && errno != EEXIST)
		abort();
	if (max)
		snprintf(limit, sizeof(limit), "| head -c %zu", max);
	snprintf(command, sizeof(command), "xz -dc '%s/%s' %s > '%s/%s/%s'", data_folder(),
		 s->archive, limit, tree->path, s->directory, s->file);
	assert_int_equal(system(command), 0);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *listing(const struct rpmdb_query *q)
{
	char **lines = xcalloc(q->n, sizeof(*lines)), *text = xstrdup("");

	for (size_t i = 0; i < q->n; i++) {
		const struct installed *p = &q->items[i];

		lines[i] = xasprintf("%s\t%u\t%s\t%s\t%s\t%lld\t%lld\n", p->nevra.name,
				     p->nevra.evr.epoch, p->nevra.evr.version, p->nevra.evr.release,
				     p->nevra.arch, (long long)p->build_time,
				     (long long)p->install_time);
	}
	qsort(lines, q->n, sizeof(*lines), by_text);
	for (size_t i = 0; i < q->n; i++) {
		char *longer = xasprintf("%s%s", text, lines[i]);

		free(text);
		free(lines[i]);
		text = longer;
	}
	free(lines);
	return text;
}

static char *sorted_file(const char *name)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", data_folder(), name);
	_cleanup_free_ char *command = xasprintf("LC_ALL=C sort '%s'", path);
	char *text = xcalloc(1, 1024 * 1024);
	FILE *f = popen(command, "r");

	assert_non_null(f);
	assert_true(fread(text, 1, 1024 * 1024 - 1, f) > 0);
	pclose(f);
	return text;
}

static bool any(const char *name, void *userdata)
{
	(void)userdata;
	return *name;
}

/* By their indexes, where they have some, and by all headers they say the same. */
static void real_databases(void **state)
{
	(void)state;
	if (!have_data())
		skip();
	for (size_t i = 0; i < 2 * ARRAY_SIZE(samples); i++) {
		const struct sample *s = &samples[i / 2];
		_cleanup_(arena_freep)
		struct arena *arena = arena_new();
		struct rpmdb_query query = { .arena = arena,
					     .wanted = i % 2 ? any : NULL,
					     .provide = s->provide };
		_cleanup_free_ char *expected = sorted_file(s->expected), *got = NULL;
		_cleanup_(fsx_names_freep)
		struct fsx_names *names = NULL;
		struct err err = ERR_INIT;
		struct tree tree;

		tree_make(&tree);
		unpack(&tree, s, 0);
		if (rpmdb_read(tree.fd, tree.path, &query, &err) < 0)
			fail_msg("%s: %s", s->archive, err.message);
		got = listing(&query);
		assert_string_equal(got, expected);
		if (s->provide)
			assert_string_equal(query.provide_version, s->version);
		/* nothing was created beside the database */
		assert_int_equal(fsx_list_at(tree.fd, s->directory, NULL, &names), 0);
		assert_int_equal(names->n, 1);
		tree_remove(&tree);
	}
}

static bool only_bash(const char *name, void *userdata)
{
	(void)userdata;
	return streq(name, "bash");
}

static void only_what_is_wanted(void **state)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();
	struct rpmdb_query query = { .arena = arena, .wanted = only_bash };
	struct err err = ERR_INIT;
	struct tree tree;

	(void)state;
	if (!have_data())
		skip();
	tree_make(&tree);
	unpack(&tree, &samples[0], 0);
	assert_int_equal(rpmdb_read(tree.fd, tree.path, &query, &err), 0);
	assert_int_equal(query.n, 1);
	assert_string_equal(query.items[0].nevra.name, "bash");
	tree_remove(&tree);
}

struct visits {
	size_t n, max;
};

static bool none(const char *name, void *userdata)
{
	(void)name;
	(void)userdata;
	return false;
}

static int count(void *header, void *userdata)
{
	struct visits *visits = userdata;

	assert_non_null(header);
	return ++visits->n > visits->max;
}

/* A visitor sees also what is not wanted, and one that does not understand ends the reading. */
static void every_header_is_visited(void **state)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();
	struct visits visits = { 0, 10000 };
	struct rpmdb_query query = {
		.arena = arena, .wanted = none, .visit = count, .userdata = &visits
	};
	struct rpmdb_query all = { .arena = arena };
	struct err err = ERR_INIT;
	struct tree tree;

	(void)state;
	if (!have_data())
		skip();
	tree_make(&tree);
	unpack(&tree, &samples[0], 0);
	assert_int_equal(rpmdb_read(tree.fd, tree.path, &all, &err), 0);
	assert_int_equal(rpmdb_read(tree.fd, tree.path, &query, &err), 0);
	assert_int_equal(query.n, 0);
	assert_int_equal(visits.n, all.n);
	visits = (struct visits){ 0, 3 };
	assert_int_equal(rpmdb_read(tree.fd, tree.path, &query, &err), -1);
	assert_int_equal(visits.n, 4);
	assert_non_null(strstr(err.message, "(a package in it is not understood)"));
	err_clear(&err);
	tree_remove(&tree);
}

/* A database that ends too early, anywhere, is refused and never half believed. */
static void truncated_databases(void **state)
{
	static const size_t cuts[] = { 1, 100, 4096, 20000, 300000, 1000000, 2500000 };

	(void)state;
	if (!have_data())
		skip();
	for (size_t k = 0; k < 2; k++)
		for (size_t i = 0; i < ARRAY_SIZE(cuts); i++) {
			_cleanup_(arena_freep)
			struct arena *arena = arena_new();
			struct rpmdb_query query = { .arena = arena };
			struct err err = ERR_INIT;
			struct tree tree;

			tree_make(&tree);
			unpack(&tree, &samples[k], cuts[i]);
			if (rpmdb_read(tree.fd, tree.path, &query, &err) == 0)
				fail_msg("%s cut to %zu bytes was read as %zu packages",
					 samples[k].archive, cuts[i], query.n);
			assert_int_equal(err.status, EXIT_STATUS_DATA);
			assert_non_null(strstr(err.message, "cannot be read"));
			err_clear(&err);
			tree_remove(&tree);
		}
}

static void no_database(void **state)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();
	struct rpmdb_query query = { .arena = arena };
	struct err err = ERR_INIT;
	struct tree tree;

	(void)state;
	tree_make(&tree);
	assert_int_equal(rpmdb_read(tree.fd, tree.path, &query, &err), -1);
	assert_int_equal(err.status, EXIT_STATUS_DATA);
	assert_non_null(strstr(err.message, "holds no rpm database"));
	err_clear(&err);
	tree_remove(&tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(real_databases),
		cmocka_unit_test(only_what_is_wanted),
		cmocka_unit_test(every_header_is_visited),
		cmocka_unit_test(truncated_databases),
		cmocka_unit_test(no_database),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
