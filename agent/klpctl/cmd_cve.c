// SPDX-License-Identifier: Apache-2.0
#include "base/alloc.h"
#include "klpctl/command.h"
#include "klpctl/pick.h"
#include "klpctl/shared.h"
#include "klpctl/table.h"

static const char *word(const json_t *object, const char *key)
{
	json_t *value = pick_member(object, key);

	return json_is_true(value) ? "yes" : json_is_false(value) ? "no" : NULL;
}

static void show_evidence(struct screen *screen, const json_t *evidence)
{
	static const char *const heads[] = { "ADVISORY", "FIXES",    "PACKAGE",	   "INSTALLED",
					     "ACTIVE",	 "RELEASED", "REPOSITORY", "METADATA" };
	_cleanup_(table_freep)
	struct table *table = table_new(heads, ARRAY_SIZE(heads));
	const json_t *item;
	size_t i;

	json_array_foreach((json_t *)evidence, i, item)
	{
		int64_t fetched = pick_time(item, "metadata_fetched");
		_cleanup_free_ char *age =
			fetched == TIME_UNSET ? NULL : screen_time(screen, fetched);

		table_cell(table, SCREEN_PLAIN, pick_text(item, "advisory"));
		table_cell(table, SCREEN_PLAIN, pick_text(item, "fixes"));
		table_cell(table, SCREEN_PLAIN, pick_text(item, "package"));
		table_cell(table, SCREEN_PLAIN, word(item, "installed"));
		table_cell(table, SCREEN_PLAIN, word(item, "active"));
		table_date(table, pick_time(item, "released"));
		table_cell(table, SCREEN_PLAIN, pick_text(item, "repository"));
		table_cell(table, SCREEN_PLAIN, age);
	}
	if (i > 0)
		screen_put(screen, "\n");
	table_print(table, screen);
}

int cmd_cve(struct command_call *call, struct err *err)
{
	json_t *parameters = json_pack("{s:o,s:s}", "options", client_scan_options(call->client),
				       "cve", call->args[0]);
	struct screen *screen = call->screen;
	json_auto_t *explanation = NULL;
	_cleanup_free_ char *cve = NULL, *clean = NULL;
	const char *answer;

	if (shared_ask(call, "Evaluate", parameters, "explanation", false, &explanation, err) < 0)
		return -1;
	if (call->options->json != JSON_MODE_OFF) {
		screen_put_json(screen, explanation, call->options->json);
		return EXIT_STATUS_OK;
	}
	shared_set_clock(call, explanation);
	answer = pick_text_or(explanation, "answer", "unknown");
	cve = screen_clean(pick_text_or(explanation, "cve", call->args[0]));
	clean = screen_clean(answer);
	screen_put(screen, "%s: ", cve);
	screen_put_styled(screen, screen_style_of(answer), clean);
	screen_put(screen, "\n");
	screen_put_wrapped(screen, 0, SCREEN_PLAIN, pick_text_or(explanation, "reason", ""));
	show_evidence(screen, pick_member(explanation, "evidence"));
	return EXIT_STATUS_OK;
}
