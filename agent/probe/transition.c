// SPDX-License-Identifier: Apache-2.0
#include "probe/transition.h"

#include "base/fsx.h"

#include <errno.h>

#define PROC	       "proc"
#define COMM_BYTES_MAX 64

/* 0 when the name is not a number. */
static pid_t number_of(const char *name)
{
	char *end;
	long value = strtol(name, &end, 10);

	return *name >= '1' && *name <= '9' && *end == '\0' && value <= INT32_MAX ? (pid_t)value
										  : 0;
}

static int by_number(const void *a, const void *b)
{
	pid_t x = number_of(*(char *const *)a), y = number_of(*(char *const *)b);

	return (x > y) - (x < y);
}

static struct fsx_names *list_tasks(int root, const char *path)
{
	struct fsx_names *names = NULL;

	if (fsx_list_at(root, path, NULL, &names) < 0)
		return NULL;
	if (names->n)
		qsort(names->items, names->n, sizeof(*names->items), by_number);
	return names;
}

/* A process chooses its name: nothing in it may move a cursor. */
static const char *read_comm(int root, pid_t pid, struct arena *arena)
{
	_cleanup_free_ char *path = xasprintf(PROC "/%d/comm", (int)pid);
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (fsx_read_at(root, path, COMM_BYTES_MAX, &text, &len) < 0)
		return "";
	len = strlen(text);
	if (len && text[len - 1] == '\n')
		text[len - 1] = '\0';
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	return arena_strdup(arena, text);
}

/* Return: 0, or a negative errno. */
static int read_state(int root, pid_t pid, pid_t tid, enum transition_state *ret)
{
	_cleanup_free_ char *path = xasprintf(PROC "/%d/task/%d/patch_state", (int)pid, (int)tid);
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = fsx_read_at(root, path, 64, &text, &len);

	if (r < 0)
		return r;
	*ret = *text == '0'   ? TRANSITION_UNPATCHED
	       : *text == '1' ? TRANSITION_PATCHED
			      : TRANSITION_NONE;
	return 0;
}

static void look_at_process(int root, pid_t pid, enum transition_state target, struct transition *t,
			    struct arena *arena)
{
	_cleanup_free_ char *path = xasprintf(PROC "/%d/task", (int)pid);
	_cleanup_(fsx_names_freep)
	struct fsx_names *tasks = list_tasks(root, path);
	const char *comm = NULL;

	for (size_t i = 0; tasks && i < tasks->n; i++) {
		enum transition_state state = TRANSITION_NONE;
		pid_t tid = number_of(tasks->items[i]);
		int r = tid ? read_state(root, pid, tid, &state) : 0;

		if (r == -EACCES || r == -EPERM)
			t->unreadable++;
		if (r < 0 || state == TRANSITION_NONE || state == target)
			continue;
		if (t->total++ >= TRANSITION_TASKS_MAX)
			continue;
		if (!comm)
			comm = read_comm(root, pid, arena);
		*ARENA_PUSH(arena, t->tasks, t->n) =
			(struct transition_task){ .pid = pid, .tid = tid, .comm = comm };
	}
}

struct transition transition_read(int root, enum transition_state target, struct arena *arena)
{
	_cleanup_(fsx_names_freep)
	struct fsx_names *processes = list_tasks(root, PROC);
	struct transition t = { 0 };

	for (size_t i = 0; processes && i < processes->n; i++) {
		pid_t pid = number_of(processes->items[i]);

		if (pid)
			look_at_process(root, pid, target, &t, arena);
	}
	return t;
}
