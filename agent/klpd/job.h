// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * One job: what the files that carry jobs out (scan.c, install.c) and the queue (jobs.c) share
 *
 * A job moves from state to state by the table of core/jobtable.h. Entering a state runs its
 * action; an action that starts a program returns EVENT_NONE, and the program's end is the event.
 */

#include "klpd/hooks.h"
#include "klpd/jobs.h"
#include "klpd/tool.h"

#define MSEC ((int64_t)1000)

struct job {
	struct job *next;
	struct jobs *jobs; /* the queue */
	const struct jobs_spec *spec;
	struct job_request request;
	enum job_state state;
	struct varlink_call **callers;
	size_t n_callers;
	struct tool *tool;
	struct hooks *hooks;
	/* What its answer means; NULL where that needs no thought: EVENT_DONE. */
	enum job_event (*after)(struct job *job, json_t *answer);
	/* What it does if that program fails; NULL: the job fails with it. */
	enum job_event (*otherwise)(struct job *job, const struct err *err);
	json_t *documents; /* that were brought: {KEY: name, KEY_text: text}, for klpd-worker */
	json_t *probe;	   /* what klpd-worker probe said; NULL: not asked */
	json_t *value;	   /* the answer, or the report that is to be stored */
	struct err err;	   /* the first thing that went wrong */
	void *detail;	   /* of its kind (install.c); NULL */
	void (*detail_free)(void *detail);
	void (*ended)(struct job *job); /* the queue's: called last, frees it */
	json_t *findings;		/* of ours, for the report */
	int64_t started;
	int64_t cpu_usec, peak_rss_kib, bytes_fetched;
	int64_t own_cpu_usec; /* of klpd itself at the start */
};

/* Copies @request, whose `ask` it takes over. Nobody calls yet. */
_returns_nonnull_ struct job *job_new(const struct jobs_spec *spec,
				      const struct job_request *request);
void job_free(struct job *job); /* accepts NULL; callers that wait are dropped */
void job_add_caller(struct job *job, struct varlink_call *call);
/* Clock and cost count from now on. */
void job_begin(struct job *job);

const char *job_name(const struct job *job); /* for people */
enum job_flow job_flow(const struct job *job);
bool job_changes_node(const struct job *job);
bool job_judges(const struct job *job); /* by a baseline */
/* Of its kind: the verb of klpd-worker, and the member of its answer and of ours. */
const char *job_verb(const struct job *job);
const char *job_member(const struct job *job);

/* Goes on from an event, as far as it goes without waiting. The job may not exist afterwards. */
void job_happens(struct job *job, enum job_event event);
/* Remembers what went wrong, unless something did before. Returns EVENT_FAILED. */
enum job_event job_fault(struct job *job, const struct err *err);

/* What klpd itself has cost so far. */
int64_t job_own_cpu_usec(int64_t *ret_peak_rss_kib);
/* @progress is consumed. */
void job_tell(struct job *job, json_t *progress);
void job_charge(struct job *job, int64_t cpu_usec, int64_t peak_rss_kib);
/*
 * Starts the program of the state the job is in; fills in deadline (if it has none), user, on_done
 * and userdata. Failing, it fails the job, unless job_run_else() says what then.
 */
enum job_event job_run(struct job *job, struct tool_spec spec,
		       enum job_event (*after)(struct job *job, json_t *answer));
enum job_event job_run_else(struct job *job, struct tool_spec spec,
			    enum job_event (*after)(struct job *job, json_t *answer),
			    enum job_event (*otherwise)(struct job *job, const struct err *err));
/* Runs the operator's programs of @stages; the end is @after's event. EVENT_DONE: there are none.
 */
enum job_event job_run_hooks(struct job *job, const char *const *stages, bool veto, json_t *report,
			     void (*after)(const struct err *err, void *userdata));
/* What every request to klpd-worker says. A new reference. */
json_t *job_worker_request(const struct job *job);

/* "key" of @object as a number, or @fallback. */
int64_t job_number(json_t *object, const char *key, int64_t fallback);
/* null for NULL. */
void job_set_text(json_t *object, const char *key, const char *text);
