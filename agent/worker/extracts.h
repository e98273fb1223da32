// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Extracts: what reading a repository's metadata gave, kept so that the next scan need not read it
 *
 *   CACHE/extracts/<key>.json   a snapshot (codec/snapshot.h) of one repository: its advisories and
 *                               packages, and the findings of reading them
 *
 * The key is a digest of all that the result depends on: the checksums of the metadata files, the
 * names that the platform wants, the libraries, and our own sources. So an extract is never out of
 * date; one that cannot be read is made anew. Losing all of them costs time only.
 */

#include "core/platform.h"
#include "core/snapshot.h"
#include "repo/cache.h"

/* Names of the extracts that one run used. */
struct extracts {
	int dir; /* -1: there is no place for extracts */
	struct arena *arena;
	const char **names;
	size_t n;
	bool written;
};

/* Opens the folder, making it if need be. */
void extracts_open(struct extracts *x, int cache, struct arena *arena);
/* After the last repository: removes what this run did not use, if it added anything. */
void extracts_close(struct extracts *x);

/* The key for one repository, in the arena. */
const char *extracts_key(struct extracts *x, const struct cache_entry *entry,
			 const struct platform *platform);
/* The snapshot with the one repository, owned by the caller; NULL if there is none of that key. */
struct snapshot *extracts_read(struct extracts *x, const char *key);
/* Nothing is said about a failure: the next run tries again. */
void extracts_write(struct extracts *x, const char *key, const struct snapshot *part);
