// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Several hosts at once: the same command for each of them, in parallel, and one table
 */

#include "klpctl/options.h"
#include "klpctl/screen.h"

/* @argv: as klpctl was called. Return: the exit status of the worst, or -1 with @err. */
_must_check_ int fleet_run(const struct options *options, int argc, char *argv[],
			   struct screen *screen, struct err *err);
