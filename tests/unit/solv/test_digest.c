// SPDX-License-Identifier: Apache-2.0
#include "solv/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

/* FIPS 180-2, appendix B */
static const struct {
	const char *text, *hex, *sha1;
} rows[] = {
	{ "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	  "da39a3ee5e6b4b0d3255bfef95601890afd80709" },
	{ "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
	  "a9993e364706816aba3e25717850c26c9cd0d89d" },
	{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
	  "84983e441c3bd26ebaae4aa1f95129e5e54670f1" },
};

static void known_digests(void **state)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_string_equal(digest_sha256_hex(arena, rows[i].text, strlen(rows[i].text)),
				    rows[i].hex);
		assert_string_equal(digest_sha1_hex(arena, rows[i].text, strlen(rows[i].text)),
				    rows[i].sha1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(known_digests) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
