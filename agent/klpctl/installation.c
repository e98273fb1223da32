// SPDX-License-Identifier: Apache-2.0
#include "klpctl/installation.h"

#include "base/alloc.h"
#include "klpctl/pick.h"
#include "klpctl/shared.h"
#include "klpctl/ssm.h"
#include "klpctl/table.h"
#include "klpctl/view.h"

static char *size_text(int64_t bytes)
{
	return bytes < 0 ? xstrdup("") : xasprintf("%.1f kB", (double)bytes / 1000);
}

static void show_steps(struct screen *screen, const json_t *plan)
{
	static const char *const heads[] = { "STEP", "PACKAGE", "REPLACES", "REPOSITORY", "SIZE" };
	_cleanup_(table_freep)
	struct table *table = table_new(heads, ARRAY_SIZE(heads));
	json_t *list = pick_member(plan, "steps"), *row;
	size_t i;

	json_array_foreach(list, i, row)
	{
		_cleanup_free_ char *size = size_text(pick_number(row, "size"));

		table_cell(table, SCREEN_PLAIN, pick_text(row, "action"));
		table_cell(table, SCREEN_PLAIN, pick_text(row, "package"));
		table_cell(table, SCREEN_PLAIN, pick_text(row, "replaces"));
		table_cell(table, SCREEN_PLAIN, pick_text(row, "repository"));
		table_cell(table, SCREEN_PLAIN, size);
	}
	list = pick_member(plan, "loads");
	json_array_foreach(list, i, row)
	{
		table_cell(table, SCREEN_PLAIN, "load");
		table_cell(table, SCREEN_PLAIN, pick_text(row, "package"));
		for (int k = 0; k < 3; k++)
			table_cell(table, SCREEN_PLAIN, "");
	}
	table_print(table, screen);
}

static void show_plan(struct command_call *call, const json_t *report)
{
	struct screen *screen = call->screen;
	const json_t *plan = pick_member(report, "plan");
	json_t *list = pick_member(plan, "refusals"), *row;
	size_t i;

	if (pick_count(plan, "steps") + pick_count(plan, "loads") == 0) {
		screen_put(screen, "Nothing is to be done.\n");
	} else {
		view_fieldf(screen, "Plan", "%s, for kernel %s", pick_text_or(plan, "id", "?"),
			    pick_text_or(plan, "kernel", "?"));
		screen_put(screen, "\n");
		show_steps(screen, plan);
	}
	json_array_foreach(list, i, row) view_field(screen, i == 0 ? "Refused" : NULL, SCREEN_BAD,
						    pick_text_or(row, "message", "?"));
}

static void show_modules(struct screen *screen, const json_t *outcome)
{
	json_t *list = pick_member(outcome, "modules"), *row;
	size_t i;

	json_array_foreach(list, i, row)
	{
		const char *message = pick_text_or(row, "message", "");
		_cleanup_free_ char *line =
			xasprintf("%s: %s%s%s", pick_text_or(row, "name", "?"),
				  pick_true(row, "loaded") ? "loaded" : "not loaded",
				  *message ? ", " : "", message);

		view_field(screen, i == 0 ? "Modules" : NULL,
			   pick_true(row, "loaded") ? SCREEN_GOOD : SCREEN_BAD, line);
	}
}

static void show_activation(struct screen *screen, const json_t *outcome)
{
	json_t *list = pick_member(outcome, "activation"), *row;
	size_t i;

	json_array_foreach(list, i, row)
	{
		const char *message = pick_text_or(row, "message", "");
		_cleanup_free_ char *line =
			xasprintf("%s: %s%s%s", pick_text_or(row, "package", "?"),
				  pick_text_or(row, "state", "?"), *message ? ", " : "", message);

		view_field(screen, i == 0 ? "Activation" : NULL, SCREEN_PLAIN, line);
	}
}

static void show_outcome(struct command_call *call, const json_t *report)
{
	static const struct {
		const char *result, *text;
	} rows[] = {
		{ "done", "done" },
		{ "nothing-to-do", "nothing had to be done" },
		{ "refused", "refused, nothing was changed" },
		{ "failed", "failed" },
	};
	struct screen *screen = call->screen;
	const json_t *outcome = pick_member(report, "outcome");
	const char *result = pick_text_or(outcome, "result", "?"), *text = result;
	const char *message = pick_text_or(outcome, "message", "");
	_cleanup_free_ char *line = NULL, *installed = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (streq(rows[i].result, result))
			text = rows[i].text;
	line = xasprintf("%s%s%s", text, *message ? ": " : "", message);
	view_field(screen, "Installation", *message ? SCREEN_BAD : SCREEN_GOOD, line);
	installed = view_join(pick_member(outcome, "installed"), 8);
	if (*installed)
		view_field(screen, "Installed", SCREEN_PLAIN, installed);
	show_modules(screen, outcome);
	show_activation(screen, outcome);
	if (!pick_true(outcome, "running_system"))
		view_field(screen, "Activation", SCREEN_PLAIN,
			   "none: this directory stands for a node, it has no kernel to load into");
	if (pick_true(outcome, "reboot_required"))
		view_field(screen, "Reboot", SCREEN_WARN,
			   "required by RebootIfNeeded; klpd does not reboot by itself");
	screen_put(screen, "\n");
}

/*
 * 0 only if every approved livepatch is installed and, where there is a kernel, active. Who could
 * not look does not know which those are.
 */
static int status_of(const json_t *report)
{
	json_t *list = pick_member(report, "patches"), *patch;
	int64_t status = pick_number(report, "outcome.status");
	size_t i;

	if (status > 0)
		return (int)status;
	if (streq(pick_text_or(report, "compliance.livepatch", ""), "UNKNOWN"))
		return EXIT_STATUS_UNAVAILABLE;
	json_array_foreach(list, i, patch)
	{
		const char *state = pick_text_or(patch, "state", "");

		if (!streq(pick_text_or(patch, "kind", ""), "livepatch"))
			continue;
		if (streq(state, "Missing") || streq(state, "Failed") ||
		    (pick_true(report, "outcome.running_system") &&
		     json_is_false(pick_member(patch, "active"))))
			return EXIT_STATUS_MISSING;
	}
	return EXIT_STATUS_OK;
}

static void show(struct command_call *call, const json_t *report)
{
	const struct options *o = call->options;

	if (o->json == JSON_MODE_OFF && !o->quiet && o->dry_run) {
		show_plan(call, report);
	} else if (o->json == JSON_MODE_OFF && !o->quiet && o->ssm) {
		ssm_begin(call, report);
		show_outcome(call, report);
		ssm_end(call, report);
	} else if (o->json == JSON_MODE_OFF && !o->quiet) {
		show_outcome(call, report);
	}
	if (o->json != JSON_MODE_OFF || (!o->dry_run && !o->ssm))
		shared_show_report(call, report);
}

/* A timer asks again; that its time has not come is no failure. */
static bool is_put_off(const struct command_call *call)
{
	return client_was_held(call->client) && streq_null(call->options->trigger, "timer");
}

static int show_put_off(struct command_call *call, struct err *err)
{
	if (!call->options->quiet)
		screen_put_wrapped(call->screen, 0, SCREEN_PLAIN, err->message);
	err_clear(err);
	return EXIT_STATUS_OK;
}

int installation_run(struct command_call *call, json_t *parameters, struct err *err)
{
	const struct options *o = call->options;
	json_auto_t *report = NULL;

	if (shared_ask(call, "Install", parameters, "report", true, &report, err) < 0)
		return is_put_off(call) ? show_put_off(call, err) : -1;
	shared_set_clock(call, report);
	show(call, report);
	if (o->dry_run)
		return pick_count(report, "plan.refusals") ? EXIT_STATUS_FAILED : EXIT_STATUS_OK;
	return o->ssm ? ssm_status(report, status_of(report)) : status_of(report);
}
