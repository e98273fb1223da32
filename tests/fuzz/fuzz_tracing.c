// SPDX-License-Identifier: Apache-2.0
#include "core/tracing.h"

static const char *const own[] = { "unshare_files", "vfs_read" };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();
	_cleanup_free_ char *text = xstrndup((const char *)data, size);
	struct tracing t = { .arena = arena };

	tracing_read_functions(&t, text, own, ARRAY_SIZE(own));
	tracing_read_kprobes(&t, text);
	if (t.n > TRACING_USERS_MAX || t.n > tracing_total(&t))
		abort();
	for (size_t i = 0; i < t.n; i++)
		if (!*t.items[i].function)
			abort();
	return 0;
}
