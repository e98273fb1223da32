// SPDX-License-Identifier: Apache-2.0
#include "worker/extracts.h"

#include "base/fsx.h"
#include "codec/snapshot.h"
#include "metadata/markup.h"
#include "solv/available.h"
#include "solv/digest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIRECTORY "extracts"
#define MODE	  0644

/* A digest of the sources of what reads metadata, made by the Makefile. */
static const char sources[] =
#include "sources.inc"
	;

void extracts_open(struct extracts *x, int cache, struct arena *arena)
{
	*x = (struct extracts){ .dir = -1, .arena = arena };
	if (mkdirat(cache, DIRECTORY, 0755) < 0 && errno != EEXIST && errno != EROFS &&
	    errno != EACCES)
		return;
	x->dir = openat(cache, DIRECTORY, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

static bool is_used(const struct extracts *x, const char *name)
{
	for (size_t i = 0; i < x->n; i++)
		if (streq(x->names[i], name))
			return true;
	return false;
}

/* Everything there is ours; hidden files are what a killed writer left. */
static void prune(const struct extracts *x)
{
	int fd = fcntl(x->dir, F_DUPFD_CLOEXEC, 0);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *item;

	if (!dir) {
		closep(&fd);
		return;
	}
	while ((item = readdir(dir)))
		if (!is_used(x, item->d_name))
			unlinkat(x->dir, item->d_name, 0); /* "." and ".." are directories */
	closedir(dir);
}

void extracts_close(struct extracts *x)
{
	if (x->written)
		prune(x);
	closep(&x->dir);
}

/* The names that platform_tracks() knows: another profile keeps other packages. */
static char *wanted_names(struct arena *arena, const struct platform *p)
{
	char *text = arena_printf(arena, "%s %s", p->livepatch_prefix, p->livepatch_package);

	for (size_t i = 0; i < p->n_runtime; i++)
		text = arena_printf(arena, "%s %s", text, p->runtime[i]);
	for (size_t i = 0; i < p->n_tools; i++)
		text = arena_printf(arena, "%s %s", text, p->tools[i]);
	for (size_t i = 0; i < p->n_kernels; i++)
		for (size_t k = 0; k < p->kernels[i].n_packages; k++)
			text = arena_printf(arena, "%s %s", text, p->kernels[i].packages[k]);
	return text;
}

const char *extracts_key(struct extracts *x, const struct cache_entry *entry,
			 const struct platform *platform)
{
	char *text = arena_printf(x->arena, "%s\n%s\n%s\n%s\n%s\n%s", sources, markup_library(),
				  available_library(), wanted_names(x->arena, platform), entry->id,
				  repo_role_name(entry->role));

	for (size_t i = 0; i < entry->n_files; i++)
		text = arena_printf(x->arena, "%s\n%s %s", text, entry->files[i].type,
				    entry->files[i].checksum);
	return arena_printf(x->arena, "%s.json", digest_sha256_hex(x->arena, text, strlen(text)));
}

struct snapshot *extracts_read(struct extracts *x, const char *key)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_(snapshot_freep)
	struct snapshot *part = NULL;
	size_t len;

	if (x->dir < 0 || fsx_read_at(x->dir, key, SNAPSHOT_BYTES_MAX, &text, &len) < 0 ||
	    codec_snapshot_parse(text, len, key, &part, NULL) < 0)
		return NULL;
	if (part->catalogue.n_repositories != 1)
		return NULL;
	*ARENA_PUSH(x->arena, x->names, x->n) = key;
	return TAKE_PTR(part);
}

void extracts_write(struct extracts *x, const char *key, const struct snapshot *part)
{
	json_t *json;
	char *text;

	if (x->dir < 0)
		return;
	json = codec_snapshot_to_json(part);
	text = json_dumps(json, JSON_COMPACT);
	if (text && fsx_write_atomic_at(x->dir, key, text, strlen(text), MODE) == 0) {
		*ARENA_PUSH(x->arena, x->names, x->n) = key;
		x->written = true;
	}
	free(text);
	json_decref(json);
}
