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

/* A row of the plan that is no package to be brought. */
static void show_row(struct table *table, const char *action, const char *what, const char *where)
{
	table_cell(table, SCREEN_PLAIN, action);
	table_cell(table, SCREEN_PLAIN, what);
	table_cell(table, SCREEN_PLAIN, "");
	table_cell(table, SCREEN_PLAIN, where);
	table_cell(table, SCREEN_PLAIN, "");
}

/* "enable repository amzn2extra-livepatch", where it stands or that it is made. */
static void show_switches(struct table *table, const json_t *plan, bool on)
{
	json_t *list = pick_member(plan, "switches"), *row;
	size_t i;

	json_array_foreach(list, i, row)
	{
		const char *kind = pick_text_or(row, "kind", "?");
		const char *file = pick_text_or(row, "file", "new");
		_cleanup_free_ char *what =
			xasprintf("%s %s", kind, pick_text_or(row, "name", "?"));

		if (pick_true(row, "on") == on)
			show_row(table, on ? "enable" : "disable", what,
				 streq(kind, "repository") ? file : "");
	}
}

static void show_packages(struct table *table, const json_t *plan, const char *list_name,
			  const char *action)
{
	json_t *list = pick_member(plan, list_name), *row;
	size_t i;

	json_array_foreach(list, i, row)
		show_row(table, action, pick_text_or(row, "package", "?"), "");
}

static void show_steps(struct screen *screen, const json_t *plan)
{
	static const char *const heads[] = { "STEP", "PACKAGE", "REPLACES", "REPOSITORY", "SIZE" };
	_cleanup_(table_freep)
	struct table *table = table_new(heads, ARRAY_SIZE(heads));
	json_t *list = pick_member(plan, "steps"), *row;
	size_t i;

	show_switches(table, plan, true);
	json_array_foreach(list, i, row)
	{
		_cleanup_free_ char *size = size_text(pick_number(row, "size"));

		table_cell(table, SCREEN_PLAIN, pick_text(row, "action"));
		table_cell(table, SCREEN_PLAIN, pick_text(row, "package"));
		table_cell(table, SCREEN_PLAIN, pick_text(row, "replaces"));
		table_cell(table, SCREEN_PLAIN, pick_text(row, "repository"));
		table_cell(table, SCREEN_PLAIN, size);
	}
	show_packages(table, plan, "loads", "load");
	show_packages(table, plan, "unloads", "unload");
	show_packages(table, plan, "removals", "remove");
	show_switches(table, plan, false);
	table_print(table, screen);
}

static void show_plan(struct command_call *call, const json_t *report)
{
	struct screen *screen = call->screen;
	const json_t *plan = pick_member(report, "plan");
	json_t *list = pick_member(plan, "refusals"), *row;
	size_t i;

	if (pick_count(plan, "steps") + pick_count(plan, "loads") + pick_count(plan, "switches") +
		    pick_count(plan, "removals") + pick_count(plan, "unloads") ==
	    0) {
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

const char *installation_goes_on(const json_t *report)
{
	json_t *list = pick_member(report, "findings"), *finding;
	size_t i;

	json_array_foreach(list, i, finding)
	{
		if (streq(pick_text_or(finding, "code", ""), "livepatch-without-package"))
			return pick_text_or(finding, "message", "?");
	}
	return NULL;
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
	const char *operation = pick_text_or(report, "operation", "?");
	const char *message = pick_text_or(outcome, "message", "");
	static const struct {
		const char *list, *title;
	} lists[] = {
		{ "installed", "Installed" },
		{ "erased", "Removed" },
		{ "switched", "Switched" },
	};
	_cleanup_free_ char *line = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (streq(rows[i].result, result))
			text = rows[i].text;
	line = xasprintf("%s%s%s", text, *message ? ": " : "", message);
	view_field(screen, streq(operation, "Install") ? "Installation" : "Change",
		   *message ? SCREEN_BAD : SCREEN_GOOD, line);
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		_cleanup_free_ char *all = view_join(pick_member(outcome, lists[i].list), 8);

		if (*all)
			view_field(screen, lists[i].title, SCREEN_PLAIN, all);
	}
	show_modules(screen, outcome);
	show_activation(screen, outcome);
	if (installation_goes_on(report)) /* who disables it must not take it for undone */
		view_field(screen, "Kernel", SCREEN_WARN, installation_goes_on(report));
	if (*pick_text_or(report, "plan.boot", "")) {
		_cleanup_free_ char *boot = xasprintf("boot %s, then: klpctl enable",
						      pick_text_or(report, "plan.boot", ""));

		view_field(screen, "Next", SCREEN_WARN, boot);
	}
	if (!pick_true(outcome, "running_system"))
		view_field(screen, "Activation", SCREEN_PLAIN,
			   "none: this directory stands for a node, it has no kernel to load into");
	if (pick_true(outcome, "reboot_required"))
		view_field(screen, "Reboot", SCREEN_WARN,
			   pick_text_or(outcome, "reboot_reason", "required by RebootIfNeeded"));
	screen_put(screen, "\n");
}

int installation_status(const json_t *report)
{
	json_t *list = pick_member(report, "patches"), *patch;
	size_t i;

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

int installation_run(struct command_call *call, const char *method, json_t *parameters,
		     int (*status)(const json_t *report), struct err *err)
{
	const struct options *o = call->options;
	json_auto_t *report = NULL;
	int failed, r;

	if (shared_ask(call, method, parameters, "report", true, &report, err) < 0)
		return is_put_off(call) ? show_put_off(call, err) : -1;
	shared_set_clock(call, report);
	show(call, report);
	if (o->dry_run)
		return pick_count(report, "plan.refusals") ? EXIT_STATUS_FAILED : EXIT_STATUS_OK;
	failed = (int)pick_number(report, "outcome.status");
	r = failed > 0 ? failed : status(report);
	return o->ssm ? ssm_status(report, r) : r;
}
