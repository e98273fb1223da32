// SPDX-License-Identifier: Apache-2.0
/* PROBE and FETCH if metadata must be fetched, then JUDGE. */
#include "klpd/scan.h"

#include "base/alloc.h"
#include "base/timex.h"
#include "repo/cache.h"

#define PROBE_DEADLINE	    (60 * MSEC)
#define JUDGE_DEADLINE	    (300 * MSEC)
#define FETCH_SECONDS	    300		/* when the worker does not say */
#define FETCH_SECONDS_MAX   (24 * 3600) /* whatever the worker says */
#define FETCH_CLEANUP	    (30 * MSEC) /* beyond the time that klpd-fetch gives itself */
#define FETCH_FILE_SIZE_MAX ((int64_t)256 * 1024 * 1024)

static void after_probe(struct job *job, json_t *answer);
static void after_fetch(struct job *job, json_t *answer);
static void after_judge(struct job *job, json_t *answer);

JOB_PHASE_END(probe);
JOB_PHASE_END(fetch);
JOB_PHASE_END(judge);

void scan_judge(struct job *job)
{
	json_t *request = job_worker_request(job);

	json_object_update(request, job->request.ask);
	job_start_phase(job, "evaluate",
			(struct tool_spec){
				.program = "klpd-worker",
				.verb = job_verb(job),
				.request = request,
				.deadline_msec = JUDGE_DEADLINE,
				.on_done = on_judge,
			});
}

static void after_judge(struct job *job, json_t *answer)
{
	const char *member = job_member(job);
	json_t *value = json_object_get(answer, member);
	struct err err = ERR_INIT;

	if (!value) {
		err_set(&err, EXIT_STATUS_SOFTWARE, "klpd-worker answered without a %s", member);
		job_fail(job, &err);
	} else if (job->request.kind == JOB_SCAN) {
		job_store_and_succeed(job, value);
	} else {
		job_succeed(job, json_incref(value));
	}
	err_clear(&err);
}

/* {"repository", "file", "done", "total"} of klpd-fetch, as our callers know it. */
static void tell_fetching(json_t *line, void *userdata)
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
	job_tell(job, progress);
}

void scan_start_fetch(struct job *job, json_t *more, tool_done_fn on_done)
{
	static const char *const copied[] = { "releasever", "arch", "roles" };
	const struct place *place = job->spec->place;
	int64_t seconds = job_number(job->probe, "fetch_timeout", FETCH_SECONDS);
	json_t *request = json_object();

	if (seconds < 1 || seconds > FETCH_SECONDS_MAX)
		seconds = FETCH_SECONDS_MAX;
	job_set_text(request, "root", place->root);
	job_set_text(request, "cache", place->cache);
	for (size_t i = 0; i < ARRAY_SIZE(copied); i++)
		json_object_set(request, copied[i], json_object_get(job->probe, copied[i]));
	json_object_set_new(request, "refresh", json_boolean(job->request.refresh));
	json_object_set_new(
		request, "max_file_bytes",
		json_integer(job_number(job->probe, "max_file_bytes", FETCH_FILE_SIZE_MAX)));
	json_object_set_new(request, "timeout", json_integer(seconds));
	json_object_set_new(request, "now", json_integer(timex_now()));
	if (more)
		json_object_update(request, more);
	json_decref(more);
	job_start_phase(job, "fetch",
			(struct tool_spec){
				.program = "klpd-fetch",
				.request = request,
				.deadline_msec = seconds * MSEC + FETCH_CLEANUP,
				.proxy = true,
				.on_progress = tell_fetching,
				.on_done = on_done,
			});
}

static void after_fetch(struct job *job, json_t *answer)
{
	job->bytes_fetched += job_number(json_object_get(answer, "fetched"), "bytes", 0);
	job->refreshed(job);
}

static void fetch(struct job *job)
{
	json_t *more = NULL;

	/* Without a profile for this system no repository has a role: nothing to fetch. */
	if (!json_is_object(json_object_get(job->probe, "roles"))) {
		job->refreshed(job);
		return;
	}
	if (job->primary)
		more = json_pack("{s:b,s:[s,s]}", "refresh", 1, "primary", "livepatch", "kernel");
	scan_start_fetch(job, more, on_fetch);
}

static bool must_fetch(const struct job *job)
{
	const struct place *place = job->spec->place;
	enum job_kind kind = job->request.kind;

	if ((kind != JOB_SCAN && kind != JOB_INSTALL) || job->request.cached)
		return false;
	return job->primary || job->request.refresh ||
	       !cache_is_fresh(place->cache_fd, place->root_fd, timex_now());
}

static void probed(struct job *job)
{
	if (must_fetch(job))
		fetch(job);
	else
		job->refreshed(job);
}

static void after_probe(struct job *job, json_t *answer)
{
	job->probe = json_incref(json_object_get(answer, "probe"));
	if (json_object_get(job->probe, "history_keep"))
		job->keep = job_number(job->probe, "history_keep", -1);
	probed(job);
}

void scan_refresh(struct job *job, bool primary, void (*then)(struct job *job))
{
	job->refreshed = then;
	job->primary = primary;
	if (job->probe || (!must_fetch(job) && job->request.kind != JOB_INSTALL)) {
		probed(job);
		return;
	}
	job_start_phase(job, "probe",
			(struct tool_spec){
				.program = "klpd-worker",
				.verb = "probe",
				.request = job_worker_request(job),
				.deadline_msec = PROBE_DEADLINE,
				.on_done = on_probe,
			});
}
