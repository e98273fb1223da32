// SPDX-License-Identifier: Apache-2.0
#include "base/alloc.h"
#include "klpctl/command.h"
#include "klpctl/pick.h"
#include "klpctl/shared.h"
#include "klpctl/table.h"

static void show_entries(struct screen *screen, const json_t *entries)
{
	static const char *const heads[] = { "STARTED", "AGE", "OPERATION", "VERDICT", "ID" };
	_cleanup_(table_freep)
	struct table *table = table_new(heads, ARRAY_SIZE(heads));
	const json_t *entry;
	size_t i;

	json_array_foreach((json_t *)entries, i, entry)
	{
		const char *verdict = pick_text_or(entry, "overall", "?");
		int64_t started = pick_time(entry, "started");
		_cleanup_free_ char *age =
			started == TIME_UNSET ? NULL : screen_age(screen, started);

		table_cell(table, SCREEN_PLAIN, pick_text(entry, "started"));
		table_cell(table, SCREEN_PLAIN, age);
		table_cell(table, SCREEN_PLAIN, pick_text(entry, "operation"));
		table_cell(table, screen_style_of(verdict), verdict);
		table_cell(table, SCREEN_PLAIN, pick_text(entry, "id"));
	}
	table_print(table, screen);
	if (screen->legend)
		screen_put(screen, "%s%zu report%s.\n", i ? "\n" : "", i, i == 1 ? "" : "s");
}

static int show_one(struct command_call *call, const char *id, struct err *err)
{
	json_auto_t *report = NULL;
	json_t *parameters = json_pack("{s:s}", "id", id);

	if (shared_ask(call, "GetReport", parameters, "report", false, &report, err) < 0)
		return -1;
	shared_show_report(call, report);
	return EXIT_STATUS_OK;
}

int cmd_history(struct command_call *call, struct err *err)
{
	json_auto_t *entries = NULL;

	if (call->n_args > 0)
		return show_one(call, call->args[0], err);
	if (shared_ask(call, "GetHistory", NULL, "entries", false, &entries, err) < 0)
		return -1;
	if (call->options->json != JSON_MODE_OFF)
		screen_put_json(call->screen, entries, call->options->json);
	else
		show_entries(call->screen, entries);
	return EXIT_STATUS_OK;
}
