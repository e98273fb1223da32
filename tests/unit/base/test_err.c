// SPDX-License-Identifier: Apache-2.0
#include "base/err.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void holds(const struct err *err, int status, const char *message)
{
	assert_int_equal(err->status, status);
	if (!streq_null(err->message, message))
		fail_msg("'%s' instead of '%s'", err->message, message);
}

static void a_fresh_one_says_nothing(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	holds(&err, EXIT_STATUS_OK, NULL);
	err_clear(&err);
	holds(&err, EXIT_STATUS_OK, NULL);
}

static void setting_gives_status_and_sentence(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(err_set(&err, EXIT_STATUS_DATA, "%s: line %d", "a.yaml", 3), -1);
	holds(&err, EXIT_STATUS_DATA, "a.yaml: line 3");
	err_clear(&err);
	holds(&err, EXIT_STATUS_OK, NULL);
}

static void the_last_one_set_stays(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	err_set(&err, EXIT_STATUS_DATA, "first");
	err_set(&err, EXIT_STATUS_IO, "second");
	holds(&err, EXIT_STATUS_IO, "second");
	err_clear(&err);
}

static void its_own_text_may_be_an_argument(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	err_set(&err, EXIT_STATUS_DATA, "cause");
	err_set(&err, EXIT_STATUS_CONFIG, "effect of %s", err.message);
	holds(&err, EXIT_STATUS_CONFIG, "effect of cause");
	err_set_errno(&err, EXIT_STATUS_IO, ENOENT, "%s", err.message);
	holds(&err, EXIT_STATUS_IO, "effect of cause: No such file or directory");
	err_clear(&err);
}

/* What a system call's errno becomes. */
static const struct {
	const char *what;
	int errnum, status;
	const char *message;
} errnos[] = {
	{ "keeps the status it is given", ENOENT, EXIT_STATUS_IO, "f: No such file or directory" },
	{ "EACCES is a matter of permission", EACCES, EXIT_STATUS_NOPERM, "f: Permission denied" },
	{ "so is EPERM", EPERM, EXIT_STATUS_NOPERM, "f: Operation not permitted" },
	{ "EROFS is not", EROFS, EXIT_STATUS_IO, "f: Read-only file system" },
};

static void errno_is_appended(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(errnos); i++) {
		struct err err = ERR_INIT;

		if (err_set_errno(&err, EXIT_STATUS_IO, errnos[i].errnum, "%s", "f") != -1 ||
		    err.status != errnos[i].status || !streq(err.message, errnos[i].message))
			fail_msg("%s: status %d, '%s'", errnos[i].what, err.status, err.message);
		err_clear(&err);
	}
}

static void prefixes_pile_up_outward_and_keep_the_status(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	err_set(&err, EXIT_STATUS_UNAVAILABLE, "timeout");
	assert_int_equal(err_prefix(&err, "mirror %d", 2), -1);
	err_prefix(&err, "repository live");
	holds(&err, EXIT_STATUS_UNAVAILABLE, "repository live: mirror 2: timeout");
	err_clear(&err);
}

static void a_prefix_to_nothing_still_reads_as_a_failure(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	err_prefix(&err, "scan");
	holds(&err, EXIT_STATUS_OK, "scan: failed");
	err_clear(&err);
}

static void nobody_need_listen(void **state)
{
	struct err *none = NULL;

	(void)state;
	assert_int_equal(err_set(none, EXIT_STATUS_IO, "x"), -1);
	assert_int_equal(err_set_errno(none, EXIT_STATUS_IO, EIO, "x"), -1);
	assert_int_equal(err_prefix(none, "x"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fresh_one_says_nothing),
		cmocka_unit_test(setting_gives_status_and_sentence),
		cmocka_unit_test(the_last_one_set_stays),
		cmocka_unit_test(its_own_text_may_be_an_argument),
		cmocka_unit_test(errno_is_appended),
		cmocka_unit_test(prefixes_pile_up_outward_and_keep_the_status),
		cmocka_unit_test(a_prefix_to_nothing_still_reads_as_a_failure),
		cmocka_unit_test(nobody_need_listen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
