// SPDX-License-Identifier: Apache-2.0
#include "worker/request.h"

#include "base/timex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static const struct {
	const char *text, *message;
} refused[] = {
	{ "", "request: '[' or '{' expected near end of file" },
	{ "[]", "request: not an object" },
	{ "{\"root\": \"/\", \"root\": \"/\"}", "request: duplicate object key near '\"root\"'" },
	{ "{\"shell\": \"/bin/sh\"}", "request: shell: no such member" },
	{ "{\"root\": 1}", "request: root: not of the expected type" },
	{ "{\"running_system\": \"yes\"}", "request: running_system: not of the expected type" },
	{ "{\"as_of\": \"yesterday\"}", "request: as_of: not a date such as 2025-11-16T18:00:00Z" },
	{ "{\"wait\": \"60\"}", "request: wait: a number of seconds is expected" },
	{ "{\"wait\": -1}", "request: wait: a number of seconds is expected" },
	{ "{\"wait\": 601}", "request: wait: a number of seconds is expected" },
	{ "{\"operation\": \"Reboot\"}",
	  "request: operation: Scan, Install or Configure is expected" },
	{ "{\"reboot_option\": \"Always\"}",
	  "request: reboot_option: NoReboot or RebootIfNeeded is expected" },
};

static void refusals(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		_cleanup_(arena_freep)
		struct arena *arena = arena_new();
		struct err err = ERR_INIT;
		struct request q;

		assert_int_equal(
			request_parse(refused[i].text, strlen(refused[i].text), arena, &q, &err),
			-1);
		assert_string_equal(err.message, refused[i].message);
		assert_int_equal(err.status, EXIT_STATUS_USAGE);
		err_clear(&err);
	}
}

static int parse(struct arena *arena, const char *text, struct request *ret)
{
	struct err err = ERR_INIT;
	int r = request_parse(text, strlen(text), arena, ret, &err);

	err_clear(&err);
	return r;
}

static void defaults(void **state)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();
	int64_t before = timex_now();
	struct request q;

	(void)state;
	assert_int_equal(parse(arena, "{\"cache\": null}", &q), 0);
	assert_string_equal(q.root, "/");
	assert_null(q.cache);
	assert_string_equal(q.trigger, "manual");
	assert_int_equal(q.operation, OPERATION_SCAN);
	assert_int_equal(q.reboot_option, REBOOT_OPTION_NO_REBOOT);
	assert_false(q.running_system);
	assert_false(q.as_of_given);
	assert_int_equal(q.wait, 0);
	assert_true(q.now >= before);
}

static void every_member(void **state)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();
	struct request q;

	(void)state;
	assert_int_equal(parse(arena,
			       "{\"root\": \"/r\", \"cache\": \"/c\", \"config\": \"/f\", "
			       "\"baseline\": \"b\", \"kernel\": \"k\", \"snapshot\": \"s\", "
			       "\"explain\": \"e\", \"cve\": \"CVE-1\", \"trigger\": \"timer\", "
			       "\"as_of\": \"2025-11-16T18:00:00Z\", \"operation\": \"Install\", "
			       "\"reboot_option\": \"RebootIfNeeded\", \"running_system\": true, "
			       "\"wait\": 600}",
			       &q),
			 0);
	assert_string_equal(q.root, "/r");
	assert_string_equal(q.cache, "/c");
	assert_string_equal(q.config, "/f");
	assert_string_equal(q.baseline, "b");
	assert_string_equal(q.kernel, "k");
	assert_string_equal(q.snapshot, "s");
	assert_string_equal(q.explain, "e");
	assert_string_equal(q.cve, "CVE-1");
	assert_string_equal(q.trigger, "timer");
	assert_true(q.as_of_given);
	assert_true(q.now == 1763316000);
	assert_int_equal(q.operation, OPERATION_INSTALL);
	assert_int_equal(q.reboot_option, REBOOT_OPTION_IF_NEEDED);
	assert_true(q.running_system);
	assert_int_equal(q.wait, REQUEST_WAIT_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refusals),
		cmocka_unit_test(defaults),
		cmocka_unit_test(every_member),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
