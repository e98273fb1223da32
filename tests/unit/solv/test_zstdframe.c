// SPDX-License-Identifier: Apache-2.0
#include "solv/zstdframe.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define MAGIC "\x28\xb5\x2f\xfd"

/* Headers are: last block? (1 bit), type (2), size (21); types 0 raw, 1 RLE, 2 compressed. */
static const struct {
	const char *name, *bytes;
	size_t len;
	int expected;
} rows[] = {
#define ROW(name, bytes, expected)                                                                 \
	{                                                                                          \
		name, bytes, sizeof(bytes) - 1, expected                                           \
	}
	ROW("one raw block",
	    MAGIC "\x00w\x19\x00\x00"
		  "abc",
	    0),
	ROW("a block of repetitions holds one byte",
	    MAGIC "\x00w\x03\x10\x00"
		  "a",
	    0),
	ROW("two blocks",
	    MAGIC "\x00w\x08\x00\x00"
		  "a"
		  "\x09\x00\x00"
		  "b",
	    0),
	ROW("a checksum",
	    MAGIC "\x04w\x01\x00\x00"
		  "sumx",
	    0),
	ROW("a content size of two bytes", MAGIC "\x40wss\x01\x00\x00", 0),
	ROW("a single segment", MAGIC "\x20s\x01\x00\x00", 0),
	ROW("a single segment with eight bytes of content size", MAGIC "\xe0ssssssss\x01\x00\x00",
	    0),
	ROW("a dictionary", MAGIC "\x03wdddd\x01\x00\x00", 0),
	ROW("a skippable frame and another",
	    "\x5f\x2a\x4d\x18\x02\x00\x00\x00xy" MAGIC "\x00w\x01\x00\x00", 0),
	ROW("nothing", "", -EBADMSG),
	ROW("another magic number", "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x00", -EBADMSG),
	ROW("no block at all", MAGIC "\x00w", -EBADMSG),
	ROW("the last block is missing",
	    MAGIC "\x00w\x08\x00\x00"
		  "a",
	    -EBADMSG),
	ROW("a block is cut",
	    MAGIC "\x00w\x19\x00\x00"
		  "ab",
	    -EBADMSG),
	ROW("the checksum is cut",
	    MAGIC "\x04w\x01\x00\x00"
		  "sum",
	    -EBADMSG),
	ROW("a block of the reserved type", MAGIC "\x00w\x07\x00\x00", -EBADMSG),
	ROW("a skippable frame is cut", "\x50\x2a\x4d\x18\xff\xff\xff\xffxy", -EBADMSG),
	ROW("rubbish behind the last frame", MAGIC "\x00w\x01\x00\x00rubbish", -EBADMSG),
#undef ROW
};

static int check(const char *bytes, size_t len)
{
	FILE *file = tmpfile();
	int r;

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	assert_int_equal(fflush(file), 0);
	r = zstdframe_check(fileno(file));
	fclose(file);
	return r;
}

static void test_frames(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int r = check(rows[i].bytes, rows[i].len);

		if (r != rows[i].expected)
			fail_msg("%s: %d", rows[i].name, r);
		if (r == 0 && check(rows[i].bytes, rows[i].len - 1) != -EBADMSG)
			fail_msg("%s: accepted without its last byte", rows[i].name);
	}
}

static void test_no_file(void **state _unused_)
{
	assert_int_equal(zstdframe_check(-1), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
