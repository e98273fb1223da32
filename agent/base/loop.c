// SPDX-License-Identifier: Apache-2.0
/*
 * One event is taken from epoll at a time: an event can then never belong to a source that an
 * earlier callback has freed, and level-triggered sources take turns in the kernel's queue.
 *
 * Timers, signals and children are few: lists, searched from the front. All timers share one
 * timerfd, all signals one signalfd. A process that ended is seen by asking for each watched one,
 * because SIGCHLD does not queue.
 */
#include "base/loop.h"

#include "base/alloc.h"

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>

struct loop_io {
	struct loop *loop;
	int fd;
	uint32_t events;
	loop_io_fn fn;
	void *userdata;
};

struct loop_timer {
	struct loop_timer *next;
	struct loop *loop;
	int64_t due; /* loop_now() at which it runs out; LOOP_TIMER_OFF */
	loop_timer_fn fn;
	void *userdata;
};

struct loop_signal {
	struct loop_signal *next;
	struct loop *loop;
	int signo;
	loop_signal_fn fn;
	void *userdata;
};

struct loop_child {
	struct loop_child *next;
	struct loop *loop;
	pid_t pid;
	loop_child_fn fn;
	void *userdata;
};

struct loop {
	int epoll_fd, timer_fd, signal_fd;
	struct loop_io *timer_io, *signal_io;
	struct loop_timer *timers;
	struct loop_signal *signals;
	struct loop_child *children;
	sigset_t mask, mask_before;
	bool stopped;
};

/* Takes @item out of the singly linked list at @head; all our lists link by a first member. */
#define LIST_REMOVE(head, item)                                                                    \
	do {                                                                                       \
		for (__typeof__(head) *_at = &(head); *_at; _at = &(*_at)->next)                   \
			if (*_at == (item)) {                                                      \
				*_at = (item)->next;                                               \
				break;                                                             \
			}                                                                          \
	} while (0)

#define LIST_PUSH(head, item)                                                                      \
	do {                                                                                       \
		(item)->next = (head);                                                             \
		(head) = (item);                                                                   \
	} while (0)

int64_t loop_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- file descriptors -------------------------------------------------------------------------*/

int loop_io_new(struct loop *loop, int fd, uint32_t events, loop_io_fn fn, void *userdata,
		struct loop_io **ret, struct err *err)
{
	struct loop_io *io = xcalloc(1, sizeof(*io));
	struct epoll_event event = { .events = events, .data.ptr = io };

	*io = (struct loop_io){
		.loop = loop, .fd = fd, .events = events, .fn = fn, .userdata = userdata
	};
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
		free(io);
		return err_set_errno(err, EXIT_STATUS_SOFTWARE, errno,
				     "cannot watch a file descriptor");
	}
	*ret = io;
	return 0;
}

void loop_io_set(struct loop_io *io, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = io };

	if (events == io->events)
		return;
	io->events = events;
	epoll_ctl(io->loop->epoll_fd, EPOLL_CTL_MOD, io->fd, &event);
}

void loop_io_free(struct loop_io *io)
{
	if (!io)
		return;
	epoll_ctl(io->loop->epoll_fd, EPOLL_CTL_DEL, io->fd, NULL);
	free(io);
}

/* ---- timers -----------------------------------------------------------------------------------*/

static struct loop_timer *next_timer(struct loop *loop)
{
	struct loop_timer *first = NULL;

	for (struct loop_timer *t = loop->timers; t; t = t->next)
		if (t->due != LOOP_TIMER_OFF && (!first || t->due < first->due))
			first = t;
	return first;
}

static void arm_timer(struct loop *loop)
{
	struct loop_timer *first = next_timer(loop);
	struct itimerspec when = { 0 };

	if (first) { /* zero would switch it off */
		when.it_value.tv_sec = (time_t)(first->due / 1000);
		when.it_value.tv_nsec = (long)(first->due % 1000) * 1000000 + 1;
	}
	timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

/* One timer a turn; while others are due, the timerfd stays readable. */
static void on_timer(uint32_t events _unused_, void *userdata)
{
	struct loop *loop = userdata;
	struct loop_timer *first = next_timer(loop);

	if (!first || first->due > loop_now()) {
		arm_timer(loop);
		return;
	}
	first->due = LOOP_TIMER_OFF;
	arm_timer(loop);
	first->fn(first->userdata);
}

struct loop_timer *loop_timer_new(struct loop *loop, loop_timer_fn fn, void *userdata)
{
	struct loop_timer *timer = xcalloc(1, sizeof(*timer));

	*timer = (struct loop_timer){
		.loop = loop, .due = LOOP_TIMER_OFF, .fn = fn, .userdata = userdata
	};
	LIST_PUSH(loop->timers, timer);
	return timer;
}

void loop_timer_set(struct loop_timer *timer, int64_t msec)
{
	timer->due = msec == LOOP_TIMER_OFF ? LOOP_TIMER_OFF : loop_now() + msec;
	arm_timer(timer->loop);
}

void loop_timer_free(struct loop_timer *timer)
{
	if (!timer)
		return;
	LIST_REMOVE(timer->loop->timers, timer);
	arm_timer(timer->loop);
	free(timer);
}

/* ---- signals and children ---------------------------------------------------------------------*/

static struct loop_child *ended_child(struct loop *loop)
{
	for (struct loop_child *c = loop->children; c; c = c->next) {
		siginfo_t info = { 0 };

		if (waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
		    info.si_pid == c->pid)
			return c;
	}
	return NULL;
}

/* A callback reaps its own child and may free or add others: search anew after each. */
static void on_children(struct loop *loop)
{
	struct loop_child *child;

	while ((child = ended_child(loop))) {
		LIST_REMOVE(loop->children, child);
		child->fn(child->pid, child->userdata);
	}
}

static void on_signal(uint32_t events _unused_, void *userdata)
{
	struct loop *loop = userdata;
	struct signalfd_siginfo info;

	if (read(loop->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	if (info.ssi_signo == SIGCHLD) {
		on_children(loop);
		return;
	}
	for (struct loop_signal *s = loop->signals; s; s = s->next)
		if (s->signo == (int)info.ssi_signo) {
			s->fn(s->signo, s->userdata);
			return;
		}
}

static int take_signal(struct loop *loop, int signo, struct err *err)
{
	sigaddset(&loop->mask, signo);
	if (sigprocmask(SIG_BLOCK, &loop->mask, NULL) < 0 ||
	    signalfd(loop->signal_fd, &loop->mask, SFD_CLOEXEC | SFD_NONBLOCK) < 0)
		return err_set_errno(err, EXIT_STATUS_SOFTWARE, errno, "cannot receive signal %d",
				     signo);
	return 0;
}

int loop_signal_new(struct loop *loop, int signo, loop_signal_fn fn, void *userdata,
		    struct loop_signal **ret, struct err *err)
{
	struct loop_signal *item;

	if (take_signal(loop, signo, err) < 0)
		return -1;
	item = xcalloc(1, sizeof(*item));
	*item = (struct loop_signal){
		.loop = loop, .signo = signo, .fn = fn, .userdata = userdata
	};
	LIST_PUSH(loop->signals, item);
	*ret = item;
	return 0;
}

void loop_signal_free(struct loop_signal *item)
{
	if (!item)
		return;
	LIST_REMOVE(item->loop->signals, item);
	free(item);
}

struct loop_child *loop_child_new(struct loop *loop, pid_t pid, loop_child_fn fn, void *userdata)
{
	struct loop_child *child = xcalloc(1, sizeof(*child));

	*child = (struct loop_child){ .loop = loop, .pid = pid, .fn = fn, .userdata = userdata };
	LIST_PUSH(loop->children, child);
	return child;
}

void loop_child_free(struct loop_child *child)
{
	if (!child)
		return;
	LIST_REMOVE(child->loop->children, child);
	free(child);
}

/* ---- the loop ---------------------------------------------------------------------------------*/

static int open_sources(struct loop *loop, struct err *err)
{
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	loop->signal_fd = signalfd(-1, &loop->mask, SFD_CLOEXEC | SFD_NONBLOCK);
	if (loop->epoll_fd < 0 || loop->timer_fd < 0 || loop->signal_fd < 0)
		return err_set_errno(err, EXIT_STATUS_SOFTWARE, errno, "cannot make an event loop");
	if (loop_io_new(loop, loop->timer_fd, EPOLLIN, on_timer, loop, &loop->timer_io, err) < 0 ||
	    loop_io_new(loop, loop->signal_fd, EPOLLIN, on_signal, loop, &loop->signal_io, err) < 0)
		return -1;
	return take_signal(loop, SIGCHLD, err);
}

int loop_new(struct loop **ret, struct err *err)
{
	_cleanup_(loop_freep)
	struct loop *loop = xcalloc(1, sizeof(*loop));

	loop->epoll_fd = loop->timer_fd = loop->signal_fd = -1;
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&loop->mask);
	sigprocmask(SIG_BLOCK, NULL, &loop->mask_before);
	if (open_sources(loop, err) < 0)
		return -1;
	*ret = TAKE_PTR(loop);
	return 0;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	loop_io_free(loop->timer_io);
	loop_io_free(loop->signal_io);
	closep(&loop->timer_fd);
	closep(&loop->signal_fd);
	closep(&loop->epoll_fd);
	sigprocmask(SIG_SETMASK, &loop->mask_before, NULL);
	free(loop);
}

void loop_stop(struct loop *loop)
{
	loop->stopped = true;
}

int loop_run(struct loop *loop, struct err *err)
{
	loop->stopped = false;
	while (!loop->stopped) {
		struct epoll_event event;
		int n = epoll_wait(loop->epoll_fd, &event, 1, -1);

		if (n < 0 && errno != EINTR)
			return err_set_errno(err, EXIT_STATUS_SOFTWARE, errno,
					     "cannot wait for events");
		if (n == 1) {
			struct loop_io *io = event.data.ptr;

			io->fn(event.events, io->userdata);
		}
	}
	return 0;
}
