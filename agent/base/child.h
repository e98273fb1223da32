// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Child processes: started with bytes on stdin, watched by the event loop, always reaped
 *
 * A child gets exactly three open files, a clean environment (PATH, LANG=C and the few variables
 * of the table in the source), default signals, a process group of its own, and SIGTERM from the
 * kernel should we die. What it leaves behind in its process group is killed when it ends.
 */

#include "base/err.h"
#include "base/loop.h"

#include <sys/types.h>

/* The last bytes of stderr that are kept for messages. */
#define CHILD_ERRORS_MAX ((size_t)4096)
/* The longest line that a child with @on_line may write. */
#define CHILD_LINE_MAX ((size_t)64 * 1024)
/* Time between SIGTERM and SIGKILL. */
#define CHILD_GRACE_MSEC 2000

/* Variables of our own environment for a child that goes to the network. */
#define CHILD_PROXY 1U /* which proxies to use */
#define CHILD_CLOUD 2U /* who this node is to a cloud, and its keys */

enum child_end {
	CHILD_EXITED,
	CHILD_SIGNALED, /* by somebody else, or its own fault */
	CHILD_DEADLINE,
	CHILD_OVERFLOW, /* more output, or a longer line, than allowed */
	CHILD_STOPPED,	/* child_stop() */
};

struct child_result {
	enum child_end end;
	int code; /* exit status (CHILD_EXITED) or signal number (CHILD_SIGNALED) */
	/* stdout, NUL-terminated; empty when the lines went to @on_line. Valid during the call. */
	const char *output;
	size_t output_len;
	/* The end of stderr, NUL-terminated. Valid during the call. */
	const char *errors;
	int64_t cpu_usec; /* user and system, of the child and the children it waited for */
	int64_t peak_rss_kib;
};

struct child_spec {
	const char *const *argv; /* argv[0] is the path of the program; NULL-terminated */
	const void *input;	 /* bytes for stdin, copied; then end of file */
	size_t input_len;
	int input_fd;	       /* > 0: becomes stdin instead; stays the caller's */
	bool finishes;	       /* it is never killed: child_free() lets it go on */
	size_t output_max;     /* bytes of stdout; ignored with @on_line */
	int64_t deadline_msec; /* from now; LOOP_TIMER_OFF: none */
	/* The program runs as that user, without other groups, if that is not who we are. */
	bool as_user;
	uid_t uid;
	gid_t gid;
	bool our_environment; /* instead of a clean one */
	/* NULL, or "NAME=value" to add to the clean one; NULL-terminated. */
	const char *const *variables;
	unsigned int environment; /* CHILD_...: what else of ours comes through */
	/* NULL, or gets each complete line of stdout, without its newline; may not free the child.
	 */
	void (*on_line)(const char *line, size_t len, void *userdata);
	/* Called once, after the process was reaped; may free the child when done with the result.
	 */
	void (*on_done)(const struct child_result *result, void *userdata);
	void *userdata;
};

struct child;

/* Starts a program: 0, or -1 with @err naming it. */
_must_check_ int child_spawn(struct loop *loop, const struct child_spec *spec, struct child **ret,
			     struct err *err);
/* Asks it to end: SIGTERM, then SIGKILL. @on_done still comes, with CHILD_STOPPED. */
void child_stop(struct child *child);
/* Ends a running child, waiting up to the grace time for it, without @on_done. Accepts NULL. */
void child_free(struct child *child);
DEFINE_CLEANUP(struct child *, child_free);

/*
 * The sentence for a result that is not exit status 0: program, how it ended, last line of stderr.
 * Sets @err: SOFTWARE for a crash or kill, TEMPFAIL for the deadline and for a stop. Returns -1.
 */
int child_describe(const char *program, const struct child_result *result, struct err *err);
