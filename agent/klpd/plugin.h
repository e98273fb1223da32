// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * One call of a plugin, which klpd-publish makes (agent/publish/README.md)
 *
 *   STATE/plugins/PLUGIN/        a plugin's own directory
 */

#include "base/doc.h"
#include "klpd/place.h"
#include "klpd/tool.h"

struct plugin_call {
	const char *plugin;
	json_t *settings; /* plugin_settings(); borrowed */
	const char *what; /* "report", "baseline_for", "document"; NULL: the settings are checked */
	json_t *with;	  /* the value of that member; borrowed */
	int64_t timeout;  /* seconds */
};

/* What a plugin's settings are to it: an object of texts. A new reference. */
json_t *plugin_settings(const struct doc *plugin);
/*
 * How to run it: all of @ret but on_done and userdata. The answer's `published` has `result`,
 * `message` and, of what was fetched, `text`. Return: 0, or -1 with @err (IO).
 */
_must_check_ int plugin_tool(const struct place *place, const struct plugin_call *call,
			     struct tool_spec *ret, struct err *err);
