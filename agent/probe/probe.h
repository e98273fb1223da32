// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Looking at the machine: everything below a root directory, nothing outside it
 *
 * A root can be the running system, an image or a captured tree. What cannot be read leaves the
 * node's field unset, with a finding where a verdict depends on it.
 */

#include "base/err.h"
#include "core/platform.h"
#include "core/snapshot.h"

struct probe_request {
	int root;	       /* directory fd */
	const char *root_path; /* the same directory, for librpm, which wants a path */
	const char *kernel;    /* stands in for uname -r (images); NULL: the root's /proc */
};

/* os-release -> os_id, os_version, os_name. Return: 0, or -1 with @err when there is none. */
_must_check_ int probe_os(int root, struct arena *arena, struct node *node, struct err *err);

/* Everything else. @platform NULL: no profile fits; packages are then not read. */
void probe_node(const struct probe_request *request, const struct platform *platform,
		struct snapshot *snapshot);

/* The parts, each with a file of its own. */
void probe_kernel(const struct probe_request *request, struct node *node, struct arena *arena);
void probe_livepatch(int root, struct node *node, struct arena *arena);
enum tristate probe_unit_enabled(int root, const char *unit);
bool probe_unit_present(int root, const char *unit);
