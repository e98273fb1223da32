// SPDX-License-Identifier: Apache-2.0
#include "klpd/scan.h"

#include "base/alloc.h"
#include "base/timex.h"
#include "klpd/state.h"
#include "repo/cache.h"

/* ---- probe ------------------------------------------------------------------------------------*/

/* Who enables looks at what is not enabled yet, of which freshness says nothing. */
static bool must_fetch(const struct job *job)
{
	const struct place *place = job->spec->place;

	if (job->request.cached)
		return false;
	return job->request.kind == JOB_ENABLE || job->request.refresh ||
	       !cache_is_fresh(place->cache_fd, place->root_fd, timex_now());
}

/* Without a profile for this system no repository has a role: nothing to fetch. */
static enum job_event probed(struct job *job, json_t *answer)
{
	job->probe = json_incref(json_object_get(answer, "probe"));
	return must_fetch(job) && json_is_object(json_object_get(job->probe, "roles"))
		       ? EVENT_DONE
		       : EVENT_FRESH;
}

enum job_event scan_probe(struct job *job)
{
	if (job_flow(job) == FLOW_SCAN && !must_fetch(job))
		return EVENT_FRESH;
	return job_run(job,
		       (struct tool_spec){ .program = "klpd-worker",
					   .verb = "probe",
					   .request = job_worker_request(job) },
		       probed);
}

/* ---- fetch ------------------------------------------------------------------------------------*/

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
	progress = json_pack("{s:s}", "phase", jobtable_name(job->state));
	if (repository)
		json_object_set_new(
			progress, "subject",
			state_printf("%s%s%s", repository, file ? " " : "", file ? file : ""));
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		if (json_is_integer(json_object_get(from, counts[i])))
			json_object_set(progress, counts[i], json_object_get(from, counts[i]));
	job_tell(job, progress);
}

enum job_event scan_start_fetch(struct job *job, json_t *more,
				enum job_event (*after)(struct job *job, json_t *answer))
{
	static const char *const copied[] = { "releasever", "arch", "roles" };
	const struct place *place = job->spec->place;
	const struct config *config = &job->spec->settings->config;
	json_t *request = json_object();

	job_set_text(request, "root", place->root);
	job_set_text(request, "cache", place->cache);
	for (size_t i = 0; i < ARRAY_SIZE(copied); i++)
		json_object_set(request, copied[i], json_object_get(job->probe, copied[i]));
	json_object_set_new(request, "refresh", json_boolean(job->request.refresh));
	json_object_set_new(request, "max_file_bytes", json_integer(config->max_file_size));
	if (job->request.kind == JOB_ENABLE && job->state != STATE_FETCH_AGAIN &&
	    json_is_string(json_object_get(job->probe, "switchable")))
		json_object_set(request, "enable", json_object_get(job->probe, "switchable"));
	json_object_set_new(request, "timeout", json_integer(config->fetch_timeout));
	json_object_set_new(request, "now", json_integer(timex_now()));
	if (more)
		json_object_update(request, more);
	json_decref(more);
	return job_run(job,
		       (struct tool_spec){ .program = "klpd-fetch",
					   .request = request,
					   .environment = CHILD_PROXY,
					   .on_progress = tell_fetching },
		       after);
}

static enum job_event fetched(struct job *job, json_t *answer)
{
	job->bytes_fetched += job_number(json_object_get(answer, "fetched"), "bytes", 0);
	return EVENT_DONE;
}

enum job_event scan_fetch(struct job *job)
{
	return scan_start_fetch(job, NULL, fetched);
}

enum job_event scan_fetch_more(struct job *job)
{
	return scan_start_fetch(
		job, json_pack("{s:b,s:[s,s]}", "refresh", 1, "primary", "livepatch", "kernel"),
		fetched);
}

/* What was switched is looked at as it is now. */
enum job_event scan_fetch_again(struct job *job)
{
	const struct place *place = job->spec->place;

	return cache_is_fresh(place->cache_fd, place->root_fd, timex_now())
		       ? EVENT_DONE
		       : scan_start_fetch(job, NULL, fetched);
}

/* ---- judge ------------------------------------------------------------------------------------*/

static enum job_event judged(struct job *job, json_t *answer)
{
	json_t *value = json_object_get(answer, job_member(job));
	struct err err = ERR_INIT;
	enum job_event event;

	if (value) {
		json_decref(job->value);
		job->value = json_incref(value);
		return EVENT_DONE;
	}
	err_set(&err, EXIT_STATUS_SOFTWARE, "klpd-worker answered without a %s", job_member(job));
	event = job_fault(job, &err);
	err_clear(&err);
	return event;
}

enum job_event scan_judge(struct job *job)
{
	json_t *request = job_worker_request(job);

	json_object_update(request, job->request.ask);
	json_object_update(request, job->documents);
	return job_run(job,
		       (struct tool_spec){ .program = "klpd-worker",
					   .verb = job_verb(job),
					   .request = request },
		       judged);
}
