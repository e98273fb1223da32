// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Compliance evaluation: node and catalogue and baseline in, report out
 *
 * Pure: the result depends on the arguments only. The rules are those of AWS Patch Manager
 * (patch-manager semantics sections 2 to 5) with the rulings of DESIGN section 5.
 */

#include "core/builds.h"
#include "core/override.h"
#include "core/snapshot.h"

struct evaluation {
	const struct snapshot *snapshot;
	const struct platform *platform; /* NULL: no profile fits the node */
	const struct baseline *baseline;
	const struct config *config;
	enum operation operation;
	const struct override_list *overrides; /* of an Install; NULL: the baseline decided */
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
