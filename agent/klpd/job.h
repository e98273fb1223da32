// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * One job: what the files that carry jobs out (scan.c, install.c) and the queue (jobs.c) share
 *
 * A job moves from phase to phase; each phase is one program, and its end starts the next phase or
 * finishes the job by job_succeed() or job_fail(), after which it does not exist any more.
 */

#include "klpd/jobs.h"
#include "klpd/tool.h"

#define MSEC ((int64_t)1000)

struct job {
	struct job *next;
	struct jobs *jobs; /* the queue */
	const struct jobs_spec *spec;
	struct job_request request;
	struct varlink_call **callers;
	size_t n_callers;
	struct tool *tool;
	json_t *probe;			    /* what klpd-worker probe said; NULL: not asked */
	void (*refreshed)(struct job *job); /* what follows scan_refresh() */
	bool primary;			    /* fetch kernel repositories' package lists too */
	void *detail;			    /* of its kind (install.c); NULL */
	void (*detail_free)(void *detail);
	void (*ended)(struct job *job); /* the queue's: called last, frees it */
	json_t *findings;		/* of ours, for the report */
	int64_t keep;			/* reports */
	int64_t started;
	int64_t cpu_usec, peak_rss_kib, bytes_fetched;
	int64_t own_cpu_usec; /* of klpd itself at the start */
};

/* Copies @request, whose `ask` it takes over. Nobody calls yet. */
_returns_nonnull_ struct job *job_new(const struct jobs_spec *spec,
				      const struct job_request *request);
void job_free(struct job *job); /* accepts NULL; callers that wait are dropped */
void job_add_caller(struct job *job, struct varlink_call *call);
/* Clock and cost count from now on. @keep: how many reports, until the configuration says. */
void job_begin(struct job *job, int64_t keep);

const char *job_name(const struct job *job); /* for people */
/* Of its kind: the verb of klpd-worker, and the member of its answer and of ours. */
const char *job_verb(const struct job *job);
const char *job_member(const struct job *job);
/* ---- ends ---- */
void job_fail(struct job *job, const struct err *err);
/* @value is consumed. */
void job_succeed(struct job *job, json_t *value);
/* Completes @report (borrowed), stores it and succeeds with it. */
void job_store_and_succeed(struct job *job, json_t *report);

/* ---- phases ---- */

typedef void (*job_phase_fn)(struct job *job, json_t *answer);

/* @progress is consumed. */
void job_tell(struct job *job, json_t *progress);
void job_charge(struct job *job, int64_t cpu_usec, int64_t peak_rss_kib);
/* The end of a program: what it cost is charged, then @then or job_fail(). */
void job_phase_ended(struct job *job, json_t *answer, const struct err *err,
		     const struct tool_usage *usage, job_phase_fn then);
/* Starts the program of a phase; @spec.userdata is filled in. */
void job_start_phase(struct job *job, const char *name, struct tool_spec spec);
/* What every request to klpd-worker says. A new reference. */
json_t *job_worker_request(const struct job *job);

/* Defines on_NAME(), for tool_spec.on_done, out of after_NAME(). */
#define JOB_PHASE_END(name)                                                                        \
	static void on_##name(json_t *answer, const struct err *err,                               \
			      const struct tool_usage *usage, void *userdata)                      \
	{                                                                                          \
		job_phase_ended(userdata, answer, err, usage, after_##name);                       \
	}                                                                                          \
	struct _semicolon_after_##name

/* "key" of @object as a number, or @fallback. */
int64_t job_number(json_t *object, const char *key, int64_t fallback);
/* null for NULL. */
void job_set_text(json_t *object, const char *key, const char *text);
