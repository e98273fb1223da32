// SPDX-License-Identifier: Apache-2.0
#include "worker/gather.h"

#include "metadata/markup.h"
#include "metadata/updateinfo.h"
#include "probe/probe.h"
#include "repo/cache.h"
#include "solv/available.h"
#include "worker/extracts.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define BLOCK_SIZE ((size_t)64 * 1024)

/*
 * Each repository is read into a snapshot of its own, a part, out of its metadata or out of its
 * extract; the parts are put together.
 */
struct gather {
	struct snapshot *snapshot;
	const struct platform *platform;
	int cache;
	bool prospective; /* look at what is going to be enabled */
	struct wanted wanted;
	struct extracts extracts;
};

static bool is_tracked(void *userdata, const char *name)
{
	return platform_tracks(userdata, name);
}

/* ---- repositories -----------------------------------------------------------------------------
 */

static void add_repository(struct gather *g, const struct cache_entry *e)
{
	struct catalogue *c = &g->snapshot->catalogue;
	struct arena *arena = g->snapshot->arena;
	struct repository *r = ARENA_PUSH(arena, c->repositories, c->n_repositories);
	const char **excludes = NULL;

	*r = (struct repository){
		.id = arena_strdup(arena, e->id),
		.role = e->role,
		.status = e->status,
		.file = arena_strdup(arena, e->file),
		.prospective = e->prospective,
		.revision = arena_strdup(arena, e->revision),
		.checksum = arena_strdup(arena, e->checksum),
		.fetched = e->fetched,
	};
	if (!g->prospective) /* what was fetched for a plan counts for such plans only */
		r->status = repository_status(r);
	for (size_t i = 0; i < e->n_excludes; i++)
		*ARENA_PUSH(arena, excludes, r->n_excludes) = arena_strdup(arena, e->excludes[i]);
	r->excludes = excludes;
	findings_copy(&g->snapshot->findings, &e->findings);
}

/* The role's patterns when the cache knows nothing of the role: nothing was ever fetched. */
static void add_unknown(struct gather *g, enum repo_role role, const char *const *patterns,
			size_t n_patterns)
{
	struct catalogue *c = &g->snapshot->catalogue;

	for (size_t i = 0; i < c->n_repositories; i++)
		if (platform_repo_serves(g->platform, &c->repositories[i], role))
			return;
	if (!n_patterns)
		return;
	for (size_t i = 0; i < n_patterns; i++)
		*ARENA_PUSH(g->snapshot->arena, c->repositories, c->n_repositories) =
			(struct repository){
				.id = arena_strdup(g->snapshot->arena, patterns[i]),
				.role = role,
				.status = REPO_UNREACHABLE,
				.fetched = TIME_UNSET,
			};
	finding_add(&g->snapshot->findings, FINDING_ERROR, "metadata-absent", patterns[0],
		    "no metadata of the %s repositories is at hand; scan with network access",
		    repo_role_name(role));
}

/* ---- metadata ---------------------------------------------------------------------------------
 */

int gather_open(int cache, const struct cache_entry *entry, const char *type, struct stream **ret,
		struct err *err)
{
	const struct cache_file *file = cache_file_find(entry, type);
	_cleanup_close_ int fd = -1;

	if (!file)
		return 1;
	fd = cache_open_file(cache, file);
	if (fd < 0)
		return err_set(err, EXIT_STATUS_DATA, "%s: the cached %s is not usable (%s)",
			       entry->id, type,
			       fd == -ESTALE ? "its size has changed" : strerror(-fd));
	return stream_open(fd, file->name, MARKUP_BYTES_MAX, file->open_size, ret, err);
}

static int pump(struct stream *stream, struct updateinfo *reader, struct err *err)
{
	_cleanup_free_ char *block = xmalloc(BLOCK_SIZE);
	size_t len;

	do {
		if (stream_read(stream, block, BLOCK_SIZE, &len, err) < 0 ||
		    (len && updateinfo_feed(reader, block, len, err) < 0))
			return -1;
	} while (len);
	return 0;
}

static int read_updateinfo(struct gather *g, const struct cache_entry *e, struct snapshot *part,
			   struct err *err)
{
	struct catalogue *c = &part->catalogue;
	const struct updateinfo_options options = {
		.repo_id = e->id,
		.wanted = &g->wanted,
		.arena = part->arena,
		.findings = &part->findings,
	};
	_cleanup_(stream_closep)
	struct stream *stream = NULL;
	_cleanup_(updateinfo_freep)
	struct updateinfo *reader = NULL;
	int r = gather_open(g->cache, e, "updateinfo", &stream, err);

	if (r != 0)
		return r < 0 ? -1 : 0; /* a repository without updateinfo is normal */
	reader = updateinfo_new(&options);
	if (pump(stream, reader, err) < 0 ||
	    updateinfo_finish(reader, &c->advisories, &c->n_advisories, err) < 0)
		return -1;
	c->repositories[0].updateinfo_read = true;
	return 0;
}

static int read_primary(struct gather *g, const struct cache_entry *e, struct snapshot *part,
			struct err *err)
{
	struct catalogue *c = &part->catalogue;
	const struct available_options options = {
		.repo_id = e->id,
		.wanted = &g->wanted,
		.arena = part->arena,
		.findings = &part->findings,
	};
	_cleanup_(stream_closep)
	struct stream *stream = NULL;
	int r;

	if (e->role != REPO_ROLE_LIVEPATCH)
		return 0;
	r = gather_open(g->cache, e, "primary", &stream, err);
	if (r > 0)
		return err_set(err, EXIT_STATUS_DATA, "%s: its package list was not fetched",
			       e->id);
	if (r < 0 || available_read(&options, stream, &c->packages, &c->n_packages, err) < 0)
		return -1;
	c->repositories[0].primary_read = true;
	return 0;
}

/* A broken file costs its repository: the part keeps nothing but findings. */
static struct snapshot *read_metadata(struct gather *g, const struct cache_entry *e)
{
	struct snapshot *part = snapshot_new();
	struct catalogue *c = &part->catalogue;
	struct err err = ERR_INIT;

	*ARENA_PUSH(part->arena, c->repositories, c->n_repositories) = (struct repository){
		.id = arena_strdup(part->arena, e->id),
		.role = e->role,
		.fetched = TIME_UNSET,
	};
	if (read_updateinfo(g, e, part, &err) == 0 && read_primary(g, e, part, &err) == 0)
		return part;
	c->n_advisories = c->n_packages = 0;
	c->repositories[0].status = REPO_INVALID;
	finding_add(&part->findings, FINDING_ERROR, "metadata-invalid", e->id,
		    "%s; nothing of this repository is used until klpctl scan --refresh succeeds",
		    err.message);
	err_clear(&err);
	return part;
}

/* @part's only repository is number @repo of the whole. */
static void put_in(struct snapshot *whole, size_t repo, struct snapshot *part)
{
	struct catalogue *c = &whole->catalogue;
	const struct catalogue *from = &part->catalogue;
	struct repository *r = &c->repositories[repo];

	if (from->repositories[0].status == REPO_INVALID)
		r->status = REPO_INVALID;
	r->updateinfo_read = from->repositories[0].updateinfo_read;
	r->primary_read = from->repositories[0].primary_read;
	for (size_t i = 0; i < from->n_advisories; i++) {
		struct advisory *a = ARENA_PUSH(whole->arena, c->advisories, c->n_advisories);

		*a = from->advisories[i];
		a->repo = repo;
	}
	for (size_t i = 0; i < from->n_packages; i++) {
		struct available *a = ARENA_PUSH(whole->arena, c->packages, c->n_packages);

		*a = from->packages[i];
		a->repo = repo;
	}
	findings_copy(&whole->findings, &part->findings);
	arena_absorb(whole->arena, part->arena);
}

static void read_repository(struct gather *g, const struct cache_entry *e, size_t repo)
{
	_cleanup_(snapshot_freep)
	struct snapshot *part = NULL;
	const char *key;

	if (!repository_usable(&g->snapshot->catalogue.repositories[repo]))
		return;
	key = extracts_key(&g->extracts, e, g->platform);
	part = extracts_read(&g->extracts, key);
	if (!part) {
		part = read_metadata(g, e);
		if (part->catalogue.repositories[0].status == REPO_OK)
			extracts_write(&g->extracts, key, part);
	}
	put_in(g->snapshot, repo, part);
}

static void read_cache(struct gather *g, const char *path, struct findings *findings)
{
	_cleanup_(cache_state_freep)
	struct cache_state *state = NULL;
	struct err err = ERR_INIT;

	g->cache = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (g->cache < 0)
		return;
	if (cache_read(g->cache, &state, &err) < 0) {
		finding_add(findings, FINDING_WARNING, "cache-damaged", path,
			    "%s; the next fetch makes it anew", err.message);
		err_clear(&err);
		return;
	}
	findings_copy(findings, &state->findings);
	extracts_open(&g->extracts, g->cache, g->snapshot->arena);
	for (size_t i = 0; i < state->n_entries; i++) {
		add_repository(g, &state->entries[i]);
		read_repository(g, &state->entries[i], i);
	}
	extracts_close(&g->extracts);
}

void gather_node(struct session *s)
{
	const struct probe_request request = {
		.root = s->root,
		.root_path = s->request.root,
		.kernel = s->request.kernel,
	};

	probe_node(&request, s->platform, s->snapshot);
}

void gather(struct session *s)
{
	const struct platform *p = s->platform;
	struct gather g = {
		.snapshot = s->snapshot,
		.platform = p,
		.cache = -1,
		.prospective = s->request.configure == PLAN_CONFIGURE_ENABLE,
		.wanted = { is_tracked, (void *)p },
	};

	gather_node(s);
	if (!p)
		return;
	if (s->request.cache)
		read_cache(&g, s->request.cache, &s->snapshot->findings);
	closep(&g.cache);
	add_unknown(&g, REPO_ROLE_LIVEPATCH, p->livepatch_repos, p->n_livepatch_repos);
	add_unknown(&g, REPO_ROLE_KERNEL, p->kernel_repos, p->n_kernel_repos);
}
