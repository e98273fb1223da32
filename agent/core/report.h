// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The report: what evaluation answers (schema klpd.report/1, docs/klpd.report-1.schema.json)
 *
 * Pure data. States are spelled as AWS Patch Manager's wire form (semantics 4.1), verdicts as
 * DESIGN section 6. A report owns its strings and lists through its arena, and points to the node,
 * catalogue and baseline it was made from. codec/report.h turns it into JSON.
 */

#include "core/baseline.h"
#include "core/catalogue.h"
#include "core/config.h"
#include "core/node.h"

enum operation {
	OPERATION_SCAN,
	OPERATION_INSTALL,
	OPERATION_CONFIGURE,
};

enum reboot_option {
	REBOOT_OPTION_NO_REBOOT,
	REBOOT_OPTION_IF_NEEDED,
};

enum verdict {
	VERDICT_NOT_APPLICABLE,
	VERDICT_COMPLIANT,
	VERDICT_UNKNOWN, /* could not look, or the data is too old */
	VERDICT_NON_COMPLIANT,
};

enum reboot_verdict {
	REBOOT_NO,
	REBOOT_NO_KERNEL_COVERED, /* a newer kernel waits, livepatches carry all its fixes */
	REBOOT_YES,
};

enum patch_kind {
	PATCH_LIVEPATCH,
	PATCH_KERNEL,
};

enum patch_state {
	PATCH_INSTALLED,
	PATCH_INSTALLED_OTHER,
	PATCH_INSTALLED_PENDING_REBOOT,
	PATCH_INSTALLED_REJECTED,
	PATCH_MISSING,
	PATCH_FAILED,
	PATCH_NOT_APPLICABLE,
};

enum hold_reason {
	HOLD_NONE,
	HOLD_NOT_YET_APPROVED,
	HOLD_SEVERITY,
	HOLD_CLASSIFICATION,
	HOLD_REJECTED,
	HOLD_NO_NOTICE,
	HOLD_NO_DATE,
	HOLD_NOT_IN_REPOSITORY,
	HOLD_EXCLUDED, /* by yum's or dnf's exclude */
	HOLD_PRODUCT,
};

/* A module of an installed livepatch as the kernel sees it. */
struct patch_module {
	const char *name;
	bool loaded;
	int enabled, transition; /* -1 unknown */
};

struct patch {
	const char *id;	   /* "name.arch" */
	const char *title; /* "name.arch:epoch:version-release" of the reported version */
	enum patch_kind kind;
	enum patch_state state;
	enum tristate active; /* livepatches that are installed; else TRISTATE_UNKNOWN */
	struct patch_module *modules;
	size_t n_modules;
	const char *classification; /* "Security", ...; "" none */
	const char *severity;	    /* "Important", ...; "" none */
	enum compliance_level level;
	const char **advisories;
	size_t n_advisories;
	const char **cves;
	size_t n_cves;
	const char *installed; /* "epoch:version-release" or NULL */
	const char *candidate; /* "epoch:version-release" or NULL */
	int64_t installed_time;
	int64_t released;   /* date that the approval clock counts from; TIME_UNSET */
	int64_t approve_at; /* first instant at which it is (or was) approved; TIME_UNSET */
	const char
		*rule; /* what decided: "rule 1 (baseline.yaml:12)", "approved list", ... or NULL */
	const char *reason;    /* one sentence */
	enum hold_reason hold; /* entries of held[] only */
};

struct report_coverage {
	bool evaluated; /* false: nothing to cover, or the rule does not apply */
	bool covered;
	bool blind; /* not evaluated for want of livepatch notices; it might be covered */
	const char *kernel_candidate; /* "name-version-release.arch" or NULL */
	const char **needed;	      /* CVEs */
	size_t n_needed;
	const char **missing;
	size_t n_missing;
	enum coverage_policy policy;
	const char *reason; /* one sentence */
};

/* The newest kernel of the running series whose CVEs are all fixed in what runs. */
struct report_effective {
	const char *kernel;    /* "name-version-release.arch"; NULL: not known */
	const char *livepatch; /* "version-release" of the active one; NULL: none is active */
	const char *reason;    /* one sentence */
};

struct report_live_patching {
	bool enabled;
	bool marker;		  /* subscription marker (or a patch) for the running kernel */
	bool runtime;		  /* kpatch-runtime installed */
	enum tristate service;	  /* enabled at boot */
	enum tristate repository; /* an enabled section serves livepatches */
	int64_t supported_until;  /* TIME_UNSET: no window known */
	int64_t days_left;	  /* valid when supported_until is; negative after the end */
	enum tristate in_window;
	const char *series; /* of the running kernel; NULL unknown */
	int64_t line_ends;  /* last day of livepatches for the whole series; TIME_UNSET: none known
			     */
	struct report_effective effective;
};

/* A kernel that the node could boot: one that is installed, or that a repository tells of. */
struct kernel_choice {
	struct nevra nevra;
	const char *series;
	bool installed, running;
	bool livepatches;      /* its line gets them, on this architecture, and it is not too old */
	int64_t built;	       /* TIME_UNSET unknown */
	int64_t released;      /* the earliest date of its notices, or TIME_UNSET */
	int64_t window_ends;   /* last day of livepatches; TIME_UNSET: none, or not known */
	bool window_estimated; /* reckoned from `released`: that day at the latest */
	enum tristate open;    /* it gets livepatches now */
	bool recommended;      /* for the next planned reboot; one at most */
	const char *reason;    /* one sentence */
	bool approved;	       /* by the baseline; or it is installed */
};

struct report_summary {
	size_t installed, installed_other, installed_pending_reboot, installed_rejected;
	size_t missing, failed, not_applicable;
};

struct report {
	struct arena *arena;
	const char *id; /* uuid; set by the caller */
	enum operation operation;
	enum reboot_option reboot_option;
	const char *trigger;		  /* "manual", "timer", "remote" */
	int64_t started, finished, as_of; /* started and finished are set by the caller */

	/* Not owned: these must outlive the report. */
	const struct node *node;
	const struct baseline *baseline;
	const struct catalogue *catalogue;

	struct report_live_patching live_patching;
	enum verdict overall, livepatch, kernel;
	enum reboot_verdict reboot;
	const char **reboot_reasons;
	size_t n_reboot_reasons;
	struct report_summary summary;
	struct patch *patches;
	size_t n_patches;
	struct patch *held;
	size_t n_held;
	struct report_coverage coverage;
	struct kernel_choice *kernels; /* newest first */
	size_t n_kernels;
	const char *next_boot; /* one sentence: why the recommended kernel, or why none */
	struct findings findings;
};

const char *operation_name(enum operation v);	      /* "Scan" */
const char *reboot_option_name(enum reboot_option v); /* "NoReboot" */
const char *verdict_name(enum verdict v);	      /* "COMPLIANT" */
const char *reboot_verdict_name(enum reboot_verdict v);
const char *patch_kind_name(enum patch_kind v);
const char *patch_state_name(enum patch_state v);
const char *hold_reason_name(enum hold_reason v);
const char *coverage_policy_name(enum coverage_policy v); /* "strict" */
