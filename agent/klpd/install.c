// SPDX-License-Identifier: Apache-2.0
/*
 * The phases of an installation. Each is one program; the first that fails ends what changes the
 * node, and never what reports it.
 *
 *	PLAN (klpd-worker) -> [FETCH -> PLAN ->] DOWNLOAD (klpd-fetch) -> intent -> APPLY
 *(klpd-apply)
 *	  -> ACTIVATION (klpd-worker) -> JUDGE (klpd-worker) -> report
 *
 * The final report is made by a fresh look at the node, so it says what is, not what was done; plan
 * and outcome stand beside. A dry run ends after PLAN. A plan that is empty or refused goes on at
 * JUDGE.
 */
#include "klpd/install.h"

#include "base/alloc.h"
#include "core/activation.h"
#include "klpd/applier.h"
#include "klpd/intent.h"
#include "klpd/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define PLAN_DEADLINE	  (300 * MSEC)
#define JUDGE_DEADLINE	  (300 * MSEC)
#define ACTIVATION_WAIT	  90 /* seconds, when the worker does not say */
#define ACTIVATION_MARGIN (30 * MSEC)
#define OUTPUT_MAX	  100 /* lines that are kept */
#define ARGS_MAX	  48

struct install {
	json_t *answer;	 /* of klpd-worker plan: plan, report, apply */
	json_t *outcome; /* steps[], installed[], modules[], output[], activation */
	struct applier *applier;
	struct apply_request request;
	int fds[APPLY_PACKAGES_MAX];
	size_t n_fds;
	int lock;	/* nobody else installs with this state directory */
	struct err err; /* what went wrong; the report is made all the same */
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

static const char *text_in(json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static void free_install(void *detail)
{
	struct install *install = detail;

	applier_free(install->applier);
	json_decref(install->answer);
	json_decref(install->outcome);
	for (size_t i = 0; i < install->n_fds; i++)
		closep(&install->fds[i]);
	closep(&install->lock);
	err_clear(&install->err);
	free(install);
}

/* ---- the end: a fresh look --------------------------------------------------------------------*/

static void after_final(struct job *job, json_t *answer);
JOB_PHASE_END(final);

static void look_again(struct job *job)
{
	json_t *request = job_worker_request(job);

	json_object_update(request, job->request.ask);
	job_start_phase(job, "evaluate",
			(struct tool_spec){
				.program = "klpd-worker",
				.verb = "scan",
				.request = request,
				.deadline_msec = JUDGE_DEADLINE,
				.on_done = on_final,
			});
}

static const char *result_of(const struct job *job)
{
	json_t *plan = plan_of(job);

	if (has(plan, "refusals"))
		return "refused";
	if (installation(job)->err.message)
		return "failed";
	return has(plan, "steps") || has(plan, "loads") ? "done" : "nothing-to-do";
}

static bool has_kernel_step(const struct job *job)
{
	json_t *step;
	size_t i;

	json_array_foreach(json_object_get(plan_of(job), "steps"), i, step)
	{
		if (streq(text_in(step, "kind"), "kernel"))
			return true;
	}
	return false;
}

/*
 * Whether RebootIfNeeded would reboot (semantics 1.5, R1 and R2; ruling 9: never for livepatches
 * alone). The reboot is the caller's or the operator's to make; here it is only said.
 */
static bool reboot_required(const struct job *job, json_t *report)
{
	bool if_needed = streq(text_in(job->request.ask, "reboot_option"), "RebootIfNeeded");
	json_t *patch;
	size_t i;

	if (!if_needed)
		return false;
	if (has(installation(job)->outcome, "installed") &&
	    (has_kernel_step(job) ||
	     json_is_true(json_object_get(installation(job)->answer, "reboot_after_livepatch"))))
		return true;
	json_array_foreach(json_object_get(report, "patches"), i, patch)
	{
		if (streq(text_in(patch, "state"), "InstalledPendingReboot"))
			return true;
	}
	return false;
}

static void after_final(struct job *job, json_t *answer)
{
	struct install *in = job->detail;
	json_t *report = json_object_get(answer, "report");
	struct err err = ERR_INIT;
	bool reboot;

	if (!report) {
		err_set(&err, EXIT_STATUS_SOFTWARE, "klpd-worker answered without a report");
		job_fail(job, &err);
		err_clear(&err);
		return;
	}
	json_object_set_new(in->outcome, "result", json_string(result_of(job)));
	json_object_set_new(in->outcome, "status", json_integer(in->err.status));
	job_set_text(in->outcome, "message", in->err.message);
	reboot = reboot_required(job, report);
	json_object_set_new(in->outcome, "reboot_required", json_boolean(reboot));
	json_object_set_new(in->outcome, "reboot_asked",
			    json_integer(intent_ask_reboot(job->spec->place, reboot)));
	json_object_set(report, "plan", plan_of(job));
	json_object_set(report, "outcome", in->outcome);
	job_store_and_succeed(job, report);
}

/* ---- activation -------------------------------------------------------------------------------*/

static void after_activation(struct job *job, json_t *answer)
{
	json_t *list = json_object_get(json_object_get(answer, "activation"), "livepatches");

	if (list)
		json_object_set(installation(job)->outcome, "activation", list);
	look_again(job);
}

static void on_activation(json_t *answer, const struct err *err, const struct tool_usage *usage,
			  void *userdata)
{
	struct job *job = userdata;

	tool_free(TAKE_PTR(job->tool));
	job_charge(job, usage->cpu_usec, usage->peak_rss_kib);
	if (!answer && !installation(job)->err.message)
		err_set(&installation(job)->err, err->status, "%s", err->message);
	after_activation(job, answer);
}

static void on_activation_progress(json_t *line, void *userdata)
{
	json_t *progress = json_object_get(line, "progress");

	if (progress)
		job_tell(userdata, json_incref(progress));
}

/* Only a kernel that runs has anything to activate. */
static void await_activation(struct job *job)
{
	int64_t wait = job_number(installation(job)->answer, "activation_timeout", ACTIVATION_WAIT);
	json_t *request;

	if (!job->spec->place->running_system) {
		look_again(job);
		return;
	}
	request = job_worker_request(job);
	json_object_set_new(request, "wait", json_integer(wait));
	job_start_phase(job, "activation",
			(struct tool_spec){
				.program = "klpd-worker",
				.verb = "activation",
				.request = request,
				.deadline_msec = wait * MSEC + ACTIVATION_MARGIN,
				.on_progress = on_activation_progress,
				.on_done = on_activation,
			});
}

/* ---- apply ------------------------------------------------------------------------------------*/

static json_t *list_in(const struct job *job, const char *name)
{
	return json_object_get(installation(job)->outcome, name);
}

/* What kpatch or the kernel said, in a sentence. */
static void add_module(struct job *job, const struct apply_event *event)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();
	bool loaded = event->status == 0;

	json_array_append_new(
		list_in(job, "modules"),
		json_pack("{s:s,s:b,s:s}", "name", event->subject, "loaded", loaded, "message",
			  loaded ? event->text : activation_explain(event->text, arena)));
}

static void on_apply_event(const struct apply_event *event, void *userdata)
{
	struct job *job = userdata;
	const char *subject = event->subject;

	switch ((enum apply_event_kind)event->kind) {
	case APPLY_STEP:
		json_array_append_new(list_in(job, "steps"), json_string(subject));
		job_tell(job, json_pack("{s:s}", "phase", subject));
		break;
	case APPLY_PROGRESS:
		job_tell(job, json_pack("{s:s,s:s,s:I,s:I}", "phase", "install", "subject", subject,
					"done", (json_int_t)event->done, "total",
					(json_int_t)event->total));
		break;
	case APPLY_OUTPUT:
		if (json_array_size(list_in(job, "output")) < OUTPUT_MAX)
			json_array_append_new(list_in(job, "output"), json_string(event->text));
		break;
	case APPLY_WAITING:
		job_tell(job, json_pack("{s:s,s:s}", "phase", "wait", "subject", event->text));
		break;
	case APPLY_MODULE:
		add_module(job, event);
		break;
	case APPLY_INSTALLED:
		json_array_append_new(list_in(job, "installed"), json_string(subject));
		break;
	case APPLY_DONE:
		break;
	}
}

static void ask_applier(struct job *job, bool install);

static void on_applied(const struct err *err, const struct applier_usage *usage, void *userdata)
{
	struct job *job = userdata;
	struct install *in = job->detail;

	job_charge(job, usage->cpu_usec, usage->peak_rss_kib);
	if (err)
		err_set(&in->err, err->status, "%s", err->message);
	applier_free(TAKE_PTR(in->applier));
	if (!err && in->request.verb == APPLY_INSTALL && has(plan_of(job), "loads")) {
		ask_applier(job, false);
		return;
	}
	if (!err && job->request.retry_quarantined)
		intent_release(job->spec->place);
	await_activation(job);
}

static void add_args(const char *args[ARGS_MAX], size_t *n, char *texts[ARGS_MAX],
		     const char *option, json_t *values)
{
	json_t *value;
	size_t i;

	json_array_foreach(values, i, value)
	{
		if (*n + 1 < ARGS_MAX) {
			texts[*n] = xasprintf("%s=%s", option, json_string_value(value));
			args[*n] = texts[*n];
			(*n)++;
		}
	}
}

/* klpd-apply is told what it may touch; its unit file says it where systemd starts it. */
static int start_applier(struct job *job, struct err *err)
{
	static const char *const options[][2] = {
		{ "allow", "--allow" },
		{ "kernels", "--allow-kernel" },
	};
	const struct place *place = job->spec->place;
	json_t *apply = json_object_get(installation(job)->answer, "apply");
	const char *args[ARGS_MAX] = { 0 };
	char *texts[ARGS_MAX] = { 0 };
	size_t n = 0;
	int r;

	args[n] = texts[n] = xasprintf("--root=%s", place->root);
	n++;
	if (job->spec->options->kernel) {
		args[n] = texts[n] = xasprintf("--kernel=%s", job->spec->options->kernel);
		n++;
	}
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		add_args(args, &n, texts, options[i][1], json_object_get(apply, options[i][0]));
	r = applier_start(job->spec->loop,
			  &(struct applier_spec){ .args = args,
						  .request = &installation(job)->request,
						  .fds = installation(job)->fds,
						  .on_event = on_apply_event,
						  .on_done = on_applied,
						  .userdata = job },
			  &installation(job)->applier, err);
	for (size_t i = 0; i < n; i++)
		free(texts[i]);
	return r;
}

static void fill_text(char *to, size_t size, const char *text)
{
	snprintf(to, size, "%s", text);
}

static bool fill_digest(uint8_t to[static 32], const char *hex)
{
	if (strlen(hex) != 64)
		return false;
	for (size_t i = 0; i < 32; i++) {
		unsigned int byte;

		if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
			return false;
		to[i] = (uint8_t)byte;
	}
	return true;
}

static int open_package(struct job *job, json_t *step, struct err *err)
{
	const char *checksum = text_in(step, "checksum");
	_cleanup_free_ char *name =
		xasprintf("packages/%s-%s.rpm", text_in(step, "checksum_type"), checksum);
	int fd = openat(job->spec->place->cache_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return err_set_errno(err, EXIT_STATUS_IO, errno, "%s: the downloaded file %s",
				     text_in(step, "package"), name);
	return fd;
}

/* The plan's steps, or its loads, as a request. */
static int fill_request(struct job *job, bool install, struct err *err)
{
	struct install *in = job->detail;
	struct apply_request *q = &in->request;
	json_t *row;
	size_t i;

	*q = (struct apply_request){ .magic = APPLY_MAGIC,
				     .version = APPLY_VERSION,
				     .verb = install ? APPLY_INSTALL : APPLY_LOAD };
	fill_text(q->kernel, sizeof(q->kernel), text_in(plan_of(job), "kernel"));
	json_array_foreach(json_object_get(plan_of(job), install ? "steps" : "loads"), i, row)
	{
		struct apply_package *package = &q->packages[q->n_packages];

		if (q->n_packages == APPLY_PACKAGES_MAX)
			return err_set(err, EXIT_STATUS_SOFTWARE,
				       "the plan has more than %d packages", APPLY_PACKAGES_MAX);
		fill_text(package->title, sizeof(package->title), text_in(row, "package"));
		q->n_packages++;
		if (!install)
			continue;
		if (!fill_digest(package->sha256, text_in(row, "checksum")))
			return err_set(err, EXIT_STATUS_DATA,
				       "%s: the repository states no sha256 checksum for it",
				       package->title);
		package->size = (uint64_t)job_number(row, "size", 0);
		in->fds[in->n_fds] = open_package(job, row, err);
		if (in->fds[in->n_fds] < 0)
			return -1;
		in->n_fds++;
	}
	return 0;
}

/* Installs the steps, or loads what was installed before. */
static void ask_applier(struct job *job, bool install)
{
	struct err *err = &installation(job)->err;

	if (fill_request(job, install, err) < 0 || start_applier(job, err) < 0)
		look_again(job);
}

static void apply(struct job *job)
{
	if (intent_write(job->spec->place, plan_of(job), &installation(job)->err) < 0)
		look_again(job);
	else
		ask_applier(job, has(plan_of(job), "steps"));
}

/* ---- download ---------------------------------------------------------------------------------*/

static void on_downloaded(json_t *answer, const struct err *err, const struct tool_usage *usage,
			  void *userdata)
{
	struct job *job = userdata;

	tool_free(TAKE_PTR(job->tool));
	job_charge(job, usage->cpu_usec, usage->peak_rss_kib);
	if (answer) {
		job->bytes_fetched += job_number(json_object_get(answer, "downloaded"), "bytes", 0);
		apply(job);
		return;
	}
	err_set(&installation(job)->err, err->status, "%s", err->message);
	look_again(job);
}

static void download(struct job *job)
{
	static const char *const copied[] = { "repository", "location", "checksum_type", "checksum",
					      "size" };
	json_t *packages = json_array(), *step;
	size_t i;

	json_array_foreach(json_object_get(plan_of(job), "steps"), i, step)
	{
		json_t *package = json_pack("{s:s}", "name", text_in(step, "package"));

		for (size_t k = 0; k < ARRAY_SIZE(copied); k++)
			json_object_set(package, copied[k], json_object_get(step, copied[k]));
		json_array_append_new(packages, package);
	}
	scan_start_fetch(job, json_pack("{s:o}", "packages", packages), on_downloaded);
}

/* ---- plan -------------------------------------------------------------------------------------*/

static void after_plan(struct job *job, json_t *answer);
JOB_PHASE_END(plan);

static void make_plan(struct job *job)
{
	json_t *request = job_worker_request(job);

	json_object_update(request, job->request.ask);
	json_object_set_new(request, "quarantine", intent_quarantine(job->spec->place));
	json_object_set_new(request, "retry_quarantined",
			    json_boolean(job->request.retry_quarantined));
	job_start_phase(job, "plan",
			(struct tool_spec){
				.program = "klpd-worker",
				.verb = "plan",
				.request = request,
				.deadline_msec = PLAN_DEADLINE,
				.on_done = on_plan,
			});
}

/* Nothing is stored and nothing changes: the report is that of before. */
static void show_plan(struct job *job)
{
	json_t *report = json_object_get(installation(job)->answer, "report");

	json_object_set(report, "plan", plan_of(job));
	job_succeed(job, json_incref(report));
}

/* What a refusal means to a script; any other: failed. */
static int status_of_refusal(const char *code)
{
	static const struct {
		const char *code;
		int status;
	} rows[] = {
		{ "disabled", EXIT_STATUS_NOPERM },
		{ "disk-full", EXIT_STATUS_IO },
		{ "memory", EXIT_STATUS_TEMPFAIL },
		{ "checksum", EXIT_STATUS_DATA },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (streq(rows[i].code, code))
			return rows[i].status;
	return EXIT_STATUS_FAILED;
}

static void after_plan(struct job *job, json_t *answer)
{
	struct install *in = job->detail;

	json_decref(in->answer);
	in->answer = json_incref(answer);
	if (json_is_true(json_object_get(answer, "needs_primary")) && !job->primary &&
	    !job->request.cached) {
		scan_refresh(job, true, make_plan);
		return;
	}
	if (job->request.dry_run) {
		show_plan(job);
		return;
	}
	if (has(plan_of(job), "refusals")) {
		json_t *first = json_array_get(json_object_get(plan_of(job), "refusals"), 0);

		err_set(&in->err, status_of_refusal(text_in(first, "code")), "%s",
			text_in(first, "message"));
		look_again(job);
	} else if (has(plan_of(job), "steps")) {
		download(job);
	} else if (has(plan_of(job), "loads")) {
		apply(job);
	} else {
		await_activation(job);
	}
}

void install_begin(struct job *job)
{
	struct install *in = xcalloc(1, sizeof(*in));
	struct err err = ERR_INIT;

	job->detail = in;
	job->detail_free = free_install;
	in->outcome = json_pack("{s:b,s:[],s:[],s:[],s:[],s:[]}", "running_system",
				job->spec->place->running_system, "steps", "installed", "modules",
				"output", "activation");
	in->lock = job->request.dry_run ? -1 : intent_lock(job->spec->place, &err);
	if (err.message)
		job_fail(job, &err);
	else
		make_plan(job);
	err_clear(&err);
}
