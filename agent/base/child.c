// SPDX-License-Identifier: Apache-2.0
/*
 * A child is done when its process has ended, whatever its pipes say: a grandchild may hold them
 * open for ever. What the process itself wrote is in the pipes by then and is read to the last
 * byte; then the rest of the process group is killed, while the unreaped process still keeps its
 * id, and so that of the group, from being used again.
 */
#include "base/child.h"

#include "base/alloc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#define EXIT_EXEC_FAILED 127
#define READ_SIZE	 16384
#define DRAIN_READS	 64

struct child {
	struct loop *loop;
	struct child_spec spec; /* argv and input are not used after the start */
	pid_t pid;		/* 0 once reaped */
	struct loop_child *watch;
	struct loop_timer *timer; /* the deadline, then the grace time */
	enum child_end end;	  /* why it was asked to end */
	bool ending;

	int in_fd, out_fd, err_fd;
	struct loop_io *in_io, *out_io, *err_io;
	char *input;
	size_t input_len, input_sent;
	char *output;
	size_t output_len, output_size;
	char errors[CHILD_ERRORS_MAX + 1];
	size_t errors_len;
};

/* ---- environment ------------------------------------------------------------------------------*/

static const struct environment_row {
	const char *name;
	unsigned int needs; /* of spec->environment; 0: always */
} environment_rows[] = {
	{ "TMPDIR", 0 },
	{ "ASAN_OPTIONS", 0 },
	{ "UBSAN_OPTIONS", 0 },
	{ "LSAN_OPTIONS", 0 },
	{ "http_proxy", CHILD_PROXY },
	{ "https_proxy", CHILD_PROXY },
	{ "all_proxy", CHILD_PROXY },
	{ "no_proxy", CHILD_PROXY },
	{ "HTTPS_PROXY", CHILD_PROXY },
	{ "ALL_PROXY", CHILD_PROXY },
	{ "NO_PROXY", CHILD_PROXY },
	{ "AWS_ACCESS_KEY_ID", CHILD_CLOUD },
	{ "AWS_SECRET_ACCESS_KEY", CHILD_CLOUD },
	{ "AWS_SESSION_TOKEN", CHILD_CLOUD },
	{ "AWS_REGION", CHILD_CLOUD },
	{ "AWS_DEFAULT_REGION", CHILD_CLOUD },
	{ "AWS_SSM_INSTANCE_ID", CHILD_CLOUD },
	{ "AWS_SSM_REGION_NAME", CHILD_CLOUD },
};

static const char *const environment_fixed[] = {
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	"LANG=C",
};

/* NULL-terminated; the strings that were made here stand behind the fixed ones. */
static char **environment_new(const struct child_spec *spec)
{
	const size_t n_fixed = ARRAY_SIZE(environment_fixed);
	size_t n = 0, n_more = 0;
	char **env;

	while (spec->variables && spec->variables[n_more])
		n_more++;
	env = xcalloc(n_fixed + ARRAY_SIZE(environment_rows) + n_more + 1, sizeof(*env));

	while (n < n_fixed) {
		env[n] = xstrdup(environment_fixed[n]);
		n++;
	}
	for (size_t i = 0; i < ARRAY_SIZE(environment_rows); i++) {
		const struct environment_row *row = &environment_rows[i];
		bool wanted = (row->needs & ~spec->environment) == 0;
		const char *value = wanted ? getenv(row->name) : NULL;

		if (value)
			env[n++] = xasprintf("%s=%s", row->name, value);
	}
	for (size_t i = 0; i < n_more; i++)
		env[n++] = xstrdup(spec->variables[i]);
	return env;
}

static void environment_free(char **env)
{
	for (char **e = env; *e; e++)
		free(*e);
	free(env);
}
DEFINE_CLEANUP(char **, environment_free);

/* ---- the new process --------------------------------------------------------------------------*/

static void default_signals(void)
{
	sigset_t none;

	for (int s = 1; s < NSIG; s++)
		signal(s, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* What our own starter left open, we never opened and cannot have marked: close it at exec. */
static void shut_other_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		int fd = atoi(entry->d_name);

		if (fd > STDERR_FILENO)
			fcntl(fd, F_SETFD, FD_CLOEXEC);
	}
	if (dir)
		closedir(dir);
}

static bool take_user(const struct child_spec *spec)
{
	if (!spec->as_user || spec->uid == geteuid())
		return true;
	return setgroups(0, NULL) == 0 && setgid(spec->gid) == 0 && setuid(spec->uid) == 0;
}

/* Between fork and exec, in a copy of a process with one thread. Reports errno by @report_fd. */
static _noreturn_ void become(const struct child_spec *spec, char **env, const int fds[3],
			      int report_fd, pid_t parent)
{
	const char *const *argv = spec->argv;
	int error;

	setpgid(0, 0);
	if (!take_user(spec))
		goto failed;
	prctl(PR_SET_PDEATHSIG, SIGTERM); /* after that: a new user clears it */
	if (getppid() != parent)	  /* it died before the line above could help */
		_exit(EXIT_EXEC_FAILED);
	default_signals();
	shut_other_files();
	if (dup2(fds[0], 0) == 0 && dup2(fds[1], 1) == 1 && dup2(fds[2], 2) == 2)
		execve(argv[0], (char *const *)argv, spec->our_environment ? environ : env);
failed:
	error = errno;
	(void)!write(report_fd, &error, sizeof(error));
	_exit(EXIT_EXEC_FAILED);
}

static void close_pair(int (*pair)[2])
{
	closep(&(*pair)[0]);
	closep(&(*pair)[1]);
}

/* Our descriptors stay clear of 0 to 2, so that become() can place them in any order. */
static int make_pipe(int pair[2])
{
	if (pipe2(pair, O_CLOEXEC) < 0)
		return -1;
	for (int i = 0; i < 2; i++) {
		int fd = pair[i];

		if (fd > STDERR_FILENO)
			continue;
		pair[i] = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
		close(fd);
		if (pair[i] < 0)
			return -1;
	}
	return 0;
}

/* 0, or the errno with which the program could not be started. */
static int start(struct child *child, const int fds[3], const struct child_spec *spec)
{
	_cleanup_(environment_freep)
	char **env = environment_new(spec);
	_cleanup_(close_pair)
	int report[2] = { -1, -1 };
	pid_t parent = getpid();
	int error = 0;
	ssize_t n;

	if (make_pipe(report) < 0)
		return errno;
	child->pid = fork();
	if (child->pid < 0) {
		child->pid = 0;
		return errno;
	}
	if (child->pid == 0)
		become(spec, env, fds, report[1], parent);
	setpgid(child->pid, child->pid); /* also here: whoever comes first */
	close(TAKE_FD(report[1]));
	do {
		n = read(report[0], &error, sizeof(error));
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		return 0;
	waitpid(child->pid, NULL, 0);
	child->pid = 0;
	return error;
}

/* ---- pipes ------------------------------------------------------------------------------------*/

static void close_pipe(struct loop_io **io, int *fd)
{
	loop_io_free(TAKE_PTR(*io));
	closep(fd);
	*fd = -1;
}

static void on_input(uint32_t events _unused_, void *userdata)
{
	struct child *child = userdata;
	ssize_t n = write(child->in_fd, child->input + child->input_sent,
			  child->input_len - child->input_sent);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		child->input_sent += (size_t)n;
	/* EPIPE: it does not want the rest. Its answer will tell. */
	if (n < 0 || child->input_sent == child->input_len)
		close_pipe(&child->in_io, &child->in_fd);
}

/* The group, and the process itself, which may have left it for another. */
static void send_signal(const struct child *child, int signal)
{
	kill(-child->pid, signal);
	kill(child->pid, signal);
}

static void end_because(struct child *child, enum child_end end)
{
	if (child->ending)
		return;
	child->ending = true;
	child->end = end;
	send_signal(child, SIGTERM);
	loop_timer_set(child->timer, CHILD_GRACE_MSEC);
}

static void add_output(struct child *child, const char *bytes, size_t len)
{
	while (child->output_size - child->output_len <= len) {
		child->output_size = child->output_size ? 2 * child->output_size : 4096;
		child->output = xreallocarray(child->output, child->output_size, 1);
	}
	memcpy(child->output + child->output_len, bytes, len);
	child->output_len += len;
	child->output[child->output_len] = '\0';
}

/* Hands out the complete lines; an unfinished one stays. */
static void hand_out_lines(struct child *child)
{
	char *line = child->output, *end = child->output + child->output_len, *newline;

	while ((newline = memchr(line, '\n', (size_t)(end - line)))) {
		*newline = '\0';
		child->spec.on_line(line, (size_t)(newline - line), child->spec.userdata);
		line = newline + 1;
	}
	child->output_len = (size_t)(end - line);
	memmove(child->output, line, child->output_len + 1);
}

static void take_output(struct child *child, const char *bytes, size_t len)
{
	size_t max = child->spec.on_line ? CHILD_LINE_MAX : child->spec.output_max;

	if (child->ending) /* nobody will use it */
		return;
	add_output(child, bytes, len);
	if (child->spec.on_line)
		hand_out_lines(child);
	if (child->output_len > max)
		end_because(child, CHILD_OVERFLOW);
}

/* Keeps the last CHILD_ERRORS_MAX bytes. */
static void take_errors(struct child *child, const char *bytes, size_t len)
{
	size_t keep;

	if (len > CHILD_ERRORS_MAX) {
		bytes += len - CHILD_ERRORS_MAX;
		len = CHILD_ERRORS_MAX;
	}
	keep = CHILD_ERRORS_MAX - len;
	if (child->errors_len > keep) {
		memmove(child->errors, child->errors + child->errors_len - keep, keep);
		child->errors_len = keep;
	}
	memcpy(child->errors + child->errors_len, bytes, len);
	child->errors_len += len;
	child->errors[child->errors_len] = '\0';
}

/* Reads once; false when there is nothing more now. */
static bool read_pipe(struct child *child, struct loop_io **io, int *fd,
		      void (*take)(struct child *, const char *, size_t))
{
	char bytes[READ_SIZE];
	ssize_t n;

	if (*fd < 0)
		return false;
	n = read(*fd, bytes, sizeof(bytes));
	if (n > 0)
		take(child, bytes, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		close_pipe(io, fd);
	return n > 0;
}

static void on_output(uint32_t events _unused_, void *userdata)
{
	struct child *child = userdata;

	read_pipe(child, &child->out_io, &child->out_fd, take_output);
}

static void on_errors(uint32_t events _unused_, void *userdata)
{
	struct child *child = userdata;

	read_pipe(child, &child->err_io, &child->err_fd, take_errors);
}

/* ---- life -------------------------------------------------------------------------------------*/

static void on_time(void *userdata)
{
	struct child *child = userdata;

	if (child->ending)
		send_signal(child, SIGKILL);
	else
		end_because(child, CHILD_DEADLINE);
}

static void reap(struct child *child, int *status, struct rusage *usage)
{
	send_signal(child, SIGKILL); /* what it left in its group */
	while (wait4(child->pid, status, 0, usage) < 0 && errno == EINTR)
		;
	child->pid = 0;
}

static int64_t usec(struct timeval t)
{
	return (int64_t)t.tv_sec * 1000000 + t.tv_usec;
}

/* Bounded: a survivor of the group could write for ever. A pipe holds four such reads. */
static void drain(struct child *child)
{
	for (int i = 0; i < DRAIN_READS; i++)
		if (!read_pipe(child, &child->out_io, &child->out_fd, take_output))
			break;
	for (int i = 0; i < DRAIN_READS; i++)
		if (!read_pipe(child, &child->err_io, &child->err_fd, take_errors))
			break;
}

static void on_ended(pid_t pid _unused_, void *userdata)
{
	struct child *child = userdata;
	struct child_result result = { 0 };
	struct rusage usage = { 0 };
	int status = 0;

	drain(child);
	reap(child, &status, &usage);
	loop_timer_set(child->timer, LOOP_TIMER_OFF);
	close_pipe(&child->in_io, &child->in_fd);
	close_pipe(&child->out_io, &child->out_fd);
	close_pipe(&child->err_io, &child->err_fd);
	result = (struct child_result){
		.end = child->ending	   ? child->end
		       : WIFEXITED(status) ? CHILD_EXITED
					   : CHILD_SIGNALED,
		.code = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status),
		.output = child->output ? child->output : "",
		.output_len = child->output_len,
		.errors = child->errors,
		.cpu_usec = usec(usage.ru_utime) + usec(usage.ru_stime),
		.peak_rss_kib = usage.ru_maxrss,
	};
	child->spec.on_done(&result, child->spec.userdata);
}

static int watch_pipe(struct child *child, int fd, uint32_t events, loop_io_fn fn,
		      struct loop_io **ret, struct err *err)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	return loop_io_new(child->loop, fd, events, fn, child, ret, err);
}

static int watch(struct child *child, struct err *err)
{
	if (watch_pipe(child, child->in_fd, EPOLLOUT, on_input, &child->in_io, err) < 0 ||
	    watch_pipe(child, child->out_fd, EPOLLIN, on_output, &child->out_io, err) < 0 ||
	    watch_pipe(child, child->err_fd, EPOLLIN, on_errors, &child->err_io, err) < 0)
		return -1;
	child->watch = loop_child_new(child->loop, child->pid, on_ended, child);
	loop_timer_set(child->timer, child->spec.deadline_msec);
	if (child->input_len == 0)
		close_pipe(&child->in_io, &child->in_fd);
	return 0;
}

static struct child *child_new(struct loop *loop, const struct child_spec *spec)
{
	struct child *child = xcalloc(1, sizeof(*child));

	child->loop = loop;
	child->spec = *spec;
	child->in_fd = child->out_fd = child->err_fd = -1;
	child->timer = loop_timer_new(loop, on_time, child);
	child->input = xmalloc(spec->input_len);
	child->input_len = spec->input_len;
	if (spec->input_len)
		memcpy(child->input, spec->input, spec->input_len);
	return child;
}

int child_spawn(struct loop *loop, const struct child_spec *spec, struct child **ret,
		struct err *err)
{
	_cleanup_(child_freep)
	struct child *child = child_new(loop, spec);
	_cleanup_(close_pair)
	int in[2] = { -1, -1 };
	_cleanup_(close_pair)
	int out[2] = { -1, -1 };
	_cleanup_(close_pair)
	int errors[2] = { -1, -1 };
	int error = 0;

	if (make_pipe(in) < 0 || make_pipe(out) < 0 || make_pipe(errors) < 0)
		return err_set_errno(err, EXIT_STATUS_SOFTWARE, errno, "cannot make a pipe");
	error = start(child,
		      (int[3]){ spec->input_fd > 0 ? spec->input_fd : in[0], out[1], errors[1] },
		      spec);
	if (error)
		return err_set_errno(err, EXIT_STATUS_SOFTWARE, error, "cannot start %s",
				     spec->argv[0]);
	child->in_fd = TAKE_FD(in[1]);
	child->out_fd = TAKE_FD(out[0]);
	child->err_fd = TAKE_FD(errors[0]);
	if (watch(child, err) < 0)
		return -1;
	*ret = TAKE_PTR(child);
	return 0;
}

void child_stop(struct child *child)
{
	if (child->pid)
		end_because(child, CHILD_STOPPED);
}

/* Waits for the end of a process that got SIGTERM; SIGCHLD is blocked, the loop has seen to it. */
static void await_end(const struct child *child)
{
	int64_t until = loop_now() + CHILD_GRACE_MSEC, left;
	sigset_t child_signal;

	sigemptyset(&child_signal);
	sigaddset(&child_signal, SIGCHLD);
	while ((left = until - loop_now()) > 0) {
		struct timespec wait = { .tv_sec = left / 1000,
					 .tv_nsec = (left % 1000) * 1000000 };
		siginfo_t info = { 0 };

		if (waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
		    info.si_pid == child->pid)
			return;
		sigtimedwait(&child_signal, NULL, &wait);
	}
}

void child_free(struct child *child)
{
	int status;
	struct rusage usage;

	if (!child)
		return;
	close_pipe(&child->in_io, &child->in_fd);
	close_pipe(&child->out_io, &child->out_fd);
	close_pipe(&child->err_io, &child->err_fd);
	if (child->pid && !child->spec.finishes) {
		send_signal(child, SIGTERM);
		await_end(child);
		reap(child, &status, &usage);
	}
	loop_child_free(child->watch);
	loop_timer_free(child->timer);
	free(child->input);
	free(child->output);
	free(child);
}

/* The last line of stderr that has anything on it, fit to be shown: plain ASCII. */
static char *last_line(const char *errors)
{
	size_t end = strlen(errors), begin;
	char *line;

	while (end > 0 && (unsigned char)errors[end - 1] <= ' ')
		end--;
	begin = end;
	while (begin > 0 && errors[begin - 1] != '\n')
		begin--;
	line = xstrndup(errors + begin, end - begin);
	for (char *c = line; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	return line;
}

int child_describe(const char *program, const struct child_result *result, struct err *err)
{
	_cleanup_free_ char *line = last_line(result->errors);
	const char *colon = *line ? ": " : "";

	switch (result->end) {
	case CHILD_SIGNALED:
		return err_set(err, EXIT_STATUS_SOFTWARE, "%s was ended by signal %d (%s)%s%s",
			       program, result->code, strsignal(result->code), colon, line);
	case CHILD_DEADLINE:
		return err_set(err, EXIT_STATUS_TEMPFAIL,
			       "%s took too long and was ended; try again later%s%s", program,
			       colon, line);
	case CHILD_OVERFLOW:
		return err_set(err, EXIT_STATUS_SOFTWARE,
			       "%s wrote more than it may and was ended%s%s", program, colon, line);
	case CHILD_STOPPED:
		return err_set(err, EXIT_STATUS_TEMPFAIL, "%s was stopped; try again", program);
	case CHILD_EXITED:
		break;
	}
	return err_set(err, EXIT_STATUS_SOFTWARE, "%s ended with status %d%s%s", program,
		       result->code, colon, line);
}
