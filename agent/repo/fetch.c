// SPDX-License-Identifier: Apache-2.0
#include "repo/fetch.h"

#include "base/fsx.h"
#include "repo/url.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

struct job {
	struct fetch *fetch;
	const struct repoconf_section *section;
	const struct cache_entry *last; /* NULL: nothing to fall back to */
	struct cache_entry *entry;
	struct arena *arena;
	struct transfer *transfer;
	char *folder; /* tmp-XXXXXX in the cache */
};

/* ---- what is needed ---------------------------------------------------------------------------*/

/* @unless: a record that holds the same in a form that is not read; named to explain the lack. */
static const struct wanted {
	const char *type;
	bool by_role; /* only for the roles that want it; and then it must be there */
	const char *unless;
} wanted[] = {
	{ "updateinfo", false, NULL },
	{ "primary", true, "primary_db" },
};

static bool is_wanted(const struct fetch *fetch, const struct wanted *w, enum repo_role role)
{
	return !w->by_role || (fetch->primary_roles & FETCH_ROLE(role));
}

bool fetch_has_all(const struct fetch *fetch, const struct cache_entry *last)
{
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		if (wanted[i].by_role && is_wanted(fetch, &wanted[i], last->role) &&
		    !cache_file_find(last, wanted[i].type))
			return false;
	return true;
}

static const struct transfer_record *find_record(const struct transfer_repomd *repomd,
						 const char *type)
{
	for (size_t i = 0; i < repomd->n_records; i++)
		if (streq(repomd->records[i].type, type))
			return &repomd->records[i];
	return NULL;
}

/* ---- trouble ----------------------------------------------------------------------------------*/

static bool is_good(const struct cache_entry *entry)
{
	return entry && (entry->status == REPO_OK || entry->status == REPO_STALE);
}

static void copy_files(const struct cache_entry *last, struct cache_entry *entry)
{
	struct arena *arena = entry->findings.arena;

	entry->revision = arena_strdup(arena, last->revision);
	entry->checksum = arena_strdup(arena, last->checksum);
	entry->timestamp = last->timestamp;
	entry->fetched = last->fetched;
	entry->files = NULL;
	entry->n_files = 0;
	for (size_t i = 0; i < last->n_files; i++) {
		struct cache_file *f = ARENA_PUSH(arena, entry->files, entry->n_files);

		*f = last->files[i];
		f->type = arena_strdup(arena, f->type);
		f->name = arena_strdup(arena, f->name);
		f->checksum = arena_strdup(arena, f->checksum);
	}
}

static const char *const *copy_texts(struct arena *arena, const char *const *items, size_t n,
				     size_t *ret_n)
{
	const char **copies = NULL;

	*ret_n = 0;
	for (size_t i = 0; i < n; i++)
		*ARENA_PUSH(arena, copies, *ret_n) = arena_strdup(arena, items[i]);
	return copies;
}

/* What of the configuration the cache keeps. */
static void copy_settings(struct cache_entry *entry, const char *const *excludes, size_t n_excludes,
			  const char *const *gpgkeys, size_t n_gpgkeys)
{
	struct arena *arena = entry->findings.arena;

	entry->excludes = copy_texts(arena, excludes, n_excludes, &entry->n_excludes);
	entry->gpgkeys = copy_texts(arena, gpgkeys, n_gpgkeys, &entry->n_gpgkeys);
}

void fetch_keep(const struct cache_entry *last, struct cache_entry *entry)
{
	copy_files(last, entry);
	copy_settings(entry, last->excludes, last->n_excludes, last->gpgkeys, last->n_gpgkeys);
	entry->status = last->status;
	entry->expires = last->expires;
	for (size_t i = 0; i < last->findings.n; i++) {
		const struct finding *f = &last->findings.items[i];

		finding_add(&entry->findings, f->severity, f->code, f->subject, "%s", f->message);
	}
}

/* Are the files of the last copy still there, as they were? */
static bool is_intact(int cache, const struct cache_entry *last)
{
	for (size_t i = 0; i < last->n_files; i++) {
		_cleanup_close_ int fd = cache_open_file(cache, &last->files[i]);

		if (fd < 0)
			return false;
	}
	return true;
}

/* What to do; the sentences about the configuration say it themselves. */
static const char *advice(int status)
{
	switch (status) {
	case EXIT_STATUS_DATA:
		return "; tell who runs it, or use another mirror";
	case EXIT_STATUS_UNAVAILABLE:
		return "; check its URL, the network and the proxy";
	case EXIT_STATUS_TEMPFAIL:
		return "; check the network, or raise fetch_timeout";
	case EXIT_STATUS_IO:
		return "; make room in the cache";
	default:
		return "";
	}
}

/* The sentence of @err becomes the finding; what was good before stays in use. */
static void give_up(struct job *job, const struct err *err)
{
	struct cache_entry *entry = job->entry;
	bool keep = is_good(job->last) && is_intact(job->fetch->cache, job->last);
	bool invalid = err->status == EXIT_STATUS_DATA;
	bool minor = keep || job->section->skip_if_unavailable;
	_cleanup_free_ char *instead = NULL;
	char when[TIMEX_TEXT_MAX];

	entry->status = keep ? REPO_STALE : (invalid ? REPO_INVALID : REPO_UNREACHABLE);
	entry->expires = job->fetch->now; /* the next scan tries again */
	if (keep)
		copy_files(job->last, entry);
	instead = keep ? xasprintf("the copy of %s is used", timex_format(entry->fetched, when))
		       : xstrdup("nothing is known of what it offers");
	finding_add(&entry->findings, minor ? FINDING_WARNING : FINDING_ERROR,
		    invalid ? "metadata-invalid" : "repository-unreachable", entry->id,
		    "repository %s: %s; %s%s", entry->id, err->message, instead,
		    advice(err->status));
}

/* ---- files ------------------------------------------------------------------------------------*/

static int check_record(const struct job *job, const struct transfer_record *r, struct err *err)
{
	if (!r->location || !url_is_relative(r->location))
		return err_set(
			err, EXIT_STATUS_DATA,
			"repomd.xml places %s at '%s', which is no path below the repository",
			r->type, r->location ? r->location : "");
	if (!r->checksum || !r->checksum_type)
		return err_set(err, EXIT_STATUS_DATA, "repomd.xml has no checksum for %s", r->type);
	if (!transfer_trusts(r->checksum_type))
		return err_set(err, EXIT_STATUS_DATA,
			       "repomd.xml has only a checksum of type %s for %s, which proves "
			       "nothing; sha256 is needed",
			       r->checksum_type, r->type);
	if (strspn(r->checksum, "0123456789abcdef") != strlen(r->checksum) ||
	    strlen(r->checksum) < 64 || strlen(r->checksum) > 128)
		return err_set(err, EXIT_STATUS_DATA,
			       "repomd.xml has a checksum for %s that is none", r->type);
	if (r->size > job->fetch->file_bytes_max)
		return err_set(
			err, EXIT_STATUS_DATA,
			"its %s has %lld bytes, more than the %lld that max_file_size allows",
			r->type, (long long)r->size, (long long)job->fetch->file_bytes_max);
	return 0;
}

/* True if the cache holds that very file; fills in its size. */
static bool is_cached(const struct job *job, const struct transfer_record *r,
		      struct cache_file *file)
{
	_cleanup_close_ int fd = openat(job->fetch->cache, file->name,
					O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    !transfer_verify(fd, r->checksum_type, r->checksum))
		return false;
	file->size = st.st_size;
	return true;
}

/* Moves a verified file from our folder to its place, on disk before state.json names it. */
static int put_in_place(struct job *job, struct cache_file *file, struct err *err)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", job->folder, file->name);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || fchmod(fd, 0644) < 0 || fsync(fd) < 0 ||
	    renameat(AT_FDCWD, path, job->fetch->cache, file->name) < 0)
		return err_set_errno(err, EXIT_STATUS_IO, errno,
				     "%s cannot be put into the cache; make room or check its "
				     "permissions",
				     file->name);
	file->size = st.st_size;
	return 0;
}

static int fetch_record(struct job *job, const struct transfer_record *r, struct err *err)
{
	struct cache_entry *entry = job->entry;
	struct cache_file *file;

	if (check_record(job, r, err) < 0)
		return -1;
	file = ARENA_PUSH(job->arena, entry->files, entry->n_files);
	file->type = arena_strdup(job->arena, r->type);
	file->name = cache_file_name(r->type, r->checksum, r->location, job->arena);
	file->checksum = arena_printf(job->arena, "%s:%s", r->checksum_type, r->checksum);
	file->open_size = r->open_size;
	if (is_cached(job, r, file))
		return 0;
	if (transfer_file(job->transfer, r, file->name, err) < 0)
		return -1;
	return put_in_place(job, file, err);
}

static int fetch_records(struct job *job, const struct transfer_repomd *repomd, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		const struct wanted *w = &wanted[i];
		const struct transfer_record *r = find_record(repomd, w->type);

		if (!is_wanted(job->fetch, w, job->entry->role))
			continue;
		if (r) {
			if (fetch_record(job, r, err) < 0)
				return -1;
		} else if (w->by_role) {
			return err_set(err, EXIT_STATUS_DATA,
				       w->unless && find_record(repomd, w->unless)
					       ? "its repomd.xml lists the packages in sqlite form "
						 "only (%s_db), which klpd does not read; create "
						 "it with %s.xml too"
					       : "its repomd.xml lists no %s: there is no %s.xml",
				       w->type, w->type);
		}
	}
	return 0;
}

/* ---- one repository ---------------------------------------------------------------------------*/

static void note_older(struct job *job)
{
	const struct cache_entry *last = job->last, *entry = job->entry;
	char before[TIMEX_TEXT_MAX], now[TIMEX_TEXT_MAX];

	if (!is_good(last) || last->timestamp == TIME_UNSET || entry->timestamp == TIME_UNSET ||
	    entry->timestamp >= last->timestamp)
		return;
	finding_add(&job->entry->findings, FINDING_WARNING, "metadata-older", entry->id,
		    "repository %s: its metadata of %s is older than what it had before, of %s; a "
		    "mirror may lag behind: scan again later",
		    entry->id, timex_format(entry->timestamp, now),
		    timex_format(last->timestamp, before));
}

static int64_t expires_at(const struct job *job)
{
	int64_t seconds = job->section->metadata_expire;

	return seconds == REPOCONF_EXPIRE_NEVER ? CACHE_EXPIRES_NEVER : job->fetch->now + seconds;
}

static void on_progress(const char *file, int64_t done, int64_t total, void *userdata)
{
	struct job *job = userdata;

	job->fetch->on_progress(job->entry->id, file, done, total, job->fetch->userdata);
}

static int refresh(struct job *job, struct err *err)
{
	struct transfer_spec spec = {
		.section = job->section,
		.root = job->fetch->root,
		.folder = job->folder,
		.file_bytes_max = job->fetch->file_bytes_max,
		.on_progress = job->fetch->on_progress ? on_progress : NULL,
		.userdata = job,
	};
	struct cache_entry *entry = job->entry;
	const struct transfer_repomd *repomd;

	if (transfer_open(&spec, &job->transfer, err) < 0 ||
	    transfer_repomd(job->transfer, &repomd, err) < 0 || fetch_records(job, repomd, err) < 0)
		return -1;
	entry->status = REPO_OK;
	entry->revision = arena_strdup(job->arena, repomd->revision);
	entry->checksum = arena_strdup(job->arena, repomd->checksum);
	entry->timestamp = repomd->timestamp;
	entry->fetched = job->fetch->now;
	entry->expires = expires_at(job);
	note_older(job);
	return 0;
}

void fetch_repository(struct fetch *fetch, const struct repoconf_section *section,
		      const struct cache_entry *last, struct cache_entry *entry)
{
	struct job job = {
		.fetch = fetch,
		.section = section,
		.last = last,
		.entry = entry,
		.arena = entry->findings.arena,
		.folder = arena_printf(entry->findings.arena, "%s/tmp-XXXXXX", fetch->cache_path),
	};
	struct transfer_count count;
	struct err err = ERR_INIT;

	copy_settings(entry, section->excludes.items, section->excludes.n, section->gpgkeys.items,
		      section->gpgkeys.n);
	if (!mkdtemp(job.folder))
		err_set_errno(&err, EXIT_STATUS_IO, errno, "the cache cannot be written to");
	else if (refresh(&job, &err) < 0)
		entry->n_files = 0;
	if (err.status)
		give_up(&job, &err);
	if (job.transfer) {
		count = transfer_count(job.transfer);
		fetch->count.bytes += count.bytes;
		fetch->count.files += count.files;
	}
	transfer_free(job.transfer);
	err_clear(&err);
}

int fetch_make_scratch(const char *cache_path, struct err *err)
{
	_cleanup_free_ char *folder = xasprintf("%s/tmp-XXXXXX", cache_path);

	if (!mkdtemp(folder) || setenv("TMPDIR", folder, 1) < 0)
		return err_set_errno(err, EXIT_STATUS_IO, errno,
				     "%s: the metadata cache cannot be written to", cache_path);
	return 0;
}
