// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Event loop: file descriptors, timers, signals and child processes on one epoll
 *
 * One loop belongs to one thread. A callback may free any source, its own too. Sources belong to
 * their creator and must be freed before the loop; a file descriptor stays the creator's and must
 * be open until its source is freed. SIGPIPE is ignored from loop_new() on: writes return EPIPE.
 */

#include "base/err.h"

#include <sys/epoll.h>

struct loop;
struct loop_io;
struct loop_timer;
struct loop_signal;
struct loop_child;

#define LOOP_TIMER_OFF ((int64_t)-1)

_must_check_ int loop_new(struct loop **ret, struct err *err);
/* Accepts NULL. Signals that the loop received are let through again. */
void loop_free(struct loop *loop);
DEFINE_CLEANUP(struct loop *, loop_free);

/* Dispatches until loop_stop(): 0, or -1 with @err when waiting itself fails. */
_must_check_ int loop_run(struct loop *loop, struct err *err);
void loop_stop(struct loop *loop);

/* Milliseconds of a clock that never jumps. */
int64_t loop_now(void);

/* Calls @fn with the events (EPOLLIN, ...) that are ready, level-triggered. */
typedef void (*loop_io_fn)(uint32_t events, void *userdata);
_must_check_ int loop_io_new(struct loop *loop, int fd, uint32_t events, loop_io_fn fn,
			     void *userdata, struct loop_io **ret, struct err *err);
void loop_io_set(struct loop_io *io, uint32_t events);
void loop_io_free(struct loop_io *io);
DEFINE_CLEANUP(struct loop_io *, loop_io_free);

/* Calls @fn once each time the timer was set and has run out. A new timer is off. */
typedef void (*loop_timer_fn)(void *userdata);
_returns_nonnull_ struct loop_timer *loop_timer_new(struct loop *loop, loop_timer_fn fn,
						    void *userdata);
/* Starts anew with @msec from now, or LOOP_TIMER_OFF. */
void loop_timer_set(struct loop_timer *timer, int64_t msec);
void loop_timer_free(struct loop_timer *timer);
DEFINE_CLEANUP(struct loop_timer *, loop_timer_free);

/* Blocks @signo for the process and calls @fn when it arrives. SIGCHLD is the loop's own. */
typedef void (*loop_signal_fn)(int signo, void *userdata);
_must_check_ int loop_signal_new(struct loop *loop, int signo, loop_signal_fn fn, void *userdata,
				 struct loop_signal **ret, struct err *err);
void loop_signal_free(struct loop_signal *item);
DEFINE_CLEANUP(struct loop_signal *, loop_signal_free);

/*
 * Calls @fn once when the child process @pid has ended and can be waited for; @fn does the waiting,
 * so that the process id stays valid until then.
 */
typedef void (*loop_child_fn)(pid_t pid, void *userdata);
_returns_nonnull_ struct loop_child *loop_child_new(struct loop *loop, pid_t pid, loop_child_fn fn,
						    void *userdata);
void loop_child_free(struct loop_child *child);
DEFINE_CLEANUP(struct loop_child *, loop_child_free);
