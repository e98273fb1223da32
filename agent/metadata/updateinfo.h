// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * updateinfo.xml -> advisories
 *
 * A push parser over the decompressed bytes of one file (semantics 3.1, al2-facts 2.5). Both dates
 * are kept, written with or without seconds or as seconds since 1970 (SUSE). Descriptions are never
 * stored.
 *
 * What is broken in one notice costs that notice and gives the finding "notice-broken": no id,
 * a package whose name no rpm can have, a field or a list beyond its limit. A date that is none
 * leaves the notice, with NOTICE_DATE_INVALID and the finding "notice-date-invalid". What is broken
 * in the file costs the file.
 */

#include "core/advisory.h"
#include "core/finding.h"
#include "metadata/markup.h"
#include "metadata/wanted.h"

struct updateinfo_limits {
	uint64_t bytes;	 /* of the file, decompressed */
	size_t field;	 /* bytes of one text or attribute */
	size_t notices;	 /* in the file, kept or not */
	size_t refs;	 /* of one notice */
	size_t packages; /* of one notice, wanted or not */
};

#define UPDATEINFO_LIMITS                                                                          \
	((struct updateinfo_limits){ .bytes = MARKUP_BYTES_MAX,                                    \
				     .field = (size_t)1024 * 1024,                                 \
				     .notices = 200000,                                            \
				     .refs = 10000,                                                \
				     .packages = 50000 })

struct updateinfo_options {
	const char *repo_id; /* for messages */
	size_t repo;	     /* becomes advisory.repo */
	/*
	 * NULL keeps everything. Otherwise only wanted packages are kept, and only notices that
	 * list one.
	 */
	const struct wanted *wanted;
	const struct updateinfo_limits *limits; /* NULL: UPDATEINFO_LIMITS */
	struct arena *arena;			/* owns the advisories */
	struct findings *findings;
};

struct updateinfo;

/* What @options points to must outlive the parser. */
struct updateinfo *updateinfo_new(const struct updateinfo_options *options);
void updateinfo_free(struct updateinfo *updateinfo);
DEFINE_CLEANUP(struct updateinfo *, updateinfo_free);

/* Return: 0, or -1 with @err (DATA): the file is broken, and all its notices are void. */
_must_check_ int updateinfo_feed(struct updateinfo *updateinfo, const void *bytes, size_t len,
				 struct err *err);
/*
 * The end of the file. On success the advisories are handed over, in the order of the file; on
 * failure there are none. updateinfo_free() is still the caller's to call.
 */
_must_check_ int updateinfo_finish(struct updateinfo *updateinfo, struct advisory **ret,
				   size_t *ret_n, struct err *err);
