// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * XML that comes from the network, read within limits (adapter for expat, 2.1 and later)
 *
 * A push parser over bytes. Refused are: more bytes, deeper nesting or a longer tag than the limits
 * allow, and every document type declaration with a part of its own, so that no entity is ever
 * expanded. A bare DOCTYPE is accepted; what it points to is never read.
 */

#include "base/err.h"

#define MARKUP_BYTES_MAX ((uint64_t)512 * 1024 * 1024) /* decompressed */
#define MARKUP_DEPTH_MAX 32
/*
 * A tag, comment or declaration; text may be longer. expat looks at an unfinished one again with
 * every piece it gets, so this also bounds the time.
 */
#define MARKUP_TOKEN_MAX ((size_t)2 * 1024 * 1024)

/* Strings are valid during the call only. All may be NULL. */
struct markup_handlers {
	/* @attributes: name, value, name, value, NULL */
	void (*start)(void *userdata, const char *name, const char **attributes);
	void (*end)(void *userdata);
	/* Text may come in several pieces. */
	void (*text)(void *userdata, const char *bytes, size_t len);
};

/* The XML library and its version. */
const char *markup_library(void);

struct markup;

/* @bytes_max: 0 for MARKUP_BYTES_MAX. @handlers is not copied. */
struct markup *markup_new(const struct markup_handlers *handlers, void *userdata,
			  uint64_t bytes_max);
void markup_free(struct markup *markup);
DEFINE_CLEANUP(struct markup *, markup_free);

/*
 * Return: 0, or -1 with @err (DATA) naming the line. After a failure, and after markup_finish(),
 * the parser may only be freed.
 */
_must_check_ int markup_feed(struct markup *markup, const void *bytes, size_t len, struct err *err);
/* The end of the file: an unfinished document is a failure. */
_must_check_ int markup_finish(struct markup *markup, struct err *err);

/* For handlers: the document is refused, markup_feed() will fail with this sentence. */
_printf_(2, 3) void markup_refuse(struct markup *markup, const char *fmt, ...);
