// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The metadata cache: a directory with state.json and the files that it names
 *
 *   CACHE/state.json            what is there, written last and atomically
 *   CACHE/<type>-<digest>.<ext> metadata as the repository compressed it; the name is ours, made
 *                               of a checksum: nothing of it comes from a server
 *   CACHE/packages/             packages that were downloaded (repo/package.h)
 *   CACHE/documents/            documents that a request named by URL (repo/document.h)
 *   CACHE/extracts/             klpd-worker's (worker/extracts.h)
 *   CACHE/lock                  held by whoever writes (flock); stays for good
 *   CACHE/tmp-XXXXXX/           downloads under way; leftovers of a killed writer are removed by
 *                               the next one
 *
 * klpd-fetch writes it; klpd asks whether it is fresh; klpd-worker reads it. Knows no repository
 * and no network. Documented in agent/repo/README.md.
 */

#include "base/err.h"
#include "base/timex.h"
#include "core/catalogue.h"

#include <sys/types.h>

#define CACHE_EXPIRES_NEVER INT64_MAX

/* A metadata file of a repository. */
struct cache_file {
	const char *type;     /* "updateinfo", "primary": the record type in repomd.xml */
	const char *name;     /* in the cache directory; its suffix tells the compression */
	const char *checksum; /* "sha256:..." of the file as it is */
	int64_t size;	      /* bytes of the file */
	int64_t open_size;    /* bytes when decompressed, as repomd.xml says; -1 not known */
};

/*
 * One repository section that a role asked for. REPO_DISABLED: its id; REPO_ABSENT: the pattern
 * that no section matched. REPO_STALE keeps the files of the last good copy.
 */
struct cache_entry {
	const char *id;
	enum repo_role role;
	enum repo_status status;
	const char *file;     /* in which the section stands, below the root; NULL: in none */
	bool prospective;     /* fetched for a plan to enable it: until then it does not count */
	const char *revision; /* of repomd.xml, or NULL */
	const char *checksum; /* "sha256:..." of repomd.xml, or NULL */
	int64_t timestamp;    /* newest record of repomd.xml, or TIME_UNSET */
	int64_t fetched;      /* when repomd.xml was last confirmed, or TIME_UNSET */
	int64_t expires;      /* look again from then on, or CACHE_EXPIRES_NEVER */
	const char *const *excludes; /* yum's and dnf's excludes that apply here: glob patterns */
	size_t n_excludes;
	const char *const *gpgkeys; /* where its section says that its keys are: URLs */
	size_t n_gpgkeys;
	struct cache_file *files;
	size_t n_files;
	struct findings findings; /* about this repository; from its last refresh */
};

struct cache_state {
	struct arena *arena;   /* owned; holds everything below */
	const char *signature; /* cache_signature() over `inputs` when it was written; NULL none */
	const char **inputs;   /* files and directories below the root that it was configured by */
	size_t n_inputs;
	struct cache_entry *entries;
	size_t n_entries;
	struct findings findings; /* about the configuration as a whole */
};

_returns_nonnull_ struct cache_state *cache_state_new(void);
void cache_state_free(struct cache_state *state); /* accepts NULL */
DEFINE_CLEANUP(struct cache_state *, cache_state_free);

/* Appends an empty entry: all times and texts unset. Valid until the next one is added. */
_returns_nonnull_ struct cache_entry *cache_entry_add(struct cache_state *state, const char *id,
						      enum repo_role role);
struct cache_entry *cache_entry_find(const struct cache_state *state, const char *id);
/* The file of that record type, or NULL. */
const struct cache_file *cache_file_find(const struct cache_entry *entry, const char *type);

/**
 * cache_read() - what the cache holds
 * @ret: the state; without state.json an empty one
 *
 * Return: 0, or -1 with @err (DATA: damaged; it is rebuilt by the next fetch, never trusted).
 */
_must_check_ int cache_read(int cache, struct cache_state **ret, struct err *err);
/* Replaces state.json atomically; the files that it names must be in place. */
_must_check_ int cache_write(int cache, const struct cache_state *state, struct err *err);

/*
 * Opens a file for reading. Return: descriptor, or a negative errno: -ESTALE if its size is not
 * what state.json says (the cache was tampered with or the disk was full).
 */
_must_check_ int cache_open_file(int cache, const struct cache_file *file);

/* True for names that cache_file_name() makes. */
bool cache_name_is_valid(const char *name);
/* "<type>-<digest>.<ext>"; the suffix comes from a table that @location is looked up in. */
char *cache_file_name(const char *type, const char *digest, const char *location,
		      struct arena *arena);

/*
 * A text that changes when one of @inputs (paths below the root, files or directories) appears,
 * vanishes or is changed: names, sizes, modification times and inodes. To be freed.
 */
char *cache_signature(int root, const char *const *inputs, size_t n);
/*
 * True when nothing must be fetched: every entry is within its time and the configuration is what
 * it was. False for an empty or damaged cache.
 */
bool cache_is_fresh(int cache, int root, int64_t now);

/**
 * cache_lock() - keep others from writing
 * @wait_msec: how long to wait for another holder
 *
 * The lock is held until the descriptor is closed.
 * Return: descriptor, or -1 with @err (TEMPFAIL, naming the holder, when it is taken).
 */
_must_check_ int cache_lock(int cache, int64_t wait_msec, struct err *err);
/* Opens a folder in the cache and makes it first if need be: descriptor, or -1 with @err (IO). */
_must_check_ int cache_open_folder(int cache, const char *name, struct err *err);
/*
 * Removes every file that @state does not name, and leftovers; with NULL only leftovers. Only under
 * the lock.
 */
void cache_prune(int cache, const struct cache_state *state);
