// SPDX-License-Identifier: Apache-2.0
#pragma once

/* What transfer.c and package.c share: librepo's handle and its limits. For nobody else. */

#include "repo/transfer.h"

#include <librepo/librepo.h>

#define TRANSFER_OPEN_MAX 16

struct transfer {
	struct transfer_spec spec;
	struct arena *arena;
	LrHandle *handle;
	LrResult *result;
	int open[TRANSFER_OPEN_MAX]; /* what curl reads through /proc/self/fd */
	size_t n_open;
	const char *base;   /* URL that repomd.xml came from, or NULL */
	const char *failed; /* the URL that failed last, or NULL */
	const char *why;    /* and what librepo said of it */
	struct transfer_repomd repomd;
	struct transfer_count count;
	const char **mirrors; /* of package.c: URLs that packages are looked for at */
	size_t n_mirrors;     /* 0: not known yet */
	/* of the file under way */
	const char *file;
	int64_t limit, done;
	bool too_large;
};

/* From here on no file grows beyond @max: the kernel refuses the write and sends SIGXFSZ. */
void transfer_limit_files(int64_t max);
/* True if that happened since. */
bool transfer_hit_limit(void);

/* Numbers of curl/curl.h that mean something here. */
enum {
	TRANSFER_CURL_PARTIAL_FILE = 18,
	TRANSFER_CURL_WRITE_ERROR = 23,
	TRANSFER_CURL_RANGE_ERROR = 33,
};
/* curl's number for what went wrong, which librepo puts into its sentence; 0: none. */
int transfer_curl_code(const GError *error);
/* The exit status for what librepo says. */
int transfer_status(const GError *error);
