// SPDX-License-Identifier: Apache-2.0
#include "probe/tracefs.h"

#include "base/fsx.h"

#include <errno.h>

/* With the function tracer on there is a line for each of some 60,000 functions. */
#define BYTES_MAX     ((size_t)16 * 1024 * 1024)

#define LIVEPATCH_DIR "sys/kernel/livepatch"
#define KPROBES_FILE  "sys/kernel/debug/kprobes/list"

static const char *const function_files[] = {
	"sys/kernel/tracing/enabled_functions",
	"sys/kernel/debug/tracing/enabled_functions",
};

struct texts {
	const char **items;
	size_t n;
};

/* MODULE/OBJECT/FUNCTION,SYMPOS; what has no comma is an attribute. */
static void list_object(int root, const char *object, struct arena *arena, struct texts *own)
{
	_cleanup_(fsx_names_freep)
	struct fsx_names *names = NULL;

	if (fsx_list_at(root, object, NULL, &names) < 0)
		return;
	for (size_t i = 0; i < names->n; i++) {
		const char *comma = strrchr(names->items[i], ',');

		if (comma)
			*ARENA_PUSH(arena, own->items, own->n) = arena_strndup(
				arena, names->items[i], (size_t)(comma - names->items[i]));
	}
}

static void list_module(int root, const char *module, struct arena *arena, struct texts *own)
{
	_cleanup_(fsx_names_freep)
	struct fsx_names *objects = NULL;

	if (fsx_list_at(root, module, NULL, &objects) < 0)
		return;
	for (size_t i = 0; i < objects->n; i++) {
		_cleanup_free_ char *object = xasprintf("%s/%s", module, objects->items[i]);

		list_object(root, object, arena, own);
	}
}

/* What the loaded livepatches replace. */
static struct texts list_own(int root, struct arena *arena)
{
	_cleanup_(fsx_names_freep)
	struct fsx_names *modules = NULL;
	struct texts own = { 0 };

	if (fsx_list_at(root, LIVEPATCH_DIR, NULL, &modules) < 0)
		return own;
	for (size_t i = 0; i < modules->n; i++) {
		_cleanup_free_ char *module = xasprintf("%s/%s", LIVEPATCH_DIR, modules->items[i]);

		list_module(root, module, arena, &own);
	}
	return own;
}

void tracefs_read(int root, struct arena *arena, struct tracefs *ret)
{
	struct texts own = list_own(root, arena);
	_cleanup_free_ char *functions = NULL, *kprobes = NULL;
	size_t len;

	*ret = (struct tracefs){ .users = { .arena = arena } };
	for (size_t i = 0; !ret->functions_read && i < ARRAY_SIZE(function_files); i++) {
		int r = fsx_read_at(root, function_files[i], BYTES_MAX, &functions, &len);

		ret->functions_read = r == 0;
		ret->forbidden = ret->forbidden || r == -EACCES || r == -EPERM;
	}
	if (ret->functions_read)
		tracing_read_functions(&ret->users, functions, own.items, own.n);
	ret->kprobes_read = fsx_read_at(root, KPROBES_FILE, BYTES_MAX, &kprobes, &len) == 0;
	if (ret->kprobes_read)
		tracing_read_kprobes(&ret->users, kprobes);
}
