// SPDX-License-Identifier: Apache-2.0
#include "klpd/methods.h"

#include "base/alloc.h"
#include "klpd/announce.h"
#include "klpd/caller.h"
#include "klpd/hold.h"
#include "klpd/state.h"

#include <stdio.h>

#define AGENT	      "io.klpd.Agent"
#define HISTORY_LIMIT 20
#define HISTORY_MAX   1000
#define PAUSE_MAX     ((int64_t)366 * SEC_PER_DAY)

static void fail(struct varlink_call *call, struct err *err)
{
	varlink_call_error(call, AGENT ".Failed",
			   json_pack("{s:i,s:s}", "status", err->status, "message", err->message));
	err_clear(err);
}

static void refuse(struct varlink_call *call, const char *error, const char *message)
{
	varlink_call_error(call, error, json_pack("{s:s}", "message", message));
}

static json_t *parameter(const struct varlink_call *call, const char *name)
{
	return json_object_get(varlink_call_parameters(call), name);
}

/* ---- reading ----------------------------------------------------------------------------------*/

/* What runs, and what holds changes back. */
static json_t *describe_agent(const struct agent *agent)
{
	const struct windows *windows = &agent->settings->config.windows;
	int64_t now = timex_now();
	struct window_state window = window_state(windows, now, timex_zone_offset(now));
	json_t *status = json_pack("{s:s}", "version", KLPD_VERSION);
	json_t *paused = hold_paused(agent->place, now);
	struct jobs_running running;

	if (jobs_running(agent->jobs, &running)) {
		json_object_set_new(status, "busy", json_string(running.name));
		json_object_set_new(status, "phase", json_string(running.phase));
		json_object_set_new(status, "since", state_time(running.since));
		if (running.who)
			json_object_set_new(status, "who", json_string(running.who));
	}
	if (paused)
		json_object_set_new(status, "paused", paused);
	if (windows->n)
		json_object_set_new(status, "window",
				    json_pack("{s:b,s:o,s:o}", "open", window.open, "since",
					      state_time(window.open ? window.since : TIME_UNSET),
					      "next", state_time(window.next)));
	return status;
}

static void get_status(struct varlink_call *call, void *userdata)
{
	struct agent *agent = userdata;
	json_t *report = NULL, *status;
	struct err err = ERR_INIT;

	if (store_latest(agent->place->state_fd, &report, &err) < 0) {
		fail(call, &err);
		return;
	}
	settings_refresh(agent->settings);
	status = describe_agent(agent);
	if (report)
		json_object_set_new(status, "report", report);
	varlink_call_reply(call, status);
}

static void get_report(struct varlink_call *call, void *userdata)
{
	struct agent *agent = userdata;
	const char *id = json_string_value(parameter(call, "id"));
	const char *baseline = json_string_value(parameter(call, "baseline"));
	int state_fd = agent->place->state_fd, r;
	json_t *report = NULL;
	struct err err = ERR_INIT;

	if (id && baseline) {
		varlink_call_invalid(call, "baseline");
		return;
	}
	r = id	       ? store_find(state_fd, id, &report, &err)
	    : baseline ? store_find_baseline(state_fd, baseline, &report, &err)
		       : store_latest(state_fd, &report, &err);
	if (r < 0)
		fail(call, &err);
	else if (r == 0)
		refuse(call, AGENT ".NoReport",
		       id ? "no report of that id is kept; see: klpctl history"
		       : baseline
			       ? "no report by that baseline is kept beside that of the "
				 "configured one"
			       : "nothing has been scanned yet; make a report with: klpctl scan");
	else
		varlink_call_reply(call, json_pack("{s:o}", "report", report));
}

static void get_history(struct varlink_call *call, void *userdata)
{
	struct agent *agent = userdata;
	json_t *given = parameter(call, "limit"), *entries = NULL;
	json_int_t limit = json_is_integer(given) ? json_integer_value(given) : HISTORY_LIMIT;
	struct err err = ERR_INIT;

	if (limit < 1 || limit > HISTORY_MAX)
		varlink_call_invalid(call, "limit");
	else if (store_history(agent->place->state_fd, (size_t)limit, &entries, &err) < 0)
		fail(call, &err);
	else
		varlink_call_reply(call, json_pack("{s:o}", "entries", entries));
}

/* ---- jobs -------------------------------------------------------------------------------------*/

const struct varlink_field methods_scan_options[] = {
	{ "as_of", JSON_STRING, true },
	{ "baseline", JSON_STRING, true },
	{ "baseline_text", JSON_STRING, true },
	{ "cached", JSON_TRUE, true },
	{ "refresh", JSON_TRUE, true },
	{ "trigger", JSON_STRING, true },
	{ "command_id", JSON_STRING, true },
	{ "snapshot_id", JSON_STRING, true },
	{ NULL },
};

/* Of options: what becomes the report's `origin`. */
static const char *const origins[] = { "command_id", "snapshot_id" };
#define ORIGIN_MAX 100

static bool is_id(const char *text)
{
	size_t len =
		strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");

	return len > 0 && len <= ORIGIN_MAX && !text[len];
}

static bool is_trigger(const char *text)
{
	return streq(text, "manual") || streq(text, "timer") || streq(text, "remote");
}

/*
 * What a document may be named by. Nobody's files are ours to read: a caller who did not start us
 * sends the text, and the name is for messages.
 */
static bool is_readable(const struct varlink_call *call, const char *name, bool has_text)
{
	if (has_text || starts_with(name, "https://") || starts_with(name, "s3://"))
		return true;
	return varlink_call_trusted(call) && name[0] == '/';
}

/* A name of a baseline is one without a slash, and no file name. */
static bool is_baseline_name(const char *name)
{
	return !strchr(name, '/') && !ends_with(name, ".yaml") && !ends_with(name, ".json");
}

/* The name of the member that is wrong, or NULL. */
static const char *wrong_option(const struct varlink_call *call, json_t *options)
{
	const char *wrong = varlink_check(options, methods_scan_options);
	const char *as_of = json_string_value(json_object_get(options, "as_of"));
	const char *trigger = json_string_value(json_object_get(options, "trigger"));
	const char *baseline = json_string_value(json_object_get(options, "baseline"));
	bool has_text = json_is_string(json_object_get(options, "baseline_text"));
	int64_t unused;

	if (wrong)
		return wrong;
	if (as_of && timex_parse(as_of, &unused) < 0)
		return "as_of";
	if (trigger && !is_trigger(trigger))
		return "trigger";
	for (size_t i = 0; i < ARRAY_SIZE(origins); i++) {
		const char *id = json_string_value(json_object_get(options, origins[i]));

		if (id && !is_id(id))
			return origins[i];
	}
	if (baseline && !is_baseline_name(baseline) && !is_readable(call, baseline, has_text))
		return "baseline";
	if (has_text && !baseline)
		return "baseline_text";
	if (json_is_true(json_object_get(options, "cached")) &&
	    json_is_true(json_object_get(options, "refresh")))
		return "refresh";
	return NULL;
}

static void copy_text(json_t *to, const char *key, json_t *from)
{
	json_t *value = json_object_get(from, key);

	if (json_is_string(value))
		json_object_set(to, key, value);
}

static bool may_change(const struct varlink_call *call, const struct agent *agent)
{
	struct caller caller;

	caller_read(call, agent->settings, &caller);
	return caller_may_change(&caller);
}

/* S3 is read by the node's keys: for those who could have them. True after it was answered. */
static bool refuse_keys(struct varlink_call *call, const struct agent *agent, const char *document)
{
	if (!document || !starts_with(document, "s3://") || may_change(call, agent))
		return false;
	refuse(call, AGENT ".PermissionDenied",
	       "objects of S3 are read by the node's own keys, for those who may change the node");
	return true;
}

/* Reads `options`: true with @ret, or false after the call was answered. */
static bool read_options(struct varlink_call *call, const struct agent *agent, enum job_kind kind,
			 struct job_request *ret)
{
	static const char *const passed_on[] = { "as_of", "baseline", "baseline_text", "trigger" };
	json_t *options = parameter(call, "options");
	const char *wrong = json_is_object(options) ? wrong_option(call, options) : NULL;

	if (wrong) {
		_cleanup_free_ char *name = xasprintf("options.%s", wrong);

		varlink_call_invalid(call, name);
		return false;
	}
	if (refuse_keys(call, agent, json_string_value(json_object_get(options, "baseline"))))
		return false;
	*ret = (struct job_request){
		.kind = kind,
		.ask = json_object(),
		.origin = json_object(),
		.cached = json_is_true(json_object_get(options, "cached")),
		.refresh = json_is_true(json_object_get(options, "refresh")),
	};
	for (size_t i = 0; i < ARRAY_SIZE(passed_on); i++)
		copy_text(ret->ask, passed_on[i], options);
	for (size_t i = 0; i < ARRAY_SIZE(origins) && may_change(call, agent); i++)
		copy_text(ret->origin, origins[i], options);
	return true;
}

/*
 * Where a report goes. What everybody may ask does not move what the node is judged by, nor push
 * other reports out of the history: by a baseline or a time of one's own it is only answered.
 */
static enum store_where where_to_store(struct varlink_call *call, const struct agent *agent)
{
	json_t *options = parameter(call, "options");
	bool baseline = json_is_string(json_object_get(options, "baseline"));
	bool as_of = json_is_string(json_object_get(options, "as_of"));
	struct caller caller;

	if (!baseline && (!as_of || varlink_call_trusted(call)))
		return STORE_LATEST;
	caller_read(call, agent->settings, &caller);
	if (!caller_may_change(&caller))
		return STORE_NOWHERE;
	return as_of && !caller.trusted ? STORE_HISTORY : STORE_BASELINE;
}

static void scan(struct varlink_call *call, void *userdata)
{
	struct agent *agent = userdata;
	struct job_request request;

	if (!read_options(call, agent, JOB_SCAN, &request))
		return;
	request.store = where_to_store(call, agent);
	json_object_set_new(request.ask, "operation", json_string("Scan"));
	json_object_set_new(request.ask, "reboot_option", json_string("NoReboot"));
	jobs_submit(agent->jobs, &request, call);
}

/* ---- changing ---------------------------------------------------------------------------------*/

/* Each attempt is told to the operator. True after the call was answered: it may not, or not now.
 */
static bool refuse_change(struct varlink_call *call, const struct agent *agent, const char *action,
			  const char *held, char **ret_who)
{
	struct caller caller;
	bool allowed;

	settings_refresh(agent->settings);
	caller_read(call, agent->settings, &caller);
	allowed = caller_may_change(&caller);
	if (!agent->is_private)
		announce_request(action, &caller, allowed, held);
	if (!allowed)
		refuse(call, AGENT ".PermissionDenied",
		       "only root and the configured group change the node; looking is for "
		       "everybody");
	if (allowed && held)
		refuse(call, AGENT ".Held", held);
	if (ret_who)
		*ret_who = caller_text(&caller);
	return !allowed || held;
}

/* One change at a time, and nobody waits behind it unawares. */
static bool refuse_busy(struct varlink_call *call, const struct agent *agent)
{
	struct jobs_running running;
	_cleanup_free_ char *who = NULL;

	if (!jobs_changing(agent->jobs, &running))
		return false;
	who = xasprintf("%s (%s), asked for by %s", running.name, running.phase,
			running.who ? running.who : "?");
	varlink_call_error(call, AGENT ".Busy",
			   json_pack("{s:s,s:o}", "who", who, "since", state_time(running.since)));
	return true;
}

/* Of every change: true after the call was answered. */
static bool refuse_reboot_option(struct varlink_call *call)
{
	const char *reboot = json_string_value(parameter(call, "reboot_option"));

	if (!reboot || streq(reboot, "NoReboot") || streq(reboot, "RebootIfNeeded"))
		return false;
	varlink_call_invalid(call, "reboot_option");
	return true;
}

/* Asks for the change of @kind, unless the call must be answered otherwise. */
static void change(struct varlink_call *call, struct agent *agent, enum job_kind kind,
		   const char *action, const char *operation)
{
	json_t *options = parameter(call, "options");
	const char *reboot = json_string_value(parameter(call, "reboot_option"));
	const char *trigger = json_string_value(json_object_get(options, "trigger"));
	bool dry_run = json_is_true(parameter(call, "dry_run"));
	_cleanup_free_ char *held = NULL, *who = NULL, *dry = xasprintf("dry run of %s", action);
	struct job_request request;
	int64_t until;

	settings_refresh(agent->settings);
	if (!dry_run)
		held = hold_reason(agent->place, &agent->settings->config.windows, trigger,
				   timex_now(), &until);
	if (refuse_change(call, agent, dry_run ? dry : action, held, &who) ||
	    refuse_busy(call, agent) || !read_options(call, agent, kind, &request))
		return;
	request.who = TAKE_PTR(who);
	request.store = dry_run ? STORE_NOWHERE : where_to_store(call, agent);
	request.dry_run = dry_run;
	request.by_timer = streq_null(trigger, "timer");
	request.with_kernel = json_is_true(parameter(call, "with_kernel"));
	request.retry_quarantined = json_is_true(parameter(call, "retry_quarantined"));
	request.unload = json_is_true(parameter(call, "unload"));
	json_object_set_new(request.ask, "operation", json_string(dry_run ? "Scan" : operation));
	json_object_set_new(request.ask, "reboot_option",
			    json_string(reboot ? reboot : "NoReboot"));
	copy_text(request.ask, "overrides", varlink_call_parameters(call));
	copy_text(request.ask, "overrides_text", varlink_call_parameters(call));
	jobs_submit(agent->jobs, &request, call);
}

static void install(struct varlink_call *call, void *userdata)
{
	struct agent *agent = userdata;
	const char *overrides = json_string_value(parameter(call, "overrides"));
	bool has_text = json_is_string(parameter(call, "overrides_text"));

	if (overrides ? !is_readable(call, overrides, has_text) : has_text)
		varlink_call_invalid(call, "overrides");
	else if (!refuse_reboot_option(call))
		change(call, agent, JOB_INSTALL, "install", "Install");
}

static void configure(struct varlink_call *call, void *userdata)
{
	static const struct {
		const char *action;
		enum job_kind kind;
	} rows[] = {
		{ "enable", JOB_ENABLE },
		{ "disable", JOB_DISABLE },
		{ "clean", JOB_CLEAN },
	};
	const char *action = json_string_value(parameter(call, "action"));

	if (json_is_true(json_object_get(parameter(call, "options"), "cached"))) {
		varlink_call_invalid(call, "options.cached"); /* it must see what it changes */
		return;
	}
	if (refuse_reboot_option(call))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (streq(rows[i].action, action)) {
			change(call, userdata, rows[i].kind, action, "Configure");
			return;
		}
	varlink_call_invalid(call, "action");
}

static void cancel(struct varlink_call *call, void *userdata)
{
	struct agent *agent = userdata;
	struct jobs_running running = { .name = "" };
	_cleanup_free_ char *who = NULL, *why = NULL, *name = NULL;
	struct err err = ERR_INIT;

	if (refuse_change(call, agent, "cancel", NULL, &who))
		return;
	jobs_running(agent->jobs, &running);
	name = xstrdup(running.name); /* the job is gone when it is cancelled */
	why = xasprintf("cancelled by %s; nothing was changed", who);
	if (jobs_cancel(agent->jobs, why, &err) < 0)
		fail(call, &err);
	else
		varlink_call_reply(call, json_pack("{s:s}", "cancelled", name));
}

static void pause_changes(struct varlink_call *call, void *userdata)
{
	struct agent *agent = userdata;
	json_t *given = parameter(call, "seconds");
	const char *reason = json_string_value(parameter(call, "reason"));
	int64_t seconds = json_is_integer(given) ? json_integer_value(given) : 0;
	_cleanup_free_ char *who = NULL;
	struct err err = ERR_INIT;

	if (json_is_integer(given) && (seconds < 1 || seconds > PAUSE_MAX)) {
		varlink_call_invalid(call, "seconds");
		return;
	}
	if (refuse_change(call, agent, "pause", NULL, &who))
		return;
	if (hold_pause(agent->place, seconds ? timex_now() + seconds : TIME_UNSET, who, reason,
		       &err) < 0)
		fail(call, &err);
	else
		varlink_call_reply(call, NULL);
}

static void resume(struct varlink_call *call, void *userdata)
{
	struct agent *agent = userdata;
	struct err err = ERR_INIT;

	if (refuse_change(call, agent, "resume", NULL, NULL))
		return;
	if (hold_resume(agent->place, &err) < 0)
		fail(call, &err);
	else
		varlink_call_reply(call, NULL);
}

/* ---- asking -----------------------------------------------------------------------------------*/

static void verify(struct varlink_call *call, void *userdata)
{
	struct agent *agent = userdata;

	jobs_submit(agent->jobs, &(struct job_request){ .kind = JOB_VERIFY, .ask = json_object() },
		    call);
}

static void evaluate(struct varlink_call *call, void *userdata)
{
	static const char *const passed_on[] = { "snapshot", "explain", "cve" };
	/* instead of a report; one of them */
	static const struct {
		const char *member;
		enum job_kind kind;
	} questions[] = {
		{ "explain", JOB_EXPLAIN },
		{ "cve", JOB_CVE },
		{ "capture", JOB_CAPTURE },
		{ "export", JOB_EXPORT },
	};
	struct agent *agent = userdata;
	enum job_kind kind = JOB_EVALUATE;
	struct job_request request;

	for (size_t i = 0; i < ARRAY_SIZE(questions); i++) {
		json_t *asked = parameter(call, questions[i].member);

		if (!json_is_string(asked) && !json_is_true(asked))
			continue;
		if (kind != JOB_EVALUATE) {
			varlink_call_invalid(call, questions[i].member);
			return;
		}
		kind = questions[i].kind;
	}
	if (json_is_string(parameter(call, "snapshot")) && !varlink_call_trusted(call)) {
		refuse(call, AGENT ".PermissionDenied",
		       "only a private agent reads a snapshot file; use --direct");
		return;
	}
	if (!read_options(call, agent, kind, &request))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(passed_on); i++)
		copy_text(request.ask, passed_on[i], varlink_call_parameters(call));
	jobs_submit(agent->jobs, &request, call);
}

static void get_config(struct varlink_call *call, void *userdata)
{
	struct agent *agent = userdata;

	jobs_submit(agent->jobs, &(struct job_request){ .kind = JOB_CONFIG, .ask = json_object() },
		    call);
}

static void check_plugins(struct varlink_call *call, void *userdata)
{
	struct agent *agent = userdata;

	if (agent->check) {
		refuse(call, AGENT ".Busy", "another caller checks the plugins; try again");
		return;
	}
	settings_refresh(agent->settings);
	plugincheck_start(&agent->check, agent->loop, agent->place, agent->settings, call);
}

static void get_baseline(struct varlink_call *call, void *userdata)
{
	struct agent *agent = userdata;
	const char *baseline = json_string_value(parameter(call, "baseline"));
	struct job_request request = { .kind = JOB_BASELINE };

	if (baseline && !is_baseline_name(baseline) && !is_readable(call, baseline, false)) {
		varlink_call_invalid(call, "baseline");
		return;
	}
	if (refuse_keys(call, agent, baseline))
		return;
	request.ask = json_object();
	copy_text(request.ask, "baseline", varlink_call_parameters(call));
	jobs_submit(agent->jobs, &request, call);
}

static void diagnose(struct varlink_call *call, void *userdata)
{
	struct agent *agent = userdata;

	jobs_submit(agent->jobs, &(struct job_request){ .kind = JOB_DOCTOR, .ask = json_object() },
		    call);
}

/* ---- the table --------------------------------------------------------------------------------*/

#define NEEDS(...) ((const struct varlink_field[]){ __VA_ARGS__, { NULL } })

const struct varlink_method methods[] = {
	{ "GetStatus", get_status, NULL },
	{ "GetReport", get_report,
	  NEEDS({ "id", JSON_STRING, true }, { "baseline", JSON_STRING, true }) },
	{ "GetHistory", get_history, NEEDS({ "limit", JSON_INTEGER, true }) },
	{ "Scan", scan, NEEDS({ "options", JSON_OBJECT, true }) },
	{ "Install", install,
	  NEEDS({ "options", JSON_OBJECT, true }, { "dry_run", JSON_TRUE, true },
		{ "with_kernel", JSON_TRUE, true }, { "retry_quarantined", JSON_TRUE, true },
		{ "reboot_option", JSON_STRING, true }, { "overrides", JSON_STRING, true },
		{ "overrides_text", JSON_STRING, true }) },
	{ "Configure", configure,
	  NEEDS({ "action", JSON_STRING, false }, { "options", JSON_OBJECT, true },
		{ "dry_run", JSON_TRUE, true }, { "with_kernel", JSON_TRUE, true },
		{ "unload", JSON_TRUE, true }, { "reboot_option", JSON_STRING, true }) },
	{ "Cancel", cancel, NULL },
	{ "Pause", pause_changes,
	  NEEDS({ "seconds", JSON_INTEGER, true }, { "reason", JSON_STRING, true }) },
	{ "Resume", resume, NULL },
	{ "Verify", verify, NULL },
	{ "Evaluate", evaluate,
	  NEEDS({ "options", JSON_OBJECT, true }, { "snapshot", JSON_STRING, true },
		{ "explain", JSON_STRING, true }, { "cve", JSON_STRING, true },
		{ "capture", JSON_TRUE, true }, { "export", JSON_TRUE, true }) },
	{ "GetConfig", get_config, NULL },
	{ "CheckPlugins", check_plugins, NULL },
	{ "GetBaseline", get_baseline, NEEDS({ "baseline", JSON_STRING, true }) },
	{ "Diagnose", diagnose, NULL },
	{ NULL },
};
