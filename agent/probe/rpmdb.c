// SPDX-License-Identifier: Apache-2.0

/*
 * The adapter for reading through librpm, 4.11.3 to 4.20
 *
 *   4.11   Berkeley DB (Packages and index files); the backend is not selectable.
 *   4.16+  %_db_backend selects sqlite (rpmdb.sqlite), ndb (Packages.db) or bdb; builds without
 *          Berkeley DB read Packages with bdb_ro, found by itself from the files that exist.
 *
 * Everything used here is the same in all of them. Lessons that shape the code:
 *   - Reading a header costs 50 us, and a node has hundreds; so the index of names says which are
 *     wanted. A Berkeley DB whose index files are missing (an image, a copied database) silently
 *     finds nothing by them: where an index has no answer, all headers are iterated.
 *   - A damaged database makes the iterator end early without a word to the caller; it is told only
 *     to rpm's log. So every logged error fails the read.
 *   - sqlite creates NAME-wal and NAME-shm beside a database in WAL mode even to read it. On a node
 *     they exist already; where they do not (an image), a private copy is read instead.
 *   - Debian's default %_dbpath lies under HOME, so it is always set here.
 */

#include "probe/rpmdb.h"

#include "base/fsx.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include <rpm/header.h>
#include <rpm/rpmdb.h>
#include <rpm/rpmlib.h>
#include <rpm/rpmlog.h>
#include <rpm/rpmmacro.h>
#include <rpm/rpmtd.h>
#include <rpm/rpmts.h>

static const char *const directories[] = { "var/lib/rpm", "usr/lib/sysimage/rpm" };
static const char *const databases[] = { "rpmdb.sqlite", "Packages.db", "Packages" };

#define SQLITE_DATABASE "rpmdb.sqlite"
/* Each key that was imported is an entry of that name, with the key as its description. */
#define KEY_PACKAGE "gpg-pubkey"
#define COPY_BLOCK  ((size_t)1024 * 1024)

/* ---- where it is ---------------------------------------------------------------------------- */

static bool exists(int dir, const char *name)
{
	return faccessat(dir, name, F_OK, 0) == 0;
}

/* The first directory that holds a database: its fd, or -1. */
static int find_database(int root, const char **ret_name)
{
	for (size_t i = 0; i < ARRAY_SIZE(directories); i++) {
		_cleanup_close_ int dir = fsx_open_at(root, directories[i], O_RDONLY | O_DIRECTORY);

		for (size_t k = 0; dir >= 0 && k < ARRAY_SIZE(databases); k++) {
			if (!exists(dir, databases[k]))
				continue;
			*ret_name = databases[k];
			return TAKE_FD(dir);
		}
	}
	return -1;
}

static int copy_file(int from_dir, int to_dir, const char *name)
{
	_cleanup_close_ int from = openat(from_dir, name, O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int to =
		openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	_cleanup_free_ char *block = xmalloc(COPY_BLOCK);
	ssize_t n;

	if (from < 0 || to < 0)
		return -errno;
	while ((n = read(from, block, COPY_BLOCK)) > 0)
		if (write(to, block, (size_t)n) != n)
			return errno ? -errno : -EIO;
	return n < 0 ? -errno : 0;
}

/* A private copy of a sqlite database, removed by copy_remove(). */
struct copy {
	char path[32]; /* empty: no copy */
	int dir;
};

static void copy_remove(struct copy *copy)
{
	static const char *const names[] = { SQLITE_DATABASE, SQLITE_DATABASE "-wal",
					     SQLITE_DATABASE "-shm", ".rpm.lock" };

	if (!copy->path[0])
		return;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		unlinkat(copy->dir, names[i], 0);
	closep(&copy->dir);
	rmdir(copy->path);
}

static int copy_make(struct copy *copy, int dir)
{
	strcpy(copy->path, "/tmp/klpd-rpmdb-XXXXXX");
	if (!mkdtemp(copy->path)) {
		copy->path[0] = '\0';
		return -errno;
	}
	copy->dir = open(copy->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return copy->dir < 0 ? -errno : copy_file(dir, copy->dir, SQLITE_DATABASE);
}

/* ---- rpm's log ------------------------------------------------------------------------------ */

struct log {
	char *first; /* the first error */
};

static int take_log(rpmlogRec record, rpmlogCallbackData data)
{
	struct log *log = data;

	if (rpmlogRecPriority(record) <= RPMLOG_ERR && !log->first) {
		log->first = xstrdup(rpmlogRecMessage(record));
		log->first[strcspn(log->first, "\n")] = '\0';
	}
	return 0; /* nothing is printed */
}

static void log_clear(struct log *log)
{
	free(log->first);
	log->first = NULL;
}

static void log_release(struct log *log)
{
	rpmlogSetCallback(NULL, NULL);
	log_clear(log);
}

/* ---- headers -------------------------------------------------------------------------------- */

static uint32_t number(Header h, rpmTag tag)
{
	return (uint32_t)headerGetNumber(h, tag);
}

static const char *text(struct arena *arena, Header h, rpmTag tag)
{
	const char *s = headerGetString(h, tag);

	return arena_strdup(arena, s ? s : "(none)"); /* the architecture of gpg-pubkey entries */
}

const char *rpmdb_module_name(struct arena *arena, const char *file)
{
	static const char *const suffixes[] = { ".ko", ".ko.xz", ".ko.gz", ".ko.zst" };

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		char *name;

		if (!ends_with(file, suffixes[i]))
			continue;
		name = arena_strndup(arena, file, strlen(file) - strlen(suffixes[i]));
		for (char *p = name; *p; p++)
			if (*p == '-')
				*p = '_';
		return name;
	}
	return NULL;
}

static void list_modules(struct arena *arena, Header h, struct installed *item)
{
	struct rpmtd_s files;
	const char *file;

	if (!headerGet(h, RPMTAG_BASENAMES, &files, HEADERGET_MINMEM))
		return;
	while ((file = rpmtdNextString(&files))) {
		const char *name = rpmdb_module_name(arena, file);

		if (name)
			*ARENA_PUSH(arena, item->modules, item->n_modules) = name;
	}
	rpmtdFreeData(&files);
}

/* "2023.1.20230825-0.amzn2023" -> "2023.1.20230825" */
static const char *version_part(struct arena *arena, const char *evr)
{
	return evr ? arena_strndup(arena, evr, strcspn(evr, "-")) : NULL;
}

static void look_for_provide(struct rpmdb_query *q, Header h)
{
	struct rpmtd_s names, versions;
	const char *name;

	if (!q->provide || q->provide_version ||
	    !headerGet(h, RPMTAG_PROVIDENAME, &names, HEADERGET_MINMEM))
		return;
	while (!q->provide_version && (name = rpmtdNextString(&names))) {
		if (!streq(name, q->provide) ||
		    !headerGet(h, RPMTAG_PROVIDEVERSION, &versions, HEADERGET_MINMEM))
			continue;
		if (rpmtdSetIndex(&versions, rpmtdGetIndex(&names)) >= 0)
			q->provide_version = version_part(q->arena, rpmtdGetString(&versions));
		rpmtdFreeData(&versions);
	}
	rpmtdFreeData(&names);
}

static void take_header(struct rpmdb_query *q, Header h)
{
	const char *name = headerGetString(h, RPMTAG_NAME);
	struct installed *item;

	if (!name)
		return;
	if ((int64_t)number(h, RPMTAG_INSTALLTIME) > q->newest_install)
		q->newest_install = number(h, RPMTAG_INSTALLTIME);
	if (q->want_keys && streq(name, KEY_PACKAGE))
		*ARENA_PUSH(q->arena, q->keys, q->n_keys) = text(q->arena, h, RPMTAG_DESCRIPTION);
	look_for_provide(q, h);
	if (q->wanted && !q->wanted(name, q->userdata))
		return;
	item = ARENA_PUSH(q->arena, q->items, q->n);
	item->nevra = (struct nevra){
		.name = arena_strdup(q->arena, name),
		.evr = { number(h, RPMTAG_EPOCH), text(q->arena, h, RPMTAG_VERSION),
			 text(q->arena, h, RPMTAG_RELEASE) },
		.arch = text(q->arena, h, RPMTAG_ARCH),
	};
	item->build_time = number(h, RPMTAG_BUILDTIME);
	item->install_time = number(h, RPMTAG_INSTALLTIME);
	if (q->modules && q->modules(name, q->userdata))
		list_modules(q->arena, h, item);
}

static const char *iterate(struct rpmdb_query *q, rpmts ts)
{
	rpmdbMatchIterator it = rpmtsInitIterator(ts, RPMDBI_PACKAGES, NULL, 0);
	const char *failure = NULL;
	Header h;

	while (!failure && (h = rpmdbNextIterator(it))) {
		take_header(q, h);
		if (q->visit && q->visit(h, q->userdata) != 0)
			failure = "a package in it is not understood";
	}
	rpmdbFreeIterator(it);
	return failure;
}

/* ---- by its indexes ------------------------------------------------------------------------- */

struct offsets {
	unsigned int *items;
	size_t n;
};

static int compare_offsets(const void *a, const void *b)
{
	const unsigned int *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Where the wanted packages are, in the order of the headers; false: no name is indexed. */
static bool find_names(struct rpmdb_query *q, rpmts ts, struct offsets *ret)
{
	rpmdbIndexIterator names = rpmdbIndexIteratorInit(rpmtsGetRdb(ts), RPMDBI_NAME);
	const void *key;
	bool any = false;
	size_t len;

	while (names && rpmdbIndexIteratorNext(names, &key, &len) == 0) {
		any = true;
		if (!q->wanted(arena_strndup(q->arena, key, len), q->userdata))
			continue;
		for (unsigned int i = 0; i < rpmdbIndexIteratorNumPkgs(names); i++)
			*ARENA_PUSH(q->arena, ret->items, ret->n) =
				rpmdbIndexIteratorPkgOffset(names, i);
	}
	rpmdbIndexIteratorFree(names);
	if (ret->n)
		qsort(ret->items, ret->n, sizeof(*ret->items), compare_offsets);
	return any;
}

static void find_provide(struct rpmdb_query *q, rpmts ts)
{
	rpmdbMatchIterator it = rpmtsInitIterator(ts, RPMDBI_PROVIDENAME, q->provide, 0);
	Header h;

	while ((h = rpmdbNextIterator(it)))
		look_for_provide(q, h);
	rpmdbFreeIterator(it);
}

/* Whether each package matters, not only those of some names. */
static bool wants_every(const struct rpmdb_query *q)
{
	return !q->wanted || q->visit || q->want_keys;
}

/* False: the indexes do not tell. */
static bool look_up(struct rpmdb_query *q, rpmts ts)
{
	struct offsets offsets = { 0 };

	if (!find_names(q, ts, &offsets))
		return false;
	if (q->provide)
		find_provide(q, ts);
	if (q->provide && !q->provide_version)
		return false;
	for (size_t i = 0; i < offsets.n; i++) {
		rpmdbMatchIterator it = rpmtsInitIterator(ts, RPMDBI_PACKAGES, &offsets.items[i],
							  sizeof(offsets.items[i]));
		Header h = rpmdbNextIterator(it);

		if (h)
			take_header(q, h);
		rpmdbFreeIterator(it);
		if (!h)
			return false;
	}
	return true;
}

/* ---- the whole ------------------------------------------------------------------------------ */

/* Return: NULL, or why it was not read to its end. */
static const char *read_database(struct rpmdb_query *q, const char *dbpath, struct log *log)
{
	_cleanup_free_ char *macro = xasprintf("_dbpath %s", dbpath);
	const char *failure = NULL;
	rpmts ts;

	rpmReadConfigFiles(NULL, NULL);
	rpmDefineMacro(NULL, macro, RMIL_CMDLINE);
	ts = rpmtsCreate();
	/* Signatures and digests were checked when the packages were installed. */
	rpmtsSetVSFlags(ts, _RPMVSF_NODIGESTS | _RPMVSF_NOSIGNATURES | RPMVSF_NOHDRCHK);
	if (rpmtsOpenDB(ts, O_RDONLY) != 0) {
		failure = "it does not open";
	} else if (wants_every(q) || !look_up(q, ts)) {
		log_clear(log); /* of indexes that are not there */
		q->items = NULL;
		q->n = 0;
		failure = iterate(q, ts);
	}
	rpmtsCloseDB(ts);
	rpmtsFree(ts);
	rpmFreeMacros(NULL);
	rpmFreeRpmrc();
	return failure;
}

int rpmdb_read(int root, const char *root_path, struct rpmdb_query *query, struct err *err)
{
	const char *name = NULL, *failure;
	_cleanup_close_ int dir = find_database(root, &name);
	_cleanup_(copy_remove)
	struct copy copy = { .dir = -1 };
	_cleanup_(log_release)
	struct log log = { NULL };
	_cleanup_free_ char *path = NULL;
	int r;

	if (dir < 0)
		return err_set(err, EXIT_STATUS_DATA, "%s holds no rpm database in /%s or /%s",
			       root_path, directories[0], directories[1]);
	if (streq(name, SQLITE_DATABASE) && !exists(dir, SQLITE_DATABASE "-shm")) {
		r = copy_make(&copy, dir);
		if (r < 0)
			return err_set_errno(err, EXIT_STATUS_IO, -r,
					     "copying the rpm database of %s to /tmp", root_path);
		path = xstrdup(copy.path);
	} else {
		path = xasprintf("/proc/self/fd/%d", dir);
	}
	rpmlogSetCallback(take_log, &log);
	query->newest_install = TIME_UNSET;
	failure = read_database(query, path, &log);
	if (failure || log.first)
		return err_set(
			err, EXIT_STATUS_DATA,
			"the rpm database of %s cannot be read (%s); rpm --rebuilddb may mend it",
			root_path, log.first ? log.first : failure);
	return 0;
}
