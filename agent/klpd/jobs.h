// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Jobs: what klpd does for its callers, one at a time, in the order they were asked for
 *
 * A scan runs klpd-worker probe and klpd-fetch if the metadata is not fresh, then klpd-worker scan;
 * its report is completed, stored and answered. Every other job is one run of klpd-worker over the
 * metadata at hand, and stores nothing. A scan asked for while an equal one waits or runs joins it.
 */

#include "base/loop.h"
#include "ipc/varlink_server.h"
#include "klpd/place.h"

#include <jansson.h>

enum job_kind {
	JOB_SCAN,
	JOB_INSTALL,
	JOB_VERIFY,
	JOB_EVALUATE,
	JOB_EXPLAIN,
	JOB_CVE,
	JOB_CAPTURE,
	JOB_CONFIG,
	JOB_BASELINE,
};

struct job_request {
	enum job_kind kind;
	/* What the worker is told besides root, cache, config and kernel; consumed. */
	json_t *ask;
	bool cached;  /* scan: no fetching */
	bool refresh; /* scan: fetch also what has not expired */
	bool dry_run; /* install: no further than the plan */
	bool retry_quarantined;
};

struct jobs;

struct jobs_spec {
	struct loop *loop;
	const struct options *options;
	const struct place *place;
	void (*on_idle)(void *userdata); /* no job is left */
	void *userdata;
};

_returns_nonnull_ struct jobs *jobs_new(const struct jobs_spec *spec);
/* Ends what runs; callers get no answer. Accepts NULL. */
void jobs_free(struct jobs *jobs);
DEFINE_CLEANUP(struct jobs *, jobs_free);

/* Takes over @call, which is answered when the job has ended. */
void jobs_submit(struct jobs *jobs, const struct job_request *request, struct varlink_call *call);

/* No job runs or waits. */
bool jobs_idle(const struct jobs *jobs);
/* An installation runs or waits. */
bool jobs_installing(const struct jobs *jobs);
/* What runs ("scan") and since when, or NULL. */
const char *jobs_busy(const struct jobs *jobs, int64_t *ret_since);
