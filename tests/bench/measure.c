// SPDX-License-Identifier: Apache-2.0
/*
 * What a command costs, with all the processes that it waits for:
 *
 *   measure [--limit=BYTES] COMMAND...
 *
 * Its output goes where ours does; the last line on standard error is
 * "measure WALL_US CPU_US PEAK_KIB STATUS". It is a small program of its own, for a child's peak of
 * memory begins with that of whom it was forked from. --limit: RLIMIT_DATA of each process.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int64_t us(struct timeval t)
{
	return (int64_t)t.tv_sec * 1000000 + t.tv_usec;
}

int main(int argc, char **argv)
{
	const char *limit = "--limit=";
	struct rusage use;
	int64_t start;
	int status;
	pid_t pid;

	argv++;
	if (argc > 1 && strncmp(*argv, limit, strlen(limit)) == 0) {
		rlim_t bytes = strtoull(*argv++ + strlen(limit), NULL, 10);

		setrlimit(RLIMIT_DATA, &(struct rlimit){ bytes, bytes });
	}
	if (!*argv)
		return 64;
	start = now_us();
	pid = fork();
	if (pid == 0) {
		execvp(*argv, argv);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &use) != pid)
		return 1;
	fprintf(stderr, "measure %lld %lld %ld %d\n", (long long)(now_us() - start),
		(long long)(us(use.ru_utime) + us(use.ru_stime)), use.ru_maxrss,
		WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return 0;
}
