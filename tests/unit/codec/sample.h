// SPDX-License-Identifier: Apache-2.0
#pragma once

/* One report with something in every field, for test_report and dump_codec. */

#include "core/report.h"

static inline const struct report *sample_report(void)
{
	static const char *advisories[] = { "A-1" }, *cves[] = { "CVE-1", "CVE-2" };
	static const char *reasons[] = { "covered" };
	static struct patch_module modules[] = { { "a", true, 1, -1 }, { "b", false, -1, -1 } };
	static struct patch patches[] = {
		{ "lp.x86_64",
		  "lp.x86_64:0:1.0-3",
		  PATCH_LIVEPATCH,
		  PATCH_INSTALLED,
		  TRISTATE_NO,
		  modules,
		  2,
		  "Security",
		  "Important",
		  LEVEL_HIGH,
		  advisories,
		  1,
		  cves,
		  2,
		  "0:1.0-3",
		  "0:1.0-3",
		  5,
		  6,
		  7,
		  "rule 1",
		  "because",
		  HOLD_NONE },
		{ "lq.x86_64", "lq.x86_64:0:1.0-3", PATCH_LIVEPATCH, PATCH_INSTALLED_OTHER,
		  TRISTATE_UNKNOWN, .installed = "0:1.0-3", .installed_time = TIME_UNSET,
		  .released = TIME_UNSET, .approve_at = TIME_UNSET },
		{ "lr.x86_64", "lr.x86_64", PATCH_LIVEPATCH, PATCH_MISSING, TRISTATE_UNKNOWN,
		  .installed_time = TIME_UNSET, .released = TIME_UNSET, .approve_at = TIME_UNSET },
		{ "kernel.x86_64", "kernel.x86_64:0:5.10.1-1", PATCH_KERNEL,
		  PATCH_INSTALLED_PENDING_REBOOT, TRISTATE_UNKNOWN, .installed = "0:5.10.1-1",
		  .installed_time = 9, .released = TIME_UNSET, .approve_at = TIME_UNSET },
	};
	static struct patch held[] = {
		{ "lp.x86_64", "lp.x86_64:0:1.0-4", PATCH_LIVEPATCH, PATCH_MISSING, TRISTATE_YES,
		  .advisories = advisories, .n_advisories = 1, .installed = "0:1.0-3",
		  .installed_time = TIME_UNSET, .released = 6, .approve_at = 100000,
		  .reason = "wait", .hold = HOLD_NOT_YET_APPROVED },
	};
	static struct repository repositories[] = {
		{ "live", REPO_ROLE_LIVEPATCH, REPO_OK, "17", "sha256:ab", 86340, true, true, NULL,
		  0 },
		{ "core", REPO_ROLE_KERNEL, REPO_ABSENT, NULL, NULL, TIME_UNSET, false, false, NULL,
		  0 },
	};
	static struct kernel_choice kernels[] = {
		{ { "kernel", { 0, "5.10.2", "1" }, "x86_64" },
		  "5.10",
		  false,
		  false,
		  true,
		  TIME_UNSET,
		  86400,
		  172800,
		  true,
		  TRISTATE_YES,
		  true,
		  "newest" },
		{ { "kernel", { 1, "5.10.1", "1" }, "x86_64" },
		  "5.10",
		  true,
		  true,
		  false,
		  5,
		  TIME_UNSET,
		  TIME_UNSET,
		  false,
		  TRISTATE_UNKNOWN,
		  false,
		  "runs" },
	};
	static struct finding findings[] = { { "klp", FINDING_WARNING, "s", "m" } };
	static const struct node node = {
		.os_id = "amzn",
		.os_version = "2",
		.arch = "x86_64",
		.kernel = "5.10.102-99.473.amzn2.x86_64",
		.kernel_build_date = 1,
		.boot_time = TIME_UNSET,
		.region = "eu-west-1",
	};
	static const struct baseline baseline = { .name = "B", .source = "built-in" };
	static const struct catalogue catalogue = { repositories, 2, NULL, 0, NULL, 0 };
	static struct report report = {
		.operation = OPERATION_SCAN,
		.reboot_option = REBOOT_OPTION_IF_NEEDED,
		.trigger = "timer",
		.started = TIME_UNSET,
		.finished = TIME_UNSET,
		.as_of = 86400,
		.node = &node,
		.baseline = &baseline,
		.catalogue = &catalogue,
		.live_patching = { true,
				   true,
				   false,
				   TRISTATE_NO,
				   TRISTATE_UNKNOWN,
				   172800,
				   1,
				   TRISTATE_YES,
				   "5.10",
				   259200,
				   { "kernel-5.10.1-1.x86_64", "1.0-3", "known" } },
		.overall = VERDICT_NON_COMPLIANT,
		.livepatch = VERDICT_UNKNOWN,
		.kernel = VERDICT_COMPLIANT,
		.reboot = REBOOT_NO_KERNEL_COVERED,
		.reboot_reasons = reasons,
		.n_reboot_reasons = 1,
		.summary = { 1, 2, 3, 4, 5, 6, 7 },
		.patches = patches,
		.n_patches = 4,
		.held = held,
		.n_held = 1,
		.coverage = { .evaluated = true,
			      .covered = true,
			      .kernel_candidate = "k",
			      .needed = cves,
			      .n_needed = 1,
			      .policy = COVERAGE_STRICT,
			      .reason = "all" },
		.kernels = kernels,
		.n_kernels = 2,
		.next_boot = "so",
		.findings = { NULL, findings, 1, 3 },
	};

	return &report;
}
