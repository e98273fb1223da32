// SPDX-License-Identifier: Apache-2.0
#include "probe/transition.h"

#include "tests/unit/probe/tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

struct fixture {
	struct tree tree;
	struct arena *arena;
};

static int set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	tree_make(&f->tree);
	f->arena = arena_new();
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	arena_free(f->arena);
	tree_remove(&f->tree);
	free(f);
	return 0;
}

static void add_task(struct fixture *f, int pid, int tid, const char *comm, const char *value)
{
	_cleanup_free_ char *state = xasprintf("proc/%d/task/%d/patch_state", pid, tid);
	_cleanup_free_ char *name = xasprintf("proc/%d/comm", pid);

	tree_write(&f->tree, state, value);
	if (comm)
		tree_write(&f->tree, name, comm);
}

static void check_task(const struct transition_task *task, int pid, int tid, const char *comm)
{
	assert_int_equal(task->pid, pid);
	assert_int_equal(task->tid, tid);
	assert_string_equal(task->comm, comm);
}

static void tasks_in_the_way(void **state)
{
	struct fixture *f = *state;
	struct transition t;

	add_task(f, 1, 1, "systemd\n", "1\n");
	add_task(f, 20, 20, "sshd\n", "0\n");
	add_task(f, 3, 3, "java\n", "1\n");
	add_task(f, 3, 100, NULL, "0\n");
	add_task(f, 3, 99, NULL, "0\n");
	add_task(f, 4, 4, "none\n", "-1\n");
	tree_write(&f->tree, "proc/5/comm", "without tasks\n");
	tree_write(&f->tree, "proc/6/task/6/comm", "without a state\n");
	tree_write(&f->tree, "proc/sys/task/7/patch_state", "0\n");
	tree_write(&f->tree, "proc/7/task/self/patch_state", "0\n");
	t = transition_read(f->tree.fd, TRANSITION_PATCHED, f->arena);
	assert_int_equal(t.total, 3);
	assert_int_equal(t.n, 3);
	assert_int_equal(t.unreadable, 0);
	check_task(&t.tasks[0], 3, 99, "java");
	check_task(&t.tasks[1], 3, 100, "java");
	check_task(&t.tasks[2], 20, 20, "sshd");

	t = transition_read(f->tree.fd, TRANSITION_UNPATCHED, f->arena);
	assert_int_equal(t.total, 2);
	check_task(&t.tasks[0], 1, 1, "systemd");
	check_task(&t.tasks[1], 3, 3, "java");
}

static void a_name_cannot_move_the_cursor(void **state)
{
	struct fixture *f = *state;
	struct transition t;

	add_task(f, 1, 1, "a\033[2J\nb\x7f\n", "0\n");
	add_task(f, 2, 2, NULL, "0\n");
	t = transition_read(f->tree.fd, TRANSITION_PATCHED, f->arena);
	check_task(&t.tasks[0], 1, 1, "a?[2J?b?");
	check_task(&t.tasks[1], 2, 2, "");
}

static void only_the_first_are_named_and_all_are_counted(void **state)
{
	struct fixture *f = *state;
	struct transition t;

	for (int pid = 1; pid <= TRANSITION_TASKS_MAX + 5; pid++)
		add_task(f, pid, pid, "busy\n", "0\n");
	t = transition_read(f->tree.fd, TRANSITION_PATCHED, f->arena);
	assert_int_equal(t.n, TRANSITION_TASKS_MAX);
	assert_int_equal(t.total, TRANSITION_TASKS_MAX + 5);
	check_task(&t.tasks[TRANSITION_TASKS_MAX - 1], TRANSITION_TASKS_MAX, TRANSITION_TASKS_MAX,
		   "busy");
}

static void what_may_not_be_read_is_counted(void **state)
{
	struct fixture *f = *state;
	struct transition t;

	if (geteuid() == 0) {
		print_message("root may read everything\n");
		skip();
	}
	add_task(f, 1, 1, "mine\n", "0\n");
	add_task(f, 2, 2, "theirs\n", "0\n");
	assert_int_equal(fchmodat(f->tree.fd, "proc/2/task/2/patch_state", 0, 0), 0);
	t = transition_read(f->tree.fd, TRANSITION_PATCHED, f->arena);
	assert_int_equal(t.total, 1);
	assert_int_equal(t.unreadable, 1);
}

/* Tasks end while they are looked at; an image has no /proc at all. */
static void nothing_to_read(void **state)
{
	struct fixture *f = *state;
	struct transition t = transition_read(f->tree.fd, TRANSITION_PATCHED, f->arena);

	assert_int_equal(t.total, 0);
	assert_int_equal(t.unreadable, 0);
	tree_link(&f->tree, "proc/1/task/1/patch_state", "gone");
	t = transition_read(f->tree.fd, TRANSITION_PATCHED, f->arena);
	assert_int_equal(t.total, 0);
	assert_int_equal(t.unreadable, 0);
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FIXTURE(tasks_in_the_way),
		WITH_FIXTURE(a_name_cannot_move_the_cursor),
		WITH_FIXTURE(only_the_first_are_named_and_all_are_counted),
		WITH_FIXTURE(what_may_not_be_read_is_counted),
		WITH_FIXTURE(nothing_to_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
