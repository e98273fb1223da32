// SPDX-License-Identifier: Apache-2.0
/* base/loop: what is ready is called, in order of time, and may be freed at any moment. */
#include "base/loop.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

struct fixture {
	struct loop *loop;
	struct loop_io *io[3];
	struct loop_timer *timer[3];
	struct loop_child *child;
	int pipe[2];
	char *log;
	int n;
};

static void note(struct fixture *f, const char *what)
{
	char *log = xasprintf("%s%s ", f->log ? f->log : "", what);

	free(f->log);
	f->log = log;
}

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	struct err err = ERR_INIT;

	assert_int_equal(loop_new(&f->loop, &err), 0);
	assert_int_equal(pipe2(f->pipe, O_CLOEXEC | O_NONBLOCK), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 3; i++) {
		loop_io_free(f->io[i]);
		loop_timer_free(f->timer[i]);
	}
	loop_child_free(f->child);
	loop_free(f->loop);
	close(f->pipe[0]);
	close(f->pipe[1]);
	free(f->log);
	free(f);
	return 0;
}

static void run(struct fixture *f)
{
	struct err err = ERR_INIT;

	assert_int_equal(loop_run(f->loop, &err), 0);
}

static void on_stop(void *userdata)
{
	struct fixture *f = userdata;

	note(f, "stop");
	loop_stop(f->loop);
}

static void on_first(void *userdata)
{
	note(userdata, "first");
}

static void on_second(void *userdata)
{
	note(userdata, "second");
}

static void test_timers_run_in_order(void **state)
{
	struct fixture *f = *state;

	f->timer[0] = loop_timer_new(f->loop, on_stop, f);
	f->timer[1] = loop_timer_new(f->loop, on_second, f);
	f->timer[2] = loop_timer_new(f->loop, on_first, f);
	loop_timer_set(f->timer[0], 60);
	loop_timer_set(f->timer[1], 30);
	loop_timer_set(f->timer[2], 0);
	run(f);
	assert_string_equal(f->log, "first second stop ");
}

static void test_timer_may_be_put_off_and_switched_off(void **state)
{
	struct fixture *f = *state;
	int64_t begun = loop_now();

	f->timer[0] = loop_timer_new(f->loop, on_stop, f);
	f->timer[1] = loop_timer_new(f->loop, on_second, f);
	loop_timer_set(f->timer[0], 1);
	loop_timer_set(f->timer[1], 1);
	loop_timer_set(f->timer[0], 50);
	loop_timer_set(f->timer[1], LOOP_TIMER_OFF);
	run(f);
	assert_string_equal(f->log, "stop ");
	assert_true(loop_now() - begun >= 50);
}

static void on_timer_free_others(void *userdata)
{
	struct fixture *f = userdata;

	note(f, "free");
	loop_timer_free(TAKE_PTR(f->timer[1])); /* due as well */
	loop_timer_free(TAKE_PTR(f->timer[0])); /* itself */
}

static void test_callback_may_free_due_timers_and_itself(void **state)
{
	struct fixture *f = *state;

	f->timer[0] = loop_timer_new(f->loop, on_timer_free_others, f);
	f->timer[1] = loop_timer_new(f->loop, on_second, f);
	f->timer[2] = loop_timer_new(f->loop, on_stop, f);
	loop_timer_set(f->timer[0], 0);
	loop_timer_set(f->timer[1], 1);
	loop_timer_set(f->timer[2], 30);
	usleep(5000); /* all but the last are due at once */
	run(f);
	assert_string_equal(f->log, "free stop ");
}

static void on_readable(uint32_t events, void *userdata)
{
	struct fixture *f = userdata;
	char byte;

	assert_true(events & EPOLLIN);
	assert_int_equal(read(f->pipe[0], &byte, 1), 1);
	note(f, (char[]){ byte, '\0' });
	if (++f->n == 3)
		loop_stop(f->loop);
}

static void test_descriptor_is_called_while_it_is_readable(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;

	assert_int_equal(loop_io_new(f->loop, f->pipe[0], EPOLLIN, on_readable, f, &f->io[0], &err),
			 0);
	assert_int_equal(write(f->pipe[1], "abc", 3), 3);
	run(f);
	assert_string_equal(f->log, "a b c ");
}

static void test_descriptor_may_be_silenced(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;

	assert_int_equal(loop_io_new(f->loop, f->pipe[0], EPOLLIN, on_readable, f, &f->io[0], &err),
			 0);
	f->timer[0] = loop_timer_new(f->loop, on_stop, f);
	loop_timer_set(f->timer[0], 20);
	assert_int_equal(write(f->pipe[1], "a", 1), 1);
	loop_io_set(f->io[0], 0);
	run(f);
	assert_string_equal(f->log, "stop ");
	f->n = 2;
	loop_io_set(f->io[0], EPOLLIN);
	run(f);
	assert_string_equal(f->log, "stop a ");
}

static void on_writable_free_both(uint32_t events _unused_, void *userdata)
{
	struct fixture *f = userdata;

	note(f, "both");
	loop_io_free(TAKE_PTR(f->io[0]));
	loop_io_free(TAKE_PTR(f->io[1]));
}

static void test_callback_may_free_ready_descriptors_and_itself(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;
	_cleanup_close_ int copy = dup(f->pipe[1]);

	assert_int_equal(loop_io_new(f->loop, f->pipe[1], EPOLLOUT, on_writable_free_both, f,
				     &f->io[0], &err),
			 0);
	assert_int_equal(
		loop_io_new(f->loop, copy, EPOLLOUT, on_writable_free_both, f, &f->io[1], &err), 0);
	f->timer[0] = loop_timer_new(f->loop, on_stop, f);
	loop_timer_set(f->timer[0], 20);
	run(f);
	assert_string_equal(f->log, "both stop ");
}

static void test_descriptor_that_cannot_be_watched(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;
	_cleanup_close_ int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_int_equal(loop_io_new(f->loop, fd, EPOLLIN, on_readable, f, &f->io[0], &err), -1);
	assert_string_equal(err.message, "cannot watch a file descriptor: Operation not permitted");
	err_clear(&err);
}

static void on_usr1(int signo, void *userdata)
{
	struct fixture *f = userdata;

	assert_int_equal(signo, SIGUSR1);
	note(f, "usr1");
	loop_stop(f->loop);
}

static void test_signal(void **state)
{
	struct fixture *f = *state;
	struct loop_signal *usr1 = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(loop_signal_new(f->loop, SIGUSR1, on_usr1, f, &usr1, &err), 0);
	raise(SIGUSR1);
	run(f);
	assert_string_equal(f->log, "usr1 ");
	loop_signal_free(usr1);
}

static void on_ended(pid_t pid, void *userdata)
{
	struct fixture *f = userdata;
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	note(f, (char[]){ (char)('0' + WEXITSTATUS(status)), '\0' });
	if (++f->n == 2)
		loop_stop(f->loop);
}

static pid_t child_that_exits(int status)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(status);
	return pid;
}

static void test_children_that_end_together(void **state)
{
	struct fixture *f = *state;
	pid_t one = child_that_exits(1), two = child_that_exits(2);
	siginfo_t info;
	struct loop_child *other;

	/* Both SIGCHLDs have become one before the loop looks. */
	waitid(P_PID, (id_t)one, &info, WEXITED | WNOWAIT);
	waitid(P_PID, (id_t)two, &info, WEXITED | WNOWAIT);
	f->child = loop_child_new(f->loop, two, on_ended, f);
	other = loop_child_new(f->loop, one, on_ended, f);
	run(f);
	assert_string_equal(f->log, "1 2 ");
	loop_child_free(other);
}

static void test_free_accepts_null(void **state _unused_)
{
	loop_free(NULL);
	loop_io_free(NULL);
	loop_timer_free(NULL);
	loop_signal_free(NULL);
	loop_child_free(NULL);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_timers_run_in_order),
		TEST(test_timer_may_be_put_off_and_switched_off),
		TEST(test_callback_may_free_due_timers_and_itself),
		TEST(test_descriptor_is_called_while_it_is_readable),
		TEST(test_descriptor_may_be_silenced),
		TEST(test_callback_may_free_ready_descriptors_and_itself),
		TEST(test_descriptor_that_cannot_be_watched),
		TEST(test_signal),
		TEST(test_children_that_end_together),
		cmocka_unit_test(test_free_accepts_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
