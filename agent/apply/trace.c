// SPDX-License-Identifier: Apache-2.0
#include "apply/trace.h"

#include "probe/tracefs.h"

#define TOLD_MAX 5

int trace_look(struct channel *channel, int root, enum apply_tracing policy, struct err *err)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();
	struct tracefs t;
	size_t total;

	if (policy == APPLY_TRACING_IGNORE)
		return 0;
	tracefs_read(root, arena, &t);
	total = tracing_total(&t.users);
	for (size_t i = 0; i < t.users.n && i < TOLD_MAX; i++)
		channel_tell(channel, APPLY_TRACED, t.users.items[i].function, (int)total,
			     tracing_kind_name(t.users.items[i].kind));
	if (!t.functions_read && policy == APPLY_TRACING_DEFER)
		channel_tell(channel, APPLY_TRACED, "", 0, "");
	if (!total || policy != APPLY_TRACING_DEFER)
		return 0;
	return err_set(
		err, EXIT_STATUS_TEMPFAIL,
		"%zu functions of the kernel are traced (%s by %s%s), and the settings say to "
		"wait for that to end",
		total, t.users.items[0].function, tracing_kind_name(t.users.items[0].kind),
		total > 1 ? ", ..." : "");
}
