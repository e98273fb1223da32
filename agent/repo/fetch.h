// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * One repository's metadata into the cache
 *
 * Gets repomd.xml and of it only what is needed: updateinfo, and primary for the roles that want
 * it. What is in the cache already and intact is not fetched again. Trouble is written into the
 * entry: a status, and a finding with repository, URL, reason and what to do. The files are in
 * place when it returns; the caller publishes them by cache_write() and then prunes.
 */

#include "repo/cache.h"
#include "repo/transfer.h"

#define FETCH_ROLE(role) (1U << (role))

struct fetch {
	int root, cache;
	const char *cache_path; /* absolute */
	int64_t now;
	int64_t file_bytes_max;
	unsigned primary_roles; /* FETCH_ROLE(role) of those whose primary is wanted */
	void (*on_progress)(const char *repository, const char *file, int64_t done, int64_t total,
			    void *userdata);
	void *userdata;
	struct transfer_count count; /* grows with every repository */
};

/**
 * fetch_repository() - refresh one entry
 * @section: where it is
 * @last:    its entry of the state before, or NULL: what the failure of a refresh falls back to
 * @entry:   new, with id and role; the rest is filled in
 */
void fetch_repository(struct fetch *fetch, const struct repoconf_section *section,
		      const struct cache_entry *last, struct cache_entry *entry);

/* Copies what @last knows of the repository, its files and findings, into @entry. */
void fetch_keep(const struct cache_entry *last, struct cache_entry *entry);

/* True if @last has every file that a fetch would bring now. */
bool fetch_has_all(const struct fetch *fetch, const struct cache_entry *last);

/*
 * librepo makes temporary files: from now on in a folder in the cache. Only under the lock, or
 * another writer would prune it. Return: 0, or -1 with @err (IO).
 */
_must_check_ int fetch_make_scratch(const char *cache_path, struct err *err);
