// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * primary.xml -> the packages that a repository offers, as far as we care
 *
 * Only wanted names are read (solv/filtered.h), so memory does not grow with the repository.
 */

#include "core/catalogue.h"
#include "metadata/wanted.h"
#include "solv/stream.h"

/* The package library's version. */
const char *available_library(void);

struct available_options {
	const char *repo_id;	     /* for messages */
	size_t repo;		     /* becomes available.repo */
	const struct wanted *wanted; /* NULL: every package, unfiltered */
	struct arena *arena;	     /* owns the strings and the array */
	struct findings *findings;
};

/**
 * available_read() - read one repository's primary.xml
 * @stream: from its first byte
 * @rows:   array in the arena that is appended to (ARENA_PUSH); unchanged on failure
 * @n:      its length
 *
 * A package without a usable version, release or architecture gives the finding "package-broken".
 * Return: 0, or -1 with @err (DATA) naming file and reason.
 */
_must_check_ int available_read(const struct available_options *options, struct stream *stream,
				struct available **rows, size_t *n, struct err *err);
