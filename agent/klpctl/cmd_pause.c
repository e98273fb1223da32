// SPDX-License-Identifier: Apache-2.0
#include "base/alloc.h"
#include "klpctl/command.h"
#include "klpctl/pick.h"

/* A call that is answered by doing it, and the sentence for people. @parameters are consumed. */
static int ask(struct command_call *call, const char *method, json_t *parameters, json_t **ret,
	       struct err *err)
{
	if (client_call(call->client, method, parameters, false, ret, err) < 0)
		return -1;
	if (call->options->json != JSON_MODE_OFF)
		screen_put_json(call->screen, *ret, call->options->json);
	return 0;
}

static bool for_people(const struct command_call *call)
{
	return call->options->json == JSON_MODE_OFF && !call->options->quiet;
}

int cmd_cancel(struct command_call *call, struct err *err)
{
	json_auto_t *reply = NULL;

	if (ask(call, "Cancel", NULL, &reply, err) < 0)
		return -1;
	if (for_people(call)) {
		_cleanup_free_ char *name = screen_clean(pick_text_or(reply, "cancelled", "?"));

		screen_put(call->screen, "Cancelled: %s\n", name);
	}
	return EXIT_STATUS_OK;
}

int cmd_pause(struct command_call *call, struct err *err)
{
	json_t *parameters = json_object();
	json_auto_t *reply = NULL;

	if (call->options->duration_sec > 0)
		json_object_set_new(parameters, "seconds",
				    json_integer(call->options->duration_sec));
	if (call->n_args > 0)
		json_object_set_new(parameters, "reason", json_string(call->args[0]));
	if (ask(call, "Pause", parameters, &reply, err) < 0)
		return -1;
	if (for_people(call))
		screen_put(call->screen,
			   "Changes are paused; looking goes on. End it with: klpctl resume\n");
	return EXIT_STATUS_OK;
}

int cmd_resume(struct command_call *call, struct err *err)
{
	json_auto_t *reply = NULL;

	if (ask(call, "Resume", NULL, &reply, err) < 0)
		return -1;
	if (for_people(call))
		screen_put(call->screen, "Changes are allowed again.\n");
	return EXIT_STATUS_OK;
}
