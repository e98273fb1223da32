// SPDX-License-Identifier: Apache-2.0
#include "solv/digest.h"

#include <solv/chksum.h>
#include <solv/knownid.h>
#include <solv/util.h>

char *digest_sha256_hex(struct arena *arena, const void *data, size_t len)
{
	Chksum *chk = solv_chksum_create(REPOKEY_TYPE_SHA256);
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
