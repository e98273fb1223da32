// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Activation: what the kernel does with the livepatches that are installed for it
 *
 * Pure. rpm's word counts for nothing here: a package that is installed may have been refused by
 * the kernel, and a module that is loaded may be disabled. What counts is /sys/kernel/livepatch.
 */

#include "core/node.h"
#include "core/platform.h"

enum activation {
	ACTIVATION_ABSENT,	  /* not installed */
	ACTIVATION_INSTALLED,	  /* the kernel does not have it, or nobody can tell */
	ACTIVATION_LOADING,	  /* the kernel has it, but does not say in what state */
	ACTIVATION_TRANSITIONING, /* enabled; some tasks still run the old code */
	ACTIVATION_ACTIVE,	  /* enabled, and no task runs the old code */
	ACTIVATION_DISABLED,	  /* loaded and off, or being switched off */
	ACTIVATION_FAILED,	  /* seen on its way, and then it was gone or off */
	ACTIVATION_SUPERSEDED,	  /* not needed: a newer active livepatch replaces it */
};

struct activation_module {
	const char *name;
	enum activation state;
	int enabled, transition; /* as in struct livepatch_module; -1 also when it is not loaded */
};

struct activation_package {
	struct nevra nevra;
	enum activation state; /* that of the worst module; INSTALLED when it has none */
	struct activation_module *modules;
	size_t n_modules;
	const struct nevra *newer; /* what supersedes its modules; NULL: nothing */
};

struct activation_list {
	struct activation_package *items; /* in the order of node->installed */
	size_t n;
};

/**
 * activation_of() - every installed livepatch of the node's kernel
 * @before: what was found the last time, for ACTIVATION_FAILED; NULL: this is the first
 *
 * Markers and livepatches of other kernels are left out. No kernel: an empty list. The list lives
 * in @arena and refers to @node.
 */
struct activation_list activation_of(const struct node *node, const struct platform *platform,
				     const struct activation_list *before, struct arena *arena);

/* The state of one package: ABSENT when it is not in the list. */
enum activation activation_find(const struct activation_list *list, const struct nevra *nevra);

/* No module is loading or in transition: waiting will not change anything. */
bool activation_is_settled(const struct activation_list *list);
/* Every package is active or superseded. */
bool activation_is_complete(const struct activation_list *list);

const char *activation_name(enum activation state); /* "absent", "installed", ... */

/* One sentence about a package of @node, with what to do. */
const char *activation_message(const struct activation_package *package, const struct node *node,
			       struct arena *arena);

/*
 * One sentence for what a loader (kpatch, insmod) or the kernel's log said about a module that was
 * not loaded, with what to do; its last line if it says nothing that is known here. @output may be
 * NULL.
 */
const char *activation_explain(const char *output, struct arena *arena);
