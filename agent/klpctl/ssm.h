// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * What Run Command of AWS Systems Manager is told, by --ssm
 *
 * It keeps 24,000 characters of what a command prints and shows their beginning: one line that says
 * it all comes first, then what is to blame, then where the rest is.
 */

#include "klpctl/command.h"

#define SSM_BYTES_MAX 20000

/* The line that says it all. */
void ssm_begin(struct command_call *call, const json_t *report);
/*
 * What is to blame, and where the whole report is. Whatever was printed since ssm_begin(), no more
 * than SSM_BYTES_MAX are left of it.
 */
void ssm_end(struct command_call *call, const json_t *report);

/* @status, or the exit status that asks for a reboot, or that says that none came. */
int ssm_status(const json_t *report, int status);
