// SPDX-License-Identifier: Apache-2.0
/* ipc/frame: however a stream is cut, the same messages come out; limits hold at the byte. */
#include "ipc/frame.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>

#define MAX 8

static const struct {
	const char *what;
	const char *stream;
	size_t len;
	const char *messages; /* each in brackets */
	int end;	      /* what comes after them */
} cases[] = {
	{ "no bytes are no message", "", 0, "", 0 },
	{ "a message needs its NUL", "abc", 3, "", 0 },
	{ "a message ends at its NUL", "abc\0", 4, "[abc]", 0 },
	{ "messages follow each other", "abc\0d\0ef\0", 9, "[abc][d][ef]", 0 },
	{ "an unfinished message follows", "abc\0de", 6, "[abc]", 0 },
	{ "an empty message is one", "\0\0", 2, "[][]", 0 },
	{ "a message of the largest size", "12345678\0", 9, "[12345678]", 0 },
	{ "one byte more is too much", "123456789\0", 10, "", -EMSGSIZE },
	{ "too much is seen before its end", "123456789", 9, "", -EMSGSIZE },
	{ "the largest size without its end", "12345678", 8, "", 0 },
	{ "too much after a good one", "a\000123456789", 11, "[a]", -EMSGSIZE },
};

static int take_all(struct frame_reader *reader, char **log)
{
	const char *text = NULL;
	size_t len = 0;
	int r;

	while ((r = frame_next(reader, &text, &len)) == 1) {
		char *longer = xasprintf("%s[%s]", *log, text);

		assert_int_equal(strlen(text), len);
		free(*log);
		*log = longer;
	}
	return r;
}

/* Pushes the stream in pieces of @piece bytes, taking messages after each. */
static void run_case(size_t i, size_t piece)
{
	_cleanup_(frame_reader_deinit)
	struct frame_reader reader;
	_cleanup_free_ char *log = xstrdup("");
	int r = 0;

	frame_reader_init(&reader, MAX);
	for (size_t at = 0; at < cases[i].len && r == 0; at += piece) {
		size_t n = cases[i].len - at < piece ? cases[i].len - at : piece;
		/* exactly as large as it is, so that a sanitizer sees a byte too far */
		_cleanup_free_ char *bytes = xmalloc(n);

		memcpy(bytes, cases[i].stream + at, n);
		frame_push(&reader, bytes, n);
		r = take_all(&reader, &log);
	}
	assert_int_equal(r, cases[i].end);
	assert_string_equal(log, cases[i].messages);
}

static void test_streams_cut_anywhere(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("# %s\n", cases[i].what);
		for (size_t piece = 1; piece <= 12; piece++)
			run_case(i, piece);
	}
}

static void test_reader_reclaims_what_was_taken(void **state _unused_)
{
	_cleanup_(frame_reader_deinit)
	struct frame_reader reader;
	const char *text = NULL;
	size_t len = 0;

	frame_reader_init(&reader, FRAME_REQUEST_MAX);
	for (int i = 0; i < 100000; i++) {
		frame_push(&reader, "some message", 13);
		assert_int_equal(frame_next(&reader, &text, &len), 1);
		assert_string_equal(text, "some message");
	}
	assert_true(reader.size <= 2 * FRAME_REQUEST_MAX);
}

static void test_queue(void **state _unused_)
{
	_cleanup_(frame_queue_deinit)
	struct frame_queue queue;
	const char *bytes;

	frame_queue_init(&queue, 8);
	assert_int_equal(frame_waiting(&queue, &bytes), 0);
	assert_int_equal(frame_put(&queue, "abc", 3), 0);
	assert_int_equal(frame_put(&queue, "de", 2), 0);
	assert_int_equal(frame_waiting(&queue, &bytes), 7);
	assert_memory_equal(bytes, "abc\0de\0", 7);
	assert_int_equal(frame_put(&queue, "f", 1), -ENOBUFS); /* 9 bytes with its NUL */
	assert_int_equal(frame_put(&queue, "", 0), 0);
	assert_int_equal(frame_put(&queue, "", 0), -ENOBUFS);
	frame_written(&queue, 5);
	assert_int_equal(frame_waiting(&queue, &bytes), 3);
	assert_memory_equal(bytes, "e\0\0", 3);
	assert_int_equal(frame_put(&queue, "ghij", 4), 0); /* there is room again */
	assert_int_equal(frame_waiting(&queue, &bytes), 8);
	assert_memory_equal(bytes, "e\0\0ghij\0", 8);
	frame_written(&queue, 8);
	assert_int_equal(frame_waiting(&queue, &bytes), 0);
	assert_int_equal(frame_put(&queue, "12345678", 8), -ENOBUFS);
	assert_int_equal(frame_put(&queue, "1234567", 7), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_streams_cut_anywhere),
		cmocka_unit_test(test_reader_reclaims_what_was_taken),
		cmocka_unit_test(test_queue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
