// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The tasks that keep a livepatch in transition
 *
 * The kernel moves each task to the new code when it can prove that the task does not run the old
 * one. /proc/PID/task/TID/patch_state tells how far it is; only root may read it.
 */

#include "base/alloc.h"

#include <sys/types.h>

#define TRANSITION_TASKS_MAX 20

enum transition_state {
	TRANSITION_NONE = -1, /* no transition concerns the task */
	TRANSITION_UNPATCHED = 0,
	TRANSITION_PATCHED = 1,
};

struct transition_task {
	pid_t pid, tid;
	const char *comm; /* of the process, without control characters; "" not known */
};

struct transition {
	struct transition_task *tasks; /* the first TRANSITION_TASKS_MAX by pid and tid */
	size_t n;
	size_t total;	   /* of all that block */
	size_t unreadable; /* tasks whose state may not be read: they may block too */
};

/*
 * The tasks below @root that have not come to @target (PATCHED when a livepatch is being enabled,
 * UNPATCHED when it is being disabled). Tasks that end meanwhile are left out. Nothing is changed.
 */
struct transition transition_read(int root, enum transition_state target, struct arena *arena);
