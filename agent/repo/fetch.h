// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * One repository's metadata into the cache
 *
 * Gets repomd.xml and of it only what a scan needs: updateinfo, and primary for the livepatch role.
 * What is in the cache already and intact is not fetched again. Trouble is written into the
 * entry: a status, and a finding with repository, URL, reason and what to do. The files are in
 * place when it returns; the caller publishes them by cache_write() and then prunes.
 */

#include "repo/cache.h"
#include "repo/transfer.h"

struct fetch {
	int root, cache;
	const char *cache_path; /* absolute */
	int64_t now;
	int64_t file_bytes_max;
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
