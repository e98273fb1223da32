// SPDX-License-Identifier: Apache-2.0
/* The queue: its head is the job that runs. */
#include "klpd/jobs.h"

#include "base/alloc.h"
#include "base/timex.h"
#include "klpd/intent.h"
#include "klpd/job.h"
#include "klpd/service.h"

struct jobs {
	struct jobs_spec spec;
	struct job *head;
	struct loop_timer *next_turn; /* a job starts from here, never underneath another's end */
	bool running, stopping;
};

static void end(struct job *job)
{
	struct jobs *jobs = job->jobs;

	jobs->head = job->next;
	jobs->running = false;
	job_free(job);
	if (jobs->head) {
		loop_timer_set(jobs->next_turn, 0);
		return;
	}
	service_status("idle");
	jobs->spec.on_idle(jobs->spec.userdata);
}

/* ---- the queue --------------------------------------------------------------------------------*/

/* Nobody waits for it, and nothing would be kept of it. */
static bool is_pointless(const struct job *job)
{
	if (job_flow(job) != FLOW_ASK)
		return false;
	for (size_t i = 0; i < job->n_callers; i++)
		if (!varlink_call_gone(job->callers[i]))
			return false;
	return true;
}

static int cancel(struct job *job, const char *why, struct err *err)
{
	struct err reason = ERR_INIT;

	if (jobtable_next(job_flow(job), job->state, EVENT_CANCEL) == STATE_COUNT)
		return err_set(err, EXIT_STATUS_TEMPFAIL,
			       "the %s is past the point of no return (%s) and is carried through",
			       job_name(job), jobtable_name(job->state));
	err_set(&reason, EXIT_STATUS_TEMPFAIL, "%s", why);
	if (!jobtable_is_late(job->state))
		job_fault(job, &reason);
	err_clear(&reason);
	tool_free(TAKE_PTR(job->tool));
	hooks_free(TAKE_PTR(job->hooks));
	job_happens(job, EVENT_CANCEL);
	return 0;
}

static void on_next_turn(void *userdata)
{
	struct jobs *jobs = userdata;
	struct job *job = jobs->head;

	if (!job || jobs->running)
		return;
	jobs->running = true;
	settings_refresh(jobs->spec.settings);
	job_begin(job);
	if (jobs->stopping) {
		(void)!cancel(job, "klpd is being stopped; try again", NULL);
		return;
	}
	if (is_pointless(job)) {
		end(job);
		return;
	}
	if (job_flow(job) != FLOW_ASK) {
		intent_tell(jobs->spec.place, job->findings);
		publisher_tell(jobs->spec.publisher, job->findings);
	}
	job_happens(job, EVENT_DONE);
}

static bool is_same_scan(const struct job_request *a, const struct job_request *b)
{
	return a->kind == JOB_SCAN && b->kind == JOB_SCAN && a->cached == b->cached &&
	       a->refresh == b->refresh && a->store == b->store && json_equal(a->ask, b->ask) &&
	       json_equal(a->origin, b->origin);
}

void jobs_submit(struct jobs *jobs, const struct job_request *request, struct varlink_call *call)
{
	struct job **at = &jobs->head, *job;

	for (; *at; at = &(*at)->next)
		if (is_same_scan(&(*at)->request, request)) {
			json_decref(request->ask);
			json_decref(request->origin);
			free(request->who);
			job_add_caller(*at, call);
			return;
		}
	job = job_new(&jobs->spec, request);
	job->jobs = jobs;
	job->ended = end;
	job->started = timex_now(); /* until its turn comes: since when it waits */
	job_add_caller(job, call);
	*at = job;
	if (!jobs->running)
		loop_timer_set(jobs->next_turn, 0);
}

/* ---- questions --------------------------------------------------------------------------------*/

bool jobs_idle(const struct jobs *jobs)
{
	return !jobs->head;
}

static void describe(const struct job *job, struct jobs_running *ret)
{
	*ret = (struct jobs_running){ .name = job_name(job),
				      .phase = jobtable_name(job->state),
				      .who = job->request.who,
				      .since = job->started };
}

bool jobs_running(const struct jobs *jobs, struct jobs_running *ret)
{
	if (!jobs->running)
		return false;
	describe(jobs->head, ret);
	return true;
}

bool jobs_changing(const struct jobs *jobs, struct jobs_running *ret)
{
	for (const struct job *job = jobs->head; job; job = job->next)
		if (job_changes_node(job)) {
			describe(job, ret);
			return true;
		}
	return false;
}

/* ---- ends -------------------------------------------------------------------------------------*/

int jobs_cancel(struct jobs *jobs, const char *why, struct err *err)
{
	if (!jobs->running)
		return err_set(err, EXIT_STATUS_FAILED, "nothing runs that could be cancelled");
	return cancel(jobs->head, why, err);
}

void jobs_stop(struct jobs *jobs)
{
	jobs->stopping = true;
	if (jobs->running)
		(void)!cancel(jobs->head, "klpd is being stopped; try again", NULL);
}

struct jobs *jobs_new(const struct jobs_spec *spec)
{
	struct jobs *jobs = xcalloc(1, sizeof(*jobs));

	jobs->spec = *spec;
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
