// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Digests of small texts, by libsolv (slow for large files; those are checked when fetched)
 */

#include "base/alloc.h"

/* Lower-case hex, in @arena. */
char *digest_sha256_hex(struct arena *arena, const void *data, size_t len);
/* For the names that OpenPGP gives to keys: it protects nothing. */
char *digest_sha1_hex(struct arena *arena, const void *data, size_t len);
