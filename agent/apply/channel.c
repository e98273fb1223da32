// SPDX-License-Identifier: Apache-2.0
#include "apply/channel.h"

#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>

#define SEND_SECONDS 1 /* for an asker that does not read */

static int refuse(struct err *err, const char *why)
{
	return err_set(err, EXIT_STATUS_USAGE, "the request is refused: %s", why);
}

static bool ends(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

static bool all_zero(const void *bytes, size_t n)
{
	const unsigned char *p = bytes;

	for (size_t i = 0; i < n; i++)
		if (p[i])
			return false;
	return true;
}

static int check(const struct apply_request *q, size_t len, size_t n_fds, struct err *err)
{
	bool is_switch;

	if (len != sizeof(*q))
		return refuse(err, "its size is wrong");
	if (q->magic != APPLY_MAGIC || q->version != APPLY_VERSION)
		return refuse(err, "it is of another version of klpd");
	if (q->verb < APPLY_INSTALL || q->verb >= APPLY_VERB_COUNT)
		return refuse(err, "its verb is not known");
	is_switch = q->verb == APPLY_SERVICE || q->verb == APPLY_REPOSITORY;
	if (q->n_packages > APPLY_PACKAGES_MAX || is_switch != (q->n_packages == 0))
		return refuse(err, "its number of packages is wrong");
	if (n_fds != (q->verb == APPLY_INSTALL ? q->n_packages : 0))
		return refuse(err, "its number of open files is wrong");
	if (!ends(q->kernel, sizeof(q->kernel)) || !ends(q->subject, sizeof(q->subject)) ||
	    !ends(q->file, sizeof(q->file)))
		return refuse(err, "a text does not end");
	if (q->on > is_switch || q->tracing > (q->verb <= APPLY_LOAD ? APPLY_TRACING_DEFER : 0) ||
	    is_switch != (*q->subject != '\0') || (q->verb != APPLY_REPOSITORY && *q->file))
		return refuse(err, "it says what its verb does not need");
	for (size_t i = 0; i < q->n_packages; i++)
		if (!ends(q->packages[i].title, sizeof(q->packages[i].title)))
			return refuse(err, "a text does not end");
	if (!all_zero(&q->packages[q->n_packages],
		      (APPLY_PACKAGES_MAX - q->n_packages) * sizeof(q->packages[0])))
		return refuse(err, "it has more packages than it says");
	return 0;
}

int channel_receive(struct channel *channel, struct apply_request *ret,
		    int fds[static APPLY_PACKAGES_MAX], struct err *err)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * 2 * APPLY_PACKAGES_MAX)];
	} control = { .bytes = { 0 } };
	struct iovec iov = { .iov_base = ret, .iov_len = sizeof(*ret) };
	struct msghdr message = { .msg_iov = &iov,
				  .msg_iovlen = 1,
				  .msg_control = control.bytes,
				  .msg_controllen = sizeof(control.bytes) };
	const struct timeval patience = { .tv_sec = SEND_SECONDS };
	ssize_t len;
	size_t n = 0;
	int r;

	setsockopt(channel->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	do
		len = recvmsg(channel->fd, &message, MSG_CMSG_CLOEXEC);
	while (len < 0 && errno == EINTR);
	if (len < 0)
		return err_set_errno(err, EXIT_STATUS_USAGE, errno, "no request could be received");
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
		size_t got = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < got; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (n < APPLY_PACKAGES_MAX)
				fds[n] = fd;
			else
				close(fd);
			n++;
		}
	}
	r = message.msg_flags & (MSG_TRUNC | MSG_CTRUNC) ? refuse(err, "it is too long")
							 : check(ret, (size_t)len, n, err);
	for (size_t i = 0; r < 0 && i < n && i < APPLY_PACKAGES_MAX; i++)
		close(fds[i]);
	return r;
}

/* An asker that does not read must not hold up a transaction: then it goes without. */
static void send_event(struct channel *channel, struct apply_event *event, int flags)
{
	ssize_t unused;

	event->magic = APPLY_MAGIC;
	event->version = APPLY_VERSION;
	do
		unused = send(channel->fd, event, sizeof(*event), MSG_NOSIGNAL | flags);
	while (unused < 0 && errno == EINTR);
}

void channel_tell(struct channel *channel, enum apply_event_kind kind, const char *subject,
		  int status, const char *text)
{
	struct apply_event event = { .kind = kind, .status = status };

	snprintf(event.subject, sizeof(event.subject), "%s", subject);
	snprintf(event.text, sizeof(event.text), "%s", text);
	send_event(channel, &event, kind == APPLY_OUTPUT ? MSG_DONTWAIT : 0);
}

void channel_done(struct channel *channel, int status, const char *text)
{
	static const int who[] = { RUSAGE_SELF, RUSAGE_CHILDREN };
	struct apply_event event = { .kind = APPLY_DONE, .status = status };
	struct rusage u;

	for (size_t i = 0; i < ARRAY_SIZE(who) && getrusage(who[i], &u) == 0; i++) {
		event.done += (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 +
			      (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
		if ((uint64_t)u.ru_maxrss > event.total)
			event.total = (uint64_t)u.ru_maxrss;
	}
	snprintf(event.text, sizeof(event.text), "%s", text);
	send_event(channel, &event, 0);
}

void channel_step(struct channel *channel, const char *step)
{
	channel_tell(channel, APPLY_STEP, step, 0, "");
}

void channel_progress(struct channel *channel, const char *subject, uint64_t done, uint64_t total)
{
	struct apply_event event = { .kind = APPLY_PROGRESS, .done = done, .total = total };

	snprintf(event.subject, sizeof(event.subject), "%s", subject);
	send_event(channel, &event, MSG_DONTWAIT);
}
