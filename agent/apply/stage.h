// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Staging: package files move out of the asker's reach before anybody looks at them
 *
 * Each is copied into a file that has no name, so that nobody can change or replace it, nothing is
 * left behind whatever happens, and what was verified is what is installed.
 */

#include "base/err.h"
#include "ipc/applymsg.h"

/*
 * Copies @from (any offset) into a nameless file below @root and compares size and checksum with
 * @package while copying. Return: its descriptor, or -1 with @err (DATA: it is not what was
 * announced; IO).
 */
_must_check_ int stage_copy(int root, int from, const struct apply_package *package,
			    struct err *err);
/* A nameless file below @root, for output; descriptor or -1 with @err (IO). */
_must_check_ int stage_scratch(int root, struct err *err);
