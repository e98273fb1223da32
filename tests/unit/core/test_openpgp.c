// SPDX-License-Identifier: Apache-2.0
#include "core/openpgp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

/* Made for this test; its other half was thrown away. */
#define ARMOR "-----BEGIN PGP PUBLIC KEY BLOCK-----\n"
#define END   "-----END PGP PUBLIC KEY BLOCK-----\n"
#define BODY                                                                                       \
	"mDMEawQSrRYJKwYBBAHaRw8BAQdAPu3FiHV+OFQe2O9CYWIb3TU/ZheJ1Y+C3DpV\n"                       \
	"/5yyeaG0GlRlc3QgT25lIDxvbmVAZXhhbXBsZS5jb20+iJYEExYIAD4WIQQw5WKG\n"                       \
	"gcAzdEdmIMdqRs8qcC5F7AUCawQSrQIbAwUJA8JnAAULCQgHAgYVCgkICwIEFgID\n"                       \
	"AQIeAQIXgAAKCRBqRs8qcC5F7FkPAP9YUd9k+i6voag018tOF4yJLOg5j+9+9uuJ\n"                       \
	"CX+KDAbgfAEAySIWggqt/MQUvAE2E4PFWyWHH5nP1c2UMIKqdFpEPwo=\n"                               \
	"=OlFV\n"
#define KEY	     ARMOR "\n" BODY END
#define HEADED	     ARMOR "Version: rpm-4.11.3 (NSS-3)\r\nComment: x\r\n \r\n" BODY END

#define PACKET_BYTES 51 /* of this key's first packet */

static struct openpgp_keys read_text(const char *text, struct arena *arena)
{
	return openpgp_read(text, strlen(text), arena);
}

static void check_key(const struct openpgp_key *key)
{
	static const unsigned char start[] = { 0x99, 0, PACKET_BYTES, 4 };

	assert_int_equal(key->version, 4);
	assert_int_equal(key->n_hashed, 3 + PACKET_BYTES);
	assert_memory_equal(key->hashed, start, sizeof(start));
}

static const struct {
	const char *what, *text;
	size_t keys;
} armored[] = {
	{ "a key", KEY, 1 },
	{ "with headers and carriage returns, as rpm keeps it", HEADED, 1 },
	{ "text around it", "pub ed25519\n" KEY "and more\n", 1 },
	{ "two in a file", KEY HEADED, 2 },
	{ "no last line", ARMOR "\n" BODY, 1 },
	{ "nothing", "", 0 },
	{ "text", "what is no key\n", 0 },
	{ "nothing in it", ARMOR "\n" END, 0 },
	{ "no empty line", ARMOR BODY END, 0 },
	{ "only the first line", ARMOR, 0 },
	{ "of the first line the beginning", "-----BEGIN PGP PUBLIC KEY BLOCK", 0 },
	{ "a signature", "-----BEGIN PGP SIGNATURE-----\n\n" BODY, 0 },
	{ "bytes that are no packets", ARMOR "\nAAAA\n" END, 0 },
	{ "a packet that is cut short", ARMOR "\nmDMEawQS\n" END, 0 },
};

static void armored_keys(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(armored); i++) {
		_cleanup_(arena_freep)
		struct arena *arena = arena_new();
		struct openpgp_keys keys = read_text(armored[i].text, arena);

		print_message("# %s\n", armored[i].what);
		assert_int_equal(keys.n, armored[i].keys);
		for (size_t k = 0; k < keys.n; k++)
			check_key(&keys.items[k]);
	}
}

#define BYTES(text) text, sizeof(text) - 1

/* The hashed bytes of the only key; NULL: there is none. */
static const struct {
	const char *what, *packets;
	size_t len;
	const char *hashed;
	size_t n_hashed;
} binary[] = {
	{ "old, one byte of length", BYTES("\x98\x03\x04xy"), BYTES("\x99\x00\x03\x04xy") },
	{ "old, two", BYTES("\x99\x00\x03\x04xy"), BYTES("\x99\x00\x03\x04xy") },
	{ "old, four", BYTES("\x9a\x00\x00\x00\x03\x04xy"), BYTES("\x99\x00\x03\x04xy") },
	{ "new, one", BYTES("\xc6\x03\x04xy"), BYTES("\x99\x00\x03\x04xy") },
	{ "new, five", BYTES("\xc6\xff\x00\x00\x00\x03\x04xy"), BYTES("\x99\x00\x03\x04xy") },
	{ "version 6", BYTES("\xc6\x03\x06xy"), BYTES("\x9b\x00\x00\x00\x03\x06xy") },
	{ "version 5", BYTES("\xc6\x03\x05xy"), BYTES("\x9a\x00\x00\x00\x03\x05xy") },
	{ "behind another packet", BYTES("\xcd\x01z\xc6\x03\x04xy"), BYTES("\x99\x00\x03\x04xy") },
	{ "version 3", BYTES("\xc6\x03\x03xy"), NULL, 0 },
	{ "a subkey", BYTES("\xce\x03\x04xy"), NULL, 0 },
	{ "empty", BYTES("\xc6\x00"), NULL, 0 },
	{ "no length", BYTES("\x9b\x04xy"), NULL, 0 },
	{ "in parts", BYTES("\xc6\xe1\x04xy"), NULL, 0 },
	{ "cut short", BYTES("\xc6\x04\x04xy"), NULL, 0 },
	{ "cut in its length", BYTES("\xc6\xff\x00\x00"), NULL, 0 },
	{ "cut in its second byte of length", BYTES("\xc6\xc1"), NULL, 0 },
	{ "more than there can be", BYTES("\xc6\xff\xff\xff\xff\xff\x04xy"), NULL, 0 },
};

static void binary_keys(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(binary); i++) {
		_cleanup_(arena_freep)
		struct arena *arena = arena_new();
		struct openpgp_keys keys = openpgp_read(binary[i].packets, binary[i].len, arena);

		print_message("# %s\n", binary[i].what);
		assert_int_equal(keys.n, binary[i].hashed ? 1 : 0);
		if (keys.n == 0)
			continue;
		assert_int_equal(keys.items[0].n_hashed, binary[i].n_hashed);
		assert_memory_equal(keys.items[0].hashed, binary[i].hashed, binary[i].n_hashed);
	}
}

/* 65 keys, and one with a length of two bytes in the new form. */
static void no_more_than_can_be_told(void **state _unused_)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();
	unsigned char data[65 * 3], *p = data;
	_cleanup_free_ unsigned char *large = xcalloc(1, 3 + 1000);
	struct openpgp_keys keys;

	for (size_t i = 0; i < 65; i++, p += 3)
		memcpy(p, "\xc6\x01\x04", 3);
	assert_int_equal(openpgp_read(data, sizeof(data), arena).n, OPENPGP_KEYS_MAX);

	large[0] = 0xc6;
	large[1] = (unsigned char)(((1000 - 192) >> 8) + 192);
	large[2] = (unsigned char)((1000 - 192) & 0xff);
	large[3] = 4;
	keys = openpgp_read(large, 3 + 1000, arena);
	assert_int_equal(keys.n, 1);
	assert_int_equal(keys.items[0].n_hashed, 3 + 1000);
	assert_int_equal(openpgp_read(large, OPENPGP_BYTES_MAX + 1, arena).n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(armored_keys),
		cmocka_unit_test(binary_keys),
		cmocka_unit_test(no_more_than_can_be_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
