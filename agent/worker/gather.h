// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Node and metadata cache -> snapshot
 */

#include "worker/session.h"

/*
 * Fills s->snapshot: the node through probe/, then every repository that the cache knows. What is
 * broken in a repository costs that repository (a finding, REPO_INVALID), never the scan.
 */
void gather(struct session *s);
/* The node alone. */
void gather_node(struct session *s);
