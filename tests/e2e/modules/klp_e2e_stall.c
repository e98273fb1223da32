// SPDX-License-Identifier: GPL-2.0
/* Its transition stalls while somebody sleeps in e2e_target. */
#include <linux/livepatch.h>
#include <linux/module.h>

static int sleeper(unsigned int seconds)
{
	pr_info("e2e_sleeper: patched, no sleep\n");
	return 0;
}

static struct klp_func funcs[] = { { .old_name = "e2e_sleeper", .new_func = sleeper }, {} };
static struct klp_object objects[] = { { .name = "e2e_target", .funcs = funcs }, {} };
static struct klp_patch patch = { .mod = THIS_MODULE, .objs = objects };

static int __init begin(void)
{
	return klp_enable_patch(&patch);
}

static void __exit end(void)
{
}

module_init(begin);
module_exit(end);
MODULE_LICENSE("GPL");
MODULE_INFO(livepatch, "Y");
