// SPDX-License-Identifier: Apache-2.0
/*
 * The least that a look at package metadata can cost: each file is read, hashed, inflated and
 * searched for a name, and nothing is understood.
 *
 *   floor FILE...
 */
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

enum { CHUNK = 128 * 1024 };

static const char wanted[] = "<name>kernel-livepatch-";

struct search {
	char buf[2 * CHUNK + sizeof(wanted)];
	size_t kept; /* of the end of the last piece, in which a name may begin */
	size_t found;
};

/* The piece of @n bytes stands behind what was kept. */
static void look_for(struct search *s, size_t n)
{
	const char *at = s->buf, *end = s->buf + s->kept + n;
	size_t keep = sizeof(wanted) - 2;

	while ((at = memmem(at, (size_t)(end - at), wanted, sizeof(wanted) - 1))) {
		s->found++;
		at++;
	}
	if (keep > s->kept + n)
		keep = s->kept + n;
	memmove(s->buf, end - keep, keep);
	s->kept = keep;
}

static bool inflate_piece(z_stream *z, struct search *s, unsigned char *in, size_t n)
{
	z->next_in = in;
	z->avail_in = (unsigned int)n;
	do {
		z->next_out = (unsigned char *)s->buf + s->kept;
		z->avail_out = 2 * CHUNK;
		if (inflate(z, Z_NO_FLUSH) < 0)
			return false;
		look_for(s, 2 * CHUNK - z->avail_out);
	} while (z->avail_in > 0 || z->avail_out == 0);
	return true;
}

static bool unpack_piece(ZSTD_DStream *d, struct search *s, unsigned char *in, size_t n)
{
	ZSTD_inBuffer from = { in, n, 0 };
	ZSTD_outBuffer to;

	do {
		to = (ZSTD_outBuffer){ s->buf + s->kept, 2 * CHUNK, 0 };
		if (ZSTD_isError(ZSTD_decompressStream(d, &to, &from)))
			return false;
		look_for(s, to.pos);
	} while (from.pos < from.size || to.pos == to.size);
	return true;
}

static bool look_at(const char *path, struct search *s)
{
	static unsigned char in[CHUNK];
	bool zstd = strlen(path) > 4 && strcmp(path + strlen(path) - 4, ".zst") == 0, ok = true;
	EVP_MD_CTX *hash = EVP_MD_CTX_new();
	ZSTD_DStream *d = ZSTD_createDStream();
	FILE *f = fopen(path, "rb");
	z_stream z = { 0 };
	size_t n;

	s->kept = 0;
	if (!f || !d || !EVP_DigestInit_ex(hash, EVP_sha256(), NULL) ||
	    inflateInit2(&z, 15 + 16) != Z_OK)
		return false;
	while (ok && (n = fread(in, 1, CHUNK, f)) > 0) {
		EVP_DigestUpdate(hash, in, n);
		ok = zstd ? unpack_piece(d, s, in, n) : inflate_piece(&z, s, in, n);
	}
	inflateEnd(&z);
	ZSTD_freeDStream(d);
	EVP_MD_CTX_free(hash);
	fclose(f);
	return ok;
}

int main(int argc, char **argv)
{
	static struct search s;

	for (int i = 1; i < argc; i++) {
		if (!look_at(argv[i], &s)) {
			fprintf(stderr, "floor: %s cannot be read\n", argv[i]);
			return 1;
		}
	}
	printf("%zu\n", s.found);
	return 0;
}
