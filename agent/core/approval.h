// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Approval: may this build of a package be installed, under this baseline, at this time?
 *
 * Pure. Rules of patch-manager semantics 2.2, 2.3 and 3.4 with rulings 2 and 3 of DESIGN section 5.
 * A build is approved if any of its notices is, by a rule or by the approved list; a build without
 * a notice only through EnableNonSecurity. Rejected wins over approved.
 */

#include "core/baseline.h"
#include "core/catalogue.h"
#include "core/config.h"
#include "core/platform.h"
#include "core/report.h"

/* What the decision depends on besides the build. */
struct approval_context {
	const struct baseline *baseline;
	const struct platform *platform;
	const struct config *config;
	int64_t now;
};

/* One notice (or the build time of a build without one) held against one rule. */
struct rule_check {
	bool matched; /* filters and clock */
	bool filters_matched;
	const struct baseline_filter *failed; /* the first filter that did not match, or NULL */
	const char *value;		      /* what the failed filter saw; NULL = nothing */
	bool global;			      /* the failed filter is a global one */
	bool needs_notice;		      /* no notice, and the rule has no EnableNonSecurity */
	int64_t approve_at; /* the clock of this rule; TIME_UNSET: no date, or ApproveUntilDate */
};

/* @notice NULL: a build without notice; @released is then its build time. */
struct rule_check approval_check_rule(const struct approval_context *ctx,
				      const struct advisory *notice, int64_t released,
				      const struct baseline_rule *rule);

/* The date the approval clock counts from (ruling 2), or TIME_UNSET. */
int64_t approval_release_date(const struct config *config, const struct advisory *notice);

struct approval {
	bool approved;
	enum hold_reason hold;	       /* HOLD_NONE when approved */
	const struct advisory *notice; /* the notice that decided, or NULL */
	enum compliance_level level;   /* highest of what approved it */
	int64_t released;	       /* TIME_UNSET: no usable date */
	int64_t approve_at;	       /* TIME_UNSET: never, or not by date */
	const char *by;		       /* "rule 1 (line 12)", "approved list (CVE-...)"; or NULL */
	const char *reason;	       /* one sentence */
};

/**
 * approval_decide() - judge one build
 * @notices:    the notices that list exactly this build; may be none
 * @build_time: of the package; used only when there is no notice; TIME_UNSET unknown
 * @arena:      owns the strings of the result
 */
struct approval approval_decide(const struct approval_context *ctx, const struct nevra *nevra,
				const struct advisory *const *notices, size_t n_notices,
				int64_t build_time, struct arena *arena);

/* The entry of the rejected list that hits this package by name, or NULL. */
const char *approval_rejected_by(const struct baseline *baseline, const struct nevra *nevra);
