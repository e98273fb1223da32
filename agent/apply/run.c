// SPDX-License-Identifier: Apache-2.0
#include "apply/run.h"

#include "apply/output.h"
#include "apply/stage.h"
#include "base/alloc.h"
#include "base/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>

static void become(const char *const *argv, int output)
{
	char *const env[] = { (char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", (char *)"LANG=C",
			      NULL };
	int null = open("/dev/null", O_RDONLY);
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setpgid(0, 0);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
	    dup2(output, STDERR_FILENO) < 0)
		_exit(127);
	execve(argv[0], (char *const *)argv, env);
	dprintf(STDERR_FILENO, "%s cannot be started: %s\n", argv[0], strerror(errno));
	_exit(127);
}

/* Waits for @child, not longer than @seconds; SIGCHLD is blocked. False: it had to be killed. */
static bool wait_for(pid_t child, int64_t seconds, int *ret_status)
{
	int64_t end = loop_now() + seconds * 1000;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	while (waitpid(child, ret_status, WNOHANG) == 0) {
		int64_t left = end - loop_now();
		struct timespec limit = { .tv_sec = left / 1000, .tv_nsec = left % 1000 * 1000000 };

		if (left <= 0) {
			kill(-child, SIGKILL);
			waitpid(child, ret_status, 0);
			return false;
		}
		sigtimedwait(&set, NULL, &limit);
	}
	return true;
}

char *run_program(struct channel *channel, int root, const char *const *argv, int64_t seconds,
		  int *ret_status, struct err *err)
{
	_cleanup_close_ int output = stage_scratch(root, err);
	bool ended;
	char *said;
	int status = 0;
	pid_t child;

	if (output < 0)
		return NULL;
	child = fork();
	if (child == 0)
		become(argv, output);
	if (child < 0) {
		err_set_errno(err, EXIT_STATUS_TEMPFAIL, errno, "%s cannot be started", argv[0]);
		return NULL;
	}
	setpgid(child, child);
	ended = wait_for(child, seconds, &status);
	*ret_status = ended && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	said = output_tell(channel, output);
	if (ended)
		return said;
	free(said);
	return xasprintf("%s was stopped after %lld s", argv[0], (long long)seconds);
}
