// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Node and metadata cache -> snapshot
 */

#include "repo/cache.h"
#include "solv/stream.h"
#include "worker/session.h"

/*
 * Fills s->snapshot: the node through probe/, then every repository that the cache knows. What is
 * broken in a repository costs that repository (a finding, REPO_INVALID), never the scan.
 */
void gather(struct session *s);
/* The node alone. */
void gather_node(struct session *s);

/*
 * Opens a cached file, decompressed. Return: 0, 1 when the repository has no such file, or -1 with
 * @err (DATA).
 */
_must_check_ int gather_open(int cache, const struct cache_entry *entry, const char *type,
			     struct stream **ret, struct err *err);
