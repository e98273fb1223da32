// SPDX-License-Identifier: Apache-2.0

/*
 * RFC 4880 and RFC 9580: armor, packets, and the fingerprint of a key:
 *
 *   version 4:     0x99, the packet's length in two bytes, the packet
 *   version 5, 6:  0x9a or 0x9b, the packet's length in four bytes, the packet
 */
#include "core/openpgp.h"

#define BEGIN		 "-----BEGIN PGP PUBLIC KEY BLOCK-----"
#define TAG_PUBLIC_KEY	 6
#define PACKET_BYTES_MAX ((size_t)65535) /* of a key: what version 4 can say */
#define LENGTH_UNKNOWN	 SIZE_MAX

struct input {
	const unsigned char *at, *end;
};

/* ---- packets ----------------------------------------------------------------------------------*/

static bool take_number(struct input *in, size_t bytes, size_t *ret)
{
	size_t value = 0;

	if ((size_t)(in->end - in->at) < bytes)
		return false;
	for (size_t i = 0; i < bytes; i++)
		value = value << 8 | *in->at++;
	*ret = value;
	return true;
}

/* The length of an old packet stands behind its tag in 1, 2 or 4 bytes, or nowhere. */
static bool take_old_length(struct input *in, unsigned int kind, size_t *ret)
{
	*ret = LENGTH_UNKNOWN;
	return kind < 3 ? take_number(in, (size_t)1 << kind, ret) : true;
}

static bool take_new_length(struct input *in, size_t *ret)
{
	size_t first, second;

	if (!take_number(in, 1, &first))
		return false;
	if (first < 192) {
		*ret = first;
		return true;
	}
	if (first < 224) {
		if (!take_number(in, 1, &second))
			return false;
		*ret = ((first - 192) << 8) + second + 192;
		return true;
	}
	*ret = LENGTH_UNKNOWN; /* in parts, which a key never is */
	return first == 255 ? take_number(in, 4, ret) : true;
}

/* The next packet: its tag, and its body in @ret. -1: there is none that is whole. */
static int take_packet(struct input *in, struct input *ret)
{
	unsigned int head;
	size_t len;
	bool good;

	if (in->at == in->end || !(*in->at & 0x80))
		return -1;
	head = *in->at++;
	good = head & 0x40 ? take_new_length(in, &len) : take_old_length(in, head & 3, &len);
	if (!good || len > (size_t)(in->end - in->at))
		return -1;
	*ret = (struct input){ in->at, in->at + len };
	in->at += len;
	return (int)(head & 0x40 ? head & 0x3f : head >> 2 & 0xf);
}

static void add_key(const struct input *packet, struct openpgp_keys *keys, struct arena *arena)
{
	size_t len = (size_t)(packet->end - packet->at);
	size_t length_bytes = len > 0 && packet->at[0] == 4 ? 2 : 4;
	unsigned char *hashed;
	int version;

	if (len == 0 || len > PACKET_BYTES_MAX || keys->n == OPENPGP_KEYS_MAX)
		return;
	version = packet->at[0];
	if (version < 4 || version > 6)
		return;
	hashed = arena_alloc(arena, 1 + length_bytes + len);
	hashed[0] = (unsigned char)(0x95 + version);
	for (size_t i = 0; i < length_bytes; i++)
		hashed[1 + i] = (unsigned char)(len >> 8 * (length_bytes - 1 - i));
	memcpy(hashed + 1 + length_bytes, packet->at, len);
	*ARENA_PUSH(arena, keys->items, keys->n) = (struct openpgp_key){
		.version = version,
		.hashed = hashed,
		.n_hashed = 1 + length_bytes + len,
	};
}

static void read_packets(struct input in, struct openpgp_keys *keys, struct arena *arena)
{
	struct input packet;
	int tag;

	while ((tag = take_packet(&in, &packet)) >= 0)
		if (tag == TAG_PUBLIC_KEY)
			add_key(&packet, keys, arena);
}

/* ---- armor ------------------------------------------------------------------------------------*/

static int sextet(unsigned char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

static bool is_blank(unsigned char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Bytes up to the padding, the checksum or the last line: none of them begins with a digit. */
static struct input decode(const unsigned char **at, const unsigned char *end, struct arena *arena)
{
	const unsigned char *stop = *at;
	unsigned int bits = 0, n_bits = 0;
	unsigned char *bytes;
	size_t n = 0;

	while (stop < end && (is_blank(*stop) || sextet(*stop) >= 0))
		stop++;
	bytes = arena_alloc(arena, (size_t)(stop - *at) / 4 * 3 + 3);
	for (; *at < stop; (*at)++) {
		if (is_blank(**at))
			continue;
		bits = bits << 6 | (unsigned int)sextet(**at);
		n_bits += 6;
		if (n_bits < 8)
			continue;
		n_bits -= 8;
		bytes[n++] = (unsigned char)(bits >> n_bits);
	}
	return (struct input){ bytes, bytes + n };
}

/* The line after the empty one that ends the armor's headers. */
static const unsigned char *skip_headers(const unsigned char *at, const unsigned char *end)
{
	while (at < end) {
		const unsigned char *newline = memchr(at, '\n', (size_t)(end - at));
		const unsigned char *stop = newline ? newline : end;
		bool empty = true;

		for (const unsigned char *p = at; p < stop; p++)
			empty = empty && is_blank(*p);
		at = newline ? newline + 1 : end;
		if (empty)
			break;
	}
	return at;
}

struct openpgp_keys openpgp_read(const void *data, size_t len, struct arena *arena)
{
	const unsigned char *at = data, *end = at + len;
	struct openpgp_keys keys = { 0 };

	if (len == 0 || len > OPENPGP_BYTES_MAX)
		return keys;
	if (*at & 0x80)
		read_packets((struct input){ at, end }, &keys, arena);
	while ((at = memmem(at, (size_t)(end - at), BEGIN, strlen(BEGIN)))) {
		const unsigned char *newline = memchr(at, '\n', (size_t)(end - at));

		at = skip_headers(newline ? newline + 1 : end, end);
		read_packets(decode(&at, end, arena), &keys, arena);
	}
	return keys;
}
