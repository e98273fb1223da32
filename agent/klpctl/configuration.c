// SPDX-License-Identifier: Apache-2.0
#include "klpctl/configuration.h"

#include "base/alloc.h"
#include "klpctl/installation.h"
#include "klpctl/pick.h"

static bool is_on(const json_t *report, const char *fact)
{
	_cleanup_free_ char *path = xasprintf("live_patching.%s", fact);

	return !json_is_false(pick_member(report, path)); /* null: nothing there to be off */
}

/* All of it on, and what is approved installed and active; a new kernel comes with its boot. */
static int enabled_status(const json_t *report)
{
	static const char *const facts[] = { "enabled", "marker", "runtime", "service",
					     "repository" };

	for (size_t i = 0; i < ARRAY_SIZE(facts); i++)
		if (!is_on(report, facts[i]))
			return *pick_text_or(report, "plan.boot", "") ? EXIT_STATUS_REBOOT
								      : EXIT_STATUS_FAILED;
	return installation_status(report);
}

static int disabled_status(const json_t *report)
{
	return pick_true(report, "live_patching.marker") ? EXIT_STATUS_FAILED : EXIT_STATUS_OK;
}

/* Out of the kernel, too, as --unload asks for; a reboot brings what the kernel did not allow. */
static int unloaded_status(const json_t *report)
{
	int r = disabled_status(report);

	return r == EXIT_STATUS_OK && installation_goes_on(report) ? EXIT_STATUS_REBOOT : r;
}

static int cleaned_status(const json_t *report _unused_)
{
	return EXIT_STATUS_OK;
}

int configuration_run(struct command_call *call, const struct configuration *wanted,
		      struct err *err)
{
	static const struct {
		const char *action;
		int (*status)(const json_t *report);
	} rows[] = {
		{ "enable", enabled_status },
		{ "disable", disabled_status },
		{ "clean", cleaned_status },
	};
	const struct options *o = call->options;
	int (*status)(const json_t *report) = NULL;
	json_t *p = json_pack("{s:s,s:o}", "action", wanted->action, "options", wanted->options);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (streq(rows[i].action, wanted->action))
			status = rows[i].status;
	if (o->dry_run)
		json_object_set_new(p, "dry_run", json_true());
	if (wanted->with_kernel)
		json_object_set_new(p, "with_kernel", json_true());
	if (o->unload) {
		json_object_set_new(p, "unload", json_true());
		status = unloaded_status;
	}
	if (wanted->reboot_option)
		json_object_set_new(p, "reboot_option", json_string(wanted->reboot_option));
	return installation_run(call, "Configure", p, status, err);
}
