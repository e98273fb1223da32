// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * primary.xml -> primary.xml with the wanted packages only
 *
 * A stream filter over decompressed bytes: out come the <metadata> element and, byte for byte, each
 * <package> whose <name> is wanted. Memory does not grow with the repository (DESIGN section 4). It
 * knows tags, attributes, comments, CDATA and processing instructions, and copies what it does not
 * have to understand; the result is for libsolv's full parser. Of a package that is not wanted it
 * only looks for the end: what is broken inside one is nobody's loss.
 *
 * A document that is not written the usual way cannot be filtered with certainty. Then feeding
 * returns PRIMARY_UNUSUAL: what has come out is void, and the whole file is to be parsed.
 */

#include "base/err.h"
#include "metadata/wanted.h"

#define PRIMARY_PACKAGE_MAX ((size_t)4 * 1024 * 1024) /* one <package> element */
#define PRIMARY_NAME_MAX    ((size_t)1024)
#define PRIMARY_DEPTH_MAX   32

#define PRIMARY_UNUSUAL	    1

struct primary;

struct primary_sink {
	void (*write)(void *userdata, const char *bytes, size_t len);
	void *userdata;
};

/* Both parameters must outlive the filter. @wanted NULL: every package. */
struct primary *primary_new(const struct wanted *wanted, const struct primary_sink *sink);
void primary_free(struct primary *primary);
DEFINE_CLEANUP(struct primary *, primary_free);

/*
 * Return: 0; PRIMARY_UNUSUAL, see above and primary_unusual(); or -1 with @err (DATA): broken, too
 * large, not package metadata, or a document type declaration of its own. After anything but 0 the
 * filter may only be freed.
 */
_must_check_ int primary_feed(struct primary *primary, const void *bytes, size_t len,
			      struct err *err);
/* The end of the file. */
_must_check_ int primary_finish(struct primary *primary, struct err *err);

/* What was unusual, as part of a sentence; NULL when nothing was. */
const char *primary_unusual(const struct primary *primary);
