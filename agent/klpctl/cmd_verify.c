// SPDX-License-Identifier: Apache-2.0
#include "base/alloc.h"
#include "klpctl/command.h"
#include "klpctl/pick.h"
#include "klpctl/shared.h"
#include "klpctl/view.h"

static void show_blocking(struct screen *screen, const json_t *livepatch)
{
	json_t *list = pick_member(livepatch, "blocking"), *task;
	int64_t more = pick_number(livepatch, "blocking_total");
	size_t i;

	json_array_foreach(list, i, task)
	{
		_cleanup_free_ char *line = xasprintf(
			"waits for %s (pid %lld, thread %lld)", pick_text_or(task, "comm", "?"),
			(long long)pick_number(task, "pid"), (long long)pick_number(task, "tid"));

		view_field(screen, NULL, SCREEN_WARN, line);
	}
	if (more > (int64_t)i)
		view_fieldf(screen, NULL, "and %lld more", (long long)(more - (int64_t)i));
}

static void show(struct screen *screen, const json_t *activation)
{
	json_t *list = pick_member(activation, "livepatches"), *livepatch, *module;
	size_t i, k;

	if (json_array_size(list) == 0)
		screen_put(screen, "No livepatch for the running kernel is installed.\n");
	json_array_foreach(list, i, livepatch)
	{
		const char *state = pick_text_or(livepatch, "state", "?");
		const char *message = pick_text_or(livepatch, "message", "");
		json_t *modules = pick_member(livepatch, "modules");

		view_field(screen, "Livepatch", SCREEN_PLAIN,
			   pick_text_or(livepatch, "package", "?"));
		view_field(screen, "State", streq(state, "active") ? SCREEN_GOOD : SCREEN_BAD,
			   state);
		json_array_foreach(modules, k, module) view_fieldf(
			screen, k == 0 ? "Modules" : NULL, "%s: %s",
			pick_text_or(module, "name", "?"), pick_text_or(module, "state", "?"));
		if (*message)
			view_field(screen, NULL, SCREEN_PLAIN, message);
		show_blocking(screen, livepatch);
	}
}

/* What the kernel says now; changes nothing and waits for nothing. */
int cmd_verify(struct command_call *call, struct err *err)
{
	json_auto_t *activation = NULL;

	if (shared_ask(call, "Verify", NULL, "activation", false, &activation, err) < 0)
		return -1;
	if (call->options->json != JSON_MODE_OFF)
		screen_put_json(call->screen, activation, call->options->json);
	else if (!call->options->quiet)
		show(call->screen, activation);
	return pick_true(activation, "complete") ? EXIT_STATUS_OK : EXIT_STATUS_MISSING;
}
