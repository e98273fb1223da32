// SPDX-License-Identifier: Apache-2.0
#include "worker/gather.h"

#include "metadata/markup.h"
#include "metadata/updateinfo.h"
#include "probe/probe.h"
#include "repo/cache.h"
#include "solv/available.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define BLOCK_SIZE ((size_t)64 * 1024)

struct gather {
	struct snapshot *snapshot;
	int cache;
	struct wanted wanted;
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
		.revision = arena_strdup(arena, e->revision),
		.checksum = arena_strdup(arena, e->checksum),
		.fetched = e->fetched,
	};
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
		if (c->repositories[i].role == role)
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

/* Return: 0, 1 when the repository has no such file, or -1 with @err. */
static int open_stream(struct gather *g, const struct cache_entry *e, const char *type,
		       struct stream **ret, struct err *err)
{
	const struct cache_file *file = cache_file_find(e, type);
	_cleanup_close_ int fd = -1;

	if (!file)
		return 1;
	fd = cache_open_file(g->cache, file);
	if (fd < 0)
		return err_set(err, EXIT_STATUS_DATA, "%s: the cached %s is not usable (%s)", e->id,
			       type, fd == -ESTALE ? "its size has changed" : strerror(-fd));
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

static void append_advisories(struct catalogue *c, struct arena *arena,
			      const struct advisory *advisories, size_t n)
{
	for (size_t i = 0; i < n; i++)
		*ARENA_PUSH(arena, c->advisories, c->n_advisories) = advisories[i];
}

static int read_updateinfo(struct gather *g, const struct cache_entry *e, size_t repo,
			   struct err *err)
{
	struct catalogue *c = &g->snapshot->catalogue;
	const struct updateinfo_options options = {
		.repo_id = e->id,
		.repo = repo,
		.wanted = &g->wanted,
		.arena = g->snapshot->arena,
		.findings = &g->snapshot->findings,
	};
	_cleanup_(stream_closep)
	struct stream *stream = NULL;
	_cleanup_(updateinfo_freep)
	struct updateinfo *reader = NULL;
	struct advisory *advisories;
	size_t n;
	int r = open_stream(g, e, "updateinfo", &stream, err);

	if (r != 0)
		return r < 0 ? -1 : 0; /* a repository without updateinfo is normal */
	reader = updateinfo_new(&options);
	if (pump(stream, reader, err) < 0 || updateinfo_finish(reader, &advisories, &n, err) < 0)
		return -1;
	append_advisories(c, g->snapshot->arena, advisories, n);
	c->repositories[repo].updateinfo_read = true;
	return 0;
}

static int read_primary(struct gather *g, const struct cache_entry *e, size_t repo, struct err *err)
{
	struct catalogue *c = &g->snapshot->catalogue;
	const struct available_options options = {
		.repo_id = e->id,
		.repo = repo,
		.wanted = &g->wanted,
		.arena = g->snapshot->arena,
		.findings = &g->snapshot->findings,
	};
	_cleanup_(stream_closep)
	struct stream *stream = NULL;
	int r;

	if (e->role != REPO_ROLE_LIVEPATCH)
		return 0;
	r = open_stream(g, e, "primary", &stream, err);
	if (r > 0)
		return err_set(err, EXIT_STATUS_DATA, "%s: its package list was not fetched",
			       e->id);
	if (r < 0 || available_read(&options, stream, &c->packages, &c->n_packages, err) < 0)
		return -1;
	c->repositories[repo].primary_read = true;
	return 0;
}

/* A broken file costs its repository: what was read of it is dropped again. */
static void read_repository(struct gather *g, const struct cache_entry *e, size_t repo)
{
	struct catalogue *c = &g->snapshot->catalogue;
	size_t n_advisories = c->n_advisories, n_packages = c->n_packages;
	struct err err = ERR_INIT;

	if (!repository_usable(&c->repositories[repo]))
		return;
	if (read_updateinfo(g, e, repo, &err) == 0 && read_primary(g, e, repo, &err) == 0)
		return;
	c->n_advisories = n_advisories;
	c->n_packages = n_packages;
	c->repositories[repo].status = REPO_INVALID;
	finding_add(&g->snapshot->findings, FINDING_ERROR, "metadata-invalid", e->id,
		    "%s; nothing of this repository is used until klpctl scan --refresh succeeds",
		    err.message);
	err_clear(&err);
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
	for (size_t i = 0; i < state->n_entries; i++) {
		add_repository(g, &state->entries[i]);
		read_repository(g, &state->entries[i], i);
	}
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
		.cache = -1,
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
