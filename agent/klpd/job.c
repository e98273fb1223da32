// SPDX-License-Identifier: Apache-2.0
#include "klpd/job.h"

#include "base/alloc.h"
#include "base/log.h"
#include "base/timex.h"
#include "klpd/finish.h"
#include "klpd/intent.h"
#include "klpd/store.h"

#include <sys/resource.h>

static const struct {
	const char *name;   /* for people */
	const char *verb;   /* of klpd-worker */
	const char *member; /* of its answer, and of ours */
} kinds[] = {
	[JOB_SCAN] = { "scan", "scan", "report" },
	[JOB_INSTALL] = { "install", "scan", "report" },
	[JOB_VERIFY] = { "verify", "activation", "activation" },
	[JOB_EVALUATE] = { "evaluate", "evaluate", "report" },
	[JOB_EXPLAIN] = { "explain", "explain", "explanation" },
	[JOB_CVE] = { "cve", "cve", "explanation" },
	[JOB_CAPTURE] = { "capture", "capture", "snapshot" },
	[JOB_CONFIG] = { "show the configuration", "config", "settings" },
	[JOB_BASELINE] = { "show the baseline", "baseline", "baseline" },
};

struct job *job_new(const struct jobs_spec *spec, const struct job_request *request)
{
	struct job *job = xcalloc(1, sizeof(*job));

	job->spec = spec;
	job->request = *request;
	job->findings = json_array();
	return job;
}

void job_free(struct job *job)
{
	if (!job)
		return;
	tool_free(job->tool);
	if (job->detail_free)
		job->detail_free(job->detail);
	for (size_t i = 0; i < job->n_callers; i++)
		varlink_call_drop(job->callers[i]);
	free(job->callers);
	json_decref(job->request.ask);
	json_decref(job->probe);
	json_decref(job->findings);
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

const char *job_verb(const struct job *job)
{
	return kinds[job->request.kind].verb;
}

const char *job_member(const struct job *job)
{
	return kinds[job->request.kind].member;
}

/* ---- answers ----------------------------------------------------------------------------------*/

void job_fail(struct job *job, const struct err *err)
{
	log_warning("%s: %s", kinds[job->request.kind].name, err->message);
	for (size_t i = 0; i < job->n_callers; i++)
		varlink_call_error(
			job->callers[i], "io.klpd.Agent.Failed",
			json_pack("{s:i,s:s}", "status", err->status, "message", err->message));
	job->n_callers = 0;
	job->ended(job);
}

void job_succeed(struct job *job, json_t *value)
{
	for (size_t i = 0; i < job->n_callers; i++)
		varlink_call_reply(job->callers[i], json_pack("{s:O}", job_member(job), value));
	job->n_callers = 0;
	json_decref(value);
	job->ended(job);
}

void job_tell(struct job *job, json_t *progress)
{
	for (size_t i = 0; i < job->n_callers; i++)
		varlink_call_progress(job->callers[i], json_pack("{s:O}", "progress", progress));
	json_decref(progress);
}

/* ---- cost -------------------------------------------------------------------------------------*/

static int64_t own_cpu_usec(int64_t *ret_peak_rss_kib)
{
	struct rusage usage = { 0 };

	getrusage(RUSAGE_SELF, &usage);
	*ret_peak_rss_kib = usage.ru_maxrss;
	return ((int64_t)usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
	       usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

void job_begin(struct job *job, int64_t keep)
{
	int64_t unused;

	job->keep = keep;
	job->started = timex_now();
	job->own_cpu_usec = own_cpu_usec(&unused);
}

void job_charge(struct job *job, int64_t cpu_usec, int64_t peak_rss_kib)
{
	job->cpu_usec += cpu_usec;
	if (peak_rss_kib > job->peak_rss_kib)
		job->peak_rss_kib = peak_rss_kib;
}

/* ---- phases -----------------------------------------------------------------------------------*/

void job_phase_ended(struct job *job, json_t *answer, const struct err *err,
		     const struct tool_usage *usage, job_phase_fn then)
{
	tool_free(TAKE_PTR(job->tool));
	job_charge(job, usage->cpu_usec, usage->peak_rss_kib);
	if (answer)
		then(job, answer);
	else
		job_fail(job, err);
}

void job_start_phase(struct job *job, const char *name, struct tool_spec spec)
{
	struct err err = ERR_INIT;

	spec.userdata = job;
	job_tell(job, json_pack("{s:s}", "phase", name));
	if (tool_start(job->spec->loop, &spec, &job->tool, &err) < 0)
		job_fail(job, &err);
	err_clear(&err);
}

void job_set_text(json_t *object, const char *key, const char *text)
{
	json_object_set_new(object, key, text ? json_string(text) : json_null());
}

int64_t job_number(json_t *object, const char *key, int64_t fallback)
{
	json_t *value = json_object_get(object, key);

	return json_is_integer(value) ? json_integer_value(value) : fallback;
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

void job_store_and_succeed(struct job *job, json_t *report)
{
	const struct place *place = job->spec->place;
	char id[FINISH_ID_MAX];
	struct finish finish = { .id = finish_id(id),
				 .started = job->started,
				 .finished = timex_now(),
				 .bytes_fetched = job->bytes_fetched };
	struct err err = ERR_INIT;
	int64_t own_rss = 0;
	json_t *complete;

	finish.cpu_usec = job->cpu_usec + own_cpu_usec(&own_rss) - job->own_cpu_usec;
	finish.peak_rss_kib = own_rss > job->peak_rss_kib ? own_rss : job->peak_rss_kib;
	json_array_extend(json_object_get(report, "findings"), job->findings);
	complete = finish_report(report, &finish);
	if (store_save(place->state_fd, complete, job->keep, &err) < 0) {
		json_decref(complete);
		job_fail(job, &err);
	} else {
		intent_clear(place);
		job_succeed(job, complete);
	}
	err_clear(&err);
}
