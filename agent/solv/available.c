// SPDX-License-Identifier: Apache-2.0
#include "solv/available.h"

#include "solv/filtered.h"

#include <ctype.h>

const char *available_library(void)
{
	return solv_version;
}

/* ---- from libsolv to rows ------------------------------------------------------------------ */

static char *printable(struct arena *arena, const char *text)
{
	char *copy = arena_strdup(arena, text);

	for (char *p = copy; *p; p++)
		if (!isprint((unsigned char)*p))
			*p = '?';
	return copy;
}

static void add_row(const struct available_options *o, Solvable *s, struct available **rows,
		    size_t *n)
{
	unsigned long long built = solvable_lookup_num(s, SOLVABLE_BUILDTIME, 0);
	struct available row = {
		.repo = o->repo,
		.build_time = built ? (int64_t)built : TIME_UNSET,
	};

	if (filtered_nevra(s, o->arena, &row.nevra))
		*ARENA_PUSH(o->arena, *rows, *n) = row;
	else
		finding_add(o->findings, FINDING_WARNING, "package-broken", o->repo_id,
			    "repository %s: package %s is left out: it has no usable version, "
			    "release or architecture; tell who publishes the repository",
			    o->repo_id, printable(o->arena, row.nevra.name));
}

static void extract(const struct available_options *o, Repo *repo, struct available **rows,
		    size_t *n)
{
	Solvable *s;
	Id id;

	FOR_REPO_SOLVABLES(repo, id, s)
	{
		add_row(o, s, rows, n);
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
