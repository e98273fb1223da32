// SPDX-License-Identifier: Apache-2.0
/*
 * Every URL is tried on its own, so that librepo tells what became of it and a partial file is
 * never mixed with somebody's error page. librepo
 *   - goes on with a file that has its extended attribute (user.Librepo.DownloadInProgress), which
 *     it sets itself; on a file system without such attributes it starts anew
 *   - removes a file that it could not complete: it gets a name that it cannot remove,
 *     /proc/self/fd/N
 *   - takes the size of the rest for that of the whole: it is told a size only at the beginning
 * Size and checksum of the whole are checked here.
 */
#include "repo/package.h"

#include "base/fsx.h"
#include "repo/glib.h"
#include "repo/transfer_impl.h"
#include "repo/url.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define SUFFIX	    ".rpm"
#define PART_SUFFIX ".part"
#define HEX	    "0123456789abcdef"

struct job {
	struct transfer *transfer;
	const struct package_store *store;
	const struct package *package;
	const char *name, *part; /* in the folder */
	int fd;			 /* of the part, during an attempt */
	int64_t offset;		 /* bytes that were there when it began */
};

/* ---- names ------------------------------------------------------------------------------------*/

static const struct {
	const char *type;
	size_t digits;
} digests[] = { { "sha256", 64 }, { "sha384", 96 }, { "sha512", 128 } };

/* How many hex digits a checksum of that type has; 0: it is not taken for proof. */
static size_t digits_of(const char *type, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(digests); i++)
		if (strlen(digests[i].type) == len && memcmp(digests[i].type, type, len) == 0)
			return digests[i].digits;
	return 0;
}

/* <type>-<checksum>.rpm[.part] */
static bool is_ours(const char *name)
{
	const char *dash = strchr(name, '-');
	size_t digits = dash ? digits_of(name, (size_t)(dash - name)) : 0;

	return digits && strspn(dash + 1, HEX) == digits &&
	       (streq(dash + 1 + digits, SUFFIX) || streq(dash + 1 + digits, SUFFIX PART_SUFFIX));
}

static char *name_of(const struct package *p, const char *suffix)
{
	return xasprintf("%s-%s" SUFFIX "%s", p->checksum_type, p->checksum, suffix);
}

int package_check(const struct package *p, struct err *err)
{
	size_t digits = digits_of(p->checksum_type, strlen(p->checksum_type));

	if (!digits)
		return err_set(err, EXIT_STATUS_USAGE,
			       "%s has only a checksum of type %s, which proves nothing; sha256 is "
			       "needed",
			       p->label, p->checksum_type);
	if (strlen(p->checksum) != digits || strspn(p->checksum, HEX) != digits)
		return err_set(err, EXIT_STATUS_USAGE,
			       "%s has a checksum that is none: it has not %zu hexadecimal digits",
			       p->label, digits);
	if (!url_is_relative(p->location))
		return err_set(err, EXIT_STATUS_USAGE,
			       "%s is placed at '%s', which is no path below its repository",
			       p->label, p->location);
	if (p->size < 1)
		return err_set(err, EXIT_STATUS_USAGE, "%s has no size", p->label);
	return 0;
}

/* ---- the folder -------------------------------------------------------------------------------*/

static bool is_good(const struct package_store *store, const char *name, const struct package *p)
{
	_cleanup_close_ int fd =
		openat(store->folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == p->size &&
	       transfer_verify(fd, p->checksum_type, p->checksum);
}

bool package_is_there(const struct package_store *store, const struct package *package)
{
	_cleanup_free_ char *name = name_of(package, "");

	return is_good(store, name, package);
}

/* Bytes of a partial file that can be gone on with; anything else of its name is removed. */
static int64_t part_size(const struct package_store *store, const char *part, int64_t max)
{
	struct stat st;

	if (fstatat(store->folder, part, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (S_ISREG(st.st_mode) && st.st_nlink == 1 && st.st_size <= max)
		return st.st_size;
	unlinkat(store->folder, part, 0);
	return 0;
}

int64_t package_bytes_left(const struct package_store *store, const struct package *package)
{
	_cleanup_free_ char *part = name_of(package, PART_SUFFIX);

	return package->size - part_size(store, part, package->size);
}

static int64_t room(const struct package_store *store)
{
	struct statvfs st;

	return fstatvfs(store->folder, &st) < 0 ? INT64_MAX
						: (int64_t)st.f_bavail * (int64_t)st.f_frsize;
}

int package_check_room(const struct package_store *store, int64_t bytes, struct err *err)
{
	int64_t have = room(store);

	if (have - PACKAGE_ROOM_SPARE >= bytes)
		return 0;
	return err_set(err, EXIT_STATUS_IO,
		       "%s: the packages need %lld bytes and %lld shall stay free, but only %lld "
		       "are; make room there",
		       store->path, (long long)bytes, (long long)PACKAGE_ROOM_SPARE,
		       (long long)have);
}

static bool is_kept(const char *name, const struct package *keep, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *kept = name_of(&keep[i], "");

		if (starts_with(name, kept))
			return true;
	}
	return false;
}

void package_prune(const struct package_store *store, const struct package *keep, size_t n,
		   int64_t now)
{
	int fd = openat(store->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *item;
	struct stat st;

	if (!dir) {
		closep(&fd);
		return;
	}
	while ((item = readdir(dir)))
		if (is_ours(item->d_name) && !is_kept(item->d_name, keep, n) &&
		    fstatat(store->folder, item->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    st.st_mtim.tv_sec < now - PACKAGE_AGE_MAX)
			unlinkat(store->folder, item->d_name, 0);
	closedir(dir);
}

/* ---- where to look ----------------------------------------------------------------------------*/

static void add_mirror(struct transfer *t, const char *url)
{
	*ARENA_PUSH(t->arena, t->mirrors, t->n_mirrors) = arena_strdup(t->arena, url);
}

/* Only what is fetched over the network: a list of mirrors names no files of the node. */
static bool is_mirror(const char *url)
{
	return starts_with(url, "http://") || starts_with(url, "https://") ||
	       starts_with(url, "ftp://");
}

/* The base URLs, and what the mirror list or metalink names. */
static int find_mirrors(struct transfer *t, struct err *err)
{
	const struct repoconf_section *s = t->spec.section;
	const char *list = s->metalink ? s->metalink : s->mirrorlist;
	_cleanup_(gerror_freep)
	GError *error = NULL;
	_cleanup_(gstrvp)
	char **urls = NULL;
	const char *name;

	if (t->n_mirrors)
		return 0;
	for (size_t i = 0; i < s->baseurls.n; i++)
		add_mirror(t, s->baseurls.items[i]);
	if (!list)
		return 0;
	name = url_for_people(list, t->arena);
	transfer_limit_files(TRANSFER_REPOMD_MAX);
	lr_handle_setopt(t->handle, NULL, LRO_FETCHMIRRORS, 1L);
	if (lr_handle_perform(t->handle, t->result, &error) &&
	    lr_handle_getinfo(t->handle, &error, LRI_MIRRORS, &urls))
		for (char **url = urls; url && *url; url++)
			if (is_mirror(*url))
				add_mirror(t, *url);
	if (t->n_mirrors)
		return 0;
	if (lr_interrupt)
		return err_set(err, EXIT_STATUS_TEMPFAIL, "%s: it took too long", name);
	if (error)
		return err_set(err, transfer_status(error), "%s: %s", name,
			       url_hide_secrets(error->message, t->arena));
	return err_set(err, EXIT_STATUS_UNAVAILABLE, "%s: it names no mirror", name);
}

/* The query of a base URL may be what lets us in, so it is kept. */
static const char *url_at(struct transfer *t, const char *mirror, const char *location)
{
	size_t len = strcspn(mirror, "?#");
	const char *url = url_join(arena_strndup(t->arena, mirror, len), location, t->arena);

	return url && mirror[len] == '?' && !strchr(url, '?')
		       ? arena_printf(t->arena, "%s%s", url, mirror + len)
		       : url;
}

/* ---- one attempt ------------------------------------------------------------------------------*/

static int on_progress(void *userdata, double total, double now)
{
	struct job *job = userdata;
	struct transfer *t = job->transfer;
	int64_t size = job->package->size, came = (int64_t)now;
	/* Of a file that is gone on with, curl counts only the rest. */
	bool rest = total > 0 && (int64_t)total <= size - job->offset;

	t->done = came;
	if (came > size)
		t->too_large = true;
	if (t->too_large)
		return LR_CB_ABORT;
	if (t->spec.on_progress && (total > 0 || came))
		t->spec.on_progress(t->file, rest ? job->offset + came : came, size,
				    t->spec.userdata);
	return LR_CB_OK;
}

/* The server does not give the rest of a file, or the file is shorter than what we have of it. */
static bool refuses_rest(const GError *error)
{
	return transfer_curl_code(error) == TRANSFER_CURL_RANGE_ERROR ||
	       strstr(error->message, "Status code: 416");
}

/* Puts the partial file back to @size bytes: what came after them was none of it. */
static void cut_back(struct job *job, int64_t size)
{
	if (size == 0 || ftruncate(job->fd, size) < 0)
		unlinkat(job->store->folder, job->part, 0);
}

static int explain(struct job *job, const char *shown, const GError *error, struct err *err)
{
	int64_t size = job->package->size, have = part_size(job->store, job->part, size);
	int code = transfer_curl_code(error);

	if (lr_interrupt)
		return err_set(err, EXIT_STATUS_TEMPFAIL, "%s: it took too long", shown);
	if (job->transfer->too_large || transfer_hit_limit())
		return err_set(err, EXIT_STATUS_DATA,
			       "%s: it is larger than the %lld bytes that its metadata states",
			       shown, (long long)size);
	if (error->code == LRE_IO || code == TRANSFER_CURL_WRITE_ERROR ||
	    room(job->store) < size - have)
		return err_set(err, EXIT_STATUS_IO,
			       "%s cannot be written; make room or check its permissions",
			       job->store->path);
	if (code == TRANSFER_CURL_PARTIAL_FILE)
		return err_set(err, EXIT_STATUS_DATA, "%s: it ended after %lld of %lld bytes",
			       shown, (long long)have, (long long)size);
	if (strstr(error->message, "Content-Length"))
		return err_set(err, EXIT_STATUS_DATA,
			       "%s: its size is not the %lld bytes that its metadata states", shown,
			       (long long)size);
	return err_set(err, transfer_status(error), "%s: %s", shown,
		       url_hide_secrets(error->message, job->transfer->arena));
}

static bool run_librepo(struct job *job, const char *url, GError **error)
{
	const struct package *p = job->package;
	struct transfer *t = job->transfer;
	_cleanup_free_ char *path = xasprintf("/proc/self/fd/%d", job->fd);
	LrPackageTarget *target;
	GSList *list;
	bool ok;

	t->file = p->label;
	t->too_large = false;
	t->done = 0;
	transfer_limit_files(p->size);
	target = lr_packagetarget_new_v2(t->handle, url, path, LR_CHECKSUM_UNKNOWN, NULL,
					 job->offset ? 0 : p->size, NULL, job->offset > 0,
					 on_progress, job, NULL, NULL, error);
	if (!target)
		return false;
	list = g_slist_append(NULL, target);
	ok = lr_download_packages(list, LR_PACKAGEDOWNLOAD_FAILFAST, error);
	if (ok && target->err) {
		g_set_error(error, LR_PACKAGE_DOWNLOADER_ERROR, LRE_UNKNOWNERROR, "%s",
			    target->err);
		ok = false;
	}
	t->count.bytes += t->done;
	g_slist_free_full(list, (GDestroyNotify)lr_packagetarget_free);
	return ok;
}

/* What came is complete, as far as the server is concerned. */
static int check_file(struct job *job, const char *shown, struct err *err)
{
	const struct package *p = job->package;
	int64_t have;

	if (transfer_hit_limit())
		return err_set(err, EXIT_STATUS_DATA,
			       "%s: it is larger than the %lld bytes that its metadata states",
			       shown, (long long)p->size);
	have = part_size(job->store, job->part, p->size);
	if (room(job->store) < p->size - have)
		return err_set(err, EXIT_STATUS_IO, "%s cannot be written; make room there",
			       job->store->path);
	if (have != p->size)
		return err_set(err, EXIT_STATUS_DATA, "%s: it ended after %lld of %lld bytes",
			       shown, (long long)have, (long long)p->size);
	if (!is_good(job->store, job->part, p))
		return err_set(err, EXIT_STATUS_DATA,
			       "%s: its checksum is not the one that its metadata states", shown);
	return 0;
}

/* After librepo gave up: keeps what is good. True if it is worth to begin anew at the same URL. */
static bool keep_good_bytes(struct job *job, const GError *error, int status)
{
	/* A broken connection leaves good bytes, an error page does not. */
	bool broken = lr_interrupt || (transfer_curl_code(error) && status != EXIT_STATUS_IO &&
				       !transfer_hit_limit() && !job->transfer->too_large);
	bool again = job->offset > 0 && refuses_rest(error);
	struct stat st;

	if (again || status == EXIT_STATUS_IO)
		cut_back(job, 0);
	else if (!broken || fstat(job->fd, &st) < 0 || st.st_size == 0)
		cut_back(job, job->offset);
	return again;
}

/* 0, or -1 with @err; @ret_again if the same URL shall be tried from the beginning. */
static int download_part(struct job *job, const char *url, const char *shown, bool *ret_again,
			 struct err *err)
{
	_cleanup_(gerror_freep)
	GError *error = NULL;

	if (job->offset < job->package->size && !run_librepo(job, url, &error)) {
		explain(job, shown, error, err);
		*ret_again = keep_good_bytes(job, error, err->status);
		return -1;
	}
	if (check_file(job, shown, err) < 0) {
		*ret_again = job->offset > 0 && err->status == EXIT_STATUS_DATA;
		cut_back(job, 0);
		return -1;
	}
	return 0;
}

static int attempt(struct job *job, const char *url, bool *ret_again, struct err *err)
{
	struct transfer *t = job->transfer;
	const char *shown = url_for_people(url, t->arena);
	const char *local = url_file_path(url, t->arena);
	_cleanup_close_ int part = -1, from = -1;

	*ret_again = false;
	if (lr_interrupt)
		return err_set(err, EXIT_STATUS_TEMPFAIL, "%s: there was no time left", shown);
	if (local) {
		from = fsx_open_at(t->spec.root, local, O_RDONLY | O_NONBLOCK);
		if (from < 0)
			return err_set_errno(err, EXIT_STATUS_UNAVAILABLE, -from,
					     "%s cannot be read", local);
		url = arena_printf(t->arena, "file:///proc/self/fd/%d", from);
	}
	job->offset = part_size(job->store, job->part, job->package->size);
	part = openat(job->store->folder, job->part,
		      O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
	if (part < 0)
		return err_set_errno(err, EXIT_STATUS_IO, errno,
				     "%s cannot be written; make room or check its permissions",
				     job->store->path);
	job->fd = part;
	return download_part(job, url, shown, ret_again, err);
}

/* ---- one package ------------------------------------------------------------------------------*/

/* On disk before it has its name. */
static int put_in_place(struct job *job, struct err *err)
{
	int folder = job->store->folder;
	_cleanup_close_ int fd = openat(folder, job->part, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 || fchmod(fd, 0644) < 0 || fsync(fd) < 0 ||
	    renameat(folder, job->part, folder, job->name) < 0 || fsync(folder) < 0)
		return err_set_errno(err, EXIT_STATUS_IO, errno,
				     "%s/%s cannot be written; make room or check its permissions",
				     job->store->path, job->name);
	return 0;
}

static int try_mirrors(struct job *job, struct err *err)
{
	struct transfer *t = job->transfer;
	int64_t tries = t->spec.section->retries;

	for (size_t i = 0; i < t->n_mirrors && (tries < 1 || (int64_t)i < tries); i++) {
		const char *url = url_at(t, t->mirrors[i], job->package->location);
		bool again = false;

		if (!url) {
			err_set(err, EXIT_STATUS_CONFIG, "'%s' is no URL",
				url_for_people(t->mirrors[i], t->arena));
			continue;
		}
		if (attempt(job, url, &again, err) == 0 ||
		    (again && attempt(job, url, &again, err) == 0))
			return 0;
		if (err->status == EXIT_STATUS_IO || err->status == EXIT_STATUS_TEMPFAIL)
			break;
	}
	return -1;
}

int package_fetch(struct transfer *t, const struct package_store *store,
		  const struct package *package, struct err *err)
{
	struct job job = {
		.transfer = t,
		.store = store,
		.package = package,
		.name = arena_printf(t->arena, "%s-%s" SUFFIX, package->checksum_type,
				     package->checksum),
	};
	struct err why = ERR_INIT;
	int r;

	job.part = arena_printf(t->arena, "%s" PART_SUFFIX, job.name);
	if (find_mirrors(t, err) < 0)
		return -1;
	r = try_mirrors(&job, &why);
	transfer_limit_files(INT64_MAX);
	if (r < 0)
		r = err_set(err, why.status, "%s", why.message);
	else
		r = put_in_place(&job, err);
	err_clear(&why);
	if (r < 0)
		return -1;
	t->count.files++;
	if (t->spec.on_progress)
		t->spec.on_progress(package->label, package->size, package->size, t->spec.userdata);
	return 0;
}
