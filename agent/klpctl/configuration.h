// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Live patching as a whole, as enable, disable, clean and run ask for it
 */

#include "klpctl/command.h"

struct configuration {
	const char *action;	   /* "enable", "disable", "clean" */
	json_t *options;	   /* ScanOptions; consumed */
	const char *reboot_option; /* NULL: klpd's default */
	bool with_kernel;
};

/*
 * Asks for it and shows what an installation shows. Return: exit status, 0 only if the asked state
 * was reached, or -1 with @err.
 */
int configuration_run(struct command_call *call, const struct configuration *wanted,
		      struct err *err);
