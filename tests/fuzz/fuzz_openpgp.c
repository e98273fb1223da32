// SPDX-License-Identifier: Apache-2.0
#include "core/openpgp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();
	struct openpgp_keys keys = openpgp_read(data, size, arena);

	if (keys.n > OPENPGP_KEYS_MAX)
		abort();
	for (size_t i = 0; i < keys.n; i++)
		if (keys.items[i].hashed[0] != 0x95 + keys.items[i].version)
			abort();
	return 0;
}
