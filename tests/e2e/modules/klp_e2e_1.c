// SPDX-License-Identifier: GPL-2.0
/* The first livepatch: /proc/cmdline tells that it runs. */
#include "livepatch.h"

#include <linux/seq_file.h>

static int cmdline_show(struct seq_file *m, void *v)
{
	seq_puts(m, "klp_e2e_1 runs\n");
	return 0;
}

static struct klp_func funcs[] = { { .old_name = "cmdline_proc_show", .new_func = cmdline_show },
				   {} };

LIVEPATCH(NULL, false);
