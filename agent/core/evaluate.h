// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Compliance evaluation: node and catalogue and baseline in, report out
 *
 * Pure: the result depends on the arguments only. The rules are those of AWS Patch Manager
 * (patch-manager semantics sections 2 to 5) with the rulings of DESIGN section 5.
 */

#include "core/platform.h"
#include "core/report.h"
#include "core/snapshot.h"

struct evaluation {
	const struct snapshot *snapshot;
	const struct platform *platform; /* NULL: no profile fits the node */
	const struct baseline *baseline;
	const struct override_list *override; /* NULL: none; only looked at for OPERATION_INSTALL */
	const struct config *config;
	enum operation operation;
	enum reboot_option reboot_option;
	const char *trigger;
	int64_t now; /* seconds; everything that depends on time depends on this */
};

/**
 * evaluate() - judge one node against one baseline
 * @in: inputs; snapshot and baseline must outlive the report
 *
 * Data that is missing or older than config->stale_after gives VERDICT_UNKNOWN, never COMPLIANT.
 * The caller fills in id, started and finished. Free with report_free().
 */
struct report *evaluate(const struct evaluation *in);
void report_free(struct report *report);
DEFINE_CLEANUP(struct report *, report_free);

/*
 * Steps of it that explain and cve use as well.
 */

/* A verdict about one build of a package, with everything that led to it. */
struct approval {
	bool approved;
	enum hold_reason hold;		 /* when not approved */
	const struct advisory *advisory; /* the notice that decided, or NULL (no notice) */
	const struct baseline_rule *rule; /* the rule that approved, or NULL */
	enum compliance_level level;
	int64_t released;   /* TIME_UNSET: no usable date */
	int64_t approve_at; /* TIME_UNSET: never, or not by date */
	char *by;	    /* "rule 1 (line 12)", "approved list", ...; NULL when not approved */
	char *reason;	    /* one sentence */
};

/* One build of a package: what repositories offer under one NEVRA. */
struct build {
	struct nevra nevra;
	const struct advisory **notices;
	size_t n_notices;
	const struct available *available; /* NULL: no repository has it */
	bool excluded;			   /* by the repository configuration */
	struct approval approval;
};

/* All builds of (@name, @arch) that notices or primary metadata name, oldest first, judged. */
struct builds {
	struct build *items;
	size_t n;
};
struct builds evaluate_builds(const struct evaluation *in, const char *name, const char *arch,
			      bool need_available, struct arena *arena);

/* The date the approval clock counts from (ruling 2); TIME_UNSET when there is none. */
int64_t evaluate_release_date(const struct config *config, const struct advisory *advisory);
