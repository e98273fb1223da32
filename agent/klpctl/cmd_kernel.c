// SPDX-License-Identifier: Apache-2.0
#include "klpctl/command.h"
#include "klpctl/pick.h"
#include "klpctl/shared.h"
#include "klpctl/view.h"

/* The members of a report that speak of the kernel. */
static json_t *kernel_json(const json_t *report)
{
	static const char *const members[] = { "as_of",	   "node",   "live_patching", "compliance",
					       "coverage", "reboot", "kernels",	      "next_boot" };
	json_t *object = json_object();

	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		json_object_set(object, members[i], json_object_get(report, members[i]));
	return object;
}

int cmd_kernel(struct command_call *call, struct err *err)
{
	const struct options *o = call->options;
	json_auto_t *report = NULL, *object = NULL;

	if (shared_latest(call, &report, err) < 0)
		return -1;
	if (o->json != JSON_MODE_OFF) {
		object = kernel_json(report);
		screen_put_json(call->screen, object, o->json);
		return EXIT_STATUS_OK;
	}
	view_kernel(call->screen, report);
	screen_put(call->screen, "\n");
	view_patches(call->screen, report, "kernel", true);
	view_kernels(call->screen, report);
	return EXIT_STATUS_OK;
}
