// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * One program of the node's own: the loader of modules, or systemctl
 */

#include "apply/channel.h"

/**
 * run_program() - run @argv to its end, but not longer than @seconds
 * @root:       where its output is kept meanwhile (apply/stage.h)
 * @ret_status: its exit status; -1 when a signal ended it or it had to be killed
 *
 * It gets an environment of PATH and LANG, and a process group of its own. What it wrote is told to
 * @channel and returned (to be freed), or why it was stopped. NULL with @err when it could not be
 * started.
 */
char *run_program(struct channel *channel, int root, const char *const *argv, int64_t seconds,
		  int *ret_status, struct err *err);
