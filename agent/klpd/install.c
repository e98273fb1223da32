// SPDX-License-Identifier: Apache-2.0
/*
 * PLAN, DOWNLOAD, APPLY and ACTIVATION (core/jobtable.h says what follows what). What fails is
 * remembered and told in `outcome`; the report is made by a fresh look at the node, so it says
 * what is, not what was done.
 */
#include "klpd/install.h"

#include "base/alloc.h"
#include "core/activation.h"
#include "klpd/announce.h"
#include "klpd/applier.h"
#include "klpd/hold.h"
#include "klpd/intent.h"
#include "klpd/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define OUTPUT_MAX 100 /* lines that are kept */
#define ARGS_MAX   48

struct install {
	json_t *answer;	 /* of klpd-worker plan: plan, report, apply */
	json_t *outcome; /* steps[], installed[], erased[], switched[], modules[], ... */
	struct applier *applier;
	struct apply_request request;
	struct {
		size_t row;    /* of changes[] */
		size_t offset; /* in its list */
	} next;
	int fds[APPLY_PACKAGES_MAX];
	size_t n_fds;
	int lock; /* nobody else installs with this state directory */
	bool vetoed;
	bool fetched_more;
};

/*
 * What a plan may ask of klpd-apply, in the order in which it is done: what is needed comes before
 * what needs it. Rows of switches take one at a time, the others as many as a request holds.
 */
static const struct change {
	enum apply_verb verb;
	const char *list; /* in the plan */
	const char *kind; /* of a switch */
	bool on;
	bool may_fail; /* what follows does not need it */
} changes[] = {
	{ APPLY_REPOSITORY, "switches", "repository", .on = true },
	{ APPLY_INSTALL, "steps" },
	{ APPLY_LOAD, "loads" },
	{ APPLY_SERVICE, "switches", "service", .on = true },
	{ APPLY_UNLOAD, "unloads", .may_fail = true },
	{ APPLY_SERVICE, "switches", "service" },
	{ APPLY_ERASE, "removals" },
	{ APPLY_REPOSITORY, "switches", "repository" },
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

static json_t *list_of(const struct job *job, const struct change *change)
{
	return json_object_get(plan_of(job), change->list);
}

static bool is_meant(const struct change *change, json_t *row)
{
	return !change->kind || (streq(text_in(row, "kind"), change->kind) &&
				 json_is_true(json_object_get(row, "on")) == change->on);
}

/* Moves on to what is to be done next, or returns NULL: that was all. */
static const struct change *next_change(const struct job *job)
{
	struct install *in = installation(job);

	for (; in->next.row < ARRAY_SIZE(changes); in->next.row++, in->next.offset = 0) {
		const struct change *change = &changes[in->next.row];
		json_t *list = list_of(job, change);

		for (; in->next.offset < json_array_size(list); in->next.offset++)
			if (is_meant(change, json_array_get(list, in->next.offset)))
				return change;
	}
	return NULL;
}

static void free_files(struct install *install)
{
	for (size_t i = 0; i < install->n_fds; i++)
		closep(&install->fds[i]);
	install->n_fds = 0;
}

static void free_install(void *detail)
{
	struct install *install = detail;

	applier_free(install->applier);
	json_decref(install->answer);
	json_decref(install->outcome);
	free_files(install);
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
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++)
		if (has(plan, changes[i].list))
			return "done";
	return "nothing-to-do";
}

/* The package of the plan's first step, of kernels only if @kernel. */
static const char *first_step(const struct job *job, bool kernel)
{
	json_t *step;
	size_t i;

	json_array_foreach(json_object_get(plan_of(job), "steps"), i, step)
	{
		if (!kernel || streq(text_in(step, "kind"), "kernel"))
			return text_in(step, "package");
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
		    streq(text_in(finding, "code"), "livepatch-without-package"))
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
	json_t *patch;
	size_t i;

	if (!streq(text_in(job->request.ask, "reboot_option"), "RebootIfNeeded"))
		return NULL;
	json_array_foreach(json_object_get(report, "patches"), i, patch)
	{
		if (streq(text_in(patch, "state"), "InstalledPendingReboot"))
			return text_in(patch, "title");
	}
	if (still_runs(job, report))
		return "the livepatches that were removed";
	return has(installation(job)->outcome, "installed") ? first_step(job, !any) : NULL;
}

/*
 * The reboot is the caller's to make (--ssm), or that of klpd-reboot.path if an operator enabled
 * it: klpd only says so. What was installed before the last boot is never pending, so no reboot
 * that did not help is asked for again.
 */
static void conclude_reboot(struct job *job, json_t *report)
{
	json_t *outcome = installation(job)->outcome;
	const char *what = needs_reboot(job, report);

	json_object_set_new(outcome, "reboot_required", json_boolean(what != NULL));
	json_object_set_new(outcome, "reboot_asked",
			    json_integer(intent_ask_reboot(job->spec->place, what != NULL)));
	if (what && job->spec->options->wishes)
		intent_wish_reboot(job->spec->options->wishes, what);
}

void install_conclude(struct job *job, json_t *report)
{
	json_t *outcome = installation(job)->outcome;

	json_object_set_new(outcome, "result", json_string(result_of(job)));
	json_object_set_new(outcome, "status", json_integer(job->err.status));
	job_set_text(outcome, "message", job->err.message);
	conclude_reboot(job, report);
	job_set_text(outcome, "asked_by", job->request.who);
	json_object_set(report, "plan", plan_of(job));
	json_object_set(report, "outcome", outcome);
	if (job->request.by_timer && !job->err.message &&
	    !streq(text_in(json_object_get(report, "compliance"), "livepatch"), "UNKNOWN"))
		hold_timer_done(job->spec->place, job->started);
	announce_outcome(job_name(job), outcome);
}

/* ---- activation -------------------------------------------------------------------------------*/

static enum job_event awaited(struct job *job, json_t *answer)
{
	json_t *list = json_object_get(json_object_get(answer, "activation"), "livepatches");

	if (list)
		json_object_set(installation(job)->outcome, "activation", list);
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
	json_object_set_new(request, "wait",
			    json_integer(job->spec->settings->config.activation_timeout));
	return job_run(job,
		       (struct tool_spec){ .program = "klpd-worker",
					   .verb = "activation",
					   .request = request,
					   .on_progress = on_activation_progress },
		       awaited);
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
	bool unload = installation(job)->request.verb == APPLY_UNLOAD, reached = event->status == 0;

	json_array_append_new(
		list_in(job, "modules"),
		json_pack("{s:s,s:b,s:s}", "name", event->subject, "loaded", reached != unload,
			  "message",
			  reached ? event->text : activation_explain(event->text, arena)));
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
	case APPLY_ERASED:
		json_array_append_new(list_in(job, "erased"), json_string(subject));
		break;
	case APPLY_SWITCHED:
		json_array_append_new(list_in(job, "switched"),
				      json_sprintf("%s: %s", subject, event->text));
		break;
	case APPLY_DONE:
		break;
	}
}

static void on_applied(const struct err *err, const struct applier_usage *usage, void *userdata)
{
	struct job *job = userdata;
	struct install *in = job->detail;
	enum job_event event =
		err && !changes[in->next.row].may_fail ? job_fault(job, err) : EVENT_DONE;

	job_charge(job, usage->cpu_usec, usage->peak_rss_kib);
	applier_free(TAKE_PTR(in->applier)); /* and @err with it */
	free_files(in);
	in->next.offset += in->request.n_packages ? in->request.n_packages : 1;
	if (event == EVENT_DONE && next_change(job))
		event = EVENT_MORE;
	else if (event == EVENT_DONE && job->request.retry_quarantined)
		intent_release(job->spec->place);
	job_happens(job, event);
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
		{ "erase", "--allow-erase" },
		{ "services", "--service" },
		{ "repositories", "--repository" },
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
			  &(struct applier_spec){ .socket = job->spec->options->apply,
						  .args = args,
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

static int add_package(struct job *job, const struct change *change, json_t *row, struct err *err)
{
	struct install *in = job->detail;
	struct apply_package *package = &in->request.packages[in->request.n_packages++];

	fill_text(package->title, sizeof(package->title), text_in(row, "package"));
	if (change->verb != APPLY_INSTALL)
		return 0;
	if (!fill_digest(package->sha256, text_in(row, "checksum")))
		return err_set(err, EXIT_STATUS_DATA,
			       "%s: the repository states no sha256 checksum for it",
			       package->title);
	package->size = (uint64_t)job_number(row, "size", 0);
	in->fds[in->n_fds] = open_package(job, row, err);
	if (in->fds[in->n_fds] < 0)
		return -1;
	in->n_fds++;
	return 0;
}

/* A transaction is one request: what would have to be torn apart is not begun. */
static int add_packages(struct job *job, const struct change *change, struct err *err)
{
	struct install *in = job->detail;
	json_t *list = list_of(job, change);
	size_t n = json_array_size(list);

	if (change->verb != APPLY_ERASE && n > APPLY_PACKAGES_MAX)
		return err_set(err, EXIT_STATUS_SOFTWARE, "the plan has more than %d packages",
			       APPLY_PACKAGES_MAX);
	for (size_t i = in->next.offset; i < n && in->request.n_packages < APPLY_PACKAGES_MAX; i++)
		if (add_package(job, change, json_array_get(list, i), err) < 0)
			return -1;
	return 0;
}

static void add_switch(struct apply_request *q, const struct change *change, json_t *row)
{
	q->on = change->on;
	fill_text(q->subject, sizeof(q->subject), text_in(row, "name"));
	fill_text(q->file, sizeof(q->file), text_in(row, "file"));
}

static int fill_request(struct job *job, const struct change *change, struct err *err)
{
	struct install *in = job->detail;

	in->request = (struct apply_request){ .magic = APPLY_MAGIC,
					      .version = APPLY_VERSION,
					      .verb = change->verb };
	fill_text(in->request.kernel, sizeof(in->request.kernel), text_in(plan_of(job), "kernel"));
	if (!change->kind)
		return add_packages(job, change, err);
	add_switch(&in->request, change, json_array_get(list_of(job, change), in->next.offset));
	return 0;
}

enum job_event install_apply(struct job *job)
{
	const struct change *change = next_change(job);
	struct err err = ERR_INIT;
	enum job_event event = EVENT_NONE;

	if (intent_write(job->spec->place, job_name(job), plan_of(job), &err) < 0 ||
	    fill_request(job, change, &err) < 0 || start_applier(job, &err) < 0)
		event = job_fault(job, &err);
	err_clear(&err);
	return event;
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
		json_t *package = json_pack("{s:s}", "name", text_in(step, "package"));

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

	err_set(&err, status_of_refusal(text_in(first, "code")), "%s", text_in(first, "message"));
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
	return next_change(job) ? EVENT_READY : EVENT_NOTHING;
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
