// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * What changes the node: an installation, as install and run ask for one, or a configuration
 */

#include "klpctl/command.h"

/*
 * Asks for it, shows the plan (with --dry-run), the brief form (with --ssm) or the outcome and the
 * report.
 * @method:     Install or Configure
 * @parameters: of the method; consumed
 * @status:     the exit status of a @report whose outcome failed in nothing
 *
 * Return: exit status, or -1 with @err.
 */
int installation_run(struct command_call *call, const char *method, json_t *parameters,
		     int (*status)(const json_t *report), struct err *err);

/*
 * 0 only if every approved livepatch is installed and, where there is a kernel, active. Who could
 * not look does not know which those are.
 */
int installation_status(const json_t *report);

/* What the kernel runs whose package is gone, in a sentence, or NULL. */
const char *installation_goes_on(const json_t *report);
