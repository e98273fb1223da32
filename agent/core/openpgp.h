// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * OpenPGP public keys: what their fingerprints are made of
 *
 * Pure, and for telling people which key is meant. Nothing is decided by it: whether a package is
 * good librpm says.
 */

#include "base/alloc.h"

#define OPENPGP_BYTES_MAX ((size_t)1024 * 1024) /* of a file of keys */
#define OPENPGP_KEYS_MAX  64

struct openpgp_key {
	int version; /* 4: the fingerprint is the SHA-1 of the bytes; 5 and 6: the SHA-256 */
	const unsigned char *hashed; /* the key packet, with the prefix that is hashed with it */
	size_t n_hashed;
};

struct openpgp_keys {
	struct openpgp_key *items;
	size_t n;
};

/* The primary keys in @data, armored or not, in @arena; none where it is no key, or another kind.
 */
struct openpgp_keys openpgp_read(const void *data, size_t len, struct arena *arena);
