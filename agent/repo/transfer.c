// SPDX-License-Identifier: Apache-2.0
/*
 * What librepo is used for, and how. Only calls that exist since 1.8.1:
 *
 *   lr_handle_perform() with an empty list of files: mirror list or metalink, repomd.xml with the
 *   metalink's checksum, its signature, the next mirror when one of these is wrong
 *   lr_download_packages() for the files: it takes any path of a repository and writes to a name
 *   of ours, where lr_handle_perform() would use the server's
 *
 * lr_interrupt is librepo's own way of being stopped; it looks at it at least once a second.
 * What has no size limit there (repomd.xml, mirror lists) is limited by RLIMIT_FSIZE.
 */
#include "base/fsx.h"
#include "base/timex.h"
#include "repo/glib.h"
#include "repo/transfer_impl.h"
#include "repo/url.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define CONNECT_SECONDS_MAX 30
#define STALL_BYTES	    1 /* per second: less is no progress */
#define MIRROR_FAILURES_MAX 1 /* then the next mirror has its turn */
#define KEY_BYTES_MAX	    ((size_t)1024 * 1024)

static volatile sig_atomic_t write_refused;

/* ---- stopping ---------------------------------------------------------------------------------*/

void transfer_interrupt(void)
{
	lr_interrupt = 1;
}

void transfer_resume(void)
{
	lr_interrupt = 0;
}

static void on_write_refused(int signo _unused_)
{
	write_refused = 1;
}

void transfer_limit_files(int64_t max)
{
	struct sigaction action = { .sa_handler = on_write_refused };
	struct rlimit limit;

	write_refused = 0;
	sigaction(SIGXFSZ, &action, NULL);
	if (getrlimit(RLIMIT_FSIZE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max < (rlim_t)max ? limit.rlim_max : (rlim_t)max;
		setrlimit(RLIMIT_FSIZE, &limit);
	}
}

bool transfer_hit_limit(void)
{
	return write_refused;
}

/* ---- opening ----------------------------------------------------------------------------------*/

/* A path that stands for @path below the root, links resolved there; valid during the transfer. */
static const char *path_in_root(struct transfer *t, const char *path, struct err *err)
{
	int fd = t->n_open < TRANSFER_OPEN_MAX
			 ? fsx_open_at(t->spec.root, path, O_RDONLY | O_NONBLOCK)
			 : -EMFILE;

	if (fd < 0) {
		err_set_errno(err, EXIT_STATUS_CONFIG, -fd, "%s, which /%s names, cannot be read",
			      path, t->spec.section->file);
		return NULL;
	}
	t->open[t->n_open++] = fd;
	return arena_printf(t->arena, "/proc/self/fd/%d", fd);
}

/* file: URLs mean files of the node. */
static const char *url_in_root(struct transfer *t, const char *url, struct err *err)
{
	const char *path = url_file_path(url, t->arena);

	if (!path)
		return url;
	path = path_in_root(t, path, err);
	return path ? arena_printf(t->arena, "file://%s", path) : NULL;
}

/* The URL as it is configured, for one that url_in_root() or librepo made. */
static const char *url_as_known(struct transfer *t, const char *url)
{
	const struct repoconf_section *s = t->spec.section;

	if (strstr(url, "/proc/self/fd/"))
		url = s->baseurls.n ? s->baseurls.items[0]
				    : (s->mirrorlist ? s->mirrorlist : s->metalink);
	return url_for_people(url, t->arena);
}

#define SET(t, option, ...) lr_handle_setopt((t)->handle, NULL, (option), __VA_ARGS__)

static int set_urls(struct transfer *t, struct err *err)
{
	const struct repoconf_section *s = t->spec.section;
	const char **urls = xcalloc(s->baseurls.n + 1, sizeof(*urls));
	const char *mirrorlist = s->mirrorlist, *metalink = s->metalink;
	size_t n = 0;

	for (size_t i = 0; i < s->baseurls.n; i++) {
		const char *url = url_in_root(t, s->baseurls.items[i], err);

		/* One folder that is not there leaves the others. */
		if (url)
			urls[n++] = url;
	}
	if (mirrorlist)
		mirrorlist = url_in_root(t, mirrorlist, err);
	if (metalink)
		metalink = url_in_root(t, metalink, err);
	SET(t, LRO_URLS, urls);
	free(urls);
	/* In dnf's configuration mirrorlist= may hold a metalink. */
	if (mirrorlist && !metalink && strstr(mirrorlist, "metalink"))
		metalink = TAKE_PTR(mirrorlist);
	if (mirrorlist)
		SET(t, LRO_MIRRORLISTURL, mirrorlist);
	if (metalink)
		SET(t, LRO_METALINKURL, metalink);
	if (n || mirrorlist || metalink) {
		err_clear(err);
		return 0;
	}
	if (err->status)
		return -1;
	return err_set(err, EXIT_STATUS_CONFIG,
		       "it has no baseurl, mirrorlist or metalink; add one in /%s", s->file);
}

static void set_credentials(struct transfer *t, LrHandleOption option, const char *user,
			    const char *password)
{
	if (user)
		SET(t, option, arena_printf(t->arena, "%s:%s", user, password ? password : ""));
}

static int set_certificates(struct transfer *t, struct err *err)
{
	const struct repoconf_section *s = t->spec.section;
	const struct {
		LrHandleOption option;
		const char *path;
	} rows[] = {
		{ LRO_SSLCACERT, s->sslcacert },
		{ LRO_SSLCLIENTCERT, s->sslclientcert },
		{ LRO_SSLCLIENTKEY, s->sslclientkey },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *path = rows[i].path;

		if (path && !(path = path_in_root(t, path, err)))
			return -1;
		if (path)
			SET(t, rows[i].option, path);
	}
	SET(t, LRO_SSLVERIFYPEER, (long)s->sslverify);
	SET(t, LRO_SSLVERIFYHOST, s->sslverify ? 2L : 0L);
	return 0;
}

/* gpg reads keys by name: a key is copied out of the root, into our folder. */
static int import_key(struct transfer *t, const char *url, const char *home, struct err *err)
{
	const struct repoconf_section *s = t->spec.section;
	const char *path = url_file_path(url, t->arena);
	const char *copy = arena_printf(t->arena, "%s/key", t->spec.folder);
	_cleanup_(gerror_freep)
	GError *error = NULL;
	_cleanup_free_ char *key = NULL;
	size_t len;
	int r;

	if (!path)
		return err_set(
			err, EXIT_STATUS_CONFIG,
			"its metadata is to be checked (repo_gpgcheck) by the key %s, but only "
			"keys "
			"that are files of the node are trusted; install it and name it by file:// "
			"in /%s",
			url_for_people(url, t->arena), s->file);
	r = fsx_read_at(t->spec.root, path, KEY_BYTES_MAX, &key, &len);
	if (r < 0)
		return err_set_errno(err, EXIT_STATUS_CONFIG, -r,
				     "the key %s, which checks its metadata, cannot be read", path);
	if (!g_file_set_contents(copy, key, (gssize)len, &error) ||
	    !lr_gpg_import_key(copy, home, &error))
		return err_set(err, EXIT_STATUS_CONFIG,
			       "the key %s, which checks its metadata, cannot be used: %s", path,
			       error->message);
	return 0;
}

/* A home for gpg that starts no agent: only public keys are used, and nothing may stay behind. */
static int make_key_home(const char *home, struct err *err)
{
	static const char options[] = "ignore-invalid-option no-autostart\nno-autostart\n";
	_cleanup_free_ char *path = xasprintf("%s/gpg.conf", home);
	_cleanup_(gerror_freep)
	GError *error = NULL;

	if (mkdir(home, 0700) < 0)
		return err_set_errno(err, EXIT_STATUS_IO, errno, "%s", home);
	if (!g_file_set_contents(path, options, -1, &error))
		return err_set(err, EXIT_STATUS_IO, "%s", error->message);
	return 0;
}

static int set_keys(struct transfer *t, struct err *err)
{
	const struct repoconf_section *s = t->spec.section;
	const char *home = arena_printf(t->arena, "%s/gnupg", t->spec.folder);

	if (!s->repo_gpgcheck)
		return 0;
	if (s->gpgkeys.n == 0)
		return err_set(
			err, EXIT_STATUS_CONFIG,
			"its metadata is to be checked (repo_gpgcheck) but it names no gpgkey; "
			"add one in /%s",
			s->file);
	if (make_key_home(home, err) < 0)
		return -1;
	for (size_t i = 0; i < s->gpgkeys.n; i++)
		if (import_key(t, s->gpgkeys.items[i], home, err) < 0)
			return -1;
	SET(t, LRO_GPGCHECK, 1L);
	SET(t, LRO_GNUPGHOMEDIR, home);
	return 0;
}

/* librepo's word on each mirror that failed. */
static int on_mirror_failure(void *userdata, const char *message, const char *url,
			     const char *metadata _unused_)
{
	struct transfer *t = userdata;

	t->failed = arena_strdup(t->arena, url);
	t->why = url_hide_secrets(message, t->arena);
	return LR_CB_OK;
}

static void set_options(struct transfer *t)
{
	static char *no_files[] = { NULL };
	const struct repoconf_section *s = t->spec.section;
	long timeout = s->timeout > 0 ? (long)s->timeout : 0;

	SET(t, LRO_REPOTYPE, LR_YUMREPO);
	SET(t, LRO_DESTDIR, t->spec.folder);
	SET(t, LRO_YUMDLIST, no_files);
	SET(t, LRO_CHECKSUM, 1L);
	SET(t, LRO_USERAGENT, "klpd/" KLPD_VERSION);
	SET(t, LRO_CONNECTTIMEOUT,
	    timeout && timeout < CONNECT_SECONDS_MAX ? timeout : (long)CONNECT_SECONDS_MAX);
	SET(t, LRO_LOWSPEEDLIMIT, (long)STALL_BYTES);
	SET(t, LRO_LOWSPEEDTIME, timeout);
	SET(t, LRO_MAXMIRRORTRIES, (long)s->retries);
	SET(t, LRO_ALLOWEDMIRRORFAILURES, (long)MIRROR_FAILURES_MAX);
	SET(t, LRO_HMFCB, on_mirror_failure);
	SET(t, LRO_PROGRESSDATA, t);
	if (s->proxy)
		SET(t, LRO_PROXY, s->proxy);
	set_credentials(t, LRO_PROXYUSERPWD, s->proxy_username, s->proxy_password);
	set_credentials(t, LRO_USERPWD, s->username, s->password);
}

int transfer_open(const struct transfer_spec *spec, struct transfer **ret, struct err *err)
{
	const struct repoconf_section *s = spec->section;
	_cleanup_(transfer_freep)
	struct transfer *t = xcalloc(1, sizeof(*t));

	t->spec = *spec;
	t->arena = arena_new();
	t->handle = lr_handle_init();
	t->result = lr_result_init();
	if (s->unresolved)
		return err_set(err, EXIT_STATUS_CONFIG,
			       "the variable $%s in its URL (/%s) has no value; write one into "
			       "/etc/yum/vars/%s",
			       s->unresolved, s->file, s->unresolved);
	set_options(t);
	if (set_urls(t, err) < 0 || set_certificates(t, err) < 0 || set_keys(t, err) < 0)
		return -1;
	*ret = TAKE_PTR(t);
	return 0;
}

void transfer_free(struct transfer *t)
{
	if (!t)
		return;
	if (t->result)
		lr_result_free(t->result);
	if (t->handle)
		lr_handle_free(t->handle);
	for (size_t i = 0; i < t->n_open; i++)
		close(t->open[i]);
	arena_free(t->arena);
	free(t);
}

struct transfer_count transfer_count(const struct transfer *t)
{
	return t->count;
}

/* ---- failing ----------------------------------------------------------------------------------*/

int transfer_curl_code(const GError *error)
{
	const char *at = strstr(error->message, "url error (");

	return at ? atoi(strchr(at, '(') + 1) : 0;
}

int transfer_status(const GError *error)
{
	if (transfer_curl_code(error) == TRANSFER_CURL_WRITE_ERROR)
		return EXIT_STATUS_IO;
	switch (error->code) {
	case LRE_INTERRUPTED:
		return EXIT_STATUS_TEMPFAIL;
	case LRE_BADCHECKSUM:
	case LRE_REPOMDXML:
	case LRE_XMLPARSER:
	case LRE_REPOMD:
	case LRE_MLBAD:
	case LRE_MLXML:
	case LRE_BADGPG:
	case LRE_GPGERROR:
	case LRE_UNKNOWNCHECKSUM:
		return EXIT_STATUS_DATA;
	default:
		return EXIT_STATUS_UNAVAILABLE;
	}
}

/* Where it was looked for: what failed last, else what is configured. */
static const char *tried_url(struct transfer *t, const char *location)
{
	const struct repoconf_section *s = t->spec.section;
	const char *url = t->failed;

	if (!url && t->base)
		url = url_join(t->base, location, t->arena);
	if (!url)
		url = s->metalink ? s->metalink
				  : (s->mirrorlist ? s->mirrorlist : s->baseurls.items[0]);
	return url_as_known(t, url);
}

static int fail(struct transfer *t, const char *location, const GError *error, struct err *err)
{
	const char *url = tried_url(t, location);
	int status = transfer_status(error);

	if (lr_interrupt)
		return err_set(err, EXIT_STATUS_TEMPFAIL, "%s: it took too long", url);
	if (t->too_large || write_refused)
		return err_set(err, EXIT_STATUS_DATA,
			       "%s: it is larger than the %lld bytes that are allowed", url,
			       (long long)t->limit);
	if (error->code == LRE_BADGPG || error->code == LRE_GPGERROR)
		return err_set(err, status,
			       "%s: its signature could not be verified by the repository's keys "
			       "(%s)",
			       url, url_hide_secrets(error->message, t->arena));
	/* Of packages librepo tells only in words what went wrong. */
	if (t->why && strstr(t->why, "checksum"))
		return err_set(err, EXIT_STATUS_DATA,
			       "%s: its checksum is not the one that repomd.xml names", url);
	return err_set(err, status, "%s: %s", url,
		       t->why ? t->why : url_hide_secrets(error->message, t->arena));
}

/* ---- repomd.xml -------------------------------------------------------------------------------*/

static void add_record(struct transfer *t, struct transfer_repomd *repomd,
		       const LrYumRepoMdRecord *r)
{
	struct transfer_record *records = (struct transfer_record *)repomd->records;
	struct transfer_record *to = ARENA_PUSH(t->arena, records, repomd->n_records);

	repomd->records = records;
	*to = (struct transfer_record){
		.type = arena_strdup(t->arena, r->type ? r->type : ""),
		.location = arena_strdup(t->arena, r->location_href),
		.checksum_type = arena_strdup(t->arena, r->checksum_type),
		.checksum = arena_strdup(t->arena, r->checksum),
		.size = r->size > 0 ? r->size : -1,
		.open_size = r->size_open > 0 ? r->size_open : -1,
		.timestamp = r->timestamp > 0 ? r->timestamp : -1,
	};
}

const char *transfer_sha256(int fd, struct arena *arena)
{
	_cleanup_(gfreep)
	char *digest = lr_checksum_fd(LR_CHECKSUM_SHA256, fd, NULL);

	return arena_strdup(arena, digest);
}

static const char *checksum_of_file(struct transfer *t, const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	const char *digest;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return NULL;
	t->count.bytes += st.st_size;
	t->count.files++;
	digest = transfer_sha256(fd, t->arena);
	return digest ? arena_printf(t->arena, "sha256:%s", digest) : NULL;
}

static int take_repomd(struct transfer *t, struct err *err)
{
	LrYumRepo *repo = NULL;
	LrYumRepoMd *repomd = NULL;

	if (!lr_result_getinfo(t->result, NULL, LRR_YUM_REPO, &repo) ||
	    !lr_result_getinfo(t->result, NULL, LRR_YUM_REPOMD, &repomd) || !repo || !repomd)
		return err_set(err, EXIT_STATUS_SOFTWARE, "librepo gave no result");
	t->base = arena_strdup(t->arena, repo->url);
	t->failed = t->why = NULL;
	t->repomd.checksum = repo->repomd ? checksum_of_file(t, repo->repomd) : NULL;
	t->repomd.revision = arena_strdup(t->arena, repomd->revision);
	t->repomd.timestamp = TIME_UNSET;
	for (GSList *l = repomd->records; l; l = l->next) {
		const LrYumRepoMdRecord *r = l->data;

		add_record(t, &t->repomd, r);
		if (r->timestamp > 0 && r->timestamp > t->repomd.timestamp)
			t->repomd.timestamp = r->timestamp;
	}
	if (t->repomd.n_records == 0)
		return err_set(err, EXIT_STATUS_DATA,
			       "%s: it is no repomd.xml: it lists no metadata",
			       tried_url(t, "repodata/repomd.xml"));
	return 0;
}

int transfer_repomd(struct transfer *t, const struct transfer_repomd **ret, struct err *err)
{
	_cleanup_(gerror_freep)
	GError *error = NULL;

	if (lr_interrupt)
		return err_set(err, EXIT_STATUS_TEMPFAIL, "%s: there was no time left",
			       tried_url(t, "repodata/repomd.xml"));
	t->limit = TRANSFER_REPOMD_MAX;
	transfer_limit_files(t->limit);
	if (!lr_handle_perform(t->handle, t->result, &error))
		return fail(t, "repodata/repomd.xml", error, err);
	if (take_repomd(t, err) < 0)
		return -1;
	*ret = &t->repomd;
	return 0;
}

/* ---- files ------------------------------------------------------------------------------------*/

bool transfer_trusts(const char *checksum_type)
{
	switch (lr_checksum_type(checksum_type)) {
	case LR_CHECKSUM_SHA256:
	case LR_CHECKSUM_SHA384:
	case LR_CHECKSUM_SHA512:
		return true;
	case LR_CHECKSUM_UNKNOWN:
	case LR_CHECKSUM_MD5:
	case LR_CHECKSUM_SHA1:
	case LR_CHECKSUM_SHA224:
	default:
		return false;
	}
}

bool transfer_verify(int fd, const char *checksum_type, const char *checksum)
{
	gboolean matches = FALSE;

	return lseek(fd, 0, SEEK_SET) == 0 &&
	       lr_checksum_fd_cmp(lr_checksum_type(checksum_type), fd, checksum, FALSE, &matches,
				  NULL) &&
	       matches;
}

static int on_progress(void *userdata, double total, double done)
{
	struct transfer *t = userdata;

	t->done = (int64_t)done;
	if (t->done > t->limit) {
		t->too_large = true;
		return LR_CB_ABORT;
	}
	if (t->spec.on_progress)
		t->spec.on_progress(t->file, t->done, total > 0 ? (int64_t)total : -1,
				    t->spec.userdata);
	return LR_CB_OK;
}

static int on_file_failure(void *userdata, const char *message, const char *url)
{
	return on_mirror_failure(userdata, message, url, NULL);
}

int transfer_file(struct transfer *t, const struct transfer_record *record, const char *name,
		  struct err *err)
{
	const char *path = arena_printf(t->arena, "%s/%s", t->spec.folder, name);
	_cleanup_(gerror_freep)
	GError *error = NULL;
	LrPackageTarget *target;
	GSList *list;
	bool ok;

	t->file = record->type;
	t->limit = record->size > 0 ? record->size : t->spec.file_bytes_max;
	t->failed = t->why = NULL;
	t->too_large = false;
	t->done = 0;
	transfer_limit_files(t->spec.file_bytes_max);
	target = lr_packagetarget_new_v2(t->handle, record->location, path,
					 lr_checksum_type(record->checksum_type), record->checksum,
					 record->size > 0 ? record->size : 0, NULL, FALSE,
					 on_progress, t, NULL, on_file_failure, &error);
	if (!target)
		return fail(t, record->location, error, err);
	list = g_slist_append(NULL, target);
	ok = lr_download_packages(list, LR_PACKAGEDOWNLOAD_FAILFAST, &error);
	t->count.bytes += t->done;
	t->count.files += ok;
	if (ok && target->err) {
		g_set_error(&error, LR_PACKAGE_DOWNLOADER_ERROR, LRE_UNKNOWNERROR, "%s",
			    target->err);
		ok = false;
	}
	g_slist_free_full(list, (GDestroyNotify)lr_packagetarget_free);
	return ok ? 0 : fail(t, record->location, error, err);
}
