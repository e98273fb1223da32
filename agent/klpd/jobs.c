// SPDX-License-Identifier: Apache-2.0
/*
 * The queue: its head is the job that runs. What a job does, phase by phase, is in scan.c and
 * install.c.
 *
 *	scan:    [PROBE -> [FETCH ->]] JUDGE        brackets: only if metadata must be fetched
 *	install: the same up to FETCH, then see install.c
 *	others:  JUDGE
 *
 * Trouble with a repository is in the report; what fails here is our own programs.
 */
#include "klpd/jobs.h"

#include "base/alloc.h"
#include "klpd/install.h"
#include "klpd/intent.h"
#include "klpd/scan.h"
#include "klpd/store.h"

struct jobs {
	struct jobs_spec spec;
	struct job *head;
	int64_t keep;		      /* reports; as the configuration said last */
	struct loop_timer *next_turn; /* a job starts from here, never underneath another's end */
	bool running;
};

static void end(struct job *job)
{
	struct jobs *jobs = job->jobs;

	jobs->head = job->next;
	jobs->keep = job->keep;
	jobs->running = false;
	job_free(job);
	if (jobs->head)
		loop_timer_set(jobs->next_turn, 0);
	else
		jobs->spec.on_idle(jobs->spec.userdata);
}

/* ---- the queue --------------------------------------------------------------------------------*/

/* It ends in a report that is kept. */
static bool is_stored(const struct job *job)
{
	return job->request.kind == JOB_SCAN || job->request.kind == JOB_INSTALL;
}

/* Nobody waits for it, and nothing would be kept of it. */
static bool is_pointless(const struct job *job)
{
	if (is_stored(job))
		return false;
	for (size_t i = 0; i < job->n_callers; i++)
		if (!varlink_call_gone(job->callers[i]))
			return false;
	return true;
}

static void on_next_turn(void *userdata)
{
	struct jobs *jobs = userdata;
	struct job *job = jobs->head;

	if (!job || jobs->running)
		return;
	jobs->running = true;
	job_begin(job, jobs->keep);
	if (is_stored(job))
		intent_tell(jobs->spec.place, job->findings);
	if (is_pointless(job))
		end(job);
	else if (job->request.kind == JOB_INSTALL)
		scan_refresh(job, false, install_begin);
	else
		scan_refresh(job, false, scan_judge);
}

static bool is_same_scan(const struct job_request *a, const struct job_request *b)
{
	return a->kind == JOB_SCAN && b->kind == JOB_SCAN && a->cached == b->cached &&
	       a->refresh == b->refresh && json_equal(a->ask, b->ask);
}

void jobs_submit(struct jobs *jobs, const struct job_request *request, struct varlink_call *call)
{
	struct job **at = &jobs->head, *job;

	for (; *at; at = &(*at)->next)
		if (is_same_scan(&(*at)->request, request)) {
			json_decref(request->ask);
			job_add_caller(*at, call);
			return;
		}
	job = job_new(&jobs->spec, request);
	job->jobs = jobs;
	job->ended = end;
	job_add_caller(job, call);
	*at = job;
	if (!jobs->running)
		loop_timer_set(jobs->next_turn, 0);
}

bool jobs_idle(const struct jobs *jobs)
{
	return !jobs->head;
}

const char *jobs_busy(const struct jobs *jobs, int64_t *ret_since)
{
	if (!jobs->running)
		return NULL;
	*ret_since = jobs->head->started;
	return job_name(jobs->head);
}

bool jobs_installing(const struct jobs *jobs)
{
	for (const struct job *job = jobs->head; job; job = job->next)
		if (job->request.kind == JOB_INSTALL)
			return true;
	return false;
}

struct jobs *jobs_new(const struct jobs_spec *spec)
{
	struct jobs *jobs = xcalloc(1, sizeof(*jobs));

	jobs->spec = *spec;
	jobs->keep = STORE_KEEP_ALL;
	jobs->next_turn = loop_timer_new(spec->loop, on_next_turn, jobs);
	return jobs;
}

void jobs_free(struct jobs *jobs)
{
	if (!jobs)
		return;
	for (struct job *job = jobs->head, *next; job; job = next) {
		next = job->next;
		job_free(job);
	}
	loop_timer_free(jobs->next_turn);
	free(jobs);
}
