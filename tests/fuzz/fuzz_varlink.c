// SPDX-License-Identifier: Apache-2.0
#include "ipc/frame.h"
#include "ipc/message.h"
#include "ipc/varlink_server.h"

#include "base/alloc.h"

static const struct varlink_field fields[] = {
	{ "text", JSON_STRING, false },
	{ "flag", JSON_TRUE, true },
	{ NULL },
};

static void read_message(const char *text, size_t len)
{
	struct message_request request;
	struct message_reply reply;
	struct err err = ERR_INIT;

	if (message_parse_request(text, len, &request, &err) == 0) {
		_cleanup_free_ char *again = message_format_call(
			request.method, json_incref(request.parameters), request.more);

		varlink_check(request.parameters, fields);
		message_request_deinit(&request);
		/* What is understood can be said again. */
		if (message_parse_request(again, strlen(again), &request, NULL) < 0)
			abort();
		message_request_deinit(&request);
	}
	if (message_parse_reply(text, len, &reply, &err) == 0)
		message_reply_deinit(&reply);
	err_clear(&err);
}

/* The first byte says in pieces of what size the rest arrives. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(frame_reader_deinit)
	struct frame_reader reader;
	size_t piece = size ? (size_t)data[0] + 1 : 1, len = 0;
	const char *text = NULL;
	int r = 0;

	frame_reader_init(&reader, 4096);
	for (size_t at = 1; at < size && r == 0; at += piece) {
		frame_push(&reader, data + at, size - at < piece ? size - at : piece);
		while ((r = frame_next(&reader, &text, &len)) == 1)
			read_message(text, len);
	}
	return 0;
}
