// SPDX-License-Identifier: Apache-2.0
#include "base/alloc.h"
#include "metadata/primary.h"

struct output {
	char *data;
	size_t len;
};

static bool begins_with_k(void *userdata _unused_, const char *name)
{
	return name[0] == 'k';
}

static void append(void *userdata, const char *bytes, size_t len)
{
	struct output *o = userdata;

	o->data = xreallocarray(o->data, o->len + len, 1);
	memcpy(o->data + o->len, bytes, len);
	o->len += len;
}

static int filter(const uint8_t *data, size_t size, size_t piece, struct output *output)
{
	static const struct wanted wanted = { begins_with_k, NULL };
	const struct primary_sink sink = { append, output };
	_cleanup_(primary_freep)
	struct primary *p = primary_new(&wanted, &sink);

	for (size_t at = 0; at < size; at += piece) {
		int r = primary_feed(p, data + at, size - at < piece ? size - at : piece, NULL);

		if (r != 0)
			return r;
	}
	return primary_finish(p, NULL);
}

/* Where buffers end must make no difference, and what has passed must pass again unchanged. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct output whole = { 0 }, bytes = { 0 }, again = { 0 };
	int r = filter(data, size, size ? size : 1, &whole);

	if (filter(data, size, 1, &bytes) != r)
		abort();
	if (r == 0) {
		if (whole.len != bytes.len || memcmp(whole.data, bytes.data, whole.len) != 0)
			abort();
		if (filter((const uint8_t *)whole.data, whole.len, whole.len, &again) != 0)
			abort();
	}
	free(whole.data);
	free(bytes.data);
	free(again.data);
	return 0;
}
