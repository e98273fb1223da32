// SPDX-License-Identifier: GPL-2.0
/* Its transition stalls while somebody sleeps in e2e_target. */
#include "livepatch.h"

static int sleeper(unsigned int seconds)
{
	pr_info("e2e_sleeper: patched, no sleep\n");
	return 0;
}

static struct klp_func funcs[] = { { .old_name = "e2e_sleeper", .new_func = sleeper }, {} };

LIVEPATCH("e2e_target", false);
