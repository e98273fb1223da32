// SPDX-License-Identifier: Apache-2.0
#include "base/alloc.h"
#include "klpctl/command.h"
#include "klpctl/pick.h"
#include "klpctl/shared.h"

/* The CVEs of the kernel that runs, for scanners and whoever keeps their findings. */
int cmd_export(struct command_call *call, struct err *err)
{
	json_t *parameters = json_pack("{s:o,s:b}", "options", client_scan_options(call->client),
				       "export", true);
	json_auto_t *export = NULL;

	if (shared_ask(call, "Evaluate", parameters, "export", false, &export, err) < 0 ||
	    shared_deliver(call, pick_member(export, "document"), NULL, err) < 0)
		return -1;
	if (json_is_true(pick_member(export, "complete")))
		return EXIT_STATUS_OK;
	err_set(err, EXIT_STATUS_UNAVAILABLE,
		"what is written is true, but may not be all: not all repositories could be "
		"looked at; see klpctl scan");
	return EXIT_STATUS_UNAVAILABLE;
}
