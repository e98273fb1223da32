// SPDX-License-Identifier: Apache-2.0
#include "solv/stream.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>
#include <fcntl.h>
#include <sys/stat.h>

#define LINES 10000

/* The tools of the distribution make the files, so that no library of ours checks itself. */
struct format {
	const char *suffix, *command;
};

static const struct format formats[] = {
	{ ".gz", "gzip -c" },
	{ ".xz", "xz -c" },
	{ ".bz2", "bzip2 -c" },
	{ ".zst", "zstd -q -c" },
};

struct fixture {
	const struct format *format;
	char dir[32];
	char *plain;
	size_t len;
	char *packed;
	size_t packed_len;
};

static char *read_all(FILE *file, size_t *ret_len)
{
	char *data = NULL;
	size_t len = 0, n;

	do {
		data = xreallocarray(data, len + 65536, 1);
		n = fread(data + len, 1, 65536, file);
		len += n;
	} while (n);
	*ret_len = len;
	return data;
}

/* Text that does not compress too well: a cut then falls into data and not only into the end. */
static void make_plain(struct fixture *f)
{
	unsigned int seed = 1;
	size_t size;
	FILE *file = open_memstream(&f->plain, &size);

	for (int i = 0; i < LINES; i++) {
		seed = seed * 1103515245u + 12345u;
		fprintf(file, "<package n=\"%u\"/>\n", seed >> 8);
	}
	fclose(file);
	f->len = size;
}

static int set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	_cleanup_free_ char *path = NULL, *command = NULL;
	FILE *file;

	f->format = *state;
	strcpy(f->dir, "/tmp/klpd-stream-XXXXXX");
	*state = f;
	if (!mkdtemp(f->dir))
		return -1;
	make_plain(f);
	path = xasprintf("%s/plain", f->dir);
	file = fopen(path, "we");
	if (!file || fwrite(f->plain, 1, f->len, file) != f->len || fclose(file) != 0)
		return -1;
	command = xasprintf("%s %s 2>/dev/null", f->format->command, path);
	file = popen(command, "re");
	if (!file)
		return -1;
	f->packed = read_all(file, &f->packed_len);
	pclose(file);
	unlink(path);
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	rmdir(f->dir);
	free(f->plain);
	free(f->packed);
	free(f);
	return 0;
}

/* A descriptor for a file that nobody else sees. */
static int put(const struct fixture *f, const char *bytes, size_t len)
{
	_cleanup_free_ char *path = xasprintf("%s/file", f->dir);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	unlink(path);
	return fd;
}

static int drain(struct stream *s, char *out, size_t size, size_t *ret_len, struct err *err)
{
	size_t n;

	*ret_len = 0;
	do {
		size_t room = size - *ret_len;

		if (stream_read(s, out + *ret_len, room < 10000 ? room : 10000, &n, err) < 0)
			return -1;
		*ret_len += n;
	} while (n);
	return 0;
}

struct reading {
	int result;
	struct err err;
	char *data;
	size_t len;
};

static struct reading read_file(const struct fixture *f, const char *bytes, size_t len,
				uint64_t max, int64_t open_size)
{
	_cleanup_free_ char *name = xasprintf("primary.xml%s", f->format->suffix);
	_cleanup_close_ int fd = put(f, bytes, len);
	_cleanup_(stream_closep)
	struct stream *s = NULL;
	struct reading r = { .data = xmalloc(f->len + 1) };

	r.result = stream_open(fd, name, max, open_size, &s, &r.err);
	if (r.result == 0)
		r.result = drain(s, r.data, f->len + 1, &r.len, &r.err);
	return r;
}

static void reading_done(struct reading *r)
{
	err_clear(&r->err);
	free(r->data);
}

static void skip_without_tool(const struct fixture *f)
{
	if (f->packed_len == 0) {
		print_message("%s is not installed\n", f->format->command);
		skip();
	}
	if (!stream_can_read(f->format->suffix)) {
		print_message("the libsolv of this system does not read %s\n", f->format->suffix);
		skip();
	}
}

static void test_whole(void **state)
{
	const struct fixture *f = *state;
	struct reading r;

	skip_without_tool(f);
	r = read_file(f, f->packed, f->packed_len, f->len, (int64_t)f->len);
	if (r.result)
		fail_msg("%s", r.err.message);
	assert_int_equal(r.len, f->len);
	assert_memory_equal(r.data, f->plain, f->len);
	reading_done(&r);
}

/* Cut at the ends, where formats keep their own checks, and at places in between. */
static void test_cut(void **state)
{
	const struct fixture *f = *state;

	skip_without_tool(f);
	for (size_t len = 2; len < f->packed_len; len++) {
		struct reading r;

		if (len > 40 && len + 40 < f->packed_len && len % 1999)
			continue;
		r = read_file(f, f->packed, len, f->len, -1);
		if (r.result != -1 || r.err.status != EXIT_STATUS_DATA)
			fail_msg("%zu of %zu bytes are accepted", len, f->packed_len);
		reading_done(&r);
	}
}

static void test_empty(void **state)
{
	const struct fixture *f = *state;
	struct reading r;

	skip_without_tool(f);
	r = read_file(f, "", 0, f->len, -1);
	assert_int_equal(r.result, -1);
	assert_non_null(strstr(r.err.message, "primary.xml"));
	reading_done(&r);
}

static void test_damaged(void **state)
{
	const struct fixture *f = *state;
	struct reading r;

	skip_without_tool(f);
	f->packed[f->packed_len / 2] ^= 0x55;
	r = read_file(f, f->packed, f->packed_len, f->len, -1);
	assert_int_equal(r.result, -1);
	assert_non_null(strstr(r.err.message, "damaged or cut short"));
	reading_done(&r);
}

static void test_limit(void **state)
{
	const struct fixture *f = *state;
	struct reading r;

	skip_without_tool(f);
	r = read_file(f, f->packed, f->packed_len, f->len - 1, -1);
	assert_int_equal(r.result, -1);
	assert_int_equal(r.err.status, EXIT_STATUS_DATA);
	assert_non_null(strstr(r.err.message, "larger than the limit of"));
	assert_non_null(strstr(r.err.message, "primary.xml"));
	reading_done(&r);

	/* What says itself that it is too large is not even begun. */
	r = read_file(f, f->packed, f->packed_len, f->len - 1, (int64_t)f->len);
	assert_int_equal(r.result, -1);
	assert_int_equal(r.len, 0);
	assert_non_null(strstr(r.err.message, "larger than the limit of"));
	reading_done(&r);
}

static void test_other_size_than_announced(void **state)
{
	const struct fixture *f = *state;

	skip_without_tool(f);
	for (int off = -1; off <= 1; off += 2) {
		struct reading r =
			read_file(f, f->packed, f->packed_len, f->len + 1, (int64_t)f->len + off);

		assert_int_equal(r.result, -1);
		assert_non_null(strstr(r.err.message, off < 0 ? "more than" : "fewer than"));
		assert_non_null(strstr(r.err.message, "that repomd.xml says"));
		reading_done(&r);
	}
}

/* The caller's descriptor may be closed by then. */
static void test_rewind(void **state)
{
	const struct fixture *f = *state;
	_cleanup_free_ char *name = xasprintf("x%s", f->format->suffix), *out = xmalloc(f->len + 1);
	_cleanup_(stream_closep)
	struct stream *s = NULL;
	size_t len;
	int fd;

	skip_without_tool(f);
	fd = put(f, f->packed, f->packed_len);
	assert_int_equal(stream_open(fd, name, f->len, -1, &s, NULL), 0);
	close(fd);
	assert_int_equal(stream_read(s, out, 100, &len, NULL), 0);
	assert_int_equal(len, 100);
	assert_int_equal(stream_rewind(s, NULL), 0);
	assert_int_equal(drain(s, out, f->len + 1, &len, NULL), 0);
	assert_int_equal(len, f->len);
	assert_memory_equal(out, f->plain, f->len);
	assert_string_equal(stream_name(s), name);
}

/* ---- without compression ------------------------------------------------------------------- */

static void test_plain(void **state _unused_)
{
	static const struct format none = { "", "" };
	struct fixture f = { .format = &none, .dir = "/tmp", .len = 10 };
	struct reading r = read_file(&f, "0123456789", 10, 10, 10);

	assert_int_equal(r.result, 0);
	assert_int_equal(r.len, 10);
	assert_memory_equal(r.data, "0123456789", 10);
	reading_done(&r);
	r = read_file(&f, "0123456789", 10, 9, -1);
	assert_int_equal(r.result, -1);
	reading_done(&r);
}

static void test_unknown_compression(void **state _unused_)
{
	struct err err = ERR_INIT;
	struct stream *s;

	if (stream_can_read(".zck")) {
		print_message("this libsolv reads .zck\n");
		skip();
	}
	assert_int_equal(stream_open(0, "primary.xml.zck", 10, -1, &s, &err), -1);
	assert_string_equal(err.message, "primary.xml.zck: the libsolv of this system cannot "
					 "decompress .zck files");
	err_clear(&err);
}

#define EACH(test, format, i)                                                                      \
	{                                                                                          \
#test " " format, test, set_up, tear_down, (void *)&formats[i]                     \
	}
#define FORMATS(test)                                                                              \
	EACH(test, "gz", 0), EACH(test, "xz", 1), EACH(test, "bz2", 2), EACH(test, "zst", 3)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FORMATS(test_whole),
		FORMATS(test_cut),
		FORMATS(test_empty),
		FORMATS(test_damaged),
		FORMATS(test_limit),
		FORMATS(test_other_size_than_announced),
		FORMATS(test_rewind),
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_unknown_compression),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
