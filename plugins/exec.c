// SPDX-License-Identifier: Apache-2.0
/*
 * exec: a program gets each report as JSON on standard input
 *
 *   program: /usr/local/bin/to-our-cmdb
 *
 * Exit status 0: it has it. 65 (EX_DATAERR): it never will, the report is given up. Any other: not
 * now, it gets the report again. Its last line on standard error is what is told. It runs as user
 * klpd, without privileges to gain, and is killed with klpd-publish when the time is up.
 */
#include "common.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DATA_ERROR  65
#define NOT_STARTED 127
#define LAST_WORDS  512

struct exec {
	const struct klpd_host *host;
	const char *program;
};

static int open_exec(const struct klpd_host *host, const struct klpd_setting *settings, size_t n,
		     void **ret)
{
	static const char *const keys[] = { "program", NULL };
	static struct exec exec;
	struct stat st;

	exec.host = host;
	exec.program = common_setting(settings, n, "program", NULL);
	*ret = &exec;
	if (common_check_keys(host, settings, n, keys) < 0 ||
	    common_check_path(host, "program", exec.program) < 0)
		return KLPD_WRONG;
	if (stat(exec.program, &st) < 0 || !S_ISREG(st.st_mode) || access(exec.program, X_OK) < 0)
		return common_explain(host, KLPD_WRONG, "program: %s cannot be run: %s",
				      exec.program, strerror(errno ? errno : EACCES));
	if ((st.st_uid != 0 && st.st_uid != geteuid()) || (st.st_mode & (S_IWGRP | S_IWOTH)))
		return common_explain(host, KLPD_WRONG,
				      "program: %s: somebody else than root may write it",
				      exec.program);
	return KLPD_OK;
}

static void become(const char *program, int input, int errors)
{
	char *const argv[] = { (char *)program, NULL };
	char *const env[] = { (char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", (char *)"LANG=C",
			      NULL };
	int null = open("/dev/null", O_WRONLY);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_DFL);
	if (null < 0 || dup2(input, 0) < 0 || dup2(null, 1) < 0 || dup2(errors, 2) < 0)
		_exit(NOT_STARTED);
	execve(program, argv, env);
	_exit(NOT_STARTED);
}

/* The last bytes of what it wrote are kept in @said. */
static void keep(char said[LAST_WORDS + 1], const char *bytes, size_t n)
{
	size_t have = strlen(said);

	if (n > LAST_WORDS) {
		bytes += n - LAST_WORDS;
		n = LAST_WORDS;
	}
	if (have + n > LAST_WORDS) {
		memmove(said, said + have + n - LAST_WORDS, LAST_WORDS - n);
		have = LAST_WORDS - n;
	}
	memcpy(said + have, bytes, n);
	said[have + n] = '\0';
}

/* Feeds it and listens to it, until it has closed both ends. */
static void talk(int *input, int errors, const char *json, size_t len, char said[LAST_WORDS + 1])
{
	struct pollfd fds[2] = { { .fd = errors, .events = POLLIN },
				 { .fd = *input, .events = POLLOUT } };
	char block[4096];
	ssize_t n = 1;

	fcntl(*input, F_SETFL, O_NONBLOCK);
	while (n > 0) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			break;
		if (fds[1].fd >= 0 && fds[1].revents) {
			ssize_t written = write(*input, json, len);

			if (written > 0) {
				json += written;
				len -= (size_t)written;
			}
			if (len == 0 || (written < 0 && errno != EAGAIN && errno != EINTR)) {
				close(*input);
				*input = fds[1].fd = -1;
			}
		}
		if (!fds[0].revents)
			continue;
		n = read(errors, block, sizeof(block));
		if (n > 0)
			keep(said, block, (size_t)n);
	}
}

static const char *last_line(char *said)
{
	size_t len = strlen(said);
	char *newline;

	while (len && said[len - 1] == '\n')
		said[--len] = '\0';
	newline = strrchr(said, '\n');
	return newline ? newline + 1 : said;
}

static int judge(const struct exec *e, int status, char *said)
{
	const char *words = last_line(said), *colon = *words ? ": " : "";

	if (WIFSIGNALED(status))
		return common_explain(e->host, KLPD_RETRY, "%s was ended by signal %d%s%s",
				      e->program, WTERMSIG(status), colon, words);
	if (WEXITSTATUS(status) == 0)
		return KLPD_OK;
	return common_explain(e->host, WEXITSTATUS(status) == DATA_ERROR ? KLPD_DROP : KLPD_RETRY,
			      "%s ended with exit status %d%s%s", e->program, WEXITSTATUS(status),
			      colon, words);
}

static int publish(void *state, const struct klpd_report *report)
{
	const struct exec *e = state;
	char said[LAST_WORDS + 1] = "";
	int input[2], errors[2], status = 0;
	pid_t child;

	if (pipe2(input, O_CLOEXEC) < 0 || pipe2(errors, O_CLOEXEC) < 0)
		return common_explain(e->host, KLPD_RETRY, "no pipe: %s", strerror(errno));
	child = fork();
	if (child == 0)
		become(e->program, input[0], errors[1]);
	close(input[0]);
	close(errors[1]);
	if (child < 0)
		return common_explain(e->host, KLPD_RETRY, "%s cannot be started: %s", e->program,
				      strerror(errno));
	talk(&input[1], errors[0], report->json, report->json_len, said);
	if (input[1] >= 0)
		close(input[1]);
	close(errors[0]);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return judge(e, status, said);
}

const struct klpd_plugin klpd_plugin = {
	.abi = KLPD_PLUGIN_ABI,
	.needs = KLPD_NEEDS_PROGRAMS,
	.size = sizeof(klpd_plugin),
	.text = "a program gets each report on standard input",
	.open = open_exec,
	.publish = publish,
};
