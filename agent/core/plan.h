// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The plan: what an installation would do, as a value (schema klpd.plan/1)
 *
 * Pure. It is made in three steps, each of which only adds:
 *
 *   plan_goals()   which builds the judgement wants installed, and which installed ones loaded
 *   (solv/solve.h) the steps that reach the goals: packages, where they are, what they replace
 *   plan_guard()   what must not be done, as refusals
 *
 * A plan with a refusal is never carried out, not even in part. Whoever carries it out checks
 * again (agent/apply): the guard is what people are told, not what protects the node.
 */

#include "core/judge.h"
#include "core/override.h"

enum plan_kind {
	PLAN_LIVEPATCH,
	PLAN_MARKER,  /* the empty livepatch, which marks interest in those to come */
	PLAN_RUNTIME, /* with the tools that it uses */
	PLAN_KERNEL,
	PLAN_DEPENDENCY, /* nothing of the above */
};

enum plan_action {
	PLAN_INSTALL,	/* new, or beside what is installed (kernels) */
	PLAN_UPGRADE,	/* replaces an older build of the same name and architecture */
	PLAN_DOWNGRADE, /* always refused, as are the next two */
	PLAN_REINSTALL,
	PLAN_ERASE,
};

/* What is wanted of live patching as a whole. */
enum plan_configure {
	PLAN_CONFIGURE_NONE, /* the livepatches that are approved */
	PLAN_CONFIGURE_ENABLE,
	PLAN_CONFIGURE_DISABLE,
	PLAN_CONFIGURE_CLEAN, /* livepatches of kernels that are gone are removed */
};

/*
 * A build that shall be installed. nevra.evr.version NULL: any build of that name for nevra.arch or
 * noarch (runtime, marker); the solver takes the newest that is offered.
 */
struct plan_goal {
	struct nevra nevra;
	enum plan_kind kind;
	const char *why; /* "approved by rule 1 ...", "kernel-livepatch-... needs it" */
};

struct plan_step {
	struct nevra nevra;
	enum plan_kind kind;
	enum plan_action action;
	const struct nevra *replaces; /* PLAN_UPGRADE, PLAN_DOWNGRADE; else NULL */
	/* Where it is; all unset for PLAN_ERASE. */
	const char *repository; /* section id */
	const char *location;	/* as primary.xml says: relative to the repository's URL */
	const char *checksum_type, *checksum;
	int64_t size, installed_size; /* bytes; -1 not said */
	/* What it would do to the node, as primary.xml tells. */
	bool provides_kernel; /* provides kernel, kernel-core or kernel-uname-r */
	bool writes_boot;     /* has files below /boot */
};

/* An installed livepatch that the baseline does not reject and the kernel does not run. */
struct plan_load {
	struct nevra nevra;
	const char **modules; /* those that are not active */
	size_t n_modules;
};

/* A repository section or a unit that is switched. */
struct plan_switch {
	const char *kind; /* PLAN_SWITCH_REPOSITORY or PLAN_SWITCH_SERVICE */
	const char *name;
	const char *file; /* of a section: where it stands, below the root; NULL: it is made */
	bool on;
};
#define PLAN_SWITCH_REPOSITORY "repository"
#define PLAN_SWITCH_SERVICE    "service"

/* An installed livepatch, or marker, of whatever kernel, that shall be removed. */
struct plan_removal {
	struct nevra nevra;
	const char *why;
};

struct plan_refusal {
	const char *package; /* plan_title(), or "" when it concerns the whole plan */
	const char *code;    /* stable, for programs: "erase", "downgrade", "other-kernel", ... */
	const char *message; /* one sentence: what, why, what to do */
};

struct plan {
	struct arena *arena;
	const char *id;	    /* 16 hex digits of what is to be done: equal plans have equal ids */
	const char *kernel; /* uname -r that it is made for; NULL unknown */
	/* The kernel, in it or installed since the last boot, that must be booted before live
	 * patching can be on; NULL: none. */
	const char *boot;
	struct plan_goal *goals;
	size_t n_goals;
	struct plan_step *steps; /* in the order of installation */
	size_t n_steps;
	struct plan_load *loads;
	size_t n_loads;
	struct plan_switch *switches;
	size_t n_switches;
	struct plan_removal *removals;
	size_t n_removals;
	struct plan_load *unloads; /* modules that shall leave the kernel */
	size_t n_unloads;
	struct plan_refusal *refusals;
	size_t n_refusals;
};

/* A build that must not be installed or loaded, whatever the baseline says. */
struct plan_ban {
	const char *package; /* name form or glob (core/match.h); NULL */
	const char *sha256;  /* of the package file, lower-case hex; NULL */
	const char *reason;  /* one sentence */
	bool quarantine;     /* a load was followed by an unclean boot; else: recalled */
};

struct plan_wishes {
	enum plan_configure configure;
	const struct override_list *overrides; /* NULL: the baseline decides */
	const struct plan_ban *bans;
	size_t n_bans;
	bool with_kernel;	/* also the approved newer kernel */
	bool retry_quarantined; /* quarantines do not count */
	bool unload;		/* PLAN_CONFIGURE_DISABLE: from the running kernel too */
	bool running_system;	/* false: a directory stands for the node; no kernel to load into */
	const char *disabled;	/* why no change may be made, or NULL */
};

/* What the node can bear, and what is allowed at most. */
struct plan_limits {
	int64_t disk_free;   /* bytes below /var and /usr, the smaller one; -1 not known */
	int64_t memory_free; /* bytes available; -1 not known */
	size_t steps_max;
	int64_t bytes_max; /* of all packages together */
};

#define PLAN_LIMITS                                                                                \
	((struct plan_limits){ .disk_free = -1,                                                    \
			       .memory_free = -1,                                                  \
			       .steps_max = 8,                                                     \
			       .bytes_max = (int64_t)512 * 1024 * 1024 })

/**
 * plan_goals() - a new plan with goals and loads
 * @j: as evaluate_judge() left it; must outlive the plan
 *
 * The goals are the approved candidate livepatch if it is not installed, the platform's runtime if
 * it is missing and a livepatch is wanted, and with @wishes->with_kernel the approved newer kernel.
 * With an override list: the newest that it names among the livepatches of the running kernel that
 * a repository offers (and kernels, with_kernel); what it names besides is ignored, as by AWS.
 * Nothing is wanted where live patching is not enabled, and never an older build than is installed.
 *
 * To enable: also the repository and the unit that are off, the runtime and its tools, and where no
 * livepatch is approved the marker. A kernel that gets no livepatches is a refusal that names the
 * one to move to; with @wishes->with_kernel that one is a goal instead, and plan->boot. To disable:
 * everything off, and all livepatches removed. What is so already is not part of the plan; what
 * cannot be told or switched, and is needed, is a refusal.
 *
 * Loads are for a running system, and for an installed livepatch that no goal replaces; modules in
 * transition are left to finish it. A goal or load that is banned becomes a refusal instead.
 * Free with plan_free().
 */
_returns_nonnull_ struct plan *plan_goals(const struct judge *j, const struct plan_wishes *wishes);
void plan_free(struct plan *plan); /* accepts NULL */
DEFINE_CLEANUP(struct plan *, plan_free);

/* Adds a refusal; @nevra NULL: of the whole plan. */
_printf_(4, 5) void plan_refuse(struct plan *plan, const struct nevra *nevra, const char *code,
				const char *fmt, ...);

/**
 * plan_guard() - refuse what must not be done
 *
 * Codes: what a step does to the node is "erase", "downgrade" or "reinstall"; what it is may be
 * "other-kernel" (a livepatch that is not the running kernel's), "marker", "kernel-package" and
 * "boot-files" (it provides a kernel, writes below /boot, and is not the kernel that with_kernel
 * asks for), "name-not-allowed" (neither livepatch nor runtime nor that kernel, or of another
 * architecture), "recalled" or "quarantined"; "checksum" when it has no sha256.
 *
 * "goal-unreached": no step leads to a goal, and the solver did not say why. Of the whole plan:
 * "disabled", "too-many", "too-large" (or of unknown size), "disk-full" (twice the installed
 * size plus the packages must fit), "memory" (32 MiB plus the livepatches must be available).
 * Completes the plan: sets the id.
 */
void plan_guard(struct plan *plan, const struct judge *j, const struct plan_wishes *wishes,
		const struct plan_limits *limits);

/* Nothing to do. */
bool plan_is_empty(const struct plan *plan);

/* True if it is banned, and the refusal made. @sha256: of the package file; NULL: not known. */
bool plan_refuse_banned(struct plan *plan, const struct plan_wishes *wishes,
			const struct nevra *nevra, const char *sha256);

/* Sizes come from the repositories: a sum never wraps. */
int64_t plan_add_bytes(int64_t a, int64_t b);
/* Of all steps together; -1 when one does not say. */
int64_t plan_download_bytes(const struct plan *plan);
int64_t plan_installed_bytes(const struct plan *plan);

/* nevra_title(), or the name alone when any build will do. */
char *plan_title(struct arena *arena, const struct nevra *nevra);

enum plan_configure plan_configure_from_name(const char *name); /* "enable", ...; else NONE */
const char *plan_kind_name(enum plan_kind kind);		/* "livepatch", ... */
const char *plan_action_name(enum plan_action action);		/* "install", ... */
