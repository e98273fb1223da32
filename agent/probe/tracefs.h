// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Who traces the kernel's functions, as far as the kernel shows it to us
 *
 * tracefs and debugfs are root's, directories and files; tracefs is found in either of two places.
 */

#include "core/tracing.h"

struct tracefs {
	struct tracing users;
	bool functions_read, kprobes_read; /* false: @users says nothing about them */
	bool forbidden;			   /* they are there, and not ours to read */
};

/* What the loaded livepatches replace is not told as traced by them. */
void tracefs_read(int root, struct arena *arena, struct tracefs *ret);
