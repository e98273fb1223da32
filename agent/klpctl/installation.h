// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * An installation, as install and run ask for one
 */

#include "klpctl/command.h"

/*
 * Asks for it, shows the plan (with --dry-run), the brief form (with --ssm) or the outcome and the
 * report.
 * @parameters: of the method Install; consumed
 *
 * Return: exit status, or -1 with @err.
 */
int installation_run(struct command_call *call, json_t *parameters, struct err *err);
