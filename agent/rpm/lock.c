// SPDX-License-Identifier: Apache-2.0
#include "rpm/lock.h"

#include "base/alloc.h"
#include "base/fsx.h"
#include "base/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <time.h>

#define POLL_NSEC (200 * 1000 * 1000L)

/* Files that hold the process id of a package manager at work. */
static const struct {
	const char *path, *tool;
} pid_files[] = {
	{ "var/run/yum.pid", "yum" },
	{ "var/cache/dnf/metadata_lock.pid", "dnf" },
	{ "var/lib/dnf/rpmdb_lock.pid", "dnf" },
};

/* Locked by fcntl() for as long as a transaction runs. */
static const char *const rpm_locks[] = { "var/lib/rpm/.rpm.lock",
					 "usr/lib/sysimage/rpm/.rpm.lock" };

/* Where not even the signal 0 may be sent (klpd-worker), /proc tells. */
static bool is_alive(pid_t pid)
{
	_cleanup_free_ char *path = NULL;

	if (kill(pid, 0) == 0 || errno == EPERM)
		return true;
	if (errno != ENOSYS)
		return false;
	path = xasprintf("/proc/%d", (int)pid);
	return access(path, F_OK) == 0;
}

static pid_t pid_in(int root, const char *path)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	long pid;

	if (fsx_read_at(root, path, 64, &text, &len) < 0)
		return 0;
	pid = strtol(text, NULL, 10);
	/* a file that a killed process left means nothing */
	return pid > 0 && pid <= INT_MAX && is_alive((pid_t)pid) ? (pid_t)pid : 0;
}

static pid_t pid_of_lock(int root, const char *path)
{
	_cleanup_close_ int fd = fsx_open_at(root, path, O_RDONLY);
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (fd < 0 || fcntl(fd, F_GETLK, &lock) < 0 || lock.l_type == F_UNLCK)
		return 0;
	return lock.l_pid;
}

char *lock_holder(int root)
{
	pid_t pid;

	for (size_t i = 0; i < ARRAY_SIZE(pid_files); i++)
		if ((pid = pid_in(root, pid_files[i].path)))
			return xasprintf("%s (pid %d)", pid_files[i].tool, (int)pid);
	for (size_t i = 0; i < ARRAY_SIZE(rpm_locks); i++)
		if ((pid = pid_of_lock(root, rpm_locks[i])))
			return xasprintf("an rpm transaction (pid %d)", (int)pid);
	return NULL;
}

int lock_wait(int root, int64_t seconds, void (*on_wait)(const char *holder, void *),
	      void *userdata, struct err *err)
{
	_cleanup_free_ char *last = NULL;
	int64_t end = loop_now() + seconds * 1000;

	for (;;) {
		_cleanup_free_ char *who = lock_holder(root);

		if (!who)
			return 0;
		if (loop_now() >= end)
			return err_set(err, EXIT_STATUS_TEMPFAIL,
				       "%s works on the packages of this node for longer than "
				       "%lld s; try again when it has ended",
				       who, (long long)seconds);
		if (!streq_null(who, last)) {
			on_wait(who, userdata);
			free(last);
			last = TAKE_PTR(who);
		}
		nanosleep(&(struct timespec){ .tv_nsec = POLL_NSEC }, NULL);
	}
}
