// SPDX-License-Identifier: Apache-2.0
#include "solv/stream.h"

#include "base/alloc.h"
#include "solv/adapter.h"
#include "solv/zstdframe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

struct stream {
	int fd; /* our own, for rewinding */
	char *name;
	uint64_t bytes, bytes_max;
	int64_t open_size;
	bool ended;
	FILE *file;
};

/* Suffixes that mean compression, whether or not this libsolv knows them: .zst only since 0.6.35.
 */
static const char *const compressed[] = { ".gz", ".xz", ".lzma", ".bz2", ".zst", ".zck" };

bool stream_can_read(const char *suffix)
{
	return solv_xfopen_iscompressed(suffix) > 0;
}

static int damaged(const struct stream *s, struct err *err)
{
	return err_set(err, EXIT_STATUS_DATA, "%s: damaged or cut short: it cannot be decompressed",
		       s->name);
}

static const char *compression_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(compressed); i++)
		if (ends_with(name, compressed[i]))
			return compressed[i];
	return NULL;
}

/* What the decompressors behind libsolv do not notice, or do not survive. */
static int check_compressed(struct stream *s, const char *suffix, struct err *err)
{
	off_t size = lseek(s->fd, 0, SEEK_END);

	if (size <= 0 || (streq(suffix, ".zst") && zstdframe_check(s->fd) < 0))
		return damaged(s, err);
	return 0;
}

static int begin(struct stream *s, struct err *err)
{
	int fd;

	if (s->file)
		fclose(s->file);
	s->file = NULL;
	s->bytes = 0;
	s->ended = false;

	fd = fcntl(s->fd, F_DUPFD_CLOEXEC, 3);
	if (fd < 0 || lseek(fd, 0, SEEK_SET) < 0) {
		int e = errno;

		closep(&fd);
		return err_set_errno(err, EXIT_STATUS_IO, e, "%s", s->name);
	}
	s->file = solv_xfopen_fd(s->name, fd, "r");
	if (!s->file) {
		close(fd);
		return err_set(err, EXIT_STATUS_IO, "%s: cannot be opened for reading", s->name);
	}
	return 0;
}

static int too_large(const char *name, uint64_t bytes_max, struct err *err)
{
	return err_set(err, EXIT_STATUS_DATA,
		       "%s: larger than the limit of %llu bytes when decompressed", name,
		       (unsigned long long)bytes_max);
}

int stream_open(int fd, const char *name, uint64_t bytes_max, int64_t open_size,
		struct stream **ret, struct err *err)
{
	_cleanup_(stream_closep)
	struct stream *s = NULL;
	const char *suffix = compression_of(name);

	if (suffix && !stream_can_read(suffix))
		return err_set(err, EXIT_STATUS_DATA,
			       "%s: the libsolv of this system cannot decompress %s files", name,
			       suffix);
	if (open_size >= 0 && (uint64_t)open_size > bytes_max)
		return too_large(name, bytes_max, err);
	s = xcalloc(1, sizeof(*s));
	s->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (s->fd < 0)
		return err_set_errno(err, EXIT_STATUS_IO, errno, "%s", name);
	s->name = xstrdup(name);
	s->bytes_max = bytes_max;
	s->open_size = open_size;
	if ((suffix && check_compressed(s, suffix, err) < 0) || begin(s, err) < 0)
		return -1;
	*ret = TAKE_PTR(s);
	return 0;
}

void stream_close(struct stream *stream)
{
	if (!stream)
		return;
	if (stream->file)
		fclose(stream->file);
	closep(&stream->fd);
	free(stream->name);
	free(stream);
}

static int other_size(const struct stream *s, const char *than, struct err *err)
{
	return err_set(err, EXIT_STATUS_DATA,
		       "%s: has %s the %lld bytes that repomd.xml says when decompressed; the next "
		       "scan fetches it again",
		       s->name, than, (long long)s->open_size);
}

static int end(struct stream *s, struct err *err)
{
	s->ended = true;
	if (s->open_size >= 0 && s->bytes != (uint64_t)s->open_size)
		return other_size(s, "fewer than", err);
	return 0;
}

int stream_read(struct stream *stream, void *buf, size_t size, size_t *ret_len, struct err *err)
{
	struct stream *s = stream;
	size_t n = s->ended ? 0 : fread(buf, 1, size, s->file);

	if (!s->ended && ferror(s->file))
		return damaged(s, err);
	s->bytes += n;
	/* The stated size bounds a bomb long before the limit does. */
	if (s->open_size >= 0 && s->bytes > (uint64_t)s->open_size)
		return other_size(s, "more than", err);
	if (s->bytes > s->bytes_max)
		return too_large(s->name, s->bytes_max, err);
	*ret_len = n;
	return n == 0 && !s->ended ? end(s, err) : 0;
}

int stream_rewind(struct stream *stream, struct err *err)
{
	return begin(stream, err);
}

const char *stream_name(const struct stream *stream)
{
	return stream->name;
}
