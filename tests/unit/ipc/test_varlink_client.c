// SPDX-License-Identifier: Apache-2.0
/* ipc/varlink_client: calls and their answers, progress, deadlines, errors as sentences. */
#include "tests/unit/ipc/service.h"

#include "ipc/idl.h"

static void test_service_interface(void **state)
{
	struct fixture *f = *state;
	json_t *info = NULL, *description = NULL;
	_cleanup_free_ char *text = NULL;

	assert_int_equal(call(f, "org.varlink.service.GetInfo", NULL, &info, NULL), 0);
	text = json_dumps(info, JSON_COMPACT | JSON_SORT_KEYS);
	assert_string_equal(text, "{\"interfaces\":[\"org.varlink.service\",\"io.klpd.Agent\"],"
				  "\"product\":\"P\",\"url\":\"U\",\"vendor\":\"V\","
				  "\"version\":\"1\"}");
	assert_int_equal(call(f, "org.varlink.service.GetInterfaceDescription",
			      json_pack("{s:s}", "interface", AGENT), &description, NULL),
			 0);
	assert_string_equal(json_string_value(json_object_get(description, "description")),
			    idl_text(AGENT));
	json_decref(info);
	json_decref(description);
}

static const struct {
	const char *what, *method, *parameters;
	int status;
	const char *error, *sentence;
} failures[] = {
	{ "an interface we do not have", "io.other.X", "{}", EXIT_STATUS_SOFTWARE,
	  "org.varlink.service.InterfaceNotFound", "the agent has no interface io.other" },
	{ "a description we do not have", "org.varlink.service.GetInterfaceDescription",
	  "{\"interface\":\"io.other\"}", EXIT_STATUS_SOFTWARE,
	  "org.varlink.service.InterfaceNotFound", "the agent has no interface io.other" },
	{ "a method we do not have", AGENT ".X", "{}", EXIT_STATUS_SOFTWARE,
	  "org.varlink.service.MethodNotFound", "the agent has no method io.klpd.Agent.X" },
	{ "a parameter we do not know", AGENT ".Echo", "{\"text\":\"a\",\"x\":1}",
	  EXIT_STATUS_USAGE, "org.varlink.service.InvalidParameter",
	  "the agent refuses the parameter x" },
	{ "a parameter where there are none", AGENT ".Wait", "{\"x\":1}", EXIT_STATUS_USAGE,
	  "org.varlink.service.InvalidParameter", "the agent refuses the parameter x" },
	{ "a parameter that is missing", AGENT ".Echo", "{}", EXIT_STATUS_USAGE,
	  "org.varlink.service.InvalidParameter", "the agent refuses the parameter text" },
	{ "a parameter that may not be null", AGENT ".Echo", "{\"text\":null}", EXIT_STATUS_USAGE,
	  "org.varlink.service.InvalidParameter", "the agent refuses the parameter text" },
	{ "a parameter of another type", AGENT ".Echo", "{\"text\":1}", EXIT_STATUS_USAGE,
	  "org.varlink.service.InvalidParameter", "the agent refuses the parameter text" },
	{ "a flag that is none", AGENT ".Echo", "{\"text\":\"a\",\"flag\":1}", EXIT_STATUS_USAGE,
	  "org.varlink.service.InvalidParameter", "the agent refuses the parameter flag" },
	{ "a failure has its own status and sentence", AGENT ".Fail", "{}", EXIT_STATUS_CONFIG,
	  AGENT ".Failed", "klpd.yaml:3: no such key" },
};

static void test_error_replies(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(failures); i++) {
		json_t *reply = NULL, *parameters = json_loads(failures[i].parameters, 0, NULL);
		struct err err = ERR_INIT;

		print_message("# %s\n", failures[i].what);
		assert_int_equal(call(f, failures[i].method, parameters, &reply, &err), -1);
		assert_string_equal(varlink_client_error(f->client), failures[i].error);
		assert_string_equal(err.message, failures[i].sentence);
		assert_int_equal(err.status, failures[i].status);
		err_clear(&err);
	}
}

static void test_calls_follow_each_other(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 200; i++) {
		json_t *reply = NULL;

		assert_int_equal(call(f, AGENT ".Echo", json_pack("{s:s,s:i}", "text", "a", "n", i),
				      &reply, NULL),
				 0);
		assert_int_equal(json_integer_value(json_object_get(reply, "n")), i);
		assert_null(varlink_client_error(f->client));
		json_decref(reply);
	}
}

static void on_progress(json_t *parameters, void *userdata)
{
	json_int_t *sum = userdata;

	*sum += json_integer_value(json_object_get(parameters, "at"));
}

static void test_continued_replies(void **state)
{
	struct fixture *f = *state;
	json_int_t sum = 0;
	json_t *reply = NULL;

	assert_int_equal(varlink_client_call(f->client, AGENT ".Count",
					     json_pack("{s:i}", "n", 100), 20, on_progress, &sum,
					     &reply, NULL),
			 0);
	assert_int_equal(sum, 5050);
	assert_int_equal(json_integer_value(json_object_get(reply, "n")), 100);
	json_decref(reply);
	assert_int_equal(call(f, AGENT ".Count", json_pack("{s:i}", "n", 100), &reply, NULL), 0);
	json_decref(reply); /* nobody asked for more: only the last one came */
}

static void test_late_reply(void **state)
{
	struct fixture *f = *state;
	json_t *reply = NULL;

	assert_int_equal(call(f, AGENT ".Wait", NULL, &reply, NULL), 0);
	assert_true(json_is_true(json_object_get(reply, "late")));
	json_decref(reply);
}

static void test_deadline_spoils_the_connection(void **state)
{
	struct fixture *f = *state;
	json_t *reply = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(
		varlink_client_call(f->client, AGENT ".Never", NULL, 0, NULL, NULL, &reply, &err),
		-1);
	assert_int_equal(err.status, EXIT_STATUS_TEMPFAIL);
	assert_string_equal(err.message, "the agent did not answer in time; try again, or allow "
					 "more time with --timeout");
	assert_int_equal(call(f, AGENT ".Echo", json_pack("{s:s}", "text", "a"), &reply, &err), -1);
	assert_string_equal(err.message, "the connection to the agent is lost");
	err_clear(&err);
}

static void test_dropped_call(void **state)
{
	struct fixture *f = *state;
	json_t *reply = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(call(f, AGENT ".Drop", NULL, &reply, &err), -1);
	assert_int_equal(err.status, EXIT_STATUS_UNAVAILABLE);
	assert_string_equal(err.message, "the agent closed the connection before it answered");
	err_clear(&err);
}

static void test_reply_sizes(void **state)
{
	struct fixture *f = *state;
	const json_int_t frame = (json_int_t)strlen("{\"parameters\":{\"text\":\"\"}}");
	json_t *reply = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(call(f, AGENT ".Big",
			      json_pack("{s:I}", "n", (json_int_t)FRAME_REPLY_MAX - frame), &reply,
			      &err),
			 0);
	assert_int_equal(json_string_length(json_object_get(reply, "text")),
			 FRAME_REPLY_MAX - (size_t)frame);
	json_decref(reply);
	assert_int_equal(call(f, AGENT ".Big",
			      json_pack("{s:I}", "n", (json_int_t)FRAME_REPLY_MAX - frame + 1),
			      &reply, &err),
			 -1);
	assert_int_equal(err.status, EXIT_STATUS_UNAVAILABLE);
	err_clear(&err);
}

static void test_connecting_where_nobody_is(void **state _unused_)
{
	struct varlink_client *client = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(varlink_client_connect("/nonexistent/socket", &client, &err), -1);
	assert_int_equal(err.status, EXIT_STATUS_UNAVAILABLE);
	assert_string_equal(err.message,
			    "nobody listens on /nonexistent/socket: start klpd.socket, "
			    "or use --direct");
	err_clear(&err);
	varlink_client_free(NULL);
	varlink_server_free(NULL);
	varlink_call_drop(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_A_PAIR(test_service_interface),
		ON_A_PAIR(test_error_replies),
		ON_A_PAIR(test_calls_follow_each_other),
		ON_A_PAIR(test_continued_replies),
		ON_A_PAIR(test_late_reply),
		ON_A_PAIR(test_deadline_spoils_the_connection),
		ON_A_PAIR(test_dropped_call),
		ON_A_PAIR(test_reply_sizes),
		cmocka_unit_test(test_connecting_where_nobody_is),
	};

	hold_back_sigterm();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
