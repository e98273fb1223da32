// SPDX-License-Identifier: Apache-2.0
#include "klpd/changes.h"

#include "base/alloc.h"
#include "core/activation.h"
#include "klpd/applier.h"
#include "klpd/intent.h"
#include "klpd/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define OUTPUT_MAX 100 /* lines that are kept */
#define ARGS_MAX   48

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
	bool despite;  /* done even where loading failed: the next boot loads again */
} rows[] = {
	{ APPLY_REPOSITORY, "switches", "repository", .on = true },
	{ APPLY_INSTALL, "steps" },
	{ APPLY_LOAD, "loads" },
	{ APPLY_SERVICE, "switches", "service", .on = true, .despite = true },
	{ APPLY_UNLOAD, "unloads", .may_fail = true },
	{ APPLY_SERVICE, "switches", "service" },
	{ APPLY_ERASE, "removals" },
	{ APPLY_REPOSITORY, "switches", "repository" },
};

struct changes {
	struct job *job;
	json_t *plan, *apply; /* of the worker's answer */
	json_t *outcome;
	struct {
		size_t row;    /* of rows[] */
		size_t offset; /* in its list */
	} next;
	struct applier *applier;
	struct apply_request request;
	int fds[APPLY_PACKAGES_MAX];
	size_t n_fds;
	bool failed;
	json_t *traced; /* functions, the first few */
	int64_t n_traced;
};

static json_t *list_of(const struct changes *c, const struct change *change)
{
	return json_object_get(c->plan, change->list);
}

static bool is_meant(const struct change *change, json_t *row)
{
	return !change->kind || (streq(state_text(row, "kind"), change->kind) &&
				 json_is_true(json_object_get(row, "on")) == change->on);
}

static json_t *noted(const struct changes *c, const char *name)
{
	return json_object_get(c->outcome, name);
}

/* The packages are there, and the kernel did not take what is in them. */
static bool failed_to_load(const struct changes *c)
{
	return c->failed && json_array_size(noted(c, "modules")) > 0;
}

/* Moves on to what is to be done next, or returns NULL: that was all. */
static const struct change *next_change(struct changes *c)
{
	for (; c->next.row < ARRAY_SIZE(rows); c->next.row++, c->next.offset = 0) {
		const struct change *change = &rows[c->next.row];
		json_t *list = list_of(c, change);

		if (c->failed && !(change->despite && failed_to_load(c)))
			continue;
		for (; c->next.offset < json_array_size(list); c->next.offset++)
			if (is_meant(change, json_array_get(list, c->next.offset)))
				return change;
	}
	return NULL;
}

static void free_files(struct changes *c)
{
	for (size_t i = 0; i < c->n_fds; i++)
		closep(&c->fds[i]);
	c->n_fds = 0;
}

struct changes *changes_new(struct job *job, json_t *answer, json_t *outcome)
{
	struct changes *c = xcalloc(1, sizeof(*c));

	c->job = job;
	c->plan = json_incref(json_object_get(answer, "plan"));
	c->apply = json_incref(json_object_get(answer, "apply"));
	c->outcome = json_incref(outcome);
	c->traced = json_array();
	return c;
}

void changes_free(struct changes *changes)
{
	if (!changes)
		return;
	applier_free(changes->applier);
	free_files(changes);
	json_decref(changes->plan);
	json_decref(changes->apply);
	json_decref(changes->outcome);
	json_decref(changes->traced);
	free(changes);
}

bool changes_any(json_t *plan)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (json_array_size(json_object_get(plan, rows[i].list)) > 0)
			return true;
	return false;
}

/* ---- what it tells ----------------------------------------------------------------------------*/

/* Takes over @message. */
static void add_finding(struct changes *c, const char *code, char *message)
{
	json_array_append_new(c->job->findings,
			      json_pack("{s:s,s:s,s:s,s:s}", "code", code, "severity", "warning",
					"subject", state_text(c->plan, "kernel"), "message",
					message));
	free(message);
}

void changes_tell(struct changes *changes)
{
	struct changes *c = changes;
	char *names = xstrdup("");
	json_t *name;
	size_t i;

	json_array_foreach(c->traced, i, name)
	{
		char *longer =
			xasprintf("%s%s%s", names, *names ? ", " : "", json_string_value(name));

		free(names);
		names = longer;
	}
	if (*names)
		add_finding(
			c, "tracing-users",
			xasprintf("%lld functions of the kernel are traced: %s%s; a livepatch of "
				  "such a function may be refused, and what traces it goes on "
				  "looking at the old code",
				  (long long)c->n_traced, names,
				  c->n_traced > (int64_t)i ? ", ..." : ""));
	free(names);
}

/* What kpatch or the kernel said, in a sentence. */
static void add_module(struct changes *c, const struct apply_event *event)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();
	bool unload = c->request.verb == APPLY_UNLOAD, reached = event->status == 0;

	json_array_append_new(
		noted(c, "modules"),
		json_pack("{s:s,s:b,s:s}", "name", event->subject, "loaded", reached != unload,
			  "message",
			  reached ? event->text : activation_explain(event->text, arena)));
}

/* The first few, in one finding. */
static void add_traced(struct changes *c, const struct apply_event *event)
{
	if (!*event->subject)
		add_finding(c, "tracing-unknown",
			    xasprintf("whether functions of the kernel are traced cannot be told; "
				      "mount tracefs to let klpd look"));
	else
		json_array_append_new(c->traced,
				      state_printf("%s (%s)", event->subject, event->text));
	c->n_traced = event->status;
}

static void on_apply_event(const struct apply_event *event, void *userdata)
{
	struct changes *c = userdata;
	const char *subject = event->subject;

	switch ((enum apply_event_kind)event->kind) {
	case APPLY_STEP:
		json_array_append_new(noted(c, "steps"), json_string(subject));
		job_tell(c->job, json_pack("{s:s}", "phase", subject));
		break;
	case APPLY_PROGRESS:
		job_tell(c->job, json_pack("{s:s,s:s,s:I,s:I}", "phase", "install", "subject",
					   subject, "done", (json_int_t)event->done, "total",
					   (json_int_t)event->total));
		break;
	case APPLY_OUTPUT:
		if (json_array_size(noted(c, "output")) < OUTPUT_MAX)
			json_array_append_new(noted(c, "output"), json_string(event->text));
		break;
	case APPLY_WAITING:
		job_tell(c->job, json_pack("{s:s,s:s}", "phase", "wait", "subject", event->text));
		break;
	case APPLY_MODULE:
		add_module(c, event);
		break;
	case APPLY_TRACED:
		add_traced(c, event);
		break;
	case APPLY_INSTALLED:
		json_array_append_new(noted(c, "installed"), json_string(subject));
		break;
	case APPLY_ERASED:
		json_array_append_new(noted(c, "erased"), json_string(subject));
		break;
	case APPLY_SWITCHED:
		json_array_append_new(noted(c, "switched"),
				      state_printf("%s: %s", subject, event->text));
		break;
	case APPLY_DONE:
		break;
	}
}

static void on_applied(const struct err *err, const struct applier_usage *usage, void *userdata)
{
	struct changes *c = userdata;
	struct job *job = c->job;
	enum job_event event = EVENT_DONE;

	if (err && rows[c->next.row].may_fail) {
		add_finding(c, "unload-failed", xstrdup(err->message));
	} else if (err) {
		job_fault(job, err);
		c->failed = true;
	}
	job_charge(job, usage->cpu_usec, usage->peak_rss_kib);
	applier_free(TAKE_PTR(c->applier)); /* and @err with it */
	free_files(c);
	c->next.offset += c->request.n_packages ? c->request.n_packages : 1;
	if (next_change(c))
		event = EVENT_MORE;
	else if (c->failed)
		event = EVENT_FAILED;
	else if (job->request.retry_quarantined)
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
static int start_applier(struct changes *c, struct err *err)
{
	static const char *const options[][2] = {
		{ "allow", "--allow" },
		{ "kernels", "--allow-kernel" },
		{ "erase", "--allow-erase" },
		{ "services", "--service" },
		{ "repositories", "--repository" },
	};
	const struct jobs_spec *spec = c->job->spec;
	const char *args[ARGS_MAX] = { 0 };
	char *texts[ARGS_MAX] = { 0 };
	size_t n = 0;
	int r;

	args[n] = texts[n] = xasprintf("--root=%s", spec->place->root);
	n++;
	if (spec->options->kernel) {
		args[n] = texts[n] = xasprintf("--kernel=%s", spec->options->kernel);
		n++;
	}
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		add_args(args, &n, texts, options[i][1], json_object_get(c->apply, options[i][0]));
	r = applier_start(spec->loop,
			  &(struct applier_spec){ .socket = spec->options->apply,
						  .args = args,
						  .request = &c->request,
						  .fds = c->fds,
						  .on_event = on_apply_event,
						  .on_done = on_applied,
						  .userdata = c },
			  &c->applier, err);
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

static int open_package(struct changes *c, json_t *step, struct err *err)
{
	const char *checksum = state_text(step, "checksum");
	_cleanup_free_ char *name =
		xasprintf("packages/%s-%s.rpm", state_text(step, "checksum_type"), checksum);
	int fd = openat(c->job->spec->place->cache_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return err_set_errno(err, EXIT_STATUS_IO, errno, "%s: the downloaded file %s",
				     state_text(step, "package"), name);
	return fd;
}

static int add_package(struct changes *c, const struct change *change, json_t *row, struct err *err)
{
	struct apply_package *package = &c->request.packages[c->request.n_packages++];

	fill_text(package->title, sizeof(package->title), state_text(row, "package"));
	if (change->verb != APPLY_INSTALL)
		return 0;
	if (!fill_digest(package->sha256, state_text(row, "checksum")))
		return err_set(err, EXIT_STATUS_DATA,
			       "%s: the repository states no sha256 checksum for it",
			       package->title);
	package->size = (uint64_t)job_number(row, "size", 0);
	c->fds[c->n_fds] = open_package(c, row, err);
	if (c->fds[c->n_fds] < 0)
		return -1;
	c->n_fds++;
	return 0;
}

/* A transaction is one request: what would have to be torn apart is not begun. */
static int add_packages(struct changes *c, const struct change *change, struct err *err)
{
	json_t *list = list_of(c, change);
	size_t n = json_array_size(list);

	if (change->verb != APPLY_ERASE && n > APPLY_PACKAGES_MAX)
		return err_set(err, EXIT_STATUS_SOFTWARE, "the plan has more than %d packages",
			       APPLY_PACKAGES_MAX);
	for (size_t i = c->next.offset; i < n && c->request.n_packages < APPLY_PACKAGES_MAX; i++)
		if (add_package(c, change, json_array_get(list, i), err) < 0)
			return -1;
	return 0;
}

static void add_switch(struct apply_request *q, const struct change *change, json_t *row)
{
	q->on = change->on;
	fill_text(q->subject, sizeof(q->subject), state_text(row, "name"));
	fill_text(q->file, sizeof(q->file), state_text(row, "file"));
}

static int fill_request(struct changes *c, const struct change *change, struct err *err)
{
	static const enum apply_tracing policies[] = {
		[TRACING_WARN] = APPLY_TRACING_WARN,
		[TRACING_DEFER] = APPLY_TRACING_DEFER,
		[TRACING_IGNORE] = APPLY_TRACING_IGNORE,
	};

	c->request = (struct apply_request){ .magic = APPLY_MAGIC,
					     .version = APPLY_VERSION,
					     .verb = change->verb };
	fill_text(c->request.kernel, sizeof(c->request.kernel), state_text(c->plan, "kernel"));
	if (change->verb == APPLY_INSTALL || change->verb == APPLY_LOAD)
		c->request.tracing = policies[c->job->spec->settings->config.tracing];
	if (!change->kind)
		return add_packages(c, change, err);
	add_switch(&c->request, change, json_array_get(list_of(c, change), c->next.offset));
	return 0;
}

enum job_event changes_make_next(struct changes *changes)
{
	struct changes *c = changes;
	struct job *job = c->job;
	const struct change *change = next_change(c);
	struct err err = ERR_INIT;
	enum job_event event = EVENT_NONE;

	if (intent_write(job->spec->place, job_name(job), c->plan, &err) < 0 ||
	    fill_request(c, change, &err) < 0 || start_applier(c, &err) < 0)
		event = job_fault(job, &err);
	err_clear(&err);
	return event;
}
