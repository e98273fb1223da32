// SPDX-License-Identifier: Apache-2.0
#include "solv/digest.h"

#include <solv/chksum.h>
#include <solv/knownid.h>
#include <solv/util.h>

static char *hex_of(Id type, struct arena *arena, const void *data, size_t len)
{
	Chksum *chk = solv_chksum_create(type);
	const unsigned char *bytes;
	char *hex;
	int n;

	solv_chksum_add(chk, data, (int)len);
	bytes = solv_chksum_get(chk, &n);
	hex = arena_alloc(arena, 2 * (size_t)n + 1);
	solv_bin2hex(bytes, n, hex);
	solv_chksum_free(chk, NULL);
	return hex;
}

char *digest_sha256_hex(struct arena *arena, const void *data, size_t len)
{
	return hex_of(REPOKEY_TYPE_SHA256, arena, data, len);
}

char *digest_sha1_hex(struct arena *arena, const void *data, size_t len)
{
	return hex_of(REPOKEY_TYPE_SHA1, arena, data, len);
}
