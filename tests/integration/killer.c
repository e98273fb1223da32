// SPDX-License-Identifier: Apache-2.0
/*
 * Preloaded into a program: kills it at its KILL_AT'th call that changes a file system, so that a
 * test can stop it before every such step. With KILL_COUNT=FILE nothing is killed, and the number
 * of calls is written to FILE at the end.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static long calls, at;
static char path[4096];

/* At once: the program may clear its environment. */
__attribute__((constructor)) static void ask(void)
{
	if (getenv("KILL_AT"))
		at = atol(getenv("KILL_AT"));
	if (getenv("KILL_COUNT"))
		snprintf(path, sizeof(path), "%s", getenv("KILL_COUNT"));
}

static void step(void)
{
	if (++calls == at)
		kill(getpid(), SIGKILL);
}

__attribute__((destructor)) static void tell(void)
{
	FILE *file = *path ? fopen(path, "w") : NULL;

	if (file) {
		fprintf(file, "%ld\n", calls);
		fclose(file);
	}
}

#define REAL(name)                                                                                 \
	static __typeof__(name) *real;                                                             \
	if (!real)                                                                                 \
	real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

#define CHANGES(type, name, parameters, arguments)                                                 \
	type name parameters                                                                       \
	{                                                                                          \
		REAL(name);                                                                        \
		step();                                                                            \
		return real arguments;                                                             \
	}

CHANGES(int, rename, (const char *a, const char *b), (a, b))
CHANGES(int, renameat, (int d, const char *a, int e, const char *b), (d, a, e, b))
CHANGES(int, unlink, (const char *a), (a))
CHANGES(int, unlinkat, (int d, const char *a, int f), (d, a, f))
CHANGES(int, mkdir, (const char *a, mode_t m), (a, m))
CHANGES(int, mkdirat, (int d, const char *a, mode_t m), (d, a, m))
CHANGES(int, rmdir, (const char *a), (a))
CHANGES(int, symlink, (const char *a, const char *b), (a, b))
CHANGES(int, link, (const char *a, const char *b), (a, b))
CHANGES(int, fsync, (int fd), (fd))
CHANGES(int, fdatasync, (int fd), (fd))
CHANGES(int, ftruncate, (int fd, off_t n), (fd, n))
CHANGES(int, ftruncate64, (int fd, off64_t n), (fd, n))
CHANGES(int, chmod, (const char *a, mode_t m), (a, m))
CHANGES(int, fchmod, (int fd, mode_t m), (fd, m))
CHANGES(int, fchown, (int fd, uid_t u, gid_t g), (fd, u, g))
CHANGES(ssize_t, pwrite, (int fd, const void *b, size_t n, off_t o), (fd, b, n, o))
CHANGES(ssize_t, pwrite64, (int fd, const void *b, size_t n, off64_t o), (fd, b, n, o))

/* Only files: what goes into a pipe or a socket changes nothing. */
ssize_t write(int fd, const void *bytes, size_t n)
{
	struct stat st;
	REAL(write);

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		step();
	return real(fd, bytes, n);
}

#define OPENS(function, head, first)                                                               \
	int function(head const char *name, int flags, ...)                                        \
	{                                                                                          \
		va_list ap;                                                                        \
		mode_t mode;                                                                       \
		REAL(function);                                                                    \
                                                                                                   \
		va_start(ap, flags);                                                               \
		mode = va_arg(ap, mode_t);                                                         \
		va_end(ap);                                                                        \
		if (flags & (O_CREAT | O_TRUNC))                                                   \
			step();                                                                    \
		return real(first name, flags, mode);                                              \
	}
#define NOTHING
OPENS(open, NOTHING, NOTHING)
OPENS(open64, NOTHING, NOTHING)
#define DIRECTORY_PARAMETER int dir,
#define DIRECTORY_ARGUMENT  dir,
OPENS(openat, DIRECTORY_PARAMETER, DIRECTORY_ARGUMENT)
OPENS(openat64, DIRECTORY_PARAMETER, DIRECTORY_ARGUMENT)
