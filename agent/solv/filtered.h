// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The wanted packages of a repository's primary.xml into libsolv; only for the files of this folder
 *
 * Only <package> elements of wanted names reach libsolv (metadata/primary.h), so memory does not
 * grow with the repository. A document that cannot be filtered with certainty is loaded whole, and
 * the finding "primary-unusual" says so.
 */

#include "core/finding.h"
#include "core/nevra.h"
#include "metadata/wanted.h"
#include "solv/adapter.h"
#include "solv/stream.h"

#define FILTERED_BYTES_MAX ((uint64_t)64 * 1024 * 1024) /* of wanted packages */

struct filtered {
	const char *repo_id;	     /* for messages */
	const struct wanted *wanted; /* NULL: every package, unfiltered */
	struct stream *stream;	     /* from its first byte */
	struct findings *findings;   /* NULL: nobody listens */
};

/* Return: 0, or -1 with @err (DATA) naming file and reason; @repo is then void. */
_must_check_ int filtered_add(Repo *repo, const struct filtered *filtered, struct err *err);

/*
 * What a package is called; the strings are in @arena. False: it has no usable version, release or
 * architecture, and is fit for messages only.
 */
bool filtered_nevra(Solvable *s, struct arena *arena, struct nevra *ret);
