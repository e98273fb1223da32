// SPDX-License-Identifier: Apache-2.0
/*
 * A job moves from phase to phase; each phase is one program, and its end starts the next phase or
 * finishes the job. The queue's head is the job that runs.
 *
 *	scan:    [PROBE -> [FETCH ->]] JUDGE        brackets: only if metadata must be fetched
 *	others:  JUDGE
 *
 * Trouble with a repository is in the report; what fails here is our own programs.
 */
#include "klpd/jobs.h"

#include "base/alloc.h"
#include "base/log.h"
#include "base/timex.h"
#include "klpd/finish.h"
#include "klpd/store.h"
#include "klpd/tool.h"
#include "repo/cache.h"

#include <sys/resource.h>

#define MSEC		    ((int64_t)1000)
#define PROBE_DEADLINE	    (60 * MSEC)
#define JUDGE_DEADLINE	    (300 * MSEC)
#define FETCH_SECONDS	    300		/* when the worker does not say */
#define FETCH_SECONDS_MAX   (24 * 3600) /* whatever the worker says */
#define FETCH_CLEANUP	    (30 * MSEC) /* beyond the time that klpd-fetch gives itself */
#define FETCH_FILE_SIZE_MAX ((int64_t)256 * 1024 * 1024)

static const struct {
	const char *name;   /* for people */
	const char *verb;   /* of klpd-worker */
	const char *member; /* of its answer, and of ours */
} kinds[] = {
	[JOB_SCAN] = { "scan", "scan", "report" },
	[JOB_EVALUATE] = { "evaluate", "evaluate", "report" },
	[JOB_EXPLAIN] = { "explain", "explain", "explanation" },
	[JOB_CVE] = { "cve", "cve", "explanation" },
	[JOB_CAPTURE] = { "capture", "capture", "snapshot" },
	[JOB_CONFIG] = { "show the configuration", "config", "settings" },
	[JOB_BASELINE] = { "show the baseline", "baseline", "baseline" },
};

struct job {
	struct job *next;
	struct jobs *jobs;
	struct job_request request;
	struct varlink_call **callers;
	size_t n_callers;
	struct tool *tool;
	json_t *probe; /* what klpd-worker probe said */
	int64_t started;
	int64_t cpu_usec, peak_rss_kib, bytes_fetched;
	int64_t own_cpu_usec; /* of klpd itself at the start */
};

struct jobs {
	struct jobs_spec spec;
	struct job *head;
	struct loop_timer *next_turn; /* a job starts from here, never underneath another's end */
	int64_t keep;		      /* reports; as the configuration said last */
	bool running;
};

static void job_free(struct job *job)
{
	if (!job)
		return;
	tool_free(job->tool);
	for (size_t i = 0; i < job->n_callers; i++)
		varlink_call_drop(job->callers[i]);
	free(job->callers);
	json_decref(job->request.ask);
	json_decref(job->probe);
	free(job);
}

/* ---- answers ----------------------------------------------------------------------------------*/

static void end_job(struct job *job)
{
	struct jobs *jobs = job->jobs;

	jobs->head = job->next;
	jobs->running = false;
	job_free(job);
	if (jobs->head)
		loop_timer_set(jobs->next_turn, 0);
	else
		jobs->spec.on_idle(jobs->spec.userdata);
}

static void fail(struct job *job, const struct err *err)
{
	log_warning("%s: %s", kinds[job->request.kind].name, err->message);
	for (size_t i = 0; i < job->n_callers; i++)
		varlink_call_error(
			job->callers[i], "io.klpd.Agent.Failed",
			json_pack("{s:i,s:s}", "status", err->status, "message", err->message));
	job->n_callers = 0;
	end_job(job);
}

/* @value is consumed. */
static void succeed(struct job *job, json_t *value)
{
	const char *member = kinds[job->request.kind].member;

	for (size_t i = 0; i < job->n_callers; i++)
		varlink_call_reply(job->callers[i], json_pack("{s:O}", member, value));
	job->n_callers = 0;
	json_decref(value);
	end_job(job);
}

/* @progress is consumed. */
static void tell(struct job *job, json_t *progress)
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

static void charge(struct job *job, const struct tool_usage *usage)
{
	job->cpu_usec += usage->cpu_usec;
	if (usage->peak_rss_kib > job->peak_rss_kib)
		job->peak_rss_kib = usage->peak_rss_kib;
}

/* ---- phases -----------------------------------------------------------------------------------*/

typedef void (*phase_fn)(struct job *job, json_t *answer);

static void after_probe(struct job *job, json_t *answer);
static void after_fetch(struct job *job, json_t *answer);
static void after_judge(struct job *job, json_t *answer);

static void phase_ended(struct job *job, json_t *answer, const struct err *err,
			const struct tool_usage *usage, phase_fn then)
{
	tool_free(TAKE_PTR(job->tool));
	charge(job, usage);
	if (answer)
		then(job, answer);
	else
		fail(job, err);
}

#define PHASE_END(name)                                                                            \
	static void on_##name(json_t *answer, const struct err *err,                               \
			      const struct tool_usage *usage, void *userdata)                      \
	{                                                                                          \
		phase_ended(userdata, answer, err, usage, after_##name);                           \
	}
PHASE_END(probe)
PHASE_END(fetch)
PHASE_END(judge)

static void start_phase(struct job *job, const char *name, struct tool_spec spec)
{
	struct err err = ERR_INIT;

	spec.userdata = job;
	tell(job, json_pack("{s:s}", "phase", name));
	if (tool_start(job->jobs->spec.loop, &spec, &job->tool, &err) < 0)
		fail(job, &err);
	err_clear(&err);
}

static void set_text(json_t *object, const char *key, const char *text)
{
	json_object_set_new(object, key, text ? json_string(text) : json_null());
}

/* What every request to klpd-worker says. */
static json_t *worker_request(const struct job *job)
{
	const struct jobs_spec *spec = &job->jobs->spec;
	json_t *request = json_object();

	set_text(request, "root", spec->place->root);
	set_text(request, "cache", spec->place->cache);
	set_text(request, "config", spec->options->config);
	set_text(request, "kernel", spec->options->kernel);
	json_object_set_new(request, "running_system", json_boolean(spec->place->running_system));
	return request;
}

static void start_judge(struct job *job)
{
	json_t *request = worker_request(job);

	json_object_update(request, job->request.ask);
	start_phase(job, "evaluate",
		    (struct tool_spec){
			    .program = "klpd-worker",
			    .verb = kinds[job->request.kind].verb,
			    .request = request,
			    .deadline_msec = JUDGE_DEADLINE,
			    .on_done = on_judge,
		    });
}

static void store_and_answer(struct job *job, json_t *report)
{
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
	complete = finish_report(report, &finish);
	if (store_save(job->jobs->spec.place->state_fd, complete, job->jobs->keep, &err) < 0) {
		json_decref(complete);
		fail(job, &err);
	} else {
		succeed(job, complete);
	}
	err_clear(&err);
}

static void after_judge(struct job *job, json_t *answer)
{
	const char *member = kinds[job->request.kind].member;
	json_t *value = json_object_get(answer, member);
	struct err err = ERR_INIT;

	if (!value) {
		err_set(&err, EXIT_STATUS_SOFTWARE, "klpd-worker answered without a %s", member);
		fail(job, &err);
	} else if (job->request.kind == JOB_SCAN) {
		store_and_answer(job, value);
	} else {
		succeed(job, json_incref(value));
	}
	err_clear(&err);
}

static int64_t number_of(json_t *object, const char *key, int64_t fallback)
{
	json_t *value = json_object_get(object, key);

	return json_is_integer(value) ? json_integer_value(value) : fallback;
}

/* {"repository", "file", "done", "total"} of klpd-fetch, as our callers know it. */
static void on_fetch_progress(json_t *line, void *userdata)
{
	static const char *const counts[] = { "done", "total" };
	struct job *job = userdata;
	json_t *from = json_object_get(line, "progress"), *progress;
	const char *repository = json_string_value(json_object_get(from, "repository"));
	const char *file = json_string_value(json_object_get(from, "file"));

	if (!from)
		return;
	progress = json_pack("{s:s}", "phase", "fetch");
	if (repository)
		json_object_set_new(
			progress, "subject",
			json_sprintf("%s%s%s", repository, file ? " " : "", file ? file : ""));
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		if (json_is_integer(json_object_get(from, counts[i])))
			json_object_set(progress, counts[i], json_object_get(from, counts[i]));
	tell(job, progress);
}

static void start_fetch(struct job *job)
{
	static const char *const copied[] = { "releasever", "arch", "roles" };
	int64_t seconds = number_of(job->probe, "fetch_timeout", FETCH_SECONDS);
	json_t *request = json_object();

	if (seconds < 1 || seconds > FETCH_SECONDS_MAX)
		seconds = FETCH_SECONDS_MAX;
	set_text(request, "root", job->jobs->spec.place->root);
	set_text(request, "cache", job->jobs->spec.place->cache);
	for (size_t i = 0; i < ARRAY_SIZE(copied); i++)
		json_object_set(request, copied[i], json_object_get(job->probe, copied[i]));
	json_object_set_new(request, "refresh", json_boolean(job->request.refresh));
	json_object_set_new(
		request, "max_file_bytes",
		json_integer(number_of(job->probe, "max_file_bytes", FETCH_FILE_SIZE_MAX)));
	json_object_set_new(request, "timeout", json_integer(seconds));
	json_object_set_new(request, "now", json_integer(timex_now()));
	start_phase(job, "fetch",
		    (struct tool_spec){
			    .program = "klpd-fetch",
			    .request = request,
			    .deadline_msec = seconds * MSEC + FETCH_CLEANUP,
			    .proxy = true,
			    .on_progress = on_fetch_progress,
			    .on_done = on_fetch,
		    });
}

static void after_fetch(struct job *job, json_t *answer)
{
	job->bytes_fetched = number_of(json_object_get(answer, "fetched"), "bytes", 0);
	start_judge(job);
}

static void after_probe(struct job *job, json_t *answer)
{
	job->probe = json_incref(json_object_get(answer, "probe"));
	job->jobs->keep = number_of(job->probe, "history_keep", job->jobs->keep);
	/* Without a profile for this system no repository has a role: nothing to fetch. */
	if (json_is_object(json_object_get(job->probe, "roles")))
		start_fetch(job);
	else
		start_judge(job);
}

static void start_probe(struct job *job)
{
	start_phase(job, "probe",
		    (struct tool_spec){
			    .program = "klpd-worker",
			    .verb = "probe",
			    .request = worker_request(job),
			    .deadline_msec = PROBE_DEADLINE,
			    .on_done = on_probe,
		    });
}

static bool must_fetch(const struct job *job)
{
	const struct place *place = job->jobs->spec.place;

	if (job->request.kind != JOB_SCAN || job->request.cached)
		return false;
	return job->request.refresh ||
	       !cache_is_fresh(place->cache_fd, place->root_fd, timex_now());
}

/* ---- the queue --------------------------------------------------------------------------------*/

/* Nobody waits for it, and nothing would be kept of it. */
static bool is_pointless(const struct job *job)
{
	if (job->request.kind == JOB_SCAN)
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
	int64_t unused;

	if (!job || jobs->running)
		return;
	jobs->running = true;
	job->started = timex_now();
	job->own_cpu_usec = own_cpu_usec(&unused);
	if (is_pointless(job))
		end_job(job);
	else if (must_fetch(job))
		start_probe(job);
	else
		start_judge(job);
}

static bool is_same_scan(const struct job_request *a, const struct job_request *b)
{
	return a->kind == JOB_SCAN && b->kind == JOB_SCAN && a->cached == b->cached &&
	       a->refresh == b->refresh && json_equal(a->ask, b->ask);
}

static void add_caller(struct job *job, struct varlink_call *call)
{
	job->callers =
		xreallocarray(job->callers, job->n_callers + 1, sizeof(struct varlink_call *));
	job->callers[job->n_callers++] = call;
}

void jobs_submit(struct jobs *jobs, const struct job_request *request, struct varlink_call *call)
{
	struct job **at = &jobs->head, *job;

	for (; *at; at = &(*at)->next)
		if (is_same_scan(&(*at)->request, request)) {
			json_decref(request->ask);
			add_caller(*at, call);
			return;
		}
	job = xcalloc(1, sizeof(*job));
	job->jobs = jobs;
	job->request = *request;
	add_caller(job, call);
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
	return kinds[jobs->head->request.kind].name;
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
