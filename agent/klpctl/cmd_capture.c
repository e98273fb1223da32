// SPDX-License-Identifier: Apache-2.0
#include "base/alloc.h"
#include "klpctl/command.h"
#include "klpctl/shared.h"

/* Everything that judging consumes, as one document: a bug report that can be replayed. */
int cmd_capture(struct command_call *call, struct err *err)
{
	const struct options *o = call->options;
	json_t *parameters = json_pack("{s:o,s:b}", "options", client_scan_options(call->client),
				       "capture", true);
	enum json_mode mode = o->json == JSON_MODE_OFF ? JSON_MODE_SHORT : o->json;
	json_auto_t *snapshot = NULL;
	_cleanup_free_ char *text = NULL, *line = NULL;

	if (shared_ask(call, "Evaluate", parameters, "snapshot", false, &snapshot, err) < 0)
		return -1;
	if (!o->output || streq(o->output, "-")) {
		screen_put_json(call->screen, snapshot, mode);
		return EXIT_STATUS_OK;
	}
	text = json_dumps(snapshot, mode == JSON_MODE_SHORT ? JSON_COMPACT : JSON_INDENT(2));
	line = xasprintf("%s\n", text);
	if (shared_write_file(o->output, line, strlen(line), err) < 0)
		return -1;
	if (!o->quiet)
		screen_put(call->screen, "Written. Judge it again with: klpctl evaluate %s\n",
			   o->output);
	return EXIT_STATUS_OK;
}
