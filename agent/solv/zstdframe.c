// SPDX-License-Identifier: Apache-2.0
#include "solv/zstdframe.h"

#include <errno.h>
#include <sys/stat.h>

#define MAGIC		   0xfd2fb528u
#define MAGIC_SKIPPABLE	   0x184d2a50u
#define MASK_SKIPPABLE	   0xfffffff0u
#define BLOCK_TYPE_RLE	   1u
#define BLOCK_TYPE_INVALID 3u

struct cursor {
	int fd;
	uint64_t at, size;
	size_t blocks;
};

/* A little-endian number of @n bytes at the cursor, which moves on. */
static int number(struct cursor *c, size_t n, uint32_t *ret)
{
	unsigned char b[4];
	ssize_t got = pread(c->fd, b, n, (off_t)c->at);

	*ret = 0;
	if (got < 0)
		return -errno;
	if ((size_t)got != n)
		return -EBADMSG;
	for (size_t i = n; i > 0; i--)
		*ret = *ret << 8 | b[i - 1];
	c->at += n;
	return 0;
}

static int skip(struct cursor *c, uint64_t n)
{
	if (n > c->size - c->at)
		return -EBADMSG;
	c->at += n;
	return 0;
}

static int skip_blocks(struct cursor *c)
{
	uint32_t header, type;
	int r;

	do {
		if (++c->blocks > ZSTDFRAME_BLOCKS_MAX)
			return -EBADMSG;
		r = number(c, 3, &header);
		if (r < 0)
			return r;
		type = header >> 1 & 3;
		if (type == BLOCK_TYPE_INVALID)
			return -EBADMSG;
		r = skip(c, type == BLOCK_TYPE_RLE ? 1 : header >> 3);
		if (r < 0)
			return r;
	} while (!(header & 1));
	return 0;
}

/* After the magic number. */
static int skip_frame(struct cursor *c)
{
	static const unsigned char dictionary_size[] = { 0, 1, 2, 4 };
	static const unsigned char content_size[] = { 0, 2, 4, 8 };
	bool single_segment, checksum;
	uint32_t descriptor;
	uint64_t rest;
	int r = number(c, 1, &descriptor);

	if (r < 0)
		return r;
	single_segment = descriptor >> 5 & 1;
	checksum = descriptor >> 2 & 1;
	rest = dictionary_size[descriptor & 3] + content_size[descriptor >> 6];
	if (!single_segment)
		rest++; /* the window descriptor */
	else if (descriptor >> 6 == 0)
		rest++; /* the shortest content size */
	r = skip(c, rest);
	if (r == 0)
		r = skip_blocks(c);
	return r == 0 && checksum ? skip(c, 4) : r;
}

static int skip_one(struct cursor *c)
{
	uint32_t magic, size;
	int r = number(c, 4, &magic);

	if (r < 0)
		return r;
	if (magic == MAGIC)
		return skip_frame(c);
	if ((magic & MASK_SKIPPABLE) != MAGIC_SKIPPABLE)
		return -EBADMSG;
	r = number(c, 4, &size);
	return r < 0 ? r : skip(c, size);
}

int zstdframe_check(int fd)
{
	struct cursor c = { .fd = fd };
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	c.size = (uint64_t)st.st_size;
	do {
		r = skip_one(&c);
	} while (r == 0 && c.at < c.size);
	return r;
}
