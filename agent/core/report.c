// SPDX-License-Identifier: Apache-2.0
#include "core/report.h"

static const char *const operations[] = {
	[OPERATION_SCAN] = "Scan",
	[OPERATION_INSTALL] = "Install",
	[OPERATION_CONFIGURE] = "Configure",
};

static const char *const reboot_options[] = {
	[REBOOT_OPTION_NO_REBOOT] = "NoReboot",
	[REBOOT_OPTION_IF_NEEDED] = "RebootIfNeeded",
};

static const char *const verdicts[] = {
	[VERDICT_NOT_APPLICABLE] = "NOT_APPLICABLE",
	[VERDICT_COMPLIANT] = "COMPLIANT",
	[VERDICT_UNKNOWN] = "UNKNOWN",
	[VERDICT_NON_COMPLIANT] = "NON_COMPLIANT",
};

static const char *const reboot_verdicts[] = {
	[REBOOT_NO] = "no",
	[REBOOT_NO_KERNEL_COVERED] = "no-kernel-covered",
	[REBOOT_YES] = "yes",
};

static const char *const kinds[] = {
	[PATCH_LIVEPATCH] = "livepatch",
	[PATCH_KERNEL] = "kernel",
};

static const char *const states[] = {
	[PATCH_INSTALLED] = "Installed",
	[PATCH_INSTALLED_OTHER] = "InstalledOther",
	[PATCH_INSTALLED_PENDING_REBOOT] = "InstalledPendingReboot",
	[PATCH_INSTALLED_REJECTED] = "InstalledRejected",
	[PATCH_MISSING] = "Missing",
	[PATCH_FAILED] = "Failed",
	[PATCH_NOT_APPLICABLE] = "NotApplicable",
};

static const char *const holds[] = {
	[HOLD_NONE] = "",
	[HOLD_NOT_YET_APPROVED] = "not-yet-approved",
	[HOLD_SEVERITY] = "severity",
	[HOLD_CLASSIFICATION] = "classification",
	[HOLD_REJECTED] = "rejected",
	[HOLD_NO_NOTICE] = "no-notice",
	[HOLD_NO_DATE] = "no-date",
	[HOLD_NOT_IN_REPOSITORY] = "not-in-repository",
	[HOLD_EXCLUDED] = "excluded",
	[HOLD_PRODUCT] = "product",
};

static const char *const policies[] = {
	[COVERAGE_STRICT] = "strict",
	[COVERAGE_APPROVED] = "approved",
	[COVERAGE_AWS] = "aws",
};

const char *operation_name(enum operation v)
{
	return operations[v];
}

const char *reboot_option_name(enum reboot_option v)
{
	return reboot_options[v];
}

const char *verdict_name(enum verdict v)
{
	return verdicts[v];
}

const char *reboot_verdict_name(enum reboot_verdict v)
{
	return reboot_verdicts[v];
}

const char *patch_kind_name(enum patch_kind v)
{
	return kinds[v];
}

const char *patch_state_name(enum patch_state v)
{
	return states[v];
}

const char *hold_reason_name(enum hold_reason v)
{
	return holds[v];
}

const char *coverage_policy_name(enum coverage_policy v)
{
	return policies[v];
}
