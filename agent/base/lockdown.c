// SPDX-License-Identifier: Apache-2.0

/*
 * The adapter for libseccomp, 2.4 and later
 *
 * Why a call that is not listed fails with ENOSYS: to a C library it is a call that this kernel
 * does not have, and it falls back to an older one (clone3 to clone, faccessat2 to faccessat),
 * which is listed. So the lists hold both generations of every family, and a newer C library or
 * kernel adds no row as long as it knows the old way. Names that an architecture lacks (open on
 * aarch64) or that libseccomp does not know yet are passed over.
 *
 * Why some calls kill: nothing that we link tries them, so whoever does is not us any more.
 *
 * Why the worker keeps so little: it parses what came from the network. It has no sockets, not even
 * for a name service or syslog, starts nothing and signals nobody. klpd-fetch needs sockets, and
 * threads for looking up names. librepo checks signatures (repo_gpgcheck) through gpg, which it
 * starts as a program: allowed until lockdown_forbid_programs(). klpd-publish is as one or the
 * other, as the plugin needs; one that starts programs of the operator's cannot have a filter, for
 * they would inherit it.
 */
#include "base/lockdown.h"

#include "base/fsx.h"
#include "base/meminfo.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define KIB	((rlim_t)1024)
#define MIB	(1024 * KIB)
#define GIB	(1024 * MIB)

#define FETCH	(1U << LOCKDOWN_FETCH)
#define WORKER	(1U << LOCKDOWN_WORKER)
#define PUBLISH (1U << LOCKDOWN_PUBLISH)
#define UPLOAD	(1U << LOCKDOWN_UPLOAD)
#define ONLINE	(FETCH | UPLOAD)
#define OFFLINE (WORKER | PUBLISH)
#define ALL	(ONLINE | OFFLINE)
/* What sanitizers need of their own: never in a program that ships. */
#define RELAXED (LOCKDOWN_RELAXED ? ALL : 0)

/* Less than that available in the machine, and we do not start: twice our own goal of 24 MiB. */
#define MEMORY_FLOOR (48 * MIB)
/* The first that the kernel ends when memory runs out: nothing is lost with us. */
#define OOM_SCORE_ADJ "1000"
#define NICE	      10
/* linux/ioprio.h: the lowest level of the class best-effort. Idle would starve on a busy disk. */
#define IOPRIO_WHO_PROCESS 1
#define IOPRIO		   (2 << 13 | 7)

static const char *const names[] = {
	[LOCKDOWN_FETCH] = "klpd-fetch",     [LOCKDOWN_WORKER] = "klpd-worker",
	[LOCKDOWN_PUBLISH] = "klpd-publish", [LOCKDOWN_UPLOAD] = "klpd-publish",
	[LOCKDOWN_START] = "klpd-publish",
};

/* ---- the tables ------------------------------------------------------------------------------ */

/*
 * Memory is private writable pages, touched or not (RLIMIT_DATA); RLIMIT_AS would count libraries
 * and mapped databases too. Measured, least that suffices: worker 5 MiB for a merged repository of
 * 10,000 packages, 32 MiB for 50,000 of which 2,500 are livepatches; fetch 2 MiB, with TLS and a
 * thread that looks up a name 24 MiB. Beyond three times that, something is wrong.
 *
 * Processes are counted for all of a user, threads too: there is no number that fits klpd-fetch.
 */
static const struct limit {
	unsigned int who;
	int resource;
	rlim_t max;
} limits[] = {
	{ ALL, RLIMIT_CORE, 0 },
	{ OFFLINE, RLIMIT_NOFILE, 64 },
	{ ONLINE, RLIMIT_NOFILE, 256 },
	{ OFFLINE & ~RELAXED, RLIMIT_NPROC, 0 },
	{ WORKER, RLIMIT_FSIZE, GIB },	  /* a copy of the package database */
	{ FETCH, RLIMIT_FSIZE, 5 * GIB }, /* max_file_size may be 4 GiB */
	{ (PUBLISH | UPLOAD), RLIMIT_FSIZE, GIB },
	{ OFFLINE & ~RELAXED, RLIMIT_DATA, 96 * MIB },
	{ ONLINE & ~RELAXED, RLIMIT_DATA, 128 * MIB },
};

/* Calls that succeed or fail as they always do. */
static const struct calls {
	unsigned int who;
	const char *names;
} allowed[] = {
	/* descriptors */
	{ ALL, "read readv pread64 preadv preadv2 write writev pwrite64 pwritev pwritev2 lseek" },
	{ ALL, "open openat openat2 close close_range dup dup2 dup3 fcntl flock pipe pipe2" },
	{ ALL, "poll ppoll select pselect6 sendfile copy_file_range fadvise64 readahead" },
	{ ONLINE, "epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait eventfd eventfd2" },
	/* looking at files */
	{ ALL, "stat lstat fstat newfstatat statx statfs fstatfs access faccessat faccessat2" },
	{ ALL, "readlink readlinkat getdents getdents64 getcwd chdir fchdir" },
	/* changing them */
	{ ALL, "mkdir mkdirat rmdir unlink unlinkat rename renameat renameat2 link linkat umask" },
	{ ALL, "chmod fchmod fchmodat chown fchown fchownat utime utimes futimesat utimensat" },
	{ ALL, "truncate ftruncate fallocate fsync fdatasync" },
	{ FETCH, "getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr" },
	{ FETCH, "setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr" },
	/* memory */
	{ ALL, "brk mmap munmap mremap mprotect madvise mincore msync mlock mlock2 munlock" },
	/* time */
	{ ALL, "clock_gettime clock_getres gettimeofday time times nanosleep clock_nanosleep" },
	{ ALL, "alarm getitimer setitimer" },
	/* who and what we are */
	{ ALL, "getpid getppid gettid getpgrp getpgid getsid getuid geteuid getgid getegid" },
	{ ALL, "getresuid getresgid getgroups capget getrlimit getrusage getpriority" },
	{ ALL, "uname sysinfo getcpu getrandom sched_yield sched_getaffinity sched_getparam" },
	{ ALL, "sched_getscheduler sched_get_priority_max sched_get_priority_min" },
	{ FETCH, "setrlimit" }, /* klpd-fetch limits each file */
	/* signals and threads */
	{ ALL, "rt_sigaction rt_sigprocmask rt_sigpending rt_sigreturn rt_sigsuspend" },
	{ ALL, "rt_sigtimedwait sigaltstack restart_syscall pause futex membarrier rseq" },
	{ ALL, "set_robust_list get_robust_list set_tid_address arch_prctl exit exit_group" },
	/* network */
	{ ONLINE, "connect bind getsockname getpeername getsockopt setsockopt shutdown" },
	{ ONLINE, "sendto sendmsg sendmmsg recvfrom recvmsg recvmmsg" },
	/* gpg, and lockdown_forbid_programs() */
	{ FETCH, "fork vfork execve wait4 waitid prctl seccomp" },
	/* LeakSanitizer's tracer */
	{ RELAXED, "clone prctl ptrace wait4 sched_setaffinity personality" },
};

#define MASKED(mask, value)                                                                        \
	{                                                                                          \
		.op = SCMP_CMP_MASKED_EQ, .datum_a = (mask), .datum_b = (value)                    \
	}
#define EQUAL(value)                                                                               \
	{                                                                                          \
		.op = SCMP_CMP_EQ, .datum_a = (value)                                              \
	}
#define NEW_NAMESPACES                                                                             \
	(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | \
	 CLONE_NEWCGROUP)

/* Calls that do so for one value of an argument. */
static const struct call {
	unsigned int who;
	const char *name;
	unsigned int argument;
	struct scmp_arg_cmp value;
} allowed_for[] = {
	{ ALL, "prlimit64", 0, EQUAL(0) }, /* ourselves */
	{ ONLINE, "socket", 0, EQUAL(AF_INET) },
	{ ONLINE, "socket", 0, EQUAL(AF_INET6) },
	{ ONLINE, "socket", 0, EQUAL(AF_UNIX) },    /* name services */
	{ ONLINE, "socket", 0, EQUAL(AF_NETLINK) }, /* getaddrinfo() asks which addresses we have */
	{ ONLINE, "socketpair", 0, EQUAL(AF_UNIX) },
	{ ONLINE, "ioctl", 1, EQUAL(TCGETS) }, /* isatty(); no TIOCSTI, which types for the user */
	{ ONLINE, "ioctl", 1, EQUAL(FIONBIO) },
	{ ONLINE, "ioctl", 1, EQUAL(FIONREAD) },
	{ ONLINE, "clone", 0, MASKED(NEW_NAMESPACES, 0) },
};

/* Calls that end the process; not where the tables above allow them. */
static const struct calls fatal[] = {
	{ ALL & ~RELAXED, "ptrace" },
	{ ALL, "process_vm_readv process_vm_writev pidfd_getfd kcmp execveat" },
	{ ALL, "mount umount2 pivot_root chroot move_mount open_tree fsopen fsconfig" },
	{ ALL, "fsmount fspick mount_setattr setns unshare open_by_handle_at" },
	{ ALL, "init_module finit_module delete_module kexec_load kexec_file_load reboot" },
	{ ALL, "bpf perf_event_open userfaultfd io_uring_setup io_uring_enter" },
	{ ALL, "io_uring_register add_key keyctl request_key iopl ioperm modify_ldt" },
	{ ALL, "swapon swapoff acct quotactl syslog settimeofday clock_settime adjtimex" },
	{ ALL, "clock_adjtime sethostname setdomainname" },
	{ OFFLINE, "execve socket socketpair connect bind listen accept accept4 sendto sendmsg" },
	{ OFFLINE, "sendmmsg recvfrom recvmsg recvmmsg" },
	{ UPLOAD, "execve fork vfork" },
};

/* ---- the steps ------------------------------------------------------------------------------- */

static int refused(enum lockdown_program program, const char *what, int error, struct err *err)
{
	return err_set(err, EXIT_STATUS_SOFTWARE,
		       "%s does not work unprotected, and the kernel refuses %s: %s; a kernel with "
		       "seccomp filters is needed, and a service or container that may use them",
		       names[program], what, strerror(error));
}

static int check_memory(enum lockdown_program program, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (fsx_read_at(AT_FDCWD, "/proc/meminfo", MEMINFO_BYTES_MAX, &text, &len) < 0)
		return 0; /* no /proc: not known */
	return meminfo_check(text, names[program], MEMORY_FLOOR, err);
}

/* Manners, not protection: what fails here is left as it was. */
static void step_back(void)
{
	_cleanup_close_ int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd >= 0)
		(void)!write(fd, OOM_SCORE_ADJ, strlen(OOM_SCORE_ADJ));
	if (getpriority(PRIO_PROCESS, 0) < NICE)
		setpriority(PRIO_PROCESS, 0, NICE);
	syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO);
}

static int lower_limits(enum lockdown_program program, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		struct rlimit now;

		if (!(limits[i].who & 1U << program))
			continue;
		if (getrlimit((__rlimit_resource_t)limits[i].resource, &now) < 0)
			return refused(program, "a limit", errno, err);
		if (now.rlim_max > limits[i].max)
			now.rlim_max = limits[i].max;
		if (now.rlim_cur > now.rlim_max)
			now.rlim_cur = now.rlim_max;
		if (setrlimit((__rlimit_resource_t)limits[i].resource, &now) < 0)
			return refused(program, "a limit", errno, err);
	}
	return 0;
}

static bool has_capabilities(struct __user_cap_header_struct *header)
{
	struct __user_cap_data_struct now[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (syscall(SYS_capget, header, now) < 0)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(now); i++)
		if (now[i].effective | now[i].permitted | now[i].inheritable)
			return true;
	return false;
}

/*
 * Root's too: files are then read and written as anybody would with that user id. As a service
 * there are none to drop, and the call is not ours to make.
 */
static int drop_capabilities(enum lockdown_program program, struct err *err)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };
	unsigned long cap = 0;

	if (!has_capabilities(&header))
		return 0;
	while (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) ==
	       0) /* until EINVAL; EPERM: we never had any */
		cap++;
	return syscall(SYS_capset, &header, none) == 0
		       ? 0
		       : refused(program, "to take capabilities away", errno, err);
}

/* ---- the filter ------------------------------------------------------------------------------ */

/* A rule for each word of @list that this architecture and this libseccomp know. */
static int add_calls(scmp_filter_ctx filter, uint32_t action, const char *list)
{
	char name[32];
	int r = 0;

	for (size_t len; r == 0 && *list; list += len + (list[len] == ' ')) {
		int number;

		len = strcspn(list, " ");
		snprintf(name, sizeof(name), "%.*s", (int)len, list);
		number = seccomp_syscall_resolve_name(name);
		if (number >= 0)
			r = seccomp_rule_add_array(filter, action, number, 0, NULL);
	}
	return r;
}

static int add_call(scmp_filter_ctx filter, uint32_t action, const char *name,
		    unsigned int argument, struct scmp_arg_cmp value)
{
	int number = seccomp_syscall_resolve_name(name);

	value.arg = argument;
	return number < 0 ? 0 : seccomp_rule_add_array(filter, action, number, 1, &value);
}

static int add_tables(scmp_filter_ctx filter, unsigned int who)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(allowed); i++)
		if (allowed[i].who & who)
			r = add_calls(filter, SCMP_ACT_ALLOW, allowed[i].names);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(allowed_for); i++)
		if (allowed_for[i].who & who)
			r = add_call(filter, SCMP_ACT_ALLOW, allowed_for[i].name,
				     allowed_for[i].argument, allowed_for[i].value);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(fatal); i++)
		if (fatal[i].who & who)
			r = add_calls(filter, SCMP_ACT_KILL_PROCESS, fatal[i].names);
	return r;
}

static int add_program(scmp_filter_ctx filter, unsigned int who)
{
	int r = add_tables(filter, who);

	/* abort(), and signals among our own threads */
	return r < 0 ? r
		     : add_call(filter, SCMP_ACT_ALLOW, "tgkill", 0,
				(struct scmp_arg_cmp)EQUAL((scmp_datum_t)getpid()));
}

static int add_no_programs(scmp_filter_ctx filter, unsigned int who)
{
	int r = add_calls(filter, SCMP_ACT_KILL_PROCESS, "execve");

	if (r == 0 && !(who & RELAXED))
		r = add_call(filter, SCMP_ACT_ERRNO(EPERM), "clone", 0,
			     (struct scmp_arg_cmp)MASKED(CLONE_THREAD, 0));
	return r < 0 ? r : add_calls(filter, SCMP_ACT_ERRNO(EPERM), "fork vfork");
}

/* Return: 0, or a negative errno. */
static int load(uint32_t otherwise, int (*add)(scmp_filter_ctx, unsigned int), unsigned int who)
{
	scmp_filter_ctx filter = seccomp_init(otherwise);
	int r;

	if (!filter)
		return -ENOMEM;
#if SCMP_VER_MAJOR > 2 || SCMP_VER_MINOR >= 5
	seccomp_attr_set(filter, SCMP_FLTATR_API_SYSRAWRC, 1); /* the kernel's errno, not ours */
#endif
	r = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (r == 0)
		r = add(filter, who);
	if (r == 0)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return r;
}

/* ---- all of it ------------------------------------------------------------------------------- */

int lockdown_enter(enum lockdown_program program, struct err *err)
{
	int r;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return refused(program, "no_new_privs", errno, err);
	if (check_memory(program, err) < 0)
		return -1;
	step_back();
	if (lower_limits(program, err) < 0 || drop_capabilities(program, err) < 0)
		return -1;
	if (program == LOCKDOWN_START)
		return 0;
	r = load(SCMP_ACT_ERRNO(ENOSYS), add_program, 1U << program);
	return r == 0 ? 0 : refused(program, "a system call filter", -r, err);
}

int lockdown_forbid_programs(struct err *err)
{
	int r = load(SCMP_ACT_ALLOW, add_no_programs, FETCH);

	return r == 0 ? 0 : refused(LOCKDOWN_FETCH, "a system call filter", -r, err);
}
