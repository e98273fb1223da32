// SPDX-License-Identifier: Apache-2.0
/*
 * librepo follows redirects wherever they lead, and has no way to be told not to. What it knows is
 * proxies, by the environment that curl reads: for every scheme but https there is one that no
 * program can speak to, so that such a redirect ends before anything is sent. It is for all hosts,
 * so no_proxy, which would exempt some, is taken away and followed here instead.
 */
#include "repo/document.h"

#include "base/fsx.h"
#include "repo/transfer.h"
#include "repo/url.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define PREFIX	"sha256-"
#define ARRIVED "document" /* in the transfer's folder */
#define NOWHERE "nowhere://"

int document_check(const struct document *d, struct err *err)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();

	if (!url_https_host(d->url, arena))
		return err_set(err, EXIT_STATUS_USAGE,
			       "%s is not at an https URL; only such ones are fetched", d->label);
	return 0;
}

/* ---- the way there ----------------------------------------------------------------------------*/

static const char *first_set(const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *value = getenv(names[i]);

		if (value && *value)
			return value;
	}
	return NULL;
}

struct document_route document_find_route(const struct repoconf_section *main, struct arena *arena)
{
	static const char *const proxies[] = { "https_proxy", "HTTPS_PROXY", "all_proxy",
					       "ALL_PROXY" };
	static const char *const exempt[] = { "no_proxy", "NO_PROXY" };
	static const char *const others[] = { "http_proxy", "ftp_proxy", "ftps_proxy" };
	const char *proxy = main->proxy ? main->proxy : first_set(proxies, ARRAY_SIZE(proxies));
	struct document_route route = {
		.section = { .id = DOCUMENT_FOLDER,
			     .file = main->file,
			     .enabled = true,
			     .sslverify = true,
			     .sslcacert = main->sslcacert,
			     .proxy_username = main->proxy_username,
			     .proxy_password = main->proxy_password,
			     .timeout = main->timeout },
		.proxy = arena_strdup(arena, proxy),
		.no_proxy = arena_strdup(arena, first_set(exempt, ARRAY_SIZE(exempt))),
	};

	for (size_t i = 0; i < ARRAY_SIZE(proxies); i++)
		unsetenv(proxies[i]);
	for (size_t i = 0; i < ARRAY_SIZE(exempt); i++)
		unsetenv(exempt[i]);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		setenv(others[i], NOWHERE, 1);
	return route;
}

/* As curl reads no_proxy: "*", or hosts and domains, with or without a dot in front. */
static bool is_exempt(const char *host, const char *list)
{
	size_t host_len = strlen(host), len;

	for (; list && *list; list += len) {
		const char *tail;

		list += strspn(list, ", \t.");
		len = strcspn(list, ", \t");
		tail = len && len <= host_len ? host + host_len - len : NULL;
		if (len == 1 && *list == '*')
			return true;
		if (tail && strncasecmp(tail, list, len) == 0 && (tail == host || tail[-1] == '.'))
			return true;
	}
	return false;
}

static void set_proxy(const struct document_route *route, const char *host)
{
	if (route->proxy && !is_exempt(host, route->no_proxy))
		setenv("https_proxy", route->proxy, 1);
	else
		unsetenv("https_proxy");
}

/* ---- one document -----------------------------------------------------------------------------*/

/* On disk before it has its name. */
static int put_in_place(struct fetch *fetch, const char *arrived, struct document *d,
			struct arena *arena, struct err *err)
{
	_cleanup_close_ int folder = cache_open_folder(fetch->cache, DOCUMENT_FOLDER, err);
	_cleanup_close_ int fd = open(arrived, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	const char *digest = fd >= 0 ? transfer_sha256(fd, arena) : NULL, *name;

	if (folder < 0)
		return -1;
	name = arena_printf(arena, PREFIX "%s", digest ? digest : "");
	/* What a URL with a signature lets out is not for every user of the node. */
	if (!digest || fchmod(fd, 0600) < 0 || fsync(fd) < 0 ||
	    renameat(AT_FDCWD, arrived, folder, name) < 0 || fsync(folder) < 0)
		return err_set_errno(err, EXIT_STATUS_IO, errno,
				     "%s/" DOCUMENT_FOLDER
				     " cannot be written; make room or check its permissions",
				     fetch->cache_path);
	d->path = arena_printf(arena, "%s/" DOCUMENT_FOLDER "/%s", fetch->cache_path, name);
	return 0;
}

static int bring(struct fetch *fetch, const struct document_route *route, const char *folder,
		 const struct document *d, struct err *err)
{
	struct repoconf_section section = route->section;
	struct transfer_spec spec = {
		.section = &section,
		.root = fetch->root,
		.folder = folder,
		.file_bytes_max = DOCUMENT_BYTES_MAX,
	};
	struct transfer_record record = { .type = d->label, .location = d->url, .size = -1 };
	_cleanup_(transfer_freep)
	struct transfer *transfer = NULL;
	struct transfer_count count;
	const char *urls[] = { d->url };
	int r;

	section.baseurls = (struct repoconf_list){ urls, ARRAY_SIZE(urls) };
	if (transfer_open(&spec, &transfer, err) < 0)
		return -1;
	r = transfer_file(transfer, &record, ARRIVED, err);
	count = transfer_count(transfer);
	fetch->count.bytes += count.bytes;
	fetch->count.files += count.files;
	return r;
}

int document_fetch(struct fetch *fetch, const struct document_route *route, struct document *d,
		   struct arena *arena, struct err *err)
{
	char *folder = arena_printf(arena, "%s/tmp-XXXXXX", fetch->cache_path);
	struct err why = ERR_INIT;
	int r = 0;

	set_proxy(route, url_https_host(d->url, arena));
	if (!mkdtemp(folder))
		return err_set_errno(err, EXIT_STATUS_IO, errno,
				     "%s: the cache cannot be written to", fetch->cache_path);
	if (bring(fetch, route, folder, d, &why) < 0)
		r = strstr(why.message, NOWHERE)
			    ? err_set(err, EXIT_STATUS_UNAVAILABLE,
				      "%s: it is redirected to where the connection is not https, "
				      "which is not followed",
				      url_for_people(d->url, arena))
			    : err_set(err, why.status, "%s", why.message);
	err_clear(&why);
	return r < 0 ? -1
		     : put_in_place(fetch, arena_printf(arena, "%s/" ARRIVED, folder), d, arena,
				    err);
}

void document_prune(int cache, int64_t now)
{
	_cleanup_(fsx_names_freep)
	struct fsx_names *names = NULL;
	_cleanup_close_ int folder =
		openat(cache, DOCUMENT_FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;

	if (folder < 0 || fsx_list_at(folder, ".", NULL, &names) < 0)
		return;
	for (size_t i = 0; i < names->n; i++)
		if (starts_with(names->items[i], PREFIX) &&
		    fstatat(folder, names->items[i], &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    st.st_mtim.tv_sec < now - DOCUMENT_AGE_MAX)
			unlinkat(folder, names->items[i], 0);
}
