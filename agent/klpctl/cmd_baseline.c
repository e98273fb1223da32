// SPDX-License-Identifier: Apache-2.0
#include "base/alloc.h"
#include "klpctl/command.h"
#include "klpctl/pick.h"
#include "klpctl/shared.h"
#include "klpctl/table.h"
#include "klpctl/view.h"

/* The baseline that the command line names, or the one in use. Its file is read by us, not by the
 * system's agent, which need not be allowed to. */
static int get(struct command_call *call, json_t **ret, struct err *err)
{
	const char *name = call->n_args > 0 ? call->args[0] : call->options->baseline;
	json_t *parameters = json_object();

	if (name && client_is_path(name)) {
		_cleanup_free_ char *path = client_absolute_path(name);

		client_want_private(call->client);
		json_object_set_new(parameters, "baseline", json_string(path));
	} else if (name) {
		json_object_set_new(parameters, "baseline", json_string(name));
	}
	return shared_ask(call, "GetBaseline", parameters, "baseline", false, ret, err);
}

/* "CLASSIFICATION: Security Bugfix; SEVERITY: ..." */
static char *filters_text(const json_t *filters)
{
	char *text = xstrdup("");
	const json_t *filter;
	size_t i;

	json_array_foreach((json_t *)filters, i, filter)
	{
		_cleanup_free_ char *before = text;
		_cleanup_free_ char *values = view_join(pick_member(filter, "values"), SIZE_MAX);

		text = xasprintf("%s%s%s: %s", before, i ? "; " : "",
				 pick_text_or(filter, "key", "?"), values);
	}
	return text;
}

static void show_rules(struct screen *screen, const json_t *rules)
{
	static const char *const heads[] = { "RULE",  "LINE",	      "APPROVES",
					     "LEVEL", "NON-SECURITY", "FILTERS" };
	_cleanup_(table_freep)
	struct table *table = table_new(heads, ARRAY_SIZE(heads));
	const json_t *rule;
	size_t i;

	json_array_foreach((json_t *)rules, i, rule)
	{
		const char *until = pick_text(rule, "approve_until");
		_cleanup_free_ char *filters = filters_text(pick_member(rule, "filters"));

		table_cellf(table, "%zu", i + 1);
		table_cellf(table, "%lld", (long long)pick_number(rule, "line"));
		if (until)
			table_cellf(table, "released through %s", until);
		else
			table_cellf(table, "after %lld days",
				    (long long)pick_number(rule, "approve_after_days"));
		table_cell(table, SCREEN_PLAIN, pick_text(rule, "compliance_level"));
		table_cell(table, SCREEN_PLAIN,
			   pick_true(rule, "enable_non_security") ? "yes" : "no");
		table_cell(table, SCREEN_PLAIN, filters);
	}
	if (i > 0)
		screen_put(screen, "\n");
	table_print(table, screen);
}

static void show_list(struct screen *screen, const char *label, const json_t *list)
{
	_cleanup_free_ char *text = view_join(list, SIZE_MAX);

	view_field(screen, label, SCREEN_PLAIN, *text ? text : "none");
}

static void show_baseline(struct screen *screen, const json_t *baseline)
{
	_cleanup_free_ char *global = filters_text(pick_member(baseline, "global_filters"));

	view_field(screen, "Baseline", SCREEN_PLAIN,
		   pick_text_or(baseline, "name", "without a name"));
	view_field(screen, "Id", SCREEN_PLAIN, pick_text_or(baseline, "id", "none"));
	view_field(screen, "Read from", SCREEN_PLAIN, pick_text_or(baseline, "source", "?"));
	view_field(screen, "SHA-256", SCREEN_PLAIN, pick_text_or(baseline, "sha256", "?"));
	view_field(screen, "System", SCREEN_PLAIN,
		   pick_text_or(baseline, "operating_system", "any"));
	view_field(screen, "Global filters", SCREEN_PLAIN, *global ? global : "none");
	show_list(screen, "Approved", pick_member(baseline, "approved"));
	show_list(screen, "Rejected", pick_member(baseline, "rejected"));
	view_field(screen, "", SCREEN_PLAIN, pick_text_or(baseline, "rejected_action", "?"));
	show_rules(screen, pick_member(baseline, "rules"));
}

int cmd_baseline_show(struct command_call *call, struct err *err)
{
	json_auto_t *baseline = NULL;

	if (get(call, &baseline, err) < 0)
		return -1;
	if (call->options->json != JSON_MODE_OFF)
		screen_put_json(call->screen, baseline, call->options->json);
	else
		show_baseline(call->screen, baseline);
	return EXIT_STATUS_OK;
}

int cmd_baseline_check(struct command_call *call, struct err *err)
{
	json_auto_t *baseline = NULL;

	if (get(call, &baseline, err) < 0)
		return -1;
	if (call->options->json != JSON_MODE_OFF) {
		screen_put_json(call->screen, baseline, call->options->json);
	} else if (!call->options->quiet) {
		_cleanup_free_ char *source = screen_clean(pick_text_or(baseline, "source", "?"));

		screen_put(call->screen,
			   "%s: valid, with %zu rules, %zu approved and %zu rejected\n", source,
			   pick_count(baseline, "rules"), pick_count(baseline, "approved"),
			   pick_count(baseline, "rejected"));
	}
	return EXIT_STATUS_OK;
}
