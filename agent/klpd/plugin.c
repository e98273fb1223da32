// SPDX-License-Identifier: Apache-2.0
#include "klpd/plugin.h"

#include "base/alloc.h"
#include "klpd/state.h"

#include <unistd.h>

#define DIRECTORIES "plugins"
#define MSEC	    ((int64_t)1000)
#define MARGIN_SEC  5 /* for klpd-publish itself */

/* Every value is a text to a plugin. */
json_t *plugin_settings(const struct doc *plugin)
{
	json_t *object = json_object();

	DOC_FOREACH(setting, plugin)
		json_object_set_new(object, setting->key, json_string(setting->text));
	return object;
}

int plugin_tool(const struct place *place, const struct plugin_call *call, struct tool_spec *ret,
		struct err *err)
{
	_cleanup_free_ char *directory =
		xasprintf("%s/" DIRECTORIES "/%s", place->state, call->plugin);
	_cleanup_close_ int parent = state_folder(place->state_fd, DIRECTORIES);

	if (parent < 0)
		return err_set_errno(err, EXIT_STATUS_IO, -parent, "%s", directory);
	*ret = (struct tool_spec){
		.program = "klpd-publish",
		.request = json_pack("{s:s,s:O,s:s,s:I}", "plugin", call->plugin, "settings",
				     call->settings, "directory", directory, "timeout",
				     (json_int_t)call->timeout),
		.deadline_msec = (call->timeout + MARGIN_SEC) * MSEC,
		.environment = CHILD_PROXY | CHILD_CLOUD,
		.as_user = geteuid() == 0,
		.uid = place->owner,
		.gid = place->owner_group,
	};
	if (call->what)
		json_object_set(ret->request, call->what, call->with);
	return 0;
}
