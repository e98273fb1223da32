// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Packages in the cache
 *
 *   CACHE/packages/<type>-<checksum>.rpm        verified, and on disk before it got this name
 *   CACHE/packages/<type>-<checksum>.rpm.part   what came before the connection or the process
 *                                               ended; the next try goes on from there
 *
 * Names are made of checksums: nothing of them comes from a server. What is in a file counts only
 * after package_is_there() or package_fetch() said so; whoever opens one later verifies it again.
 */

#include "repo/transfer.h"

#define PACKAGE_FOLDER	   "packages"
#define PACKAGE_AGE_MAX	   ((int64_t)7 * 86400)	       /* seconds that nobody wanted it */
#define PACKAGE_ROOM_SPARE ((int64_t)16 * 1024 * 1024) /* bytes that stay free */

struct package {
	const char *repository; /* section id */
	const char *location;	/* as primary.xml says: relative to the repository's URL */
	const char *checksum_type, *checksum;
	int64_t size;	   /* bytes */
	const char *label; /* for messages and progress */
};

struct package_store {
	int folder;
	const char *path; /* of the folder, absolute */
};

/* Can it be asked for at all? Return: 0, or -1 with @err (USAGE). */
_must_check_ int package_check(const struct package *package, struct err *err);

/* Is the file there, with this size and checksum? */
bool package_is_there(const struct package_store *store, const struct package *package);

/* Bytes that must still come, without what is there of it already. Unverified. */
int64_t package_bytes_left(const struct package_store *store, const struct package *package);
/* Is there room for @bytes more? Return: 0, or -1 with @err (IO). */
_must_check_ int package_check_room(const struct package_store *store, int64_t bytes,
				    struct err *err);

/**
 * package_fetch() - download one package, or the rest of it
 * @transfer: of its repository, whose mirrors are tried in turn
 *
 * Never writes more than package->size bytes. What came stays when the transfer breaks off, and is
 * removed when it is not what it should be.
 * Return: 0, or -1 with @err: status as in transfer.h, DATA also for what ends too early, and IO.
 */
_must_check_ int package_fetch(struct transfer *transfer, const struct package_store *store,
			       const struct package *package, struct err *err);

/* Removes what has been there for PACKAGE_AGE_MAX before @now and is none of @keep. */
void package_prune(const struct package_store *store, const struct package *keep, size_t n,
		   int64_t now);
