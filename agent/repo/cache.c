// SPDX-License-Identifier: Apache-2.0
#include "repo/cache.h"

#include "base/fsx.h"
#include "base/timex.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#define FORMAT	     1
#define LOCK_FILE    "lock"
#define LOCK_STEP_MS 50

/* Directories whose entries, and files which, make up the repository configuration. */
static const char *const config_dirs[] = { "etc/yum.repos.d", "etc/distro.repos.d",
					   "etc/yum/repos.d", "etc/yum/vars", "etc/dnf/vars" };
static const char *const config_files[] = { "etc/yum.conf",	  "etc/yum/yum.conf",
					    "etc/dnf/dnf.conf",	  "etc/os-release",
					    "etc/system-release", "etc/klpd/klpd.yaml" };

/* ---- values --------------------------------------------------------------------------------- */

struct cache_state *cache_state_new(void)
{
	struct cache_state *state = xcalloc(1, sizeof(*state));

	state->arena = arena_new();
	return state;
}

void cache_state_free(struct cache_state *state)
{
	if (!state)
		return;
	arena_free(state->arena);
	free(state);
}

struct cache_entry *cache_state_add(struct cache_state *state, const char *id, enum repo_role role)
{
	struct cache_entry *e = ARENA_PUSH(state->arena, state->entries, state->n_entries);

	*e = (struct cache_entry){
		.id = arena_strdup(state->arena, id),
		.role = role,
		.status = REPO_UNREACHABLE,
		.timestamp = TIME_UNSET,
		.fetched = TIME_UNSET,
		.expires = TIME_UNSET,
		.findings = { .arena = state->arena },
	};
	return e;
}

const struct cache_entry *cache_state_find(const struct cache_state *state, const char *id)
{
	for (size_t i = 0; i < state->n_entries; i++)
		if (streq(state->entries[i].id, id))
			return &state->entries[i];
	return NULL;
}

/* ---- reading -------------------------------------------------------------------------------- */

static const char *get_text(struct arena *arena, json_t *object, const char *key)
{
	return arena_strdup(arena, json_string_value(json_object_get(object, key)));
}

static int64_t get_number(json_t *object, const char *key, int64_t fallback)
{
	json_t *value = json_object_get(object, key);

	return json_is_integer(value) ? json_integer_value(value) : fallback;
}

/* A name that could leave the directory was not written by us. */
static struct cache_file get_file(struct arena *arena, json_t *entry, const char *key)
{
	json_t *object = json_object_get(entry, key);
	struct cache_file file = {
		.name = get_text(arena, object, "name"),
		.checksum = get_text(arena, object, "checksum"),
		.size = get_number(object, "size", 0),
		.open_size = get_number(object, "open_size", 0),
	};

	if (file.name && (strchr(file.name, '/') || file.name[0] == '.'))
		file.name = NULL;
	return file;
}

static void get_findings(json_t *entry, struct findings *findings)
{
	json_t *item;
	size_t i;

	json_array_foreach(json_object_get(entry, "findings"), i, item)
	{
		const char *code = json_string_value(json_object_get(item, "code"));
		const char *subject = json_string_value(json_object_get(item, "subject"));
		const char *message = json_string_value(json_object_get(item, "message"));
		int64_t severity = get_number(item, "severity", FINDING_WARNING);

		if (code && subject && message && severity >= FINDING_INFO &&
		    severity <= FINDING_ERROR)
			finding_add(findings, (enum finding_severity)severity, code, subject, "%s",
				    message);
	}
}

static void get_excludes(struct arena *arena, json_t *entry, struct doc_list *list)
{
	const char **items = NULL;
	json_t *item;
	size_t i;

	json_array_foreach(json_object_get(entry, "excludes"), i, item) if (json_is_string(item)) *
		ARENA_PUSH(arena, items, list->n) = arena_strdup(arena, json_string_value(item));
	list->items = items;
}

static bool get_entry(struct cache_state *state, json_t *object)
{
	const char *id = json_string_value(json_object_get(object, "id"));
	const char *role_name = json_string_value(json_object_get(object, "role"));
	const char *status_name = json_string_value(json_object_get(object, "status"));
	int role = role_name ? repo_role_from_name(role_name) : -1;
	int status = status_name ? repo_status_from_name(status_name) : -1;
	struct cache_entry *e;

	if (!id || role < 0 || status < 0)
		return false;
	e = cache_state_add(state, id, (enum repo_role)role);
	e->status = (enum repo_status)status;
	e->revision = get_text(state->arena, object, "revision");
	e->checksum = get_text(state->arena, object, "checksum");
	e->timestamp = get_number(object, "timestamp", TIME_UNSET);
	e->fetched = get_number(object, "fetched", TIME_UNSET);
	e->expires = get_number(object, "expires", TIME_UNSET);
	e->updateinfo = get_file(state->arena, object, "updateinfo");
	e->primary = get_file(state->arena, object, "primary");
	get_excludes(state->arena, object, &e->excludes);
	get_findings(object, &e->findings);
	return true;
}

static bool parse_state(struct cache_state *state, json_t *root)
{
	json_t *item;
	size_t i;

	if (get_number(root, "format", 0) != FORMAT)
		return false;
	state->signature = get_text(state->arena, root, "signature");
	json_array_foreach(json_object_get(root, "repositories"), i,
			   item) if (!get_entry(state, item)) return false;
	return state->signature != NULL;
}

struct cache_state *cache_load(int cache)
{
	_cleanup_(cache_state_freep)
	struct cache_state *state = cache_state_new();
	_cleanup_free_ char *text = NULL;
	json_auto_t *root = NULL;
	size_t len;

	if (fsx_read_at(cache, CACHE_STATE_FILE, CACHE_STATE_MAX, &text, &len) == 0)
		root = json_loadb(text, len, 0, NULL);
	if (root && parse_state(state, root))
		return TAKE_PTR(state);
	return cache_state_new();
}

/* ---- writing -------------------------------------------------------------------------------- */

static json_t *text_or_null(const char *text)
{
	json_t *value = text ? json_string(text) : NULL;

	return value ? value : json_null();
}

static json_t *file_json(const struct cache_file *file)
{
	if (!file->name)
		return json_null();
	return json_pack("{s:o,s:o,s:I,s:I}", "name", text_or_null(file->name), "checksum",
			 text_or_null(file->checksum), "size", (json_int_t)file->size, "open_size",
			 (json_int_t)file->open_size);
}

static json_t *entry_json(const struct cache_entry *e)
{
	json_t *excludes = json_array(), *findings = json_array();

	for (size_t i = 0; i < e->excludes.n; i++)
		json_array_append_new(excludes, text_or_null(e->excludes.items[i]));
	for (size_t i = 0; i < e->findings.n; i++) {
		const struct finding *f = &e->findings.items[i];

		json_array_append_new(findings, json_pack("{s:s,s:i,s:o,s:o}", "code", f->code,
							  "severity", (int)f->severity, "subject",
							  text_or_null(f->subject), "message",
							  text_or_null(f->message)));
	}
	return json_pack(
		"{s:o,s:s,s:s,s:o,s:o,s:I,s:I,s:I,s:o,s:o,s:o,s:o}", "id", text_or_null(e->id),
		"role", repo_role_name(e->role), "status", repo_status_name(e->status), "revision",
		text_or_null(e->revision), "checksum", text_or_null(e->checksum), "timestamp",
		(json_int_t)e->timestamp, "fetched", (json_int_t)e->fetched, "expires",
		(json_int_t)e->expires, "excludes", excludes, "updateinfo",
		file_json(&e->updateinfo), "primary", file_json(&e->primary), "findings", findings);
}

static bool is_referenced(const struct cache_state *state, const char *name)
{
	if (streq(name, CACHE_STATE_FILE) || streq(name, LOCK_FILE))
		return true;
	for (size_t i = 0; i < state->n_entries; i++)
		if (streq_null(state->entries[i].updateinfo.name, name) ||
		    streq_null(state->entries[i].primary.name, name))
			return true;
	return false;
}

static void prune(int cache, const struct cache_state *state)
{
	_cleanup_(fsx_names_freep)
	struct fsx_names *names = NULL;

	if (fsx_list_at(cache, ".", NULL, &names) < 0)
		return;
	for (size_t i = 0; i < names->n; i++)
		if (!is_referenced(state, names->items[i]))
			unlinkat(cache, names->items[i], 0);
}

int cache_store(int cache, const struct cache_state *state, struct err *err)
{
	json_t *repositories = json_array();
	json_auto_t *root = NULL;
	_cleanup_free_ char *text = NULL;
	int r;

	for (size_t i = 0; i < state->n_entries; i++)
		json_array_append_new(repositories, entry_json(&state->entries[i]));
	root = json_pack("{s:i,s:o,s:o}", "format", FORMAT, "signature",
			 text_or_null(state->signature), "repositories", repositories);
	text = json_dumps(root, JSON_INDENT(1));
	if (!text)
		return err_set(err, EXIT_STATUS_SOFTWARE, "the cache state cannot be written down");
	r = fsx_write_atomic_at(cache, CACHE_STATE_FILE, text, strlen(text), 0644);
	if (r < 0)
		return err_set_errno(err, EXIT_STATUS_IO, -r, "writing %s into the cache",
				     CACHE_STATE_FILE);
	prune(cache, state);
	return 0;
}

/* ---- freshness ------------------------------------------------------------------------------ */

/* FNV-1a: only change must be noticed, nobody attacks it. */
static void mix(uint64_t *hash, const void *data, size_t len)
{
	const unsigned char *p = data;

	for (size_t i = 0; i < len; i++)
		*hash = (*hash ^ p[i]) * 0x100000001b3ULL;
}

static void mix_file(uint64_t *hash, int root, const char *path)
{
	_cleanup_close_ int fd = fsx_open_at(root, path, O_PATH);
	_cleanup_free_ char *line = NULL;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return;
	line = xasprintf("%s %lld %lld.%09ld %llu\n", path, (long long)st.st_size,
			 (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
			 (unsigned long long)st.st_ino);
	mix(hash, line, strlen(line));
}

char *cache_signature(int root, struct arena *arena)
{
	uint64_t hash = 0xcbf29ce484222325ULL;

	for (size_t i = 0; i < ARRAY_SIZE(config_dirs); i++) {
		_cleanup_(fsx_names_freep)
		struct fsx_names *names = NULL;

		if (fsx_list_at(root, config_dirs[i], NULL, &names) < 0)
			continue;
		for (size_t k = 0; k < names->n; k++) {
			_cleanup_free_ char *path =
				xasprintf("%s/%s", config_dirs[i], names->items[k]);

			mix_file(&hash, root, path);
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(config_files); i++)
		mix_file(&hash, root, config_files[i]);
	return arena_printf(arena, "%016llx", (unsigned long long)hash);
}

bool cache_is_fresh(int cache, int root, int64_t now)
{
	_cleanup_(cache_state_freep)
	struct cache_state *state = cache_load(cache);

	if (!state->signature || !streq(state->signature, cache_signature(root, state->arena)))
		return false;
	for (size_t i = 0; i < state->n_entries; i++) {
		const struct cache_entry *e = &state->entries[i];

		if (e->status == REPO_DISABLED || e->status == REPO_ABSENT)
			continue; /* the signature watches those */
		/* A clock that went back must not keep old metadata alive. */
		if (e->status != REPO_OK || e->fetched == TIME_UNSET || e->fetched > now ||
		    e->expires <= now)
			return false;
	}
	return true;
}

/* ---- files ---------------------------------------------------------------------------------- */

int cache_open_file(int cache, const struct cache_file *file)
{
	int fd = openat(cache, file->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? -errno : fd;
}

int cache_lock(int cache, int64_t msec)
{
	_cleanup_close_ int fd =
		openat(cache, LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return -errno;
	for (;;) {
		const struct timespec step = { 0, LOCK_STEP_MS * 1000000L };

		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return TAKE_FD(fd);
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (msec <= 0)
			return -EWOULDBLOCK;
		nanosleep(&step, NULL);
		msec -= LOCK_STEP_MS;
	}
}
