/* SPDX-License-Identifier: GPL-2.0 */
/* What all livepatches have in common: a module that registers its table `funcs`. */
#include <linux/livepatch.h>
#include <linux/module.h>

/* @object: the module whose functions are replaced; NULL: the kernel. @all: it takes the place of
 * those before. */
#define LIVEPATCH(object, all)                                                                     \
	static struct klp_object objects[] = { { .name = (object), .funcs = funcs }, {} };         \
	static struct klp_patch patch = { .mod = THIS_MODULE, .objs = objects, .replace = (all) }; \
	static int __init begin(void)                                                              \
	{                                                                                          \
		return klp_enable_patch(&patch);                                                   \
	}                                                                                          \
	static void __exit end(void)                                                               \
	{                                                                                          \
	}                                                                                          \
	module_init(begin);                                                                        \
	module_exit(end);                                                                          \
	MODULE_LICENSE("GPL");                                                                     \
	MODULE_INFO(livepatch, "Y")
