// SPDX-License-Identifier: GPL-2.0
/* The kernel refuses it: there is no such function. */
#include "livepatch.h"

static int nothing(void)
{
	return 0;
}

static struct klp_func funcs[] = { { .old_name = "e2e_no_such_function", .new_func = nothing },
				   {} };

LIVEPATCH(NULL, false);
