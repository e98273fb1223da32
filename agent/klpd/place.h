// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Where things are: the root that is looked at, and the directories that klpd writes to
 *
 *   ROOT/var/cache/klpd        metadata of repositories (repo/cache.h)
 *   ROOT/var/lib/klpd          reports (klpd/store.h)
 *   $XDG_CACHE_HOME/klpd/ROOT-ESCAPED/{cache,state}   both, for who may not write there
 *
 * Below a root other than "/" no symbolic link is followed: nothing is ever written outside it; and
 * a directory of another user's is not used, for it belongs to the agent of that system.
 *
 * On the machine itself the cache may belong to the service's user while root starts an agent of
 * his own: whoever fetches and parses then runs as that user, who is less than root (`owner`).
 */

#include "klpd/options.h"

struct place {
	char *root; /* absolute, without links */
	int root_fd;
	char *cache, *state; /* absolute */
	int cache_fd, state_fd;
	uid_t owner; /* of the cache */
	gid_t owner_group;
	bool cache_made, state_made; /* the directory was not there before */
	bool running_system;	     /* the root is the machine we run on */
};

#define PLACE_INIT ((struct place){ .root_fd = -1, .cache_fd = -1, .state_fd = -1 })

/* Makes the directories that are missing. Return: 0, or -1 with @err saying what to do. */
_must_check_ int place_open(const struct options *options, struct place *ret, struct err *err);
/* A directory that was made and has stayed empty is removed again. */
void place_close(struct place *place);

/* A path, or another name, as one file name: "/" is "-", other unusual bytes "\x2d". To be freed.
 */
char *place_escape(const char *path);
