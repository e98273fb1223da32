// SPDX-License-Identifier: Apache-2.0
#include "apply/load.h"

#include "apply/output.h"
#include "apply/stage.h"
#include "base/alloc.h"
#include "base/fsx.h"
#include "base/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include <rpm/header.h>
#include <rpm/rpmtd.h>

#define SUFFIX ".ko"

/* "/x/klp-a.ko" -> "klp_a". To be freed. */
static char *module_name(const char *file)
{
	const char *base = strrchr(file, '/') + 1;
	char *name = xstrndup(base, strlen(base) - strlen(SUFFIX));

	for (char *p = name; *p; p++)
		if (*p == '-')
			*p = '_';
	return name;
}

static bool is_enabled(int root, const char *module)
{
	_cleanup_free_ char *path = xasprintf("sys/kernel/livepatch/%s/enabled", module);
	_cleanup_free_ char *text = NULL;
	size_t len;

	return fsx_read_at(root, path, 64, &text, &len) == 0 && *text == '1';
}

static void become(const char *loader, const char *file, int output)
{
	char *const argv[] = { (char *)loader, (char *)"load", (char *)file, NULL };
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
	execve(loader, argv, env);
	dprintf(STDERR_FILENO, "%s cannot be started: %s\n", loader, strerror(errno));
	_exit(127);
}

/* Waits for @child, not longer than @seconds; SIGCHLD is blocked. False: it had to be killed. */
static bool wait_for(pid_t child, int64_t seconds)
{
	int64_t end = loop_now() + seconds * 1000;
	sigset_t set;
	int status;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	while (waitpid(child, &status, WNOHANG) == 0) {
		int64_t left = end - loop_now();
		struct timespec limit = { .tv_sec = left / 1000, .tv_nsec = left % 1000 * 1000000 };

		if (left <= 0) {
			kill(-child, SIGKILL);
			waitpid(child, &status, 0);
			return false;
		}
		sigtimedwait(&set, NULL, &limit);
	}
	return true;
}

/* Runs the loader; what it wrote is told and returned, to be freed. */
static char *run_loader(struct channel *channel, const struct guard *guard, int root,
			const char *file, struct err *err)
{
	_cleanup_close_ int output = stage_scratch(root, err);
	const struct options *o = guard->options;
	char *said;
	pid_t child;

	if (output < 0)
		return NULL;
	child = fork();
	if (child == 0)
		become(o->loader, file, output);
	if (child < 0) {
		err_set_errno(err, EXIT_STATUS_TEMPFAIL, errno, "%s cannot be started", o->loader);
		return NULL;
	}
	setpgid(child, child);
	if (wait_for(child, o->load_wait))
		return output_tell(channel, output);
	said = output_tell(channel, output);
	free(said);
	return xasprintf("%s was stopped after %lld s", o->loader, (long long)o->load_wait);
}

static int load_module(struct channel *channel, const struct guard *guard, int root,
		       const char *file, struct err *err)
{
	_cleanup_free_ char *module = module_name(file), *said = NULL;
	size_t len;

	if (is_enabled(root, module)) {
		channel_tell(channel, APPLY_MODULE, module, 0, "it was loaded already");
		return 0;
	}
	said = run_loader(channel, guard, root, file, err);
	if (!said)
		return -1;
	if (is_enabled(root, module)) {
		channel_tell(channel, APPLY_MODULE, module, 0, "");
		return 0;
	}
	len = strlen(said);
	channel_tell(channel, APPLY_MODULE, module, EXIT_STATUS_FAILED,
		     len < APPLY_TEXT_MAX ? said : said + len - APPLY_TEXT_MAX + 1);
	return 1;
}

int load_package(struct channel *channel, const struct guard *guard, int root, Header h,
		 struct err *err)
{
	_cleanup_free_ char *folder = xasprintf("/%s/", guard->release);
	struct rpmtd_s files;
	const char *file;
	int failed = 0, r = 0;

	if (!headerGet(h, RPMTAG_FILENAMES, &files, HEADERGET_EXT))
		return 0;
	while (r >= 0 && (file = rpmtdNextString(&files)))
		if (ends_with(file, SUFFIX) && strstr(file, folder)) {
			r = load_module(channel, guard, root, file, err);
			failed += r > 0;
		}
	rpmtdFreeData(&files);
	return r < 0 ? -1 : failed;
}
