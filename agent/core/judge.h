// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The parts of evaluate(): one function per kind of patch
 *
 * Pure. They share one context and write into its report; evaluate.c calls them in this order.
 */

#include "core/evaluate.h"
#include "core/lifecycle.h"

struct judge {
	const struct evaluation *in;
	struct approval_context approval;
	struct report *report;
	struct arena *arena; /* the report's */

	/* set by evaluate.c when the node is understood */
	struct kernel_release running;
	const char *series; /* of it: "5.10" */
	const char *arch;
	const struct platform_kernel *line;
	const char *livepatch_name;
	int64_t build_date; /* of the running kernel, or TIME_UNSET */
	struct lifecycle lifecycle;
	bool kernel_unknown;	/* nobody told which kernel runs */
	bool livepatch_applies; /* the running kernel is one that gets livepatches */
	/* Repositories of that kind that count could not be looked at, or are stale. */
	bool livepatch_blind, kernel_blind;

	/* set by judge_livepatch() */
	struct builds livepatch_builds;
	const struct installed *livepatch; /* newest installed patch, not the marker; or NULL */
	enum tristate livepatch_active;
	const struct patch *livepatch_item; /* or NULL */

	/* set by judge_kernel() */
	const char *kernel_name; /* of the running line's package; NULL: no line */
	struct builds kernel_builds;
	struct evr running_evr;
	struct patch *kernel_item;	  /* or NULL */
	const struct evr *kernel_waiting; /* newer kernel that matters: candidate or installed */
	bool kernel_waiting_installed;

	/* set by judge_kernels(): see judge_kernel_way_out() */
	const struct kernel_choice *kernel_last_resort;
};

/* live_patching facts, livepatch items, held livepatches. */
void judge_live_patching(struct judge *j);
void judge_livepatch(struct judge *j);
/* Livepatches of kernels that are neither installed nor running: they do not apply. */
void judge_orphans(struct judge *j);
bool judge_is_orphan(const struct judge *j, const struct nevra *nevra);
/* kernel item and held kernels, before coverage. */
void judge_kernel(struct judge *j);
/* Applies the coverage rule (semantics 5.3, ruling 6) to the kernel item. */
void judge_coverage(struct judge *j);

/* How far the active livepatch brings the running kernel (the report's live_patching.effective). */
void judge_effective(struct judge *j);
/* The kernels that the node could boot, and the one to boot next (judge_kernels.c has the rule). */
void judge_kernels(struct judge *j);

/*
 * The kernel to move to: the one that judge_kernels() recommends; NULL when there is none, and
 * j->report->next_boot says why. It is never the running one, gets livepatches now, and is
 * installed or offered; the baseline may not approve it yet, its reason says so then. Answers also
 * where live patching is not enabled, and where the running kernel gets no livepatches.
 */
const struct kernel_choice *judge_kernel_to_move_to(const struct judge *j);
/*
 * For a running kernel that gets no livepatches: the above, or where no window is open the newest
 * accepted kernel that livepatches were made for, since what is published stays (ruling 8); or
 * NULL.
 */
const struct kernel_choice *judge_kernel_way_out(const struct judge *j);

/* evaluate(), with what led to the report left in @j for explain and cve; @j lives as long as it.
 */
struct report *evaluate_judge(const struct evaluation *in, struct judge *j);

/* Shared helpers. */

/*
 * True if a kernel of that version is of the running one's series. Only then is the higher number
 * the later kernel: series are maintained side by side, and share a package name on Amazon Linux 2.
 */
bool judge_is_of_series(const struct judge *j, const struct evr *evr);
/* True if what the notices of that kernel fix is fixed in the running one. */
bool judge_runs_at_least(const struct judge *j, const struct evr *evr);

/* The installed package of that name and architecture with the highest EVR, markers left out. */
const struct installed *judge_newest_installed(const struct judge *j, const char *name,
					       const char *arch);
/* Of the line's package names the one that is installed, else the first; or NULL. */
const char *judge_kernel_package(const struct judge *j, const struct platform_kernel *line,
				 const struct installed **ret_installed);
/* True if a repository that may tell of @role is configured and enabled. */
bool judge_should_see(const struct judge *j, const struct repository *r, enum repo_role role);
/* Appends held[] entries for the unapproved builds newer than @installed, newest first. */
void judge_held(struct judge *j, enum patch_kind kind, const struct builds *builds,
		const struct installed *installed);
/* A patch with what every item has; @reported is the version its title shows. */
struct patch *judge_patch(struct judge *j, enum patch_kind kind, const struct nevra *reported,
			  const struct installed *installed, const struct build *candidate);
/* Fills classification, severity, advisories and CVEs from the notices of a range of builds. */
void judge_describe(struct judge *j, struct patch *patch, const struct builds *builds,
		    struct evr_range range);
/* State of something installed that no approved build asks for (semantics 4.1). */
void judge_unasked(struct judge *j, struct patch *patch, const struct nevra *nevra);
