// SPDX-License-Identifier: Apache-2.0
#include "solv/available.h"

#include "solv/filtered.h"

#include <ctype.h>
#include <errno.h>

const char *available_library(void)
{
	return solv_version;
}

/* ---- from libsolv to rows ------------------------------------------------------------------ */

/* "epoch:version-release"; the epoch may be left out. */
static bool split_evr(struct arena *arena, const char *text, struct evr *ret)
{
	size_t digits = strspn(text, "0123456789");
	const char *dash;

	*ret = (struct evr){ 0 };
	if (digits && text[digits] == ':') {
		unsigned long long epoch;

		errno = 0;
		epoch = strtoull(text, NULL, 10);
		if (errno || epoch > UINT32_MAX)
			return false;
		ret->epoch = (uint32_t)epoch;
		text += digits + 1;
	}
	dash = strrchr(text, '-');
	if (!dash)
		return false;
	ret->version = arena_strndup(arena, text, (size_t)(dash - text));
	ret->release = arena_strdup(arena, dash + 1);
	return true;
}

static char *printable(struct arena *arena, const char *text)
{
	char *copy = arena_strdup(arena, text);

	for (char *p = copy; *p; p++)
		if (!isprint((unsigned char)*p))
			*p = '?';
	return copy;
}

static void add_row(const struct available_options *o, Pool *pool, Solvable *s,
		    struct available **rows, size_t *n)
{
	const char *name = pool_id2str(pool, s->name), *evr = pool_id2str(pool, s->evr);
	unsigned long long built = solvable_lookup_num(s, SOLVABLE_BUILDTIME, 0);
	struct available row = {
		.nevra = { .name = arena_strdup(o->arena, name),
			   .arch = arena_strdup(o->arena, pool_id2str(pool, s->arch)) },
		.repo = o->repo,
		.build_time = built ? (int64_t)built : TIME_UNSET,
	};

	if (split_evr(o->arena, evr, &row.nevra.evr) && nevra_is_sane(&row.nevra))
		*ARENA_PUSH(o->arena, *rows, *n) = row;
	else
		finding_add(o->findings, FINDING_WARNING, "package-broken", o->repo_id,
			    "repository %s: package %s is left out: it has no usable version, "
			    "release or architecture; tell who publishes the repository",
			    o->repo_id, printable(o->arena, name));
}

static void extract(const struct available_options *o, Repo *repo, struct available **rows,
		    size_t *n)
{
	Solvable *s;
	Id id;

	FOR_REPO_SOLVABLES(repo, id, s)
	{
		add_row(o, repo->pool, s, rows, n);
	}
}

int available_read(const struct available_options *options, struct stream *stream,
		   struct available **rows, size_t *n, struct err *err)
{
	_cleanup_(pool_freep)
	Pool *pool = adapter_pool_new();
	Repo *repo = repo_create(pool, options->repo_id);
	const struct filtered filtered = { .repo_id = options->repo_id,
					   .wanted = options->wanted,
					   .stream = stream,
					   .findings = options->findings };

	if (filtered_add(repo, &filtered, err) < 0)
		return -1;
	extract(options, repo, rows, n);
	return 0;
}
