// SPDX-License-Identifier: Apache-2.0
#include "core/snapshot.h"

struct snapshot *snapshot_new(void)
{
	struct snapshot *s = xcalloc(1, sizeof(*s));

	s->arena = arena_new();
	s->captured = TIME_UNSET;
	s->findings.arena = s->arena;
	s->node.kernel_build_date = TIME_UNSET;
	s->node.boot_time = TIME_UNSET;
	s->node.kpatch_service_enabled = TRISTATE_UNKNOWN;
	return s;
}

void snapshot_free(struct snapshot *snapshot)
{
	if (!snapshot)
		return;
	arena_free(snapshot->arena);
	free(snapshot);
}
