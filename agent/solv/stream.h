// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * A metadata file as a stream of decompressed bytes
 *
 * The suffix of the name says how it is compressed: .gz, .xz, .bz2, .zst, or not at all. What
 * libsolv was built with decides which of them can be read. Damaged or cut compressed data is an
 * error, never a short file, and no file gives more bytes than the caller allows.
 */

#include "base/err.h"

struct stream;

/**
 * stream_open() - begin to read
 * @fd:        a regular file; the caller closes its own, at any time; its offset changes
 * @name:      file name, for the suffix and for messages; copied
 * @bytes_max: decompressed bytes allowed
 * @open_size: decompressed size as repomd.xml states it, or -1; another size is then an error
 *
 * Return: 0, or -1 with @err (DATA: cannot be read here; IO).
 */
_must_check_ int stream_open(int fd, const char *name, uint64_t bytes_max, int64_t open_size,
			     struct stream **ret, struct err *err);
void stream_close(struct stream *stream);
DEFINE_CLEANUP(struct stream *, stream_close);

/* Up to @size bytes; 0 with *@ret_len 0 at the end, -1 with @err (DATA). */
_must_check_ int stream_read(struct stream *stream, void *buf, size_t size, size_t *ret_len,
			     struct err *err);
/* Back to the first byte. */
_must_check_ int stream_rewind(struct stream *stream, struct err *err);

const char *stream_name(const struct stream *stream);

/* True if files with this suffix (".zst") can be decompressed. */
bool stream_can_read(const char *suffix);
