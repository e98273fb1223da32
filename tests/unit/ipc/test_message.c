// SPDX-License-Identifier: Apache-2.0
/* ipc/message: what is a request, what is a reply, and what is neither. */
#include "ipc/message.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct {
	const char *what, *text;
	const char *interface, *member; /* NULL: refused */
	const char *parameters;
	bool more, oneway;
	const char *sentence;
} requests[] = {
	{ "a method alone", "{\"method\":\"a.b.C\"}", "a.b", "C", "{}", false, false, NULL },
	{ "parameters are kept", "{\"method\":\"a.b.C\",\"parameters\":{\"x\":1}}", "a.b", "C",
	  "{\"x\":1}", false, false, NULL },
	{ "null parameters are none", "{\"method\":\"a.C\",\"parameters\":null}", "a", "C", "{}",
	  false, false, NULL },
	{ "more", "{\"method\":\"a.C\",\"more\":true}", "a", "C", "{}", true, false, NULL },
	{ "oneway", "{\"method\":\"a.C\",\"oneway\":true}", "a", "C", "{}", false, true, NULL },
	{ "null flags are false", "{\"method\":\"a.C\",\"more\":null}", "a", "C", "{}", false,
	  false, NULL },
	{ "unknown members are ignored", "{\"method\":\"a.C\",\"upgrade\":false}", "a", "C", "{}",
	  false, false, NULL },
	{ "blanks around it do not matter", " {\"method\" : \"a.C\"}\n", "a", "C", "{}", false,
	  false, NULL },
	{ "nothing", "", NULL, NULL, NULL, false, false,
	  "message is not JSON: '[' or '{' expected near end of file (byte 0)" },
	{ "not JSON", "GET / HTTP/1.1", NULL, NULL, NULL, false, false,
	  "message is not JSON: '[' or '{' expected near 'GET' (byte 3)" },
	{ "half a message", "{\"method\":\"a.C\"", NULL, NULL, NULL, false, false,
	  "message is not JSON: '}' expected near end of file (byte 15)" },
	{ "two messages in one", "{\"method\":\"a.C\"}{}", NULL, NULL, NULL, false, false,
	  "message is not JSON: end of file expected near '{' (byte 17)" },
	{ "invalid UTF-8", "{\"method\":\"a.\xff\"}", NULL, NULL, NULL, false, false,
	  "message is not JSON: unable to decode byte 0xff near '\"a.' (byte 13)" },
	{ "a list", "[1]", NULL, NULL, NULL, false, false, "message is not a JSON object" },
	{ "no method", "{}", NULL, NULL, NULL, false, false, "message names no method" },
	{ "method is a number", "{\"method\":1}", NULL, NULL, NULL, false, false,
	  "\"method\" of the message is not a string" },
	{ "method without interface", "{\"method\":\"Scan\"}", NULL, NULL, NULL, false, false,
	  "method has no interface in its name" },
	{ "method that begins with a dot", "{\"method\":\".Scan\"}", NULL, NULL, NULL, false, false,
	  "method has no interface in its name" },
	{ "method that ends with a dot", "{\"method\":\"a.\"}", NULL, NULL, NULL, false, false,
	  "method has no interface in its name" },
	{ "parameters are a list", "{\"method\":\"a.C\",\"parameters\":[]}", NULL, NULL, NULL,
	  false, false, "\"parameters\" of the message is not an object" },
	{ "more is a word", "{\"method\":\"a.C\",\"more\":\"yes\"}", NULL, NULL, NULL, false, false,
	  "\"more\" of the message is not a boolean" },
	{ "oneway is a number", "{\"method\":\"a.C\",\"oneway\":1}", NULL, NULL, NULL, false, false,
	  "\"oneway\" of the message is not a boolean" },
	{ "a member twice", "{\"method\":\"a.C\",\"method\":\"a.D\"}", NULL, NULL, NULL, false,
	  false, "message is not JSON: duplicate object key near '\"method\"' (byte 24)" },
};

static void test_requests(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		struct message_request request;
		_cleanup_free_ char *parameters = NULL;
		struct err err = ERR_INIT;
		int r = message_parse_request(requests[i].text, strlen(requests[i].text), &request,
					      &err);

		print_message("# %s\n", requests[i].what);
		if (requests[i].sentence) {
			assert_int_equal(r, -1);
			assert_int_equal(err.status, EXIT_STATUS_DATA);
			assert_string_equal(err.message, requests[i].sentence);
			err_clear(&err);
			continue;
		}
		assert_int_equal(r, 0);
		assert_string_equal(request.interface, requests[i].interface);
		assert_string_equal(request.member, requests[i].member);
		assert_int_equal(request.more, requests[i].more);
		assert_int_equal(request.oneway, requests[i].oneway);
		parameters = json_dumps(request.parameters, JSON_COMPACT);
		assert_string_equal(parameters, requests[i].parameters);
		message_request_deinit(&request);
	}
}

static const struct {
	const char *what, *text;
	int r;
	const char *error, *parameters;
	bool continues;
} replies[] = {
	{ "an empty reply", "{}", 0, NULL, "{}", false },
	{ "a reply", "{\"parameters\":{\"x\":1}}", 0, NULL, "{\"x\":1}", false },
	{ "a continued reply", "{\"parameters\":{},\"continues\":true}", 0, NULL, "{}", true },
	{ "an error", "{\"error\":\"a.E\",\"parameters\":{\"y\":2}}", 0, "a.E", "{\"y\":2}",
	  false },
	{ "an error that is no string", "{\"error\":1}", -1, NULL, NULL, false },
	{ "parameters that are no object", "{\"parameters\":\"x\"}", -1, NULL, NULL, false },
	{ "continues that is no boolean", "{\"continues\":1}", -1, NULL, NULL, false },
	{ "not JSON", "x", -1, NULL, NULL, false },
};

static void test_replies(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(replies); i++) {
		struct message_reply reply;
		_cleanup_free_ char *parameters = NULL;

		print_message("# %s\n", replies[i].what);
		assert_int_equal(
			message_parse_reply(replies[i].text, strlen(replies[i].text), &reply, NULL),
			replies[i].r);
		if (replies[i].r < 0)
			continue;
		assert_true(streq_null(reply.error, replies[i].error));
		assert_int_equal(reply.continues, replies[i].continues);
		parameters = json_dumps(reply.parameters, JSON_COMPACT);
		assert_string_equal(parameters, replies[i].parameters);
		message_reply_deinit(&reply);
	}
}

static void test_texts(void **state _unused_)
{
	_cleanup_free_ char *call = message_format_call("a.C", json_pack("{s:i}", "x", 1), true);
	_cleanup_free_ char *plain = message_format_call("a.C", NULL, false);
	_cleanup_free_ char *reply = message_format_reply(NULL, false);
	_cleanup_free_ char *more = message_format_reply(json_object(), true);
	_cleanup_free_ char *error = message_format_error("a.E", json_pack("{s:s}", "y", "z"));

	assert_string_equal(call, "{\"method\":\"a.C\",\"parameters\":{\"x\":1},\"more\":true}");
	assert_string_equal(plain, "{\"method\":\"a.C\",\"parameters\":{}}");
	assert_string_equal(reply, "{\"parameters\":{}}");
	assert_string_equal(more, "{\"parameters\":{},\"continues\":true}");
	assert_string_equal(error, "{\"error\":\"a.E\",\"parameters\":{\"y\":\"z\"}}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_replies),
		cmocka_unit_test(test_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
