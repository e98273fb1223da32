// SPDX-License-Identifier: Apache-2.0
#include "base/alloc.h"
#include "klpctl/command.h"
#include "klpctl/pick.h"
#include "klpctl/shared.h"
#include "klpctl/view.h"

static void show_agent(struct screen *screen, const json_t *status)
{
	const char *busy = pick_text(status, "busy");
	_cleanup_free_ char *since = screen_time(screen, pick_time(status, "since"));

	view_fieldf(screen, "Agent", "klpd %s%s%s%s%s", pick_text_or(status, "version", "?"),
		    busy ? ", busy with " : "", busy ? busy : "", busy ? " since " : "",
		    busy ? since : "");
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
	if (!json_is_object(report)) {
		view_field(call->screen, "Report", SCREEN_WARN,
			   "none yet; look at the node with: klpctl scan");
		return EXIT_STATUS_OK;
	}
	view_card(call->screen, report);
	view_findings(call->screen, report);
	return EXIT_STATUS_OK;
}
