// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * What klpd asks of klpd-fetch: one JSON object on standard input. Described in README.md.
 */

#include "base/alloc.h"
#include "base/err.h"
#include "core/catalogue.h"
#include "repo/document.h"
#include "repo/package.h"

#define REQUEST_BYTES_MAX   ((size_t)64 * 1024)
#define REQUEST_ROLES	    (REPO_ROLE_KERNEL + 1)
#define REQUEST_TIMEOUT_MAX ((int64_t)24 * 3600)

struct request {
	struct arena *arena; /* holds everything below */
	const char *root, *cache;
	const char *releasever, *arch; /* NULL: not known */
	struct {
		const char **globs; /* over section ids */
		size_t n;
	} roles[REQUEST_ROLES];
	unsigned primary;   /* FETCH_ROLE() of those whose primary.xml is wanted */
	bool refresh;	    /* fetch even what has not expired */
	const char *enable; /* a section that counts as enabled, and as there; NULL */
	bool download;	    /* the packages, and no metadata */
	struct package *packages;
	size_t n_packages;
	struct document *documents; /* nothing else, if there are any */
	size_t n_documents;
	int64_t max_file_bytes;
	int64_t max_package_bytes;
	int64_t timeout; /* seconds for everything */
	int64_t now;
};

/* Unknown members are refused. Strings live in @arena. Return: 0, or -1 with @err (USAGE). */
_must_check_ int request_parse(const char *text, size_t len, struct arena *arena,
			       struct request *ret, struct err *err);
