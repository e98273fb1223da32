// SPDX-License-Identifier: Apache-2.0
/* klpd/tool: what the end of a program and its last words mean. */
#include "klpd/tool.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <signal.h>

static const struct {
	const char *what;
	enum child_end end;
	int code;
	const char *answer, *errors;
	int status; /* 0: the answer is taken */
	const char *sentence;
} cases[] = {
	{ "an answer", CHILD_EXITED, 0, "{\"report\":{}}\n", "", 0, NULL },
	{ "an answer in spite of noise on stderr", CHILD_EXITED, 0, "{\"report\":{}}", "warning\n",
	  0, NULL },
	{ "a failure that explains itself", CHILD_EXITED, 78,
	  "{\"error\":{\"status\":78,\"message\":\"klpd.yaml:3: no such key\"}}\n", "", 78,
	  "klpd.yaml:3: no such key" },
	{ "an error with exit status 0 is one", CHILD_EXITED, 0,
	  "{\"error\":{\"status\":65,\"message\":\"bad\"}}", "", 65, "bad" },
	{ "an error of no valid status is our fault", CHILD_EXITED, 1,
	  "{\"error\":{\"status\":4000,\"message\":\"bad\"}}", "", EXIT_STATUS_SOFTWARE, "bad" },
	{ "an error without a message explains nothing", CHILD_EXITED, 3,
	  "{\"error\":{\"status\":65}}", "trace\n", EXIT_STATUS_SOFTWARE,
	  "prog ended with status 3: trace" },
	{ "a failure without words", CHILD_EXITED, 1, "", "", EXIT_STATUS_SOFTWARE,
	  "prog ended with status 1" },
	{ "an answer with a bad exit status is none", CHILD_EXITED, 1, "{\"report\":{}}", "",
	  EXIT_STATUS_SOFTWARE, "prog ended with status 1" },
	{ "no answer", CHILD_EXITED, 0, "", "", EXIT_STATUS_SOFTWARE,
	  "prog gave an answer that cannot be read: '[' or '{' expected near end of file" },
	{ "half an answer", CHILD_EXITED, 0, "{\"report\":", "", EXIT_STATUS_SOFTWARE,
	  "prog gave an answer that cannot be read: unexpected token near end of file" },
	{ "a list is no answer", CHILD_EXITED, 0, "[]", "", EXIT_STATUS_SOFTWARE,
	  "prog gave an answer that cannot be read: not an object" },
	{ "a crash after an answer is a crash", CHILD_SIGNALED, SIGSEGV, "{\"report\":{}}",
	  "deep\n", EXIT_STATUS_SOFTWARE,
	  "prog was ended by signal 11 (Segmentation fault): deep" },
	{ "the deadline", CHILD_DEADLINE, SIGTERM, "", "", EXIT_STATUS_TEMPFAIL,
	  "prog took too long and was ended; try again later" },
	{ "what it says is shown as plain text", CHILD_EXITED, 2, "", "\x1b[31m\xff bad\n",
	  EXIT_STATUS_SOFTWARE, "prog ended with status 2: ?[31m? bad" },
};

static void test_interpretation(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct child_result result = { .end = cases[i].end,
					       .code = cases[i].code,
					       .output = cases[i].answer,
					       .output_len = strlen(cases[i].answer),
					       .errors = cases[i].errors };
		json_auto_t *json = NULL;
		struct err err = ERR_INIT;
		int r = tool_interpret("prog", &result, cases[i].answer, strlen(cases[i].answer),
				       &json, &err);

		print_message("# %s\n", cases[i].what);
		assert_int_equal(r, cases[i].status ? -1 : 0);
		assert_int_equal(err.status, cases[i].status);
		assert_true(streq_null(err.message, cases[i].sentence));
		assert_int_equal(json != NULL, r == 0);
		err_clear(&err);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_interpretation) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
