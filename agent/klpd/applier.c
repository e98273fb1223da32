// SPDX-License-Identifier: Apache-2.0
#include "klpd/applier.h"

#include "base/alloc.h"
#include "klpd/tool.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>

#define PROGRAM "klpd-apply"

struct applier {
	struct applier_spec spec;
	struct child *child; /* NULL: systemd's */
	struct loop_io *io;
	int fd;
	bool done; /* APPLY_DONE came */
	struct applier_usage usage;
	struct err err;
};

static bool is_sane(const struct apply_event *event, ssize_t len)
{
	return len == (ssize_t)sizeof(*event) && event->magic == APPLY_MAGIC &&
	       event->version == APPLY_VERSION &&
	       memchr(event->subject, '\0', sizeof(event->subject)) &&
	       memchr(event->text, '\0', sizeof(event->text));
}

/* What a scriptlet or a kernel wrote becomes JSON, and reaches a terminal: plain ASCII. */
static void clean(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || (unsigned char)*text > '~')
			*text = *text == '\n' ? '\n' : '?';
}

/* Reads one event; false when there is none now. */
static bool take_event(struct applier *a)
{
	struct apply_event event;
	ssize_t n = recv(a->fd, &event, sizeof(event), MSG_DONTWAIT);

	if (n <= 0)
		return false;
	if (!is_sane(&event, n))
		return true;
	clean(event.subject);
	clean(event.text);
	if (event.kind != APPLY_DONE) {
		a->spec.on_event(&event, a->spec.userdata);
		return true;
	}
	a->done = true;
	a->usage = (struct applier_usage){ (int64_t)event.done, (int64_t)event.total };
	if (event.status != EXIT_STATUS_OK)
		err_set(&a->err, event.status, "%s", event.text);
	return true;
}

static void end(struct applier *a)
{
	a->spec.on_done(a->err.message ? &a->err : NULL, &a->usage, a->spec.userdata);
}

static void on_readable(uint32_t events _unused_, void *userdata)
{
	struct applier *a = userdata;

	if (take_event(a))
		return;
	loop_io_free(TAKE_PTR(a->io)); /* the other side is gone */
	if (a->child)		       /* its end is told by the child */
		return;
	if (!a->done)
		err_set(&a->err, EXIT_STATUS_SOFTWARE,
			PROGRAM " ended without a word; see: journalctl -t klpd-apply");
	end(a);
}

static void on_ended(const struct child_result *result, void *userdata)
{
	struct applier *a = userdata;

	while (take_event(a))
		;
	if (!a->done && result->end == CHILD_EXITED && result->code == 0)
		err_set(&a->err, EXIT_STATUS_SOFTWARE, PROGRAM " ended without a word");
	else if (!a->done)
		child_describe(PROGRAM, result, &a->err);
	end(a);
}

static int ask(int fd, const struct applier_spec *spec, struct err *err)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * APPLY_PACKAGES_MAX)];
	} control = { .bytes = { 0 } };
	struct iovec iov = { (void *)spec->request, sizeof(*spec->request) };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (spec->request->verb == APPLY_INSTALL) {
		size_t size = sizeof(int) * spec->request->n_packages;
		struct cmsghdr *c;

		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(size);
		c = CMSG_FIRSTHDR(&message);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(size);
		memcpy(CMSG_DATA(c), spec->fds, size);
	}
	return sendmsg(fd, &message, MSG_NOSIGNAL) < 0
		       ? err_set_errno(err, EXIT_STATUS_SOFTWARE, errno, PROGRAM " cannot be asked")
		       : 0;
}

static int connect_to(struct applier *a, const char *path, struct err *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(address.sun_path))
		return err_set(err, EXIT_STATUS_USAGE, "%s: a socket's path is shorter", path);
	memcpy(address.sun_path, path, strlen(path));
	a->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (a->fd < 0 || connect(a->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return err_set_errno(err, EXIT_STATUS_UNAVAILABLE, errno,
				     PROGRAM " cannot be reached at %s; see: systemctl status "
					     "klpd-apply.socket",
				     path);
	return 0;
}

/* @ret_theirs: what becomes its standard input. */
static int make_pair(struct applier *a, int *ret_theirs, struct err *err)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set_errno(err, EXIT_STATUS_SOFTWARE, errno, "cannot make a socket");
	a->fd = pair[0];
	*ret_theirs = pair[1];
	return 0;
}

static int start_beside(struct applier *a, struct loop *loop, int theirs, struct err *err)
{
	_cleanup_free_ char *path = tool_path(PROGRAM, err);
	const char *argv[64] = { path };

	if (!path)
		return -1;
	for (size_t i = 0; a->spec.args[i] && i + 2 < ARRAY_SIZE(argv); i++)
		argv[i + 1] = a->spec.args[i];
	return child_spawn(loop,
			   &(struct child_spec){ .argv = argv,
						 .input_fd = theirs,
						 .finishes = true,
						 .output_max = 4096,
						 .deadline_msec = LOOP_TIMER_OFF,
						 .on_done = on_ended,
						 .userdata = a },
			   &a->child, err);
}

int applier_start(struct loop *loop, const struct applier_spec *spec, struct applier **ret,
		  struct err *err)
{
	_cleanup_(applier_freep)
	struct applier *a = xcalloc(1, sizeof(*a));
	_cleanup_close_ int theirs = -1;

	a->spec = *spec;
	a->fd = -1;
	if ((spec->socket ? connect_to(a, spec->socket, err) : make_pair(a, &theirs, err)) < 0 ||
	    ask(a->fd, spec, err) < 0 ||
	    loop_io_new(loop, a->fd, EPOLLIN, on_readable, a, &a->io, err) < 0 ||
	    (!spec->socket && start_beside(a, loop, theirs, err) < 0))
		return -1;
	*ret = TAKE_PTR(a);
	return 0;
}

void applier_free(struct applier *applier)
{
	if (!applier)
		return;
	loop_io_free(applier->io);
	child_free(applier->child);
	closep(&applier->fd);
	err_clear(&applier->err);
	free(applier);
}
