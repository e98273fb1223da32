// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The metadata cache: what was fetched, from where, when, and whether that is recent enough
 *
 * Layout of the directory (owner: whoever runs klpd-fetch; read by klpd and klpd-worker):
 *
 *	state.json			one entry per repository; replaced last, atomically
 *	<type>-<checksum>.<suffix>	metadata files; no part of a name comes from a server
 *	lock				held while fetching
 *
 * Knows nothing of librepo, so that a scan of a fresh cache maps no network code.
 */

#include "base/doc.h"
#include "core/catalogue.h"

#define CACHE_STATE_FILE "state.json"
#define CACHE_STATE_MAX	 ((size_t)4 * 1024 * 1024)
/* expires value for metadata_expire=never */
#define CACHE_NEVER INT64_MAX

struct cache_file {
	const char *name;	 /* in the cache directory; NULL: the repository has none */
	const char *checksum;	 /* "sha256:HEX" as in repomd.xml */
	int64_t size, open_size; /* bytes; 0: not stated */
};

struct cache_entry {
	const char *id; /* section id; for REPO_ABSENT the glob that nothing matched */
	enum repo_role role;
	enum repo_status status;
	const char *revision, *checksum; /* of repomd.xml; NULL */
	int64_t timestamp;		 /* newest record in repomd.xml; TIME_UNSET */
	int64_t fetched, expires;	 /* TIME_UNSET: never fetched */
	struct doc_list excludes;
	struct cache_file updateinfo, primary;
	struct findings findings;
};

struct cache_state {
	struct arena *arena;   /* owns everything */
	const char *signature; /* of the repository configuration that led to it */
	struct cache_entry *entries;
	size_t n_entries;
};

struct cache_state *cache_state_new(void);
void cache_state_free(struct cache_state *state); /* accepts NULL */
DEFINE_CLEANUP(struct cache_state *, cache_state_free);

/* Appends an entry with every field unset. */
struct cache_entry *cache_state_add(struct cache_state *state, const char *id, enum repo_role role);
const struct cache_entry *cache_state_find(const struct cache_state *state, const char *id);

/* Never fails: an absent or unreadable state is an empty one, and will be made anew. */
_returns_nonnull_ struct cache_state *cache_load(int cache);
/* Replaces the state, then removes the files that nothing refers to any more. */
_must_check_ int cache_store(int cache, const struct cache_state *state, struct err *err);

/* Configuration below @root as it is now: changes whenever a repository file or variable does. */
char *cache_signature(int root, struct arena *arena);
/* True when nothing has expired and the configuration has not changed since. */
bool cache_is_fresh(int cache, int root, int64_t now);

/* Returns a descriptor, or a negative errno. */
_must_check_ int cache_open_file(int cache, const struct cache_file *file);
/* Waits for the lock up to @msec: a descriptor that holds it, or -EWOULDBLOCK, or another errno. */
_must_check_ int cache_lock(int cache, int64_t msec);
