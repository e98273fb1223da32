// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Who else has a hand in the kernel's functions
 *
 * Pure: reads the texts of tracefs' enabled_functions and debugfs' kprobes/list. It matters to a
 * livepatch, because the kernel lets only one user at a time redirect a function (IPMODIFY), and
 * because what traces a function goes on looking at the old one once it is replaced.
 */

#include "base/alloc.h"

enum tracing_kind {
	TRACING_FTRACE,	    /* is called beside the function: the function tracer, perf */
	TRACING_KPROBE,	    /* kprobes and kretprobes that are armed */
	TRACING_TRAMPOLINE, /* a direct call, as BPF makes (fentry, fexit, LSM) */
	TRACING_IPMODIFY,   /* sends the caller elsewhere, as a livepatch does, and is none */
	TRACING_KIND_COUNT,
};

struct tracing_user {
	const char *function; /* without its module */
	enum tracing_kind kind;
};

#define TRACING_USERS_MAX 1000

struct tracing {
	struct arena *arena;	    /* not owned; set by the caller, as all else is zero */
	struct tracing_user *items; /* the first TRACING_USERS_MAX */
	size_t n;
	size_t counts[TRACING_KIND_COUNT]; /* of all */
};

/**
 * tracing_read_functions() - adds the users that enabled_functions tells of
 * @text: one function a line: name, number of callbacks, flags R I D O M, what is called
 * @own:  functions that loaded livepatches replace, as sysfs names them without ",SYMPOS"
 *
 * What a livepatch does to such a function is left out, what others do to it is not. Lines that say
 * something else are passed over, so what the kernel will add some day does no harm.
 */
void tracing_read_functions(struct tracing *t, const char *text, const char *const *own,
			    size_t n_own);

/*
 * Adds the users that kprobes/list tells of: address, k or r, FUNCTION+OFFSET, tags. Those that are
 * disabled or whose module is gone do not count, nor those that enabled_functions told of.
 */
void tracing_read_kprobes(struct tracing *t, const char *text);

size_t tracing_total(const struct tracing *t);
const char *tracing_kind_name(enum tracing_kind kind); /* "ftrace", "kprobe", ... */
