// SPDX-License-Identifier: GPL-2.0
/* The next one, cumulative: it has the first fix and one more, and takes the first one's place. */
#include "livepatch.h"

#include <linux/seq_file.h>

static int cmdline_show(struct seq_file *m, void *v)
{
	seq_puts(m, "klp_e2e_2 runs\n");
	return 0;
}

static int loadavg_show(struct seq_file *m, void *v)
{
	seq_puts(m, "klp_e2e_2 runs\n");
	return 0;
}

static struct klp_func funcs[] = { { .old_name = "cmdline_proc_show", .new_func = cmdline_show },
				   { .old_name = "loadavg_proc_show", .new_func = loadavg_show },
				   {} };

LIVEPATCH(NULL, true);
