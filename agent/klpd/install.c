// SPDX-License-Identifier: Apache-2.0
/*
 * PLAN, DOWNLOAD, APPLY and ACTIVATION (core/jobtable.h says what follows what). What fails is
 * remembered and told in `outcome`; the report is made by a fresh look at the node, so it says
 * what is, not what was done.
 */
#include "klpd/install.h"

#include "base/alloc.h"
#include "base/fsx.h"
#include "klpd/announce.h"
#include "klpd/changes.h"
#include "klpd/hold.h"
#include "klpd/intent.h"
#include "klpd/scan.h"
#include "klpd/state.h"

/* Carries reboots out where an operator enabled it; not enabled as shipped. */
#define REBOOT_UNIT "klpd-reboot.path"

struct install {
	json_t *answer;	 /* of klpd-worker plan: plan, report, apply */
	json_t *outcome; /* result, what changes.c notes, activation */
	struct changes *changes;
	int64_t awaiting; /* since when, of loop_now() */
	int lock;	  /* nobody else changes the node with this state directory */
	bool vetoed, fetched_more;
};

static struct install *installation(const struct job *job)
{
	return job->detail;
}

static json_t *plan_of(const struct job *job)
{
	return json_object_get(installation(job)->answer, "plan");
}

static bool has(json_t *object, const char *list)
{
	return json_array_size(json_object_get(object, list)) > 0;
}

static void free_install(void *detail)
{
	struct install *install = detail;

	changes_free(install->changes);
	json_decref(install->answer);
	json_decref(install->outcome);
	closep(&install->lock);
	free(install);
}

/* ---- the end ----------------------------------------------------------------------------------*/

static const char *result_of(const struct job *job)
{
	json_t *plan = plan_of(job);

	if (has(plan, "refusals") || installation(job)->vetoed)
		return "refused";
	if (job->err.message)
		return "failed";
	return changes_any(plan) ? "done" : "nothing-to-do";
}

/* The package of the plan's first step, of kernels only if @kernel. */
static const char *first_step(const struct job *job, bool kernel)
{
	json_t *step;
	size_t i;

	json_array_foreach(json_object_get(plan_of(job), "steps"), i, step)
	{
		if (!kernel || streq(state_text(step, "kind"), "kernel"))
			return state_text(step, "package");
	}
	return NULL;
}

/* Of livepatches that were removed the kernel still runs the code (semantics 6). */
static bool still_runs(const struct job *job, json_t *report)
{
	json_t *finding;
	size_t i;

	json_array_foreach(json_object_get(report, "findings"), i, finding)
	{
		if (job->request.kind == JOB_DISABLE &&
		    streq(state_text(finding, "code"), "livepatch-without-package"))
			return true;
	}
	return false;
}

/*
 * What RebootIfNeeded would reboot for (semantics 1.5, R1 and R2, and 6; ruling 9: never for
 * livepatches alone), or NULL.
 */
static const char *needs_reboot(const struct job *job, json_t *report)
{
	bool any = job->spec->settings->config.reboot_after_livepatch;
	const char *boot = json_string_value(json_object_get(plan_of(job), "boot"));
	json_t *patch;
	size_t i;

	if (!streq(state_text(job->request.ask, "reboot_option"), "RebootIfNeeded"))
		return NULL;
	json_array_foreach(json_object_get(report, "patches"), i, patch)
	{
		if (streq(state_text(patch, "state"), "InstalledPendingReboot"))
			return state_text(patch, "title");
	}
	if (still_runs(job, report))
		return "the livepatches that were removed";
	if (!job->err.message && boot)
		return boot;
	return has(installation(job)->outcome, "installed") ? first_step(job, !any) : NULL;
}

/* Whether the unit that carries reboots out is enabled. */
static bool unit_reboots(const struct job *job)
{
	return job->spec->options->wishes &&
	       fsx_exists_at(job->spec->place->root_fd,
			     "etc/systemd/system/multi-user.target.wants/" REBOOT_UNIT);
}

/*
 * The reboot is the caller's to make (--ssm), or that of klpd-reboot.path if an operator enabled
 * it: klpd only says so. What was installed before the last boot is never pending, so no reboot
 * that did not help is asked for again. A wish is for those who allow it now: who enables the unit
 * later is not surprised by an old one.
 */
static void conclude_reboot(struct job *job, json_t *report)
{
	json_t *outcome = installation(job)->outcome;
	const char *what = needs_reboot(job, report);
	bool carried_out = what && unit_reboots(job);
	_cleanup_free_ char *how = NULL;

	if (what)
		how = xasprintf(carried_out ? "%s: " REBOOT_UNIT
					      " does it in five minutes, shutdown "
					      "-c objects"
					    : "%s: not by klpd, for " REBOOT_UNIT " is not enabled",
				what);
	json_object_set_new(outcome, "reboot_required", json_boolean(what != NULL));
	job_set_text(outcome, "reboot_reason", how);
	json_object_set_new(outcome, "reboot_asked",
			    json_integer(intent_ask_reboot(job->spec->place, what != NULL)));
	if (job->spec->options->wishes)
		intent_wish_reboot(job->spec->options->wishes, carried_out ? what : NULL);
}

/* What was switched must be so now; the fresh look tells. */
static void verify_switches(struct job *job, json_t *report)
{
	json_t *facts = json_object_get(report, "live_patching"), *row;
	struct err err = ERR_INIT;
	size_t i;

	json_array_foreach(json_object_get(plan_of(job), "switches"), i, row)
	{
		json_t *fact = json_object_get(facts, state_text(row, "kind"));
		bool on = json_is_true(json_object_get(row, "on"));

		if (!json_is_boolean(fact) || json_is_true(fact) == on)
			continue;
		err_set(&err, EXIT_STATUS_FAILED,
			"%s was %s and is still %s; something else has it so: look for other "
			"files and links of that name",
			state_text(row, "name"), on ? "enabled" : "disabled", on ? "off" : "on");
		job_fault(job, &err);
		err_clear(&err);
	}
}

void install_conclude(struct job *job, json_t *report)
{
	json_t *outcome = installation(job)->outcome;

	if (installation(job)->changes)
		verify_switches(job, report);
	json_object_set_new(outcome, "result", json_string(result_of(job)));
	json_object_set_new(outcome, "status", json_integer(job->err.status));
	job_set_text(outcome, "message", job->err.message);
	if (installation(job)->changes)
		changes_tell(installation(job)->changes);
	conclude_reboot(job, report);
	job_set_text(outcome, "asked_by", job->request.who);
	json_object_set(report, "plan", plan_of(job));
	json_object_set(report, "outcome", outcome);
	if (job->request.by_timer && !job->err.message &&
	    !streq(state_text(json_object_get(report, "compliance"), "livepatch"), "UNKNOWN"))
		hold_timer_done(job->spec->place, job->started);
	announce_outcome(job_name(job), outcome);
}

/* ---- activation -------------------------------------------------------------------------------*/

static enum job_event awaited(struct job *job, json_t *answer)
{
	json_t *list = json_object_get(json_object_get(answer, "activation"), "livepatches");
	const struct install *in = installation(job);

	if (list)
		json_object_set(in->outcome, "activation", list);
	if (has(in->outcome, "modules")) /* else there was nothing to wait for */
		json_object_set_new(in->outcome, "activation_msec",
				    json_integer(loop_now() - in->awaiting));
	return EVENT_DONE;
}

static void on_activation_progress(json_t *line, void *userdata)
{
	json_t *progress = json_object_get(line, "progress");

	if (progress)
		job_tell(userdata, json_incref(progress));
}

/* Only a kernel that runs has anything to activate. */
enum job_event install_await(struct job *job)
{
	json_t *request;

	if (!job->spec->place->running_system)
		return EVENT_DONE;
	request = job_worker_request(job);
	installation(job)->awaiting = loop_now();
	json_object_set_new(request, "wait",
			    json_integer(job->spec->settings->config.activation_timeout));
	return job_run(job,
		       (struct tool_spec){ .program = "klpd-worker",
					   .verb = "activation",
					   .request = request,
					   .on_progress = on_activation_progress },
		       awaited);
}

/* ---- hooks ------------------------------------------------------------------------------------*/

static void hooked(const struct err *err, void *userdata)
{
	struct job *job = userdata;
	enum job_event event = err ? job_fault(job, err) : EVENT_DONE;

	installation(job)->vetoed = err != NULL;
	hooks_free(TAKE_PTR(job->hooks)); /* and @err with it */
	job_happens(job, event);
}

enum job_event install_hooks(struct job *job)
{
	static const char *const stages[] = { "pre-install", NULL };
	json_auto_t *report = json_copy(json_object_get(installation(job)->answer, "report"));

	json_object_set(report, "plan", plan_of(job));
	return job_run_hooks(job, stages, true, report, hooked);
}

enum job_event install_apply(struct job *job)
{
	struct install *in = job->detail;

	if (!in->changes)
		in->changes = changes_new(job, in->answer, in->outcome);
	return changes_make_next(in->changes);
}

bool install_was_begun(const struct job *job)
{
	return has(installation(job)->outcome, "steps");
}

/* ---- download ---------------------------------------------------------------------------------*/

static enum job_event downloaded(struct job *job, json_t *answer)
{
	job->bytes_fetched += job_number(json_object_get(answer, "downloaded"), "bytes", 0);
	return EVENT_DONE;
}

enum job_event install_download(struct job *job)
{
	static const char *const copied[] = { "repository", "location", "checksum_type", "checksum",
					      "size" };
	json_t *packages = json_array(), *step;
	size_t i;

	json_array_foreach(json_object_get(plan_of(job), "steps"), i, step)
	{
		json_t *package = json_pack("{s:s}", "name", state_text(step, "package"));

		for (size_t k = 0; k < ARRAY_SIZE(copied); k++)
			json_object_set(package, copied[k], json_object_get(step, copied[k]));
		json_array_append_new(packages, package);
	}
	return scan_start_fetch(job, json_pack("{s:o}", "packages", packages), downloaded);
}

/* ---- plan -------------------------------------------------------------------------------------*/

/* What a refusal means to a script; any other: failed. */
static int status_of_refusal(const char *code)
{
	static const struct {
		const char *code;
		int status;
	} rows[] = {
		{ "disabled", EXIT_STATUS_NOPERM }, { "unreachable", EXIT_STATUS_UNAVAILABLE },
		{ "disk-full", EXIT_STATUS_IO },    { "memory", EXIT_STATUS_TEMPFAIL },
		{ "checksum", EXIT_STATUS_DATA },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (streq(rows[i].code, code))
			return rows[i].status;
	return EXIT_STATUS_FAILED;
}

static void refused(struct job *job)
{
	json_t *first = json_array_get(json_object_get(plan_of(job), "refusals"), 0);
	struct err err = ERR_INIT;

	err_set(&err, status_of_refusal(state_text(first, "code")), "%s",
		state_text(first, "message"));
	job_fault(job, &err);
	err_clear(&err);
}

/* A dry run's answer is the report of before, with the plan. */
static void show_plan(struct job *job)
{
	job->value = json_incref(json_object_get(installation(job)->answer, "report"));
	json_object_set(job->value, "plan", plan_of(job));
}

static enum job_event planned(struct job *job, json_t *answer)
{
	struct install *in = job->detail;

	json_decref(in->answer);
	in->answer = json_incref(answer);
	if (json_is_true(json_object_get(answer, "needs_primary")) && !in->fetched_more &&
	    !job->request.cached) {
		in->fetched_more = true;
		return EVENT_NEEDS_MORE;
	}
	if (job->request.dry_run) {
		show_plan(job);
		return EVENT_DRY_RUN;
	}
	if (has(plan_of(job), "refusals")) {
		refused(job);
		return EVENT_REFUSED;
	}
	if (has(plan_of(job), "steps"))
		return EVENT_DONE;
	return changes_any(plan_of(job)) ? EVENT_READY : EVENT_NOTHING;
}

static enum job_event begin(struct job *job)
{
	struct install *in = xcalloc(1, sizeof(*in));
	struct err err = ERR_INIT;
	enum job_event event = EVENT_NONE;

	job->detail = in;
	job->detail_free = free_install;
	in->outcome = json_pack("{s:b,s:[],s:[],s:[],s:[],s:[],s:[],s:[]}", "running_system",
				job->spec->place->running_system, "steps", "installed", "erased",
				"switched", "modules", "output", "activation");
	in->lock = job->request.dry_run ? -1 : intent_lock(job->spec->place, &err);
	if (err.message)
		event = job_fault(job, &err);
	err_clear(&err);
	return event;
}

enum job_event install_plan(struct job *job)
{
	const struct {
		const char *name;
		bool value;
	} flags[] = {
		{ "with_kernel", job->request.with_kernel },
		{ "retry_quarantined", job->request.retry_quarantined },
		{ "unload", job->request.unload },
	};
	json_t *request;

	if (!job->detail && begin(job) == EVENT_FAILED)
		return EVENT_FAILED;
	request = job_worker_request(job);
	json_object_update(request, job->request.ask);
	json_object_update(request, job->documents);
	json_object_set_new(request, "quarantine", intent_quarantine(job->spec->place));
	if (job_flow(job) == FLOW_CONFIGURE)
		json_object_set_new(request, "configure", json_string(job_name(job)));
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		json_object_set_new(request, flags[i].name, json_boolean(flags[i].value));
	return job_run(
		job,
		(struct tool_spec){ .program = "klpd-worker", .verb = "plan", .request = request },
		planned);
}
