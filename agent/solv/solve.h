// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Goals -> steps: which packages of the repositories must be installed on this node
 *
 * libsolv over the wanted packages of the repositories (the same stream filter as
 * solv/available.h) and everything that is installed. Nothing outside the wanted names can become
 * a step: a dependency that would need it is a refusal that names it.
 */

#include "core/plan.h"
#include "metadata/wanted.h"
#include "solv/stream.h"

struct solve;

/* @arch is the node's. */
_returns_nonnull_ struct solve *solve_new(const char *arch);
void solve_free(struct solve *solve); /* accepts NULL */
DEFINE_CLEANUP(struct solve *, solve_free);

/*
 * Adds one installed package. @header: rpm's Header, as probe/rpmdb.h hands it to a visitor. What
 * libsolv does not understand (keys are no packages) is left out: a plan may then lack something,
 * never do too much.
 */
void solve_add_installed(struct solve *solve, void *header);

/*
 * Adds the wanted packages of one repository's primary.xml, but those that @excludes (name forms
 * or globs, core/match.h) hide.
 */
_must_check_ int solve_add_repository(struct solve *solve, const char *repo_id,
				      const struct wanted *wanted, const char *const *excludes,
				      size_t n_excludes, struct stream *primary, struct err *err);

/**
 * solve_run() - fill plan->steps
 *
 * Once per solve. Each goal is installed exactly in its version, beside an older one if it is a
 * kernel; without a version the newest that is offered, unless one as new is installed; for a
 * marker the newest build that is one. What is installed already makes no step. Nothing is erased
 * or taken back, no package changes its vendor, and no weak dependency counts. Steps come in the
 * order of installation.
 *
 * What cannot be reached becomes a refusal: "not-offered", "downgrade", or "dependency", which says
 * who needs what, or what is in the way. There are no steps then.
 * Return: 0, or -1 with @err (SOFTWARE).
 */
_must_check_ int solve_run(struct solve *solve, struct plan *plan, const struct platform *platform,
			   struct err *err);
