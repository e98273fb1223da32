// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The checklist: what of this node is in the way of live patching, and what to do about it
 *
 * Pure: facts go in, checks come out, always all of them and in one order. It answers another
 * question than a report: not whether the node is compliant, but whether klpd could make it so.
 */

#include "core/catalogue.h"
#include "core/node.h"
#include "core/tracing.h"

enum doctor_state {
	DOCTOR_OK,
	DOCTOR_WARNING, /* works, and will not for ever, or not in every case */
	DOCTOR_BAD,	/* does not work */
	DOCTOR_UNKNOWN, /* could not be looked at */
};

struct doctor_check {
	const char *name; /* stable, for programs: "clock", "disk", ... */
	enum doctor_state state;
	const char *text;   /* what was found, one sentence without a full stop */
	const char *remedy; /* what to do; NULL exactly when @state is DOCTOR_OK */
};

struct doctor_repository {
	const char *id;
	enum repo_status status;
	int64_t fetched;     /* TIME_UNSET */
	const char *trouble; /* what the last attempt said of it; NULL: nothing */
};

struct doctor_key {
	const char *where;	 /* a file below the root without "/", or "the rpm database" */
	const char *fingerprint; /* hex; NULL: the file is not there, or no key is in it */
};

/* What is not known is NULL, -1, TIME_UNSET or TRISTATE_UNKNOWN. */
struct diagnosis {
	int64_t now;
	bool platform_known;	   /* a profile fits this system */
	const char *rpmdb_trouble; /* why of packages and of rpm's keys nothing is known; NULL */
	bool has_livepatches;	   /* a livepatch or a marker is installed */

	const struct doctor_repository *repositories;
	size_t n_repositories;
	int64_t stale_after; /* seconds */

	const struct doctor_key *trusted; /* by whoever verifies packages */
	size_t n_trusted;
	const struct doctor_key *named; /* files that the repositories' sections name */
	size_t n_named;

	int64_t kernel_build_date, newest_install;
	int64_t disk_free;	 /* bytes below /var and /usr, the smaller one */
	int64_t memory_free;	 /* bytes available */
	const char *lock_holder; /* "yum (pid 123)"; NULL: nobody */

	const char *service; /* that loads livepatches at boot; NULL: none is known */
	enum tristate service_enabled;

	const char *lockdown;		   /* "none", "integrity", "confidentiality" */
	enum tristate signatures_enforced; /* only signed modules are taken */
	enum tristate modules_disabled;	   /* none is, until the next boot */

	enum tristate ftrace_enabled;
	bool functions_read, kprobes_read; /* false: @tracing says nothing about them */
	bool tracing_forbidden;		   /* they are there, and not ours to read */
	struct tracing tracing;

	/* Below /var/lib/kpatch, as "RELEASE/FILE", and part of no installed livepatch. */
	const char *const *leftovers;
	size_t n_leftovers;
	bool leftovers_read;

	enum tristate scan_timer, install_timer;
	bool ssm_present;
	enum tristate ssm_enabled;
};

/* All checks, in @arena. They refer to @diagnosis. */
struct doctor_check *doctor_examine(const struct diagnosis *diagnosis, struct arena *arena,
				    size_t *ret_n);

const char *doctor_state_name(enum doctor_state state); /* "ok", "warning", "bad", "unknown" */
