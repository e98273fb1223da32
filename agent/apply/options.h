// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * klpd-apply's command line: what it may ever do, said by its unit file (or, for a directory that
 * stands for a node, by whoever starts it with rights of his own)
 */

#include "base/err.h"

#define OPTIONS_NAMES_MAX 16

struct options {
	const char *root;   /* "/" */
	const char *kernel; /* uname -r of a root that does not run; NULL: of this machine */
	/*
	 * Package names that may be installed. {version} and {release} stand for those of the
	 * running kernel, the release without the first suffix of `strip` that it has.
	 */
	const char *allow[OPTIONS_NAMES_MAX + 1];
	const char *allow_kernel[OPTIONS_NAMES_MAX + 1]; /* the same, for packages of kernels */
	const char *strip[OPTIONS_NAMES_MAX + 1];
	/* What may be removed (globs over package names), and what switched (exact names). */
	const char *allow_erase[OPTIONS_NAMES_MAX + 1];
	const char *services[OPTIONS_NAMES_MAX + 1];
	const char *repositories[OPTIONS_NAMES_MAX + 1];
	const char *loader; /* program that loads a module: LOADER load FILE */
	const char *keys;   /* folder with keys, below the root */
	bool allow_unsigned;
	int64_t lock_wait; /* seconds */
	int64_t load_wait; /* seconds for one module */
};

/* True if @names, which end with NULL, have @name. */
bool options_name(const char *const *names, const char *name);
/* Strings point into @argv. Return: 0, or -1 with @err (USAGE). */
_must_check_ int options_parse(int argc, char *argv[], struct options *ret, struct err *err);
