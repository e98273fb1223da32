// SPDX-License-Identifier: Apache-2.0
/* base/lockdown: children lock themselves down, and then try what they may and may not. */
#include "base/lockdown.h"

#include "base/alloc.h"
#include "base/fsx.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netdb.h>
#include <pthread.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#define EXIT_REFUSED 200 /* lockdown_enter() failed; no errno is so large */
#define MIB	     ((rlim_t)1024 * 1024)

/* Set by the parent, for children that would reach it. */
static pid_t parent;

/* Valgrind makes calls of its own in the process that it watches; no list has them. */
static void skip_under_valgrind(void)
{
	const char *preload = getenv("LD_PRELOAD");

	if (!preload || !strstr(preload, "vgpreload"))
		return;
	print_message("valgrind does not live through a lockdown\n");
	skip();
}

/* ---- attempts: 0, or an errno ------------------------------------------------------------------
 */

static int result_of(long r)
{
	return r < 0 ? errno : 0;
}

static int try_socket_inet(void)
{
	return result_of(socket(AF_INET, SOCK_STREAM, 0));
}

static int try_socket_inet6(void)
{
	int r = result_of(socket(AF_INET6, SOCK_STREAM, 0));

	return r == EAFNOSUPPORT ? 0 : r; /* a kernel without IPv6: it was asked */
}

static int try_socket_unix(void)
{
	return result_of(socket(AF_UNIX, SOCK_STREAM, 0));
}

static int try_socket_netlink(void)
{
	return result_of(socket(AF_NETLINK, SOCK_RAW, 0));
}

static int try_socket_packet(void)
{
	return result_of(socket(AF_PACKET, SOCK_RAW, 0));
}

static int try_socketpair(void)
{
	int pair[2];

	return result_of(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
}

static int try_connect(void)
{
	struct sockaddr address = { .sa_family = AF_UNIX };

	return result_of(connect(0, &address, sizeof(address)));
}

static int try_execve(void)
{
	char *argv[] = { (char *)"true", NULL };

	return result_of(execve("/bin/true", argv, NULL));
}

static int try_execveat(void)
{
	return result_of(syscall(SYS_execveat, AT_FDCWD, "/bin/true", NULL, NULL, 0));
}

static int try_fork(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid < 0 ? errno : result_of(waitpid(pid, NULL, 0));
}

static void *do_nothing(void *argument)
{
	return argument;
}

static int try_thread(void)
{
	pthread_t thread;
	int r = pthread_create(&thread, NULL, do_nothing, NULL);

	return r ? r : pthread_join(thread, NULL);
}

static int try_new_namespace(void)
{
	return result_of(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL));
}

static int try_unshare(void)
{
	return result_of(unshare(CLONE_NEWUSER));
}

static int try_ptrace(void)
{
	return result_of(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int try_mount(void)
{
	return result_of(mount("none", "/", "none", MS_REMOUNT, NULL));
}

static int try_module(void)
{
	return result_of(syscall(SYS_finit_module, -1, "", 0));
}

static int try_bpf(void)
{
	return result_of(syscall(SYS_bpf, 0, NULL, 0));
}

static int try_keyctl(void)
{
	return result_of(syscall(SYS_keyctl, 0, 0, 0, 0, 0));
}

static int try_kill(void)
{
	return result_of(kill(parent, 0));
}

static int try_tgkill(void)
{
	return result_of(syscall(SYS_tgkill, parent, parent, 0));
}

static int try_others_limit(void)
{
	struct rlimit limit;

	return result_of(prlimit(parent, RLIMIT_NOFILE, NULL, &limit));
}

static int try_typing_for_the_user(void)
{
	return result_of(ioctl(0, TIOCSTI, "x"));
}

#ifdef __x86_64__
/* getpid() of the x32 interface, whose numbers mean other things */
static int try_other_interface(void)
{
	return result_of(syscall(0x40000000 | SYS_getpid));
}
#endif

static int try_abort(void)
{
	abort();
}

static int try_raise(void)
{
	signal(SIGUSR1, SIG_IGN);
	return raise(SIGUSR1) ? errno : 0;
}

static int try_sleep(void)
{
	return result_of(nanosleep(&(struct timespec){ .tv_nsec = 1 }, NULL));
}

/* What a cache does: a folder, a file in it, replaced at once, listed and removed. */
static int try_files(void)
{
	char folder[] = "/tmp/klpd-lockdown-XXXXXX";
	_cleanup_close_ int dir = -1;
	_cleanup_free_ char *text = NULL;
	_cleanup_(fsx_names_freep)
	struct fsx_names *names = NULL;
	size_t len;
	int r;

	if (!mkdtemp(folder))
		return errno;
	dir = open(folder, O_RDONLY | O_DIRECTORY);
	r = fsx_write_atomic_at(dir, "file", "text", 4, 0644);
	if (r == 0)
		r = fsx_read_at(dir, "file", 10, &text, &len);
	if (r == 0)
		r = fsx_list_at(dir, ".", NULL, &names);
	unlinkat(dir, "file", 0);
	return r ? -r : result_of(rmdir(folder));
}

static int try_memory(void)
{
	void *memory = malloc(200 * MIB);

	if (!memory)
		return errno;
	free(memory);
	return 0;
}

static int try_name(void)
{
	struct addrinfo *found = NULL;
	int r = getaddrinfo("localhost", "80", NULL, &found);

	if (r == 0)
		freeaddrinfo(found);
	return r ? EHOSTUNREACH : 0;
}

/* ---- the table ---------------------------------------------------------------------------------
 */

#define KILLED (-SIGSYS)

static const struct {
	const char *what;
	int (*attempt)(void);
	int fetch, sealed, worker; /* 0, an errno, or a negative signal; sealed: no programs */
	bool strict;		   /* not in programs with AddressSanitizer */
} attempts[] = {
	{ "a TCP socket", try_socket_inet, 0, 0, KILLED, false },
	{ "an IPv6 socket", try_socket_inet6, 0, 0, KILLED, false },
	{ "a local socket", try_socket_unix, 0, 0, KILLED, false },
	{ "a netlink socket", try_socket_netlink, 0, 0, KILLED, false },
	{ "raw packets", try_socket_packet, ENOSYS, ENOSYS, KILLED, false },
	{ "a pair of sockets", try_socketpair, 0, 0, KILLED, false },
	{ "connecting what was inherited", try_connect, ENOTSOCK, ENOTSOCK, KILLED, false },
	{ "a program", try_execve, 0, KILLED, KILLED, false },
	{ "a program by descriptor", try_execveat, KILLED, KILLED, KILLED, false },
	{ "a process", try_fork, 0, EPERM, ENOSYS, true },
	{ "a thread", try_thread, 0, 0, ENOSYS, true },
	{ "a process in a new namespace", try_new_namespace, ENOSYS, EPERM, ENOSYS, true },
	{ "a new namespace", try_unshare, KILLED, KILLED, KILLED, false },
	{ "tracing", try_ptrace, KILLED, KILLED, KILLED, true },
	{ "mounting", try_mount, KILLED, KILLED, KILLED, false },
	{ "a kernel module", try_module, KILLED, KILLED, KILLED, false },
	{ "a BPF program", try_bpf, KILLED, KILLED, KILLED, false },
	{ "the keyring", try_keyctl, KILLED, KILLED, KILLED, false },
	{ "a signal to another process", try_kill, ENOSYS, ENOSYS, ENOSYS, false },
	{ "a signal to another's thread", try_tgkill, ENOSYS, ENOSYS, ENOSYS, false },
	{ "a limit of another process", try_others_limit, ENOSYS, ENOSYS, ENOSYS, false },
	{ "typing for the user", try_typing_for_the_user, ENOSYS, ENOSYS, ENOSYS, false },
#ifdef __x86_64__
	{ "another system call interface", try_other_interface, KILLED, KILLED, KILLED, false },
#endif
	{ "abort()", try_abort, -SIGABRT, -SIGABRT, -SIGABRT, false },
	{ "a signal to itself", try_raise, 0, 0, 0, false },
	{ "waiting", try_sleep, 0, 0, 0, false },
	{ "files", try_files, 0, 0, 0, false },
	{ "too much memory", try_memory, ENOMEM, ENOMEM, ENOMEM, true },
	{ "looking up a name", try_name, 0, 0, KILLED, false },
};

/* ---- children ----------------------------------------------------------------------------------
 */

enum kind {
	KIND_FETCH,
	KIND_SEALED,
	KIND_WORKER,
};

static void enter(enum kind kind)
{
	struct err err = ERR_INIT;

	if (lockdown_enter(kind == KIND_WORKER ? LOCKDOWN_WORKER : LOCKDOWN_FETCH, &err) < 0 ||
	    (kind == KIND_SEALED && lockdown_forbid_programs(&err) < 0)) {
		fprintf(stderr, "%s\n", err.message);
		_exit(EXIT_REFUSED);
	}
}

/* How a child ended: its exit status, or the signal, negated. */
static int end_of(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static int run_attempt(enum kind kind, int (*attempt)(void))
{
	pid_t pid = fork();

	if (pid == 0) {
		enter(kind);
		_exit(attempt());
	}
	return end_of(pid);
}

/* A new machine may have no /etc/hosts. */
static bool works_unlocked(int (*attempt)(void))
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(attempt());
	return end_of(pid) == 0;
}

static void test_attempts(void **state _unused_)
{
	skip_under_valgrind();
	for (size_t i = 0; i < ARRAY_SIZE(attempts); i++) {
		if (LOCKDOWN_RELAXED && attempts[i].strict)
			continue;
		print_message("# %s\n", attempts[i].what);
		if (attempts[i].attempt == try_name && !works_unlocked(try_name)) {
			print_message("# left out: localhost has no address here\n");
			continue;
		}
		assert_int_equal(run_attempt(KIND_FETCH, attempts[i].attempt), attempts[i].fetch);
		assert_int_equal(run_attempt(KIND_SEALED, attempts[i].attempt), attempts[i].sealed);
		assert_int_equal(run_attempt(KIND_WORKER, attempts[i].attempt), attempts[i].worker);
	}
}

/* ---- the state they are in ---------------------------------------------------------------------
 */

/* The child of a test that looks at it from outside: locked down, and waiting. */
struct locked {
	pid_t pid;
	int go;
};

static struct locked locked_start(enum kind kind)
{
	int ready[2], go[2];
	struct locked child;
	char byte;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	child.pid = fork();
	if (child.pid == 0) {
		close(go[1]);
		enter(kind);
		close(ready[1]);
		_exit(read(go[0], &byte, 1) == 0 ? 0 : 1);
	}
	close(ready[1]);
	close(go[0]);
	assert_int_equal(read(ready[0], &byte, 1), 0);
	close(ready[0]);
	child.go = go[1];
	return child;
}

static void locked_end(const struct locked *child)
{
	close(child->go);
	assert_int_equal(end_of(child->pid), 0);
}

static char *read_proc(pid_t pid, const char *name)
{
	_cleanup_free_ char *path = xasprintf("/proc/%d/%s", (int)pid, name);
	char *text = NULL;
	size_t len;

	assert_int_equal(fsx_read_at(AT_FDCWD, path, 65536, &text, &len), 0);
	return text;
}

static uint64_t field(const char *status, const char *key, int base)
{
	_cleanup_free_ char *line = xasprintf("\n%s:\t", key);
	const char *found = strstr(status, line);

	assert_non_null(found);
	return strtoull(found + strlen(line), NULL, base);
}

static void check_status(enum kind kind, uint64_t filters)
{
	static const char *const sets[] = { "CapInh", "CapPrm", "CapEff", "CapAmb" };
	_cleanup_free_ char *ours = read_proc(getpid(), "status");
	struct locked child = locked_start(kind);
	_cleanup_free_ char *status = read_proc(child.pid, "status");

	assert_int_equal(field(status, "NoNewPrivs", 10), 1);
	assert_int_equal(field(status, "Seccomp", 10), SECCOMP_MODE_FILTER);
	if (strstr(status, "\nSeccomp_filters:")) /* Linux 5.9 */
		assert_int_equal(field(status, "Seccomp_filters", 10),
				 field(ours, "Seccomp_filters", 10) + filters);
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++)
		assert_int_equal(field(status, sets[i], 16), 0);
	if (field(ours, "CapEff", 16) & 1U << CAP_SETPCAP)
		assert_int_equal(field(status, "CapBnd", 16), 0);
	locked_end(&child);
}

static void test_status(void **state _unused_)
{
	skip_under_valgrind();
	check_status(KIND_FETCH, 1);
	check_status(KIND_SEALED, 2);
	check_status(KIND_WORKER, 1);
}

static const struct {
	enum kind kind;
	int resource;
	rlim_t max;
	bool strict;
} limits[] = {
	{ KIND_FETCH, RLIMIT_CORE, 0, false },
	{ KIND_FETCH, RLIMIT_NOFILE, 256, false },
	{ KIND_FETCH, RLIMIT_FSIZE, 5120 * MIB, false },
	{ KIND_FETCH, RLIMIT_DATA, 128 * MIB, true },
	{ KIND_FETCH, RLIMIT_NPROC, RLIM_INFINITY, false }, /* threads look up names */
	{ KIND_WORKER, RLIMIT_CORE, 0, false },
	{ KIND_WORKER, RLIMIT_NOFILE, 64, false },
	{ KIND_WORKER, RLIMIT_FSIZE, 1024 * MIB, false },
	{ KIND_WORKER, RLIMIT_DATA, 96 * MIB, true },
	{ KIND_WORKER, RLIMIT_NPROC, 0, true },
};

static rlim_t lower(rlim_t a, rlim_t b)
{
	return a < b ? a : b;
}

/* Lower than ours, or ours; for good. */
static void test_limits(void **state _unused_)
{
	skip_under_valgrind();
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		__rlimit_resource_t resource = (__rlimit_resource_t)limits[i].resource;
		struct locked child;
		struct rlimit ours, now;

		if (LOCKDOWN_RELAXED && limits[i].strict)
			continue;
		child = locked_start(limits[i].kind);
		assert_int_equal(getrlimit(resource, &ours), 0);
		assert_int_equal(prlimit(child.pid, resource, NULL, &now), 0);
		assert_int_equal(now.rlim_max, lower(limits[i].max, ours.rlim_max));
		assert_int_equal(now.rlim_cur, lower(limits[i].max, ours.rlim_cur));
		locked_end(&child);
	}
}

static void test_last_in_every_queue(void **state _unused_)
{
	_cleanup_free_ char *score = NULL;
	struct locked child;

	skip_under_valgrind();
	child = locked_start(KIND_WORKER);
	score = read_proc(child.pid, "oom_score_adj");
	assert_string_equal(score, "1000\n");
	assert_true(getpriority(PRIO_PROCESS, (id_t)child.pid) >= 10);
	assert_int_equal(syscall(SYS_ioprio_get, 1, child.pid), 2 << 13 | 7);
	locked_end(&child);
}

/* ---- no protection, no work --------------------------------------------------------------------
 */

static void refuse(const char *name, int argument)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	struct scmp_arg_cmp value = { .op = SCMP_CMP_EQ, .datum_a = (scmp_datum_t)argument };

	if (seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EPERM),
				   seccomp_syscall_resolve_name(name), argument ? 1 : 0, &value) ||
	    seccomp_load(filter))
		_exit(EXIT_REFUSED + 1);
	seccomp_release(filter);
}

static const struct {
	const char *what, *call;
	int argument;
	const char *sentence;
} refusals[] = {
	{ "no_new_privs", "prctl", PR_SET_NO_NEW_PRIVS,
	  "klpd-worker does not work unprotected, and the kernel refuses no_new_privs: Operation "
	  "not permitted; " },
	{ "a filter", "seccomp", 0,
	  "klpd-worker does not work unprotected, and the kernel refuses a system call filter: " },
	{ "a limit", "prlimit64", 0,
	  "klpd-worker does not work unprotected, and the kernel refuses a limit: " },
	{ "a loss of capabilities", "capset", 0,
	  "klpd-worker does not work unprotected, and the kernel refuses to take capabilities "
	  "away: " },
};

static void test_refusals(void **state _unused_)
{
	skip_under_valgrind();
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		struct err err = ERR_INIT;
		pid_t pid = fork();

		print_message("# %s\n", refusals[i].what);
		if (pid == 0) {
			if (streq(refusals[i].call, "seccomp"))
				refuse("prctl", PR_SET_SECCOMP); /* the older way */
			refuse(refusals[i].call, refusals[i].argument);
			if (lockdown_enter(LOCKDOWN_WORKER, &err) == 0)
				_exit(0);
			_exit(starts_with(err.message, refusals[i].sentence) ? err.status
									     : EXIT_REFUSED);
		}
		/* who has no capabilities does not ask for their loss */
		assert_int_equal(end_of(pid), streq(refusals[i].call, "capset") && geteuid() != 0
						      ? 0
						      : EXIT_STATUS_SOFTWARE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_attempts), cmocka_unit_test(test_status),
		cmocka_unit_test(test_limits),	 cmocka_unit_test(test_last_in_every_queue),
		cmocka_unit_test(test_refusals),
	};

	parent = getpid();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
