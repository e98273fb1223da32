// SPDX-License-Identifier: Apache-2.0
/* base/log: one line on stderr, as the journal wants it when nobody watches. */
#include "base/log.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>

/* What a call of @fn leaves on stderr, when that is a pipe. */
static char *captured(void (*fn)(void))
{
	int pipe_fds[2], before = dup(STDERR_FILENO);
	char text[4096];
	ssize_t n;

	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK), 0);
	dup2(pipe_fds[1], STDERR_FILENO);
	fn();
	dup2(before, STDERR_FILENO);
	n = read(pipe_fds[0], text, sizeof(text) - 1);
	close(before);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	return xstrndup(text, n > 0 ? (size_t)n : 0);
}

static void say_error(void)
{
	log_init("prog", LOG_LEVEL_INFO);
	log_error("cannot read %s", "/x");
}

static void say_info(void)
{
	log_init("prog", LOG_LEVEL_INFO);
	log_info("started");
}

static void say_debug(void)
{
	log_init("prog", LOG_LEVEL_INFO);
	log_debug("not shown");
}

static void say_controls(void)
{
	log_init("prog", LOG_LEVEL_INFO);
	log_warning("two\nlines\x1b[31m");
}

static void say_err(void)
{
	struct err err = ERR_INIT;

	log_init("prog", LOG_LEVEL_INFO);
	err_set(&err, EXIT_STATUS_IO, "disk full");
	assert_int_equal(log_err(&err), EXIT_STATUS_IO);
	err_clear(&err);
	assert_int_equal(log_err(&err), EXIT_STATUS_FAILED);
}

static const struct {
	const char *what;
	void (*fn)(void);
	const char *text;
} cases[] = {
	{ "an error has priority 3", say_error, "<3>prog: cannot read /x\n" },
	{ "information has priority 6", say_info, "<6>prog: started\n" },
	{ "what is less urgent than asked for is not shown", say_debug, "" },
	{ "a message is one line, whatever is in it", say_controls, "<4>prog: two?lines?[31m\n" },
	{ "a struct err is printed and gives its status", say_err,
	  "<3>prog: disk full\n<3>prog: failed\n" },
};

static void test_lines(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = captured(cases[i].fn);

		print_message("# %s\n", cases[i].what);
		assert_string_equal(text, cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_lines) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
