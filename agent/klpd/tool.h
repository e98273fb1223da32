// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Tools: klpd's sibling programs, asked by one JSON object and answering by one
 *
 * The answer is the last line of their output. {"error": {"status", "message"}} with that exit
 * status is a failure they explain themselves; a crash, a deadline or anything else is explained
 * here.
 */

#include "base/child.h"

#include <jansson.h>

struct tool;

struct tool_usage {
	int64_t cpu_usec, peak_rss_kib;
};

/* @answer (borrowed) or, if that is NULL, @err. May free the tool. */
typedef void (*tool_done_fn)(json_t *answer, const struct err *err, const struct tool_usage *usage,
			     void *userdata);

struct tool_spec {
	const char *program; /* "klpd-worker" */
	const char *verb;    /* its argument; NULL: none */
	json_t *request;     /* consumed by tool_start() */
	int64_t deadline_msec;
	bool as_user; /* as child_spec has them */
	uid_t uid;
	gid_t gid;
	unsigned int environment; /* CHILD_PROXY, CHILD_CLOUD */
	/* NULL, or gets each object of a program that writes several, one a line; the last too. */
	void (*on_progress)(json_t *object, void *userdata);
	tool_done_fn on_done;
	void *userdata;
};

/* The program @name in the directory of our own, or NULL with @err. To be freed. */
char *tool_path(const char *name, struct err *err);

/* Starts the program that stands beside our own. Return: 0, or -1 with @err. */
_must_check_ int tool_start(struct loop *loop, const struct tool_spec *spec, struct tool **ret,
			    struct err *err);
/* Ends it, without @on_done. Accepts NULL. */
void tool_free(struct tool *tool);
DEFINE_CLEANUP(struct tool *, tool_free);

/*
 * What an ended program's @answer (bytes that should be JSON) and @result mean: 0 with @ret, or -1
 * with @err.
 */
_must_check_ int tool_interpret(const char *program, const struct child_result *result,
				const char *answer, size_t len, json_t **ret, struct err *err);
