// SPDX-License-Identifier: Apache-2.0
#include "probe/probe.h"

#include "base/fsx.h"

/*
 * /sys/kernel/livepatch/<module>/{enabled,transition,replace} (sysfs-kernel-livepatch ABI). What
 * is loaded is read from here and never from lsmod: a module stays there after a newer livepatch
 * has replaced it.
 */
#define LIVEPATCH_DIR "sys/kernel/livepatch"

static int read_attribute(int root, const char *module, const char *name)
{
	_cleanup_free_ char *path = xasprintf("%s/%s/%s", LIVEPATCH_DIR, module, name);
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (fsx_read_at(root, path, 64, &text, &len) < 0 || (*text != '0' && *text != '1'))
		return -1;
	return *text - '0';
}

void probe_livepatch(int root, struct node *node, struct arena *arena)
{
	_cleanup_(fsx_names_freep)
	struct fsx_names *names = NULL;

	node->livepatch_sysfs = fsx_exists_at(root, "sys/kernel");
	if (fsx_list_at(root, LIVEPATCH_DIR, NULL, &names) < 0)
		return;
	for (size_t i = 0; i < names->n; i++) {
		const char *name = names->items[i];

		*ARENA_PUSH(arena, node->modules, node->n_modules) = (struct livepatch_module){
			.name = arena_strdup(arena, name),
			.enabled = read_attribute(root, name, "enabled"),
			.transition = read_attribute(root, name, "transition"),
			.replace = read_attribute(root, name, "replace"),
		};
	}
}
