// SPDX-License-Identifier: Apache-2.0
#include "repo/cache.h"

#include "base/fsx.h"
#include "base/loop.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#define STATE_NAME	"state.json"
#define STATE_FORMAT	1
#define STATE_BYTES_MAX ((size_t)8 * 1024 * 1024)
#define LOCK_NAME	"lock"
#define LOCK_POLL_MSEC	50
#define TEMP_PREFIX	"tmp-"
#define NAME_LENGTH_MAX 200

/* How metadata may be compressed. What repomd.xml calls a file decides nothing else. */
static const char *const suffixes[] = { ".gz", ".xz", ".bz2", ".zst" };

struct cache_state *cache_state_new(void)
{
	struct arena *arena = arena_new();
	struct cache_state *state = arena_alloc(arena, sizeof(*state));

	state->arena = arena;
	state->findings.arena = arena;
	return state;
}

void cache_state_free(struct cache_state *state)
{
	if (state)
		arena_free(state->arena);
}

struct cache_entry *cache_entry_add(struct cache_state *state, const char *id, enum repo_role role)
{
	struct cache_entry *entry = ARENA_PUSH(state->arena, state->entries, state->n_entries);

	entry->id = arena_strdup(state->arena, id);
	entry->role = role;
	entry->status = REPO_ABSENT;
	entry->timestamp = entry->fetched = TIME_UNSET;
	entry->findings.arena = state->arena;
	return entry;
}

struct cache_entry *cache_entry_find(const struct cache_state *state, const char *id)
{
	for (size_t i = 0; i < state->n_entries; i++)
		if (streq(state->entries[i].id, id))
			return &state->entries[i];
	return NULL;
}

const struct cache_file *cache_file_find(const struct cache_entry *entry, const char *type)
{
	for (size_t i = 0; i < entry->n_files; i++)
		if (streq(entry->files[i].type, type))
			return &entry->files[i];
	return NULL;
}

/* ---- files ------------------------------------------------------------------------------------*/

static bool is_lower_word(const char *s, size_t len)
{
	return len > 0 && strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_") >= len;
}

/* TYPE-DIGEST.xml[.SUFFIX] */
bool cache_name_is_valid(const char *name)
{
	const char *dash = strchr(name, '-'), *dot = dash ? strchr(dash, '.') : NULL;

	if (!dot || strlen(name) > NAME_LENGTH_MAX || !is_lower_word(name, (size_t)(dash - name)) ||
	    !is_lower_word(dash + 1, (size_t)(dot - dash - 1)) || !starts_with(dot, ".xml"))
		return false;
	dot += strlen(".xml");
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++)
		if (streq(dot, suffixes[i]))
			return true;
	return !*dot;
}

char *cache_file_name(const char *type, const char *digest, const char *location,
		      struct arena *arena)
{
	const char *suffix = "";

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++)
		if (ends_with(location, suffixes[i]))
			suffix = suffixes[i];
	return arena_printf(arena, "%s-%s.xml%s", type, digest, suffix);
}

int cache_open_file(int cache, const struct cache_file *file)
{
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (!cache_name_is_valid(file->name))
		return -EINVAL;
	fd = openat(cache, file->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size != file->size)
		return -ESTALE;
	return TAKE_FD(fd);
}

/* ---- state.json -> state ----------------------------------------------------------------------*/

/* Reads members of one object; the first that is not as it should be is remembered. */
struct reader {
	struct arena *arena;
	const char *bad; /* key, or NULL */
};

static const char *take_text(struct reader *r, json_t *object, const char *key, bool required)
{
	json_t *value = json_object_get(object, key);

	if (json_is_string(value))
		return arena_strdup(r->arena, json_string_value(value));
	if (required || (value && !json_is_null(value)))
		r->bad = key;
	return NULL;
}

static int64_t take_int(struct reader *r, json_t *object, const char *key, int64_t absent)
{
	json_t *value = json_object_get(object, key);

	if (json_is_integer(value))
		return json_integer_value(value);
	if (value && !json_is_null(value))
		r->bad = key;
	return absent;
}

static json_t *take_list(struct reader *r, json_t *object, const char *key)
{
	json_t *value = json_object_get(object, key);

	if (!json_is_array(value))
		r->bad = key;
	return value;
}

static const char **take_texts(struct reader *r, json_t *object, const char *key, size_t *ret_n)
{
	json_t *list = take_list(r, object, key), *item;
	const char **texts = NULL;
	size_t i, n = 0;

	json_array_foreach(list, i, item)
	{
		if (!json_is_string(item))
			r->bad = key;
		else
			*ARENA_PUSH(r->arena, texts, n) =
				arena_strdup(r->arena, json_string_value(item));
	}
	*ret_n = n;
	return texts;
}

/* Index of the word among the names that @name_of() gives, or the key is bad. */
static int take_word(struct reader *r, json_t *object, const char *key,
		     int (*from_name)(const char *))
{
	const char *text = json_string_value(json_object_get(object, key));
	int value = text ? from_name(text) : -1;

	if (value < 0)
		r->bad = key;
	return value;
}

static int severity_from_name(const char *name)
{
	for (int i = FINDING_INFO; i <= FINDING_ERROR; i++)
		if (streq(finding_severity_name((enum finding_severity)i), name))
			return i;
	return -1;
}

static void take_findings(struct reader *r, json_t *object, struct findings *into)
{
	json_t *item;
	size_t i;

	json_array_foreach(take_list(r, object, "findings"), i, item)
	{
		int severity = take_word(r, item, "severity", severity_from_name);
		const char *code = take_text(r, item, "code", true);
		const char *subject = take_text(r, item, "subject", true);
		const char *message = take_text(r, item, "message", true);

		if (!r->bad)
			finding_add(into, (enum finding_severity)severity, code, subject, "%s",
				    message);
	}
}

static void take_file(struct reader *r, json_t *object, struct cache_file *file)
{
	file->type = take_text(r, object, "type", true);
	file->name = take_text(r, object, "file", true);
	file->checksum = take_text(r, object, "checksum", true);
	file->size = take_int(r, object, "size", -1);
	file->open_size = take_int(r, object, "open_size", -1);
	if (file->size < 0)
		r->bad = "size";
	if (file->name && !cache_name_is_valid(file->name))
		r->bad = "file";
}

static void take_entry(struct reader *r, json_t *object, struct cache_state *state)
{
	int role = take_word(r, object, "role", repo_role_from_name);
	int status = take_word(r, object, "status", repo_status_from_name);
	const char *id = take_text(r, object, "id", true);
	struct cache_entry *e;
	json_t *item;
	size_t i;

	if (r->bad)
		return;
	e = cache_entry_add(state, id, (enum repo_role)role);
	e->status = (enum repo_status)status;
	e->file = take_text(r, object, "config", false);
	e->prospective = take_int(r, object, "prospective", 0);
	e->revision = take_text(r, object, "revision", false);
	e->checksum = take_text(r, object, "checksum", false);
	e->timestamp = take_int(r, object, "timestamp", TIME_UNSET);
	e->fetched = take_int(r, object, "fetched", TIME_UNSET);
	e->expires = take_int(r, object, "expires", 0);
	e->excludes = take_texts(r, object, "excludes", &e->n_excludes);
	if (json_object_get(object, "gpgkeys")) /* not in what older versions wrote */
		e->gpgkeys = take_texts(r, object, "gpgkeys", &e->n_gpgkeys);
	json_array_foreach(take_list(r, object, "files"), i, item)
	{
		take_file(r, item, ARENA_PUSH(state->arena, e->files, e->n_files));
	}
	take_findings(r, object, &e->findings);
}

static int state_from_json(json_t *root, struct cache_state *state, struct err *err)
{
	struct reader r = { .arena = state->arena };
	json_t *item;
	size_t i;

	if (take_int(&r, root, "format", 0) != STATE_FORMAT)
		return err_set(err, EXIT_STATUS_DATA, "it was written by another version of klpd");
	state->signature = take_text(&r, root, "signature", false);
	state->inputs = take_texts(&r, root, "inputs", &state->n_inputs);
	take_findings(&r, root, &state->findings);
	json_array_foreach(take_list(&r, root, "repositories"), i, item)
	{
		take_entry(&r, item, state);
		if (r.bad)
			break;
	}
	if (r.bad)
		return err_set(err, EXIT_STATUS_DATA, "'%s' is not as it should be", r.bad);
	return 0;
}

int cache_read(int cache, struct cache_state **ret, struct err *err)
{
	_cleanup_(cache_state_freep)
	struct cache_state *state = cache_state_new();
	_cleanup_free_ char *text = NULL;
	struct err why = ERR_INIT;
	json_error_t where;
	json_t *root;
	size_t len;
	int r;

	r = fsx_read_at(cache, STATE_NAME, STATE_BYTES_MAX, &text, &len);
	if (r == -ENOENT) {
		*ret = TAKE_PTR(state);
		return 0;
	}
	if (r < 0)
		return err_set_errno(err, EXIT_STATUS_DATA, -r,
				     "the metadata cache's " STATE_NAME " cannot be read");
	root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &where);
	if (!root)
		r = err_set(&why, EXIT_STATUS_DATA, "line %d: %s", where.line, where.text);
	else if (!json_is_object(root))
		r = err_set(&why, EXIT_STATUS_DATA, "it is no object");
	else
		r = state_from_json(root, state, &why);
	json_decref(root);
	if (r < 0) {
		err_set(err, EXIT_STATUS_DATA,
			"the metadata cache's " STATE_NAME " is damaged (%s); the next fetch "
			"makes it anew",
			why.message);
		err_clear(&why);
		return -1;
	}
	*ret = TAKE_PTR(state);
	return 0;
}

/* ---- state -> state.json ----------------------------------------------------------------------*/

/* The texts of findings hold what a server or a file said: not always UTF-8. */
static json_t *text_json(const char *text)
{
	json_t *value = text ? json_string(text) : json_null();
	_cleanup_free_ char *ascii = NULL;

	if (value)
		return value;
	ascii = xstrdup(text);
	for (char *p = ascii; *p; p++)
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	return json_string(ascii);
}

static json_t *int_json(int64_t value, int64_t absent)
{
	return value == absent ? json_null() : json_integer(value);
}

static json_t *texts_json(const char *const *texts, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, text_json(texts[i]));
	return list;
}

static json_t *findings_json(const struct findings *findings)
{
	json_t *list = json_array();

	for (size_t i = 0; i < findings->n; i++) {
		const struct finding *f = &findings->items[i];

		json_array_append_new(
			list, json_pack("{s:s,s:s,s:o,s:o}", "code", f->code, "severity",
					finding_severity_name(f->severity), "subject",
					text_json(f->subject), "message", text_json(f->message)));
	}
	return list;
}

static json_t *entry_json(const struct cache_entry *e)
{
	json_t *files = json_array();

	for (size_t i = 0; i < e->n_files; i++) {
		const struct cache_file *f = &e->files[i];

		json_array_append_new(files, json_pack("{s:s,s:s,s:s,s:I,s:o}", "type", f->type,
						       "file", f->name, "checksum", f->checksum,
						       "size", (json_int_t)f->size, "open_size",
						       int_json(f->open_size, -1)));
	}
	return json_pack("{s:o,s:s,s:s,s:o,s:i,s:o,s:o,s:o,s:o,s:I,s:o,s:o,s:o,s:o}", "id",
			 text_json(e->id), "role", repo_role_name(e->role), "status",
			 repo_status_name(e->status), "config", text_json(e->file), "prospective",
			 e->prospective, "revision", text_json(e->revision), "checksum",
			 text_json(e->checksum), "timestamp", int_json(e->timestamp, TIME_UNSET),
			 "fetched", int_json(e->fetched, TIME_UNSET), "expires",
			 (json_int_t)e->expires, "excludes", texts_json(e->excludes, e->n_excludes),
			 "gpgkeys", texts_json(e->gpgkeys, e->n_gpgkeys), "files", files,
			 "findings", findings_json(&e->findings));
}

int cache_write(int cache, const struct cache_state *state, struct err *err)
{
	json_t *list = json_array(), *root;
	_cleanup_free_ char *text = NULL;
	int r;

	for (size_t i = 0; i < state->n_entries; i++)
		json_array_append_new(list, entry_json(&state->entries[i]));
	root = json_pack("{s:i,s:o,s:o,s:o,s:o}", "format", STATE_FORMAT, "signature",
			 text_json(state->signature), "inputs",
			 texts_json((const char *const *)state->inputs, state->n_inputs),
			 "findings", findings_json(&state->findings), "repositories", list);
	text = json_dumps(root, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
	json_decref(root);
	if (!text)
		return err_set(err, EXIT_STATUS_TEMPFAIL,
			       "the state of the metadata cache cannot be put into words: "
			       "out of memory");
	r = fsx_write_atomic_at(cache, STATE_NAME, text, strlen(text), 0644);
	if (r < 0)
		return err_set_errno(err, EXIT_STATUS_IO, -r,
				     "the metadata cache's " STATE_NAME
				     " cannot be written; make room or check its permissions");
	return 0;
}

/* ---- freshness --------------------------------------------------------------------------------*/

/* FNV-1a: tells changes from one another, protects against nobody. */
static uint64_t mix(uint64_t hash, const void *data, size_t len)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
	return hash;
}

static uint64_t mix_stat(uint64_t hash, const char *name, const struct stat *st)
{
	int64_t facts[] = { (int64_t)st->st_size, (int64_t)st->st_mtim.tv_sec,
			    (int64_t)st->st_mtim.tv_nsec, (int64_t)st->st_ino,
			    (int64_t)(st->st_mode & S_IFMT) };

	hash = mix(hash, name, strlen(name) + 1);
	return mix(hash, facts, sizeof(facts));
}

static uint64_t mix_path(uint64_t hash, int root, const char *path)
{
	_cleanup_(fsx_names_freep)
	struct fsx_names *names = NULL;
	_cleanup_close_ int fd = fsx_open_at(root, path, O_PATH);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return mix(hash, path, strlen(path) + 1);
	if (!S_ISDIR(st.st_mode))
		return mix_stat(hash, path, &st);
	/* The directory's own time is left out: backup files of editors and the like come and go.
	 */
	hash = mix(hash, path, strlen(path) + 1);
	if (fsx_list_at(root, path, NULL, &names) < 0)
		return hash;
	for (size_t i = 0; i < names->n; i++) {
		_cleanup_free_ char *member = xasprintf("%s/%s", path, names->items[i]);
		_cleanup_close_ int m = fsx_open_at(root, member, O_PATH);

		if (m >= 0 && fstat(m, &st) == 0)
			hash = mix_stat(hash, member, &st);
	}
	return hash;
}

char *cache_signature(int root, const char *const *inputs, size_t n)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < n; i++)
		hash = mix_path(hash, root, inputs[i]);
	return xasprintf("%016llx", (unsigned long long)hash);
}

bool cache_is_fresh(int cache, int root, int64_t now)
{
	_cleanup_(cache_state_freep)
	struct cache_state *state = NULL;
	_cleanup_free_ char *signature = NULL;

	if (cache_read(cache, &state, NULL) < 0 || !state->signature || state->n_entries == 0)
		return false;
	for (size_t i = 0; i < state->n_entries; i++) {
		const struct cache_entry *e = &state->entries[i];

		/* Fetched in the future: the clock was set back, and the times mean nothing. */
		if (e->expires <= now || e->fetched > now)
			return false;
		for (size_t k = 0; k < e->n_files; k++) {
			_cleanup_close_ int fd = cache_open_file(cache, &e->files[k]);

			if (fd < 0)
				return false;
		}
	}
	signature = cache_signature(root, state->inputs, state->n_inputs);
	return streq(signature, state->signature);
}

/* ---- writers ----------------------------------------------------------------------------------*/

int cache_lock(int cache, int64_t wait_msec, struct err *err)
{
	static const struct timespec pause = { .tv_nsec = LOCK_POLL_MSEC * 1000000L };
	int64_t until = loop_now() + wait_msec;
	_cleanup_close_ int fd = openat(
		cache, LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
	char holder[24];

	if (fd < 0)
		return err_set_errno(err, EXIT_STATUS_IO, errno,
				     "the metadata cache cannot be locked: its file 'lock'");
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		ssize_t n;

		if (errno != EWOULDBLOCK)
			return err_set_errno(err, EXIT_STATUS_IO, errno,
					     "the metadata cache cannot be locked");
		if (loop_now() < until) {
			nanosleep(&pause, NULL);
			continue;
		}
		n = pread(fd, holder, sizeof(holder) - 1, 0);
		holder[n > 0 ? n : 0] = '\0';
		return err_set(err, EXIT_STATUS_TEMPFAIL,
			       "the metadata cache is being written by process %.*s; try again "
			       "when it is done",
			       (int)strspn(holder, "0123456789"), holder);
	}
	snprintf(holder, sizeof(holder), "%ld\n", (long)getpid());
	/* Only for the sentence above: a full disk is no reason to fail here. */
	if (ftruncate(fd, 0) < 0 || pwrite(fd, holder, strlen(holder), 0) < 0)
		errno = 0;
	return TAKE_FD(fd);
}

static bool is_named(const struct cache_state *state, const char *name)
{
	for (size_t i = 0; i < state->n_entries; i++)
		for (size_t k = 0; k < state->entries[i].n_files; k++)
			if (streq(state->entries[i].files[k].name, name))
				return true;
	return false;
}

/* Removes what is in a directory, and the directories in it, without following a link. */
static void empty_directory(int parent, const char *name)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *item;

	if (!dir) {
		closep(&fd);
		return;
	}
	while ((item = readdir(dir))) {
		if (streq(item->d_name, ".") || streq(item->d_name, ".."))
			continue;
		if (unlinkat(dirfd(dir), item->d_name, 0) == 0)
			continue;
		empty_directory(dirfd(dir), item->d_name);
		unlinkat(dirfd(dir), item->d_name, AT_REMOVEDIR);
	}
	closedir(dir);
}

int cache_open_folder(int cache, const char *name, struct err *err)
{
	int fd;

	if (mkdirat(cache, name, 0755) < 0 && errno != EEXIST)
		return err_set_errno(err, EXIT_STATUS_IO, errno,
				     "the cache's folder %s cannot be made", name);
	fd = openat(cache, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd >= 0 ? fd
		       : err_set_errno(err, EXIT_STATUS_IO, errno,
				       "the cache's folder %s cannot be opened", name);
}

/*
 * Only what looks like ours is removed: whoever names a wrong directory loses nothing. The
 * temporary files of fsx_write_atomic_at() start with a dot and the name of their target.
 */
void cache_prune(int cache, const struct cache_state *state)
{
	int fd = openat(cache, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *item;

	if (!dir) {
		closep(&fd);
		return;
	}
	while ((item = readdir(dir))) {
		const char *name = item->d_name;

		if (starts_with(name, TEMP_PREFIX)) {
			empty_directory(cache, name);
			unlinkat(cache, name, AT_REMOVEDIR);
		} else if (starts_with(name, "." STATE_NAME) ||
			   (state && cache_name_is_valid(name) && !is_named(state, name))) {
			unlinkat(cache, name, 0);
		}
	}
	closedir(dir);
}
