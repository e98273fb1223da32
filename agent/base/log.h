// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Messages of programs to their operator, on stderr
 *
 * For programs only: folders below them are silent and return a struct err. On a terminal a line is
 * "klpd: text"; elsewhere it starts with "<N>", the syslog priority that the journal understands
 * (sd-daemon(3)). A message is one line: control characters in it are shown as "?".
 */

#include "base/err.h"

enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7,
};

/* Names the program and finds out whether stderr is a terminal. @max: the least urgent to show. */
void log_init(const char *program, enum log_level max);

_printf_(2, 3) void log_line(enum log_level level, const char *fmt, ...);
/* Prints @err as an error and returns its status as exit status (FAILED if it has none). */
int log_err(const struct err *err);

#define log_error(...)	 log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)	 log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)	 log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)
