// SPDX-License-Identifier: Apache-2.0
#include "klpctl/command.h"
#include "klpctl/pick.h"
#include "klpctl/shared.h"
#include "klpctl/view.h"

/* One array: what is judged, then what is held. */
static json_t *list_json(const json_t *report, bool all)
{
	const json_t *patches = pick_member(report, "patches"), *patch;
	json_t *list = json_array();
	size_t i;

	json_array_foreach((json_t *)patches, i,
			   patch) if (all ||
				      !streq(pick_text_or(patch, "state", ""), "NotApplicable"))
		json_array_append(list, (json_t *)patch);
	json_array_extend(list, pick_member(report, "held"));
	return list;
}

int cmd_list(struct command_call *call, struct err *err)
{
	const struct options *o = call->options;
	json_auto_t *report = NULL, *list = NULL;

	if (shared_latest(call, &report, err) < 0)
		return -1;
	if (o->json != JSON_MODE_OFF) {
		list = list_json(report, o->all);
		screen_put_json(call->screen, list, o->json);
		return EXIT_STATUS_OK;
	}
	view_patches(call->screen, report, NULL, o->all);
	view_held(call->screen, report);
	if (call->screen->legend)
		view_counts(call->screen, report);
	return EXIT_STATUS_OK;
}
