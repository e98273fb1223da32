// SPDX-License-Identifier: Apache-2.0
#include "klpd/job.h"

#include "base/alloc.h"
#include "base/timex.h"
#include "klpd/announce.h"
#include "klpd/service.h"

#include <sys/resource.h>

#define FETCH_CLEANUP	  30 /* seconds beyond the time that klpd-fetch gives itself */
#define ACTIVATION_MARGIN 30

static const struct {
	const char *name;   /* for people */
	const char *verb;   /* of klpd-worker */
	const char *member; /* of its answer, and of ours */
	enum job_flow flow;
	bool judges;
} kinds[] = {
	[JOB_SCAN] = { "scan", "scan", "report", FLOW_SCAN, true },
	[JOB_INSTALL] = { "install", "scan", "report", FLOW_INSTALL, true },
	[JOB_ENABLE] = { "enable", "scan", "report", FLOW_CONFIGURE, true },
	[JOB_DISABLE] = { "disable", "scan", "report", FLOW_CONFIGURE, true },
	[JOB_CLEAN] = { "clean", "scan", "report", FLOW_CONFIGURE, true },
	[JOB_VERIFY] = { "verify", "activation", "activation", FLOW_ASK, false },
	[JOB_EVALUATE] = { "evaluate", "evaluate", "report", FLOW_ASK, true },
	[JOB_EXPLAIN] = { "explain", "explain", "explanation", FLOW_ASK, true },
	[JOB_CVE] = { "cve", "cve", "explanation", FLOW_ASK, true },
	[JOB_EXPORT] = { "export", "vex", "export", FLOW_ASK, true },
	[JOB_CAPTURE] = { "capture", "capture", "snapshot", FLOW_ASK, false },
	[JOB_CONFIG] = { "show the configuration", "config", "settings", FLOW_ASK, false },
	[JOB_BASELINE] = { "show the baseline", "baseline", "baseline", FLOW_ASK, true },
	[JOB_DOCTOR] = { "doctor", "doctor", "checks", FLOW_ASK, false },
};

struct job *job_new(const struct jobs_spec *spec, const struct job_request *request)
{
	struct job *job = xcalloc(1, sizeof(*job));

	job->spec = spec;
	job->request = *request;
	job->findings = json_array();
	job->documents = json_object();
	return job;
}

void job_free(struct job *job)
{
	if (!job)
		return;
	tool_free(job->tool);
	hooks_free(job->hooks);
	if (job->detail_free)
		job->detail_free(job->detail);
	for (size_t i = 0; i < job->n_callers; i++)
		varlink_call_drop(job->callers[i]);
	free(job->callers);
	free(job->request.who);
	json_decref(job->request.ask);
	json_decref(job->request.origin);
	json_decref(job->documents);
	json_decref(job->probe);
	json_decref(job->value);
	json_decref(job->findings);
	err_clear(&job->err);
	free(job);
}

void job_add_caller(struct job *job, struct varlink_call *call)
{
	job->callers =
		xreallocarray(job->callers, job->n_callers + 1, sizeof(struct varlink_call *));
	job->callers[job->n_callers++] = call;
}

const char *job_name(const struct job *job)
{
	return kinds[job->request.kind].name;
}

enum job_flow job_flow(const struct job *job)
{
	return kinds[job->request.kind].flow;
}

bool job_changes_node(const struct job *job)
{
	return job_flow(job) == FLOW_INSTALL || job_flow(job) == FLOW_CONFIGURE;
}

bool job_judges(const struct job *job)
{
	return kinds[job->request.kind].judges;
}

const char *job_verb(const struct job *job)
{
	return kinds[job->request.kind].verb;
}

const char *job_member(const struct job *job)
{
	return kinds[job->request.kind].member;
}

void job_tell(struct job *job, json_t *progress)
{
	for (size_t i = 0; i < job->n_callers; i++)
		varlink_call_progress(job->callers[i], json_pack("{s:O}", "progress", progress));
	json_decref(progress);
}

/* ---- cost -------------------------------------------------------------------------------------*/

int64_t job_own_cpu_usec(int64_t *ret_peak_rss_kib)
{
	struct rusage usage = { 0 };

	getrusage(RUSAGE_SELF, &usage);
	*ret_peak_rss_kib = usage.ru_maxrss;
	return ((int64_t)usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
	       usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

void job_begin(struct job *job)
{
	int64_t unused;

	job->started = timex_now();
	job->own_cpu_usec = job_own_cpu_usec(&unused);
}

void job_charge(struct job *job, int64_t cpu_usec, int64_t peak_rss_kib)
{
	job->cpu_usec += cpu_usec;
	if (peak_rss_kib > job->peak_rss_kib)
		job->peak_rss_kib = peak_rss_kib;
}

/* ---- from state to state ----------------------------------------------------------------------*/

enum job_event job_fault(struct job *job, const struct err *err)
{
	if (!job->err.message)
		err_set(&job->err, err->status, "%s", err->message);
	return EVENT_FAILED;
}

static void end(struct job *job)
{
	bool failed = job->state == STATE_FAIL;

	if (failed)
		announce_failure(job_name(job), &job->err);
	for (size_t i = 0; i < job->n_callers; i++) {
		struct varlink_call *call = job->callers[i];

		if (failed)
			varlink_call_error(call, "io.klpd.Agent.Failed",
					   json_pack("{s:i,s:s}", "status", job->err.status,
						     "message", job->err.message));
		else
			varlink_call_reply(call, json_pack("{s:O}", job_member(job), job->value));
	}
	job->n_callers = 0;
	job->ended(job);
}

void job_happens(struct job *job, enum job_event event)
{
	while (event != EVENT_NONE) {
		enum job_state next = jobtable_next(job_flow(job), job->state, event);

		if (next == STATE_COUNT) { /* a mistake of ours, which must not hang anybody */
			err_set(&job->err, EXIT_STATUS_SOFTWARE, "%s: event %d in state %s",
				job_name(job), (int)event, jobtable_name(job->state));
			next = STATE_FAIL;
		}
		job->state = next;
		if (jobtable_is_end(next)) {
			end(job);
			return;
		}
		service_status("%s: %s", job_name(job), jobtable_name(next));
		event = job->spec->actions[next](job);
	}
}

/* ---- programs ---------------------------------------------------------------------------------*/

static int64_t deadline_msec(const struct job *job)
{
	const struct config *config = &job->spec->settings->config;
	int64_t seconds = jobtable_deadline(job->state);

	switch (seconds) {
	case DEADLINE_NONE:
		return LOOP_TIMER_OFF;
	case DEADLINE_FETCH:
		return (config->fetch_timeout + FETCH_CLEANUP) * MSEC;
	case DEADLINE_ACTIVATION:
		return (config->activation_timeout + ACTIVATION_MARGIN) * MSEC;
	default:
		return seconds * MSEC;
	}
}

static void on_ended(json_t *answer, const struct err *err, const struct tool_usage *usage,
		     void *userdata)
{
	struct job *job = userdata;
	enum job_event event = EVENT_DONE;

	tool_free(TAKE_PTR(job->tool));
	job_charge(job, usage->cpu_usec, usage->peak_rss_kib);
	if (!answer)
		event = job->otherwise ? job->otherwise(job, err) : job_fault(job, err);
	else if (job->after)
		event = job->after(job, answer);
	job_happens(job, event);
}

enum job_event job_run(struct job *job, struct tool_spec spec,
		       enum job_event (*after)(struct job *job, json_t *answer))
{
	return job_run_else(job, spec, after, NULL);
}

enum job_event job_run_else(struct job *job, struct tool_spec spec,
			    enum job_event (*after)(struct job *job, json_t *answer),
			    enum job_event (*otherwise)(struct job *job, const struct err *err))
{
	struct err err = ERR_INIT;
	enum job_event event = EVENT_NONE;

	job->after = after;
	job->otherwise = otherwise;
	if (!spec.deadline_msec)
		spec.deadline_msec = deadline_msec(job);
	spec.as_user = geteuid() == 0;
	spec.uid = job->spec->place->owner;
	spec.gid = job->spec->place->owner_group;
	spec.on_done = on_ended;
	spec.userdata = job;
	job_tell(job, json_pack("{s:s}", "phase", jobtable_name(job->state)));
	if (tool_start(job->spec->loop, &spec, &job->tool, &err) < 0)
		event = job_fault(job, &err);
	err_clear(&err);
	return event;
}

enum job_event job_run_hooks(struct job *job, const char *const *stages, bool veto, json_t *report,
			     void (*after)(const struct err *err, void *userdata))
{
	const struct jobs_spec *spec = job->spec;

	if (!hooks_exist(spec->place, stages))
		return EVENT_DONE;
	job_tell(job, json_pack("{s:s}", "phase", jobtable_name(job->state)));
	job->hooks = hooks_start(spec->loop, spec->place,
				 &(struct hooks_spec){
					 .stages = stages,
					 .veto = veto,
					 .command = job_name(job),
					 .report = report,
					 .timeout = spec->settings->config.hook_timeout,
					 .on_done = after,
					 .userdata = job,
				 });
	return EVENT_NONE;
}

json_t *job_worker_request(const struct job *job)
{
	const struct jobs_spec *spec = job->spec;
	json_t *request = json_object();

	job_set_text(request, "root", spec->place->root);
	job_set_text(request, "cache", spec->place->cache);
	job_set_text(request, "config", spec->options->config);
	job_set_text(request, "kernel", spec->options->kernel);
	json_object_set_new(request, "running_system", json_boolean(spec->place->running_system));
	return request;
}

/* ---- JSON -------------------------------------------------------------------------------------*/

void job_set_text(json_t *object, const char *key, const char *text)
{
	json_object_set_new(object, key, text ? json_string(text) : json_null());
}

int64_t job_number(json_t *object, const char *key, int64_t fallback)
{
	json_t *value = json_object_get(object, key);

	return json_is_integer(value) ? json_integer_value(value) : fallback;
}
