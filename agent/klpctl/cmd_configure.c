// SPDX-License-Identifier: Apache-2.0
/* enable, disable and clean: live patching as a whole. */
#include "klpctl/command.h"
#include "klpctl/configuration.h"

static int ask(struct command_call *call, const char *action, struct err *err)
{
	return configuration_run(call,
				 &(struct configuration){
					 .action = action,
					 .options = client_scan_options(call->client),
					 .reboot_option = call->options->reboot_option,
					 .with_kernel = call->options->with_kernel,
				 },
				 err);
}

int cmd_enable(struct command_call *call, struct err *err)
{
	return ask(call, "enable", err);
}

int cmd_disable(struct command_call *call, struct err *err)
{
	return ask(call, "disable", err);
}

int cmd_clean(struct command_call *call, struct err *err)
{
	return ask(call, "clean", err);
}
