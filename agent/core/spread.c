// SPDX-License-Identifier: Apache-2.0
#include "core/spread.h"

/* FNV-1a, and a last mixing (splitmix64's), for its low bits alone are not even enough. */
int64_t spread_offset(const char *identity, int64_t span)
{
	uint64_t hash = UINT64_C(14695981039346656037);

	for (const char *c = identity; *c; c++)
		hash = (hash ^ (unsigned char)*c) * UINT64_C(1099511628211);
	hash = (hash ^ (hash >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	hash = (hash ^ (hash >> 27)) * UINT64_C(0x94d049bb133111eb);
	hash ^= hash >> 31;
	return (int64_t)(hash % (uint64_t)span);
}
