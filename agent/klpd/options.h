// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * klpd's command line: what a unit file or whoever starts it says. Settings are in klpd/settings.h.
 */

#include "base/err.h"

#define OPTIONS_LISTEN_MAX 4

struct options {
	const char *listen[OPTIONS_LISTEN_MAX];
	size_t n_listen;
	int fd;				   /* connected socket of whoever started us; -1 */
	const char *root;		   /* "/" or the directory that stands for the machine */
	const char *cache_dir, *state_dir; /* NULL: see klpd/place.h */
	const char *apply;		   /* socket of klpd-apply; NULL: see klpd/applier.h */
	const char *wishes;    /* directory for the wish for a reboot; NULL: it is only reported */
	const char *config;    /* configuration file; NULL: the worker's default */
	const char *kernel;    /* kernel release of a root without /proc; NULL */
	int64_t exit_idle_sec; /* negative: stay */
	bool help, version;
};

/* Strings point into @argv. Return: 0, or -1 with @err (USAGE). */
_must_check_ int options_parse(int argc, char *argv[], struct options *ret, struct err *err);
/* Whether there is anybody to serve, @n_sockets of systemd's included. 0, or -1 with @err. */
_must_check_ int options_check(const struct options *options, size_t n_sockets, struct err *err);
/* The text of --help; to be freed. */
char *options_help(void);
