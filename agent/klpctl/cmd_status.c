// SPDX-License-Identifier: Apache-2.0
#include "base/alloc.h"
#include "klpctl/command.h"
#include "klpctl/pick.h"
#include "klpctl/shared.h"
#include "klpctl/view.h"

static void show_agent(struct screen *screen, const json_t *status)
{
	const char *busy = pick_text(status, "busy"), *phase = pick_text(status, "phase");
	_cleanup_free_ char *since = screen_time(screen, pick_time(status, "since"));
	_cleanup_free_ char *work =
		busy ? xasprintf(", busy with %s%s%s%s since %s", busy, phase ? " (" : "",
				 phase ? phase : "", phase ? ")" : "", since)
		     : xstrdup("");

	view_fieldf(screen, "Agent", "klpd %s%s", pick_text_or(status, "version", "?"), work);
	if (pick_text(status, "who"))
		view_field(screen, NULL, SCREEN_PLAIN, pick_text(status, "who"));
}

/* What holds changes back. */
static void show_holds(struct screen *screen, const json_t *status)
{
	const char *reason = pick_text_or(status, "paused.reason", "");
	_cleanup_free_ char *until = screen_time(screen, pick_time(status, "paused.until"));
	_cleanup_free_ char *next = screen_time(screen, pick_time(status, "window.next"));

	if (pick_member(status, "paused"))
		view_fieldf(screen, "Paused", "by %s%s%s%s%s",
			    pick_text_or(status, "paused.who", "?"),
			    pick_text(status, "paused.until") ? ", until " : "",
			    pick_text(status, "paused.until") ? until : "", *reason ? ": " : "",
			    reason);
	if (pick_true(status, "window.open"))
		view_field(screen, "Window", SCREEN_PLAIN, "open: a timer may change the node");
	else if (pick_text(status, "window.next"))
		view_fieldf(screen, "Window", "closed for what a timer asks; opens %s", next);
}

/* The latest report as a card; with an option that changes how to judge, a new one. */
int cmd_status(struct command_call *call, struct err *err)
{
	const struct options *o = call->options;
	json_auto_t *status = NULL, *report = NULL;

	if (client_call(call->client, "GetStatus", NULL, false, &status, err) < 0)
		return -1;
	report = json_incref(json_object_get(status, "report"));
	if (o->as_of != TIME_UNSET || o->baseline || o->kernel || o->config || o->cached ||
	    o->refresh) {
		json_decref(report);
		report = NULL;
		if (shared_latest(call, &report, err) < 0)
			return -1;
		json_object_set(status, "report", report);
	}
	if (o->json != JSON_MODE_OFF) {
		screen_put_json(call->screen, status, o->json);
		return EXIT_STATUS_OK;
	}
	if (o->quiet)
		return EXIT_STATUS_OK;
	show_agent(call->screen, status);
	show_holds(call->screen, status);
	if (!json_is_object(report)) {
		view_field(call->screen, "Report", SCREEN_WARN,
			   "none yet; look at the node with: klpctl scan");
		return EXIT_STATUS_OK;
	}
	view_card(call->screen, report);
	view_findings(call->screen, report);
	return EXIT_STATUS_OK;
}
