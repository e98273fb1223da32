// SPDX-License-Identifier: Apache-2.0
#include "klpd/conclude.h"

#include "base/timex.h"
#include "klpd/announce.h"
#include "klpd/finish.h"
#include "klpd/install.h"
#include "klpd/intent.h"
#include "klpd/store.h"

/* Who asked for it and with what, where that is not on the node. */
static void tell_origin(const struct job *job)
{
	json_auto_t *origin = json_object();
	json_t *overrides = json_object_get(job->documents, "overrides");

	if (job->request.origin)
		json_object_update(origin, job->request.origin);
	if (!overrides && job->request.kind == JOB_INSTALL)
		overrides = json_object_get(job->request.ask, "overrides");
	if (json_is_string(overrides))
		json_object_set(origin, "overrides", overrides);
	if (json_object_size(origin))
		json_object_set(job->value, "origin", origin);
}

static json_t *complete(const struct job *job)
{
	char id[FINISH_ID_MAX];
	struct finish finish = { .id = finish_id(id),
				 .started = job->started,
				 .finished = timex_now(),
				 .bytes_fetched = job->bytes_fetched };
	int64_t own_rss = 0;

	finish.cpu_usec = job->cpu_usec + job_own_cpu_usec(&own_rss) - job->own_cpu_usec;
	finish.peak_rss_kib = own_rss > job->peak_rss_kib ? own_rss : job->peak_rss_kib;
	json_array_extend(json_object_get(job->value, "findings"), job->findings);
	tell_origin(job);
	return finish_report(job->value, &finish);
}

enum job_event conclude_store(struct job *job)
{
	const struct place *place = job->spec->place;
	const struct config *config = &job->spec->settings->config;
	const struct store_keep keep = { .number = config->history_keep,
					 .age = config->history_age,
					 .now = timex_now() };
	struct err err = ERR_INIT;
	json_t *report;

	if (job_changes_node(job))
		install_conclude(job, job->value);
	report = complete(job);
	json_decref(job->value);
	job->value = report;
	if (store_save(place->state_fd, report, job->request.store, &keep, &err) < 0) {
		job_fault(job, &err);
		err_clear(&err);
		return EVENT_FAILED;
	}
	if (job->request.store != STORE_NOWHERE) /* what was found is told where it stays */
		intent_clear(place);
	if (job->request.store == STORE_LATEST)
		publisher_take(job->spec->publisher, report);
	announce_report(job_name(job), report);
	return EVENT_DONE;
}

static void hooked(const struct err *err _unused_, void *userdata)
{
	struct job *job = userdata;

	hooks_free(TAKE_PTR(job->hooks));
	job_happens(job, EVENT_DONE);
}

enum job_event conclude_hooks(struct job *job)
{
	static const char *const changed[] = { "post-install", "on-exit", NULL };
	bool begun = job_changes_node(job) && install_was_begun(job);

	if (job->request.store == STORE_NOWHERE)
		return EVENT_DONE;
	return job_run_hooks(job, begun ? changed : changed + 1, false, job->value, hooked);
}
