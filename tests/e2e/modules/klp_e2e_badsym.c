// SPDX-License-Identifier: GPL-2.0
/* The kernel refuses it: there is no such function. */
#include <linux/livepatch.h>
#include <linux/module.h>

static int nothing(void)
{
	return 0;
}

static struct klp_func funcs[] = { { .old_name = "e2e_no_such_function", .new_func = nothing },
				   {} };
static struct klp_object objects[] = { { .funcs = funcs }, {} };
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
