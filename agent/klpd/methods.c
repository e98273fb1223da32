// SPDX-License-Identifier: Apache-2.0
#include "klpd/methods.h"

#include "base/alloc.h"
#include "base/log.h"
#include "base/timex.h"
#include "klpd/store.h"

#include <stdio.h>

#define AGENT	      "io.klpd.Agent"
#define HISTORY_LIMIT 20
#define HISTORY_MAX   1000

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

static void get_status(struct varlink_call *call, void *userdata)
{
	struct agent *agent = userdata;
	json_t *report = NULL, *status;
	struct err err = ERR_INIT;
	char since_text[TIMEX_TEXT_MAX];
	const char *busy;
	int64_t since = 0;

	if (store_latest(agent->place->state_fd, &report, &err) < 0) {
		fail(call, &err);
		return;
	}
	status = json_pack("{s:s}", "version", KLPD_VERSION);
	busy = jobs_busy(agent->jobs, &since);
	if (busy) {
		json_object_set_new(status, "busy", json_string(busy));
		json_object_set_new(status, "since", json_string(timex_format(since, since_text)));
	}
	if (report)
		json_object_set_new(status, "report", report);
	varlink_call_reply(call, status);
}

static void get_report(struct varlink_call *call, void *userdata)
{
	struct agent *agent = userdata;
	const char *id = json_string_value(parameter(call, "id"));
	json_t *report = NULL;
	struct err err = ERR_INIT;
	int r = id ? store_find(agent->place->state_fd, id, &report, &err)
		   : store_latest(agent->place->state_fd, &report, &err);

	if (r < 0)
		fail(call, &err);
	else if (r == 0)
		refuse(call, AGENT ".NoReport",
		       id ? "no report of that id is kept; see: klpctl history"
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
	{ "as_of", JSON_STRING, true },	  { "baseline", JSON_STRING, true },
	{ "cached", JSON_TRUE, true },	  { "refresh", JSON_TRUE, true },
	{ "trigger", JSON_STRING, true }, { NULL },
};

static bool is_trigger(const char *text)
{
	return streq(text, "manual") || streq(text, "timer") || streq(text, "remote");
}

/* The name of the member that is wrong, or NULL. */
static const char *wrong_option(json_t *options)
{
	const char *wrong = varlink_check(options, methods_scan_options);
	const char *as_of = json_string_value(json_object_get(options, "as_of"));
	const char *trigger = json_string_value(json_object_get(options, "trigger"));
	int64_t unused;

	if (wrong)
		return wrong;
	if (as_of && timex_parse(as_of, &unused) < 0)
		return "as_of";
	if (trigger && !is_trigger(trigger))
		return "trigger";
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

/* Reads `options`: true with @ret, or false after the call was answered. */
static bool read_options(struct varlink_call *call, enum job_kind kind, struct job_request *ret)
{
	static const char *const passed_on[] = { "as_of", "baseline", "trigger" };
	json_t *options = parameter(call, "options");
	const char *wrong = json_is_object(options) ? wrong_option(options) : NULL;

	if (wrong) {
		_cleanup_free_ char *name = xasprintf("options.%s", wrong);

		varlink_call_invalid(call, name);
		return false;
	}
	*ret = (struct job_request){
		.kind = kind,
		.ask = json_object(),
		.cached = json_is_true(json_object_get(options, "cached")),
		.refresh = json_is_true(json_object_get(options, "refresh")),
	};
	for (size_t i = 0; i < ARRAY_SIZE(passed_on); i++)
		copy_text(ret->ask, passed_on[i], options);
	return true;
}

static void scan(struct varlink_call *call, void *userdata)
{
	struct agent *agent = userdata;
	struct job_request request;

	if (!read_options(call, JOB_SCAN, &request))
		return;
	json_object_set_new(request.ask, "operation", json_string("Scan"));
	json_object_set_new(request.ask, "reboot_option", json_string("NoReboot"));
	jobs_submit(agent->jobs, &request, call);
}

/* One installation at a time, and nobody waits behind it unawares. */
static bool refuse_busy(struct varlink_call *call, const struct agent *agent)
{
	char buf[TIMEX_TEXT_MAX];
	int64_t since = 0;
	const char *who = jobs_busy(agent->jobs, &since);

	if (!jobs_installing(agent->jobs))
		return false;
	varlink_call_error(call, AGENT ".Busy",
			   json_pack("{s:s,s:s}", "who", who ? who : "install", "since",
				     timex_format(since, buf)));
	return true;
}

/* Changing is for whoever started us, and for root; each attempt is logged. */
static bool refuse_change(struct varlink_call *call, const char *what)
{
	struct varlink_peer peer = { -1, -1 };
	bool known = varlink_call_peer(call, &peer);
	bool allowed = varlink_call_trusted(call) || (known && peer.uid == 0);

	log_info("%s asked for by uid %lld, pid %lld: %s", what, (long long)peer.uid,
		 (long long)peer.pid, allowed ? "allowed" : "refused");
	if (!allowed)
		refuse(call, AGENT ".PermissionDenied",
		       "only root changes the node; looking is for everybody");
	return !allowed;
}

static void install(struct varlink_call *call, void *userdata)
{
	static const char *const flags[] = { "with_kernel" };
	struct agent *agent = userdata;
	const char *reboot = json_string_value(parameter(call, "reboot_option"));
	const char *overrides = json_string_value(parameter(call, "overrides"));
	struct job_request request;

	if (overrides && overrides[0] != '/') {
		varlink_call_invalid(call, "overrides");
		return;
	}
	if (reboot && !streq(reboot, "NoReboot") && !streq(reboot, "RebootIfNeeded")) {
		varlink_call_invalid(call, "reboot_option");
		return;
	}
	if (refuse_change(call, "installation") || refuse_busy(call, agent) ||
	    !read_options(call, JOB_INSTALL, &request))
		return;
	request.dry_run = json_is_true(parameter(call, "dry_run"));
	request.retry_quarantined = json_is_true(parameter(call, "retry_quarantined"));
	json_object_set_new(request.ask, "operation",
			    json_string(request.dry_run ? "Scan" : "Install"));
	json_object_set_new(request.ask, "reboot_option",
			    json_string(reboot ? reboot : "NoReboot"));
	copy_text(request.ask, "overrides", varlink_call_parameters(call));
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		json_object_set_new(request.ask, flags[i],
				    json_boolean(json_is_true(parameter(call, flags[i]))));
	jobs_submit(agent->jobs, &request, call);
}

static void verify(struct varlink_call *call, void *userdata)
{
	struct agent *agent = userdata;

	jobs_submit(agent->jobs, &(struct job_request){ .kind = JOB_VERIFY, .ask = json_object() },
		    call);
}

static void evaluate(struct varlink_call *call, void *userdata)
{
	static const char *const passed_on[] = { "snapshot", "explain", "cve" };
	struct agent *agent = userdata;
	bool explain = json_is_string(parameter(call, "explain"));
	bool cve = json_is_string(parameter(call, "cve"));
	bool capture = json_is_true(parameter(call, "capture"));
	enum job_kind kind = explain   ? JOB_EXPLAIN
			     : cve     ? JOB_CVE
			     : capture ? JOB_CAPTURE
				       : JOB_EVALUATE;
	struct job_request request;

	if (explain + cve + capture > 1) {
		varlink_call_invalid(call, explain && cve ? "cve" : "capture");
		return;
	}
	if (json_is_string(parameter(call, "snapshot")) && !varlink_call_trusted(call)) {
		refuse(call, AGENT ".PermissionDenied",
		       "only a private agent reads a snapshot file; use --direct");
		return;
	}
	if (!read_options(call, kind, &request))
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

static void get_baseline(struct varlink_call *call, void *userdata)
{
	struct agent *agent = userdata;
	struct job_request request = { .kind = JOB_BASELINE, .ask = json_object() };

	copy_text(request.ask, "baseline", varlink_call_parameters(call));
	jobs_submit(agent->jobs, &request, call);
}

/* ---- the table --------------------------------------------------------------------------------*/

#define NEEDS(...) ((const struct varlink_field[]){ __VA_ARGS__, { NULL } })

const struct varlink_method methods[] = {
	{ "GetStatus", get_status, NULL },
	{ "GetReport", get_report, NEEDS({ "id", JSON_STRING, true }) },
	{ "GetHistory", get_history, NEEDS({ "limit", JSON_INTEGER, true }) },
	{ "Scan", scan, NEEDS({ "options", JSON_OBJECT, true }) },
	{ "Install", install,
	  NEEDS({ "options", JSON_OBJECT, true }, { "dry_run", JSON_TRUE, true },
		{ "with_kernel", JSON_TRUE, true }, { "retry_quarantined", JSON_TRUE, true },
		{ "reboot_option", JSON_STRING, true }, { "overrides", JSON_STRING, true }) },
	{ "Verify", verify, NULL },
	{ "Evaluate", evaluate,
	  NEEDS({ "options", JSON_OBJECT, true }, { "snapshot", JSON_STRING, true },
		{ "explain", JSON_STRING, true }, { "cve", JSON_STRING, true },
		{ "capture", JSON_TRUE, true }) },
	{ "GetConfig", get_config, NULL },
	{ "GetBaseline", get_baseline, NEEDS({ "baseline", JSON_STRING, true }) },
	{ NULL },
};
