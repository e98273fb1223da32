// SPDX-License-Identifier: Apache-2.0
#include "base/alloc.h"
#include "klpctl/command.h"
#include "klpctl/shared.h"

/* Judges what `capture` wrote, on this machine or another. */
int cmd_evaluate(struct command_call *call, struct err *err)
{
	_cleanup_free_ char *path = client_absolute_path(call->args[0]);
	json_auto_t *report = NULL;
	json_t *parameters;

	client_want_private(call->client);
	parameters = json_pack("{s:o,s:s}", "options", client_scan_options(call->client),
			       "snapshot", path);
	if (shared_ask(call, "Evaluate", parameters, "report", false, &report, err) < 0)
		return -1;
	shared_set_clock(call, report);
	shared_show_report(call, report);
	return EXIT_STATUS_OK;
}
