// SPDX-License-Identifier: Apache-2.0
#include "base/alloc.h"
#include "klpctl/command.h"
#include "klpctl/shared.h"

/* Everything that judging consumes, as one document: a bug report that can be replayed. */
int cmd_capture(struct command_call *call, struct err *err)
{
	json_t *parameters = json_pack("{s:o,s:b}", "options", client_scan_options(call->client),
				       "capture", true);
	json_auto_t *snapshot = NULL;

	if (shared_ask(call, "Evaluate", parameters, "snapshot", false, &snapshot, err) < 0)
		return -1;
	return shared_deliver(call, snapshot, "Judge it again with: klpctl evaluate", err);
}
