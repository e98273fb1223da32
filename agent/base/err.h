// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Errors
 *
 * What crosses a process boundary or reaches a person is a status and one sentence with its
 * causes: what failed, which file or repository or package, why, and what to do next.
 *
 * Two kinds of functions:
 *   - those that take a `struct err *` return 0, or -1 after err_set(). On success @err is
 * untouched.
 *   - small helpers without one return 0 or a negative errno, and print nothing.
 * Positive return values are conditions documented at the function; they are handled by the caller.
 *
 * Trouble in the world (a repository that cannot be reached) is not an error but a finding in the
 * report, see core/finding.h. Only our own failure, or input that makes an answer impossible, is.
 */

#include "base/macro.h"

#include <stdarg.h>

/* sysexits(3) values, so that scripts can tell classes of failure apart. Documented in klpctl(8).
 */
enum exit_status {
	EXIT_STATUS_OK = 0,
	EXIT_STATUS_FAILED = 1,
	EXIT_STATUS_USAGE = 64,
	EXIT_STATUS_DATA = 65,	      /* bad data or signature */
	EXIT_STATUS_UNAVAILABLE = 69, /* source unreachable */
	EXIT_STATUS_SOFTWARE = 70,    /* our own fault */
	EXIT_STATUS_IO = 74,
	EXIT_STATUS_TEMPFAIL = 75, /* lock, busy, memory: try again */
	EXIT_STATUS_NOPERM = 77,
	EXIT_STATUS_CONFIG = 78,
	/* verdicts, only from verbs that ask for one */
	EXIT_STATUS_MISSING = 100, /* approved patches missing or not active */
	EXIT_STATUS_REBOOT = 102,  /* a reboot is needed for compliance */
	/* for AWS Systems Manager's Run Command (semantics 1.6) */
	EXIT_STATUS_SSM_NO_BOOT = 3,  /* asked for a reboot again and again, and none came */
	EXIT_STATUS_SSM_REBOOT = 194, /* reboot the node and run the command again */
};

struct err {
	int status;    /* enum exit_status; 0 while nothing has failed */
	char *message; /* owned; NULL while nothing has failed */
};

#define ERR_INIT ((struct err){ 0, NULL })

void err_clear(struct err *err);

/*
 * Sets status and sentence, replacing what was there. @err may be NULL. Evaluates to -1: macros, so
 * that the compiler sees it and does not suspect results of being unset after a failure.
 */
#define err_set(err, status, ...) (err_set_text((err), (status), __VA_ARGS__), err_failed())
/* As err_set(), with ": " and the text of errno @errnum appended. EACCES and EPERM become NOPERM.
 */
#define err_set_errno(err, status, errnum, ...)                                                    \
	(err_set_errno_text((err), (status), (errnum), __VA_ARGS__), err_failed())
/* Puts "TEXT: " before the sentence, as an error travels outward. Evaluates to -1. */
#define err_prefix(err, ...) (err_prefix_text((err), __VA_ARGS__), err_failed())

static inline int err_failed(void)
{
	return -1;
}

_printf_(3, 4) void err_set_text(struct err *err, int status, const char *fmt, ...);
_printf_(4, 5) void err_set_errno_text(struct err *err, int status, int errnum, const char *fmt,
				       ...);
_printf_(2, 3) void err_prefix_text(struct err *err, const char *fmt, ...);
