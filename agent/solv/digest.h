// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * SHA-256 of a small text, by libsolv (slow for large files; those are checked when fetched)
 */

#include "base/alloc.h"

/* Lower-case hex, in @arena. */
char *digest_sha256_hex(struct arena *arena, const void *data, size_t len);
