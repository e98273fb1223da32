// SPDX-License-Identifier: Apache-2.0
/* base/child: real programs are started, and end in all the ways they can. */
#include "base/child.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>

struct run {
	struct loop *loop;
	struct child *child;
	enum child_end end;
	int code, n_done;
	char *output, *errors, *lines;
	size_t output_len;
	int64_t cpu_usec, peak_rss_kib;
	struct err described;
};

static void run_deinit(struct run *run)
{
	child_free(run->child);
	loop_free(run->loop);
	free(run->output);
	free(run->errors);
	free(run->lines);
	err_clear(&run->described);
}

static void on_done(const struct child_result *result, void *userdata)
{
	struct run *run = userdata;

	run->end = result->end;
	run->code = result->code;
	run->output = xstrdup(result->output);
	run->output_len = result->output_len;
	run->errors = xstrdup(result->errors);
	run->cpu_usec = result->cpu_usec;
	run->peak_rss_kib = result->peak_rss_kib;
	run->n_done++;
	child_describe("prog", result, &run->described);
	loop_stop(run->loop);
}

static void on_line(const char *line, size_t len, void *userdata)
{
	struct run *run = userdata;
	char *lines = xasprintf("%s[%s]", run->lines ? run->lines : "", line);

	assert_int_equal(strlen(line), len);
	free(run->lines);
	run->lines = lines;
}

static void run_spec(struct run *run, struct child_spec *spec)
{
	struct err err = ERR_INIT;

	*run = (struct run){ 0 };
	assert_int_equal(loop_new(&run->loop, &err), 0);
	spec->on_done = on_done;
	spec->userdata = run;
	assert_int_equal(child_spawn(run->loop, spec, &run->child, &err), 0);
	assert_int_equal(loop_run(run->loop, &err), 0);
	assert_int_equal(run->n_done, 1);
}

static void run_shell(struct run *run, const char *script, const char *input, size_t output_max,
		      int64_t deadline_msec, bool lines)
{
	const char *argv[] = { "/bin/sh", "-c", script, NULL };
	struct child_spec spec = {
		.argv = argv,
		.input = input,
		.input_len = input ? strlen(input) : 0,
		.output_max = output_max,
		.deadline_msec = deadline_msec,
		.on_line = lines ? on_line : NULL,
	};

	run_spec(run, &spec);
}

static const struct {
	const char *what, *script, *input;
	size_t output_max;
	int64_t deadline_msec;
	bool lines;
	enum child_end end;
	int code;
	const char *output, *errors, *taken, *sentence;
} cases[] = {
	{ "a program that does nothing ends with 0", "true", NULL, 10, -1, false, CHILD_EXITED, 0,
	  "", "", NULL, "prog ended with status 0" },
	{ "input comes back as output", "cat", "hello", 10, -1, false, CHILD_EXITED, 0, "hello", "",
	  NULL, NULL },
	{ "no input is end of file", "cat; echo end", NULL, 10, -1, false, CHILD_EXITED, 0, "end\n",
	  "", NULL, NULL },
	{ "unread input is no failure", "exec <&-; echo ok", "unread", 10, -1, false, CHILD_EXITED,
	  0, "ok\n", "", NULL, NULL },
	{ "the exit status is given", "exit 75", NULL, 10, -1, false, CHILD_EXITED, 75, "", "",
	  NULL, "prog ended with status 75" },
	{ "the last line of stderr is in the sentence",
	  "echo one >&2; echo two >&2; echo >&2; exit 3", NULL, 10, -1, false, CHILD_EXITED, 3, "",
	  "one\ntwo\n\n", NULL, "prog ended with status 3: two" },
	{ "a crash names the signal", "kill -SEGV $$", NULL, 10, -1, false, CHILD_SIGNALED, SIGSEGV,
	  "", "", NULL, "prog was ended by signal 11 (Segmentation fault)" },
	{ "a crash names what it said last", "echo help >&2; kill -KILL $$", NULL, 10, -1, false,
	  CHILD_SIGNALED, SIGKILL, "", "help\n", NULL,
	  "prog was ended by signal 9 (Killed): help" },
	{ "the deadline ends it", "echo begun; exec sleep 60", NULL, 10, 100, false, CHILD_DEADLINE,
	  -1, "begun\n", "", NULL, "prog took too long and was ended; try again later" },
	{ "the deadline leaves a moment for cleaning up",
	  "trap 'echo bye >&2; exit 9' TERM; echo begun; sleep 60 & wait", NULL, 10, 300, false,
	  CHILD_DEADLINE, 9, "begun\n", "bye\n", NULL,
	  "prog took too long and was ended; try again later: bye" },
	{ "the deadline reaches who left its process group",
	  "exec python3 -c 'import os, time; os.setpgid(0, os.getpgid(os.getppid())); "
	  "time.sleep(20)'",
	  NULL, 10, 1500, false, CHILD_DEADLINE, -1, "", "", NULL,
	  "prog took too long and was ended; try again later" },
	{ "output up to the bound is taken", "printf 0123456789", NULL, 10, -1, false, CHILD_EXITED,
	  0, "0123456789", "", NULL, NULL },
	{ "output beyond the bound ends it", "printf 0123456789x; exec sleep 60", NULL, 10, -1,
	  false, CHILD_OVERFLOW, -1, NULL, "", NULL, "prog wrote more than it may and was ended" },
	{ "output beyond the bound at the very end counts", "printf 0123456789x", NULL, 10, -1,
	  false, CHILD_OVERFLOW, -1, NULL, "", NULL, NULL },
	{ "lines are handed out, the unfinished one is not", "printf 'a\\n\\nbc\\nd'", NULL, 0, -1,
	  true, CHILD_EXITED, 0, "d", "", "[a][][bc]", NULL },
	{ "a line beyond the bound ends it", "head -c 70000 /dev/zero | tr '\\0' x; exec sleep 60",
	  NULL, 0, -1, true, CHILD_OVERFLOW, -1, NULL, "", NULL, NULL },
	{ "a grandchild that keeps the pipes open is not waited for", "sleep 60 & echo done", NULL,
	  10, -1, false, CHILD_EXITED, 0, "done\n", "", NULL, NULL },
	{ "signals have their default again", "kill -PIPE $$; echo no", NULL, 10, -1, false,
	  CHILD_SIGNALED, SIGPIPE, "", "", NULL, NULL },
};

static void test_ends(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(run_deinit)
		struct run run;
		int64_t begun = loop_now();

		run_shell(&run, cases[i].script, cases[i].input, cases[i].output_max,
			  cases[i].deadline_msec, cases[i].lines);
		print_message("# %s (%s)\n", cases[i].what,
			      run.described.message ? run.described.message : "");
		assert_int_equal(run.end, cases[i].end);
		if (cases[i].code >= 0)
			assert_int_equal(run.code, cases[i].code);
		if (cases[i].output)
			assert_string_equal(run.output, cases[i].output);
		if (cases[i].errors)
			assert_string_equal(run.errors, cases[i].errors);
		if (cases[i].taken)
			assert_string_equal(run.lines, cases[i].taken);
		if (cases[i].sentence)
			assert_string_equal(run.described.message, cases[i].sentence);
		assert_true(loop_now() - begun < 10000);
	}
}

static void test_ignoring_term(void **state _unused_)
{
	_cleanup_(run_deinit)
	struct run run;
	int64_t begun = loop_now();

	run_shell(&run, "trap '' TERM; echo begun; while :; do sleep 1; done", NULL, 10, 100,
		  false);
	assert_int_equal(run.end, CHILD_DEADLINE);
	assert_int_equal(run.code, SIGKILL);
	assert_true(loop_now() - begun >= CHILD_GRACE_MSEC);
}

static void test_big_input_and_output(void **state _unused_)
{
	_cleanup_(run_deinit)
	struct run run;
	const size_t len = 3 * 1024 * 1024;
	_cleanup_free_ char *big = xmalloc(len + 1);

	memset(big, 'x', len);
	big[len] = '\0';
	run_shell(&run, "cat", big, len, -1, false);
	assert_int_equal(run.end, CHILD_EXITED);
	assert_int_equal(run.output_len, len);
	assert_string_equal(run.output, big);
	assert_true(run.peak_rss_kib > 100);
}

static void test_stderr_is_bounded(void **state _unused_)
{
	_cleanup_(run_deinit)
	struct run run;

	run_shell(&run, "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done >&2; exit 1",
		  NULL, 0, -1, false);
	assert_int_equal(strlen(run.errors), CHILD_ERRORS_MAX);
	assert_string_equal(run.described.message, "prog ended with status 1: line 2999");
}

static void test_environment(void **state _unused_)
{
	static const char *const argv[] = { "/usr/bin/env", NULL };
	static const struct {
		const char *what;
		unsigned int environment;
		const char *text;
		bool present;
	} rows[] = {
		{ "the path is fixed", 0, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin", true },
		{ "the language is C", 0, "LANG=C\n", true },
		{ "nothing else comes through", 0, "KLPD_TEST_SECRET", false },
		{ "not with everything asked for", CHILD_PROXY | CHILD_CLOUD, "KLPD_TEST_SECRET",
		  false },
		{ "no proxy unless asked for", CHILD_CLOUD, "http_proxy", false },
		{ "a proxy if asked for", CHILD_PROXY, "http_proxy=http://127.0.0.1:1/\n", true },
		{ "no keys unless asked for", CHILD_PROXY, "AWS_SECRET_ACCESS_KEY", false },
		{ "keys if asked for", CHILD_CLOUD, "AWS_SECRET_ACCESS_KEY=s/e+c=\n", true },
	};

	setenv("KLPD_TEST_SECRET", "x", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "s/e+c=", 1);
	setenv("http_proxy", "http://127.0.0.1:1/", 1);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(run_deinit)
		struct run run;
		struct child_spec spec = { .argv = argv,
					   .output_max = 4096,
					   .deadline_msec = LOOP_TIMER_OFF,
					   .environment = rows[i].environment };

		run_spec(&run, &spec);
		print_message("# %s\n", rows[i].what);
		assert_int_equal(strstr(run.output, rows[i].text) != NULL, rows[i].present);
	}
}

static void test_three_files_and_a_group_of_its_own(void **state _unused_)
{
	_cleanup_close_ int extra = open("/dev/null", O_RDONLY); /* to be inherited */
	_cleanup_(run_deinit)
	struct run run;
	int group = -1, pid = -2;

	assert_true(extra >= 0);
	run_shell(&run,
		  "for i in 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do "
		  "test ! -e /proc/$$/fd/$i || echo $i is open; done; "
		  "cut -d' ' -f5 /proc/$$/stat; echo $$",
		  NULL, 1000, -1, false);
	assert_int_equal(sscanf(run.output, "%d\n%d\n", &group, &pid), 2);
	assert_int_equal(group, pid);
}

static void test_missing_program(void **state _unused_)
{
	static const char *const argv[] = { "/nonexistent/prog", NULL };
	struct child_spec spec = { .argv = argv, .on_done = on_done };
	_cleanup_(loop_freep)
	struct loop *loop = NULL;
	struct child *child = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(loop_new(&loop, &err), 0);
	assert_int_equal(child_spawn(loop, &spec, &child, &err), -1);
	assert_string_equal(err.message,
			    "cannot start /nonexistent/prog: No such file or directory");
	assert_int_equal(err.status, EXIT_STATUS_SOFTWARE);
	assert_null(child);
	err_clear(&err);
}

static bool alive(pid_t pid)
{
	return kill(pid, 0) == 0;
}

struct stopper {
	struct run run;
	pid_t pid;
};

static void on_pid_line(const char *line, size_t len _unused_, void *userdata)
{
	struct stopper *s = userdata;

	s->pid = (pid_t)strtol(line, NULL, 10);
	child_stop(s->run.child);
	child_stop(s->run.child); /* twice is once */
}

static void test_stop(void **state _unused_)
{
	static const char *const argv[] = { "/bin/sh", "-c", "echo $$; sleep 60", NULL };
	struct child_spec spec = { .argv = argv,
				   .deadline_msec = LOOP_TIMER_OFF,
				   .on_line = on_pid_line };
	struct stopper s = { 0 };

	run_spec(&s.run, &spec);
	assert_int_equal(s.run.end, CHILD_STOPPED);
	assert_false(alive(s.pid));
	assert_string_equal(s.run.described.message, "prog was stopped; try again");
	run_deinit(&s.run);
}

static void on_pid_line_leave(const char *line, size_t len _unused_, void *userdata)
{
	struct stopper *s = userdata;

	s->pid = (pid_t)strtol(line, NULL, 10);
	loop_stop(s->run.loop);
}

static void test_free_ends_the_process(void **state _unused_)
{
	static const char *const argv[] = { "/bin/sh", "-c", "echo $$; exec sleep 60", NULL };
	struct stopper s = { 0 };
	struct child_spec spec = { .argv = argv,
				   .deadline_msec = LOOP_TIMER_OFF,
				   .on_line = on_pid_line_leave,
				   .on_done = on_done,
				   .userdata = &s };
	struct err err = ERR_INIT;

	assert_int_equal(loop_new(&s.run.loop, &err), 0);
	assert_int_equal(child_spawn(s.run.loop, &spec, &s.run.child, &err), 0);
	assert_int_equal(loop_run(s.run.loop, &err), 0);
	assert_true(alive(s.pid));
	child_free(TAKE_PTR(s.run.child));
	assert_false(alive(s.pid));
	assert_int_equal(s.run.n_done, 0);
	child_free(NULL);
	run_deinit(&s.run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_ignoring_term),
		cmocka_unit_test(test_big_input_and_output),
		cmocka_unit_test(test_stderr_is_bounded),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_three_files_and_a_group_of_its_own),
		cmocka_unit_test(test_missing_program),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_free_ends_the_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
