// SPDX-License-Identifier: Apache-2.0
#include "base/alloc.h"
#include "klpctl/command.h"
#include "klpctl/pick.h"
#include "klpctl/shared.h"

#define STATE_COLUMNS 9
#define NAME_COLUMNS  17

/*
 * A scan first, so that the repositories were just asked. That it fails is what a doctor is called
 * for: it becomes a check of its own.
 */
static json_t *scan_check(struct command_call *call)
{
	json_auto_t *report = NULL;
	struct err err = ERR_INIT;
	json_t *check;

	if (shared_scan(call, json_pack("{s:b}", "refresh", 1), &report, &err) == 0)
		return json_pack("{s:s,s:s,s:s,s:n}", "name", "scan", "state", "ok", "text",
				 "the node and its repositories were looked at", "remedy");
	check = json_pack("{s:s,s:s,s:s,s:s}", "name", "scan", "state", "bad", "text", err.message,
			  "remedy", "do what it says, or what the checks below say");
	err_clear(&err);
	return check;
}

static void show_check(struct screen *screen, const json_t *check)
{
	const char *state = pick_text_or(check, "state", "unknown");
	_cleanup_free_ char *clean = screen_clean(state);
	_cleanup_free_ char *name = screen_clean(pick_text_or(check, "name", "?"));
	const char *remedy = pick_text(check, "remedy");
	int pad = STATE_COLUMNS - (int)screen_width(clean);

	screen_put_styled(screen, screen_style_of(state), clean);
	screen_put(screen, "%*s%-*s", pad > 1 ? pad : 1, "", NAME_COLUMNS, name);
	screen_put_wrapped(screen, STATE_COLUMNS + NAME_COLUMNS, SCREEN_PLAIN,
			   pick_text_or(check, "text", ""));
	if (!remedy)
		return;
	screen_put(screen, "%*s", STATE_COLUMNS + NAME_COLUMNS, "");
	screen_put_wrapped(screen, STATE_COLUMNS + NAME_COLUMNS, SCREEN_DIM, remedy);
}

static bool is_any_bad(const json_t *checks)
{
	const json_t *check;
	size_t i;

	json_array_foreach((json_t *)checks, i, check)
	{
		if (streq(pick_text_or(check, "state", ""), "bad"))
			return true;
	}
	return false;
}

int cmd_doctor(struct command_call *call, struct err *err)
{
	const struct options *o = call->options;
	json_auto_t *scan = o->cached ? NULL : scan_check(call), *checks = NULL;
	const json_t *check;
	size_t i;

	if (shared_ask(call, "Diagnose", NULL, "checks", false, &checks, err) < 0)
		return -1;
	if (scan)
		json_array_insert(checks, 0, scan);
	if (o->json != JSON_MODE_OFF)
		screen_put_json(call->screen, checks, o->json);
	else if (!o->quiet)
		json_array_foreach(checks, i, check) show_check(call->screen, check);
	return is_any_bad(checks) ? EXIT_STATUS_FAILED : EXIT_STATUS_OK;
}
