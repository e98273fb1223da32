// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Jobs: what klpd does for its callers, one at a time, in the order they were asked for
 *
 * What a job does is in core/jobtable.h and klpd/actions.c. A scan asked for while an equal one
 * waits or runs joins it.
 */

#include "base/loop.h"
#include "core/jobtable.h"
#include "ipc/varlink_server.h"
#include "klpd/place.h"
#include "klpd/publisher.h"
#include "klpd/settings.h"
#include "klpd/store.h"

#include <jansson.h>

enum job_kind {
	JOB_SCAN,
	JOB_INSTALL,
	JOB_ENABLE,
	JOB_DISABLE,
	JOB_CLEAN,
	JOB_VERIFY,
	JOB_EVALUATE,
	JOB_EXPLAIN,
	JOB_CVE,
	JOB_EXPORT,
	JOB_CAPTURE,
	JOB_CONFIG,
	JOB_BASELINE,
	JOB_DOCTOR,
};

struct job_request {
	enum job_kind kind;
	/* What the worker is told besides root, cache, config and kernel; consumed. */
	json_t *ask;
	json_t *origin; /* {command_id, snapshot_id}, as far as known; consumed; NULL */
	bool cached;	/* scan: no fetching */
	bool refresh;	/* scan: fetch also what has not expired */
	bool dry_run;	/* of a change: no further than the plan */
	bool with_kernel, retry_quarantined, unload;
	bool by_timer;
	enum store_where store; /* of the report */
	char *who;		/* who asked for a change; consumed; NULL */
};

struct jobs;
struct job;

/*
 * What entering a state does: EVENT_NONE when a program was started whose end is the event, or the
 * event itself.
 */
typedef enum job_event (*job_action_fn)(struct job *job);

struct jobs_spec {
	struct loop *loop;
	const job_action_fn *actions; /* by state; NULL for the first one and the ends */
	const struct options *options;
	const struct place *place;
	struct settings *settings;
	struct publisher *publisher;
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

/* What runs, if anything: "install", its phase, since when, and who asked if it changes the node.
 */
struct jobs_running {
	const char *name, *phase, *who; /* @who: NULL if everybody may ask */
	int64_t since;
};
bool jobs_running(const struct jobs *jobs, struct jobs_running *ret);
/* As above, of the change that runs or waits. */
bool jobs_changing(const struct jobs *jobs, struct jobs_running *ret);

/*
 * Ends the job that runs, with @why for its callers. 0, or -1 with @err: there is none, or it has
 * passed the point of no return.
 */
_must_check_ int jobs_cancel(struct jobs *jobs, const char *why, struct err *err);
/* klpd ends: cancels what can be cancelled and fails what waits; a change is carried through. */
void jobs_stop(struct jobs *jobs);
