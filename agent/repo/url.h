// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * URLs as texts (RFC 3986)
 *
 * Pure. Amazon Linux 2 names packages like "../../../blobstore/<digest>/x.rpm": resolved against
 * the repository's base this is an ordinary URL. It is never a path of ours: see repo/cache.h.
 */

#include "base/alloc.h"

/*
 * The URL that reference @ref means in a document below @base, which counts as a folder whether it
 * ends in a slash or not. NULL if @base is no absolute URL or either contains a control character
 * or a blank.
 */
char *url_join(const char *base, const char *ref, struct arena *arena);

/* True for a relative path reference: no scheme, no authority, not empty, no control characters. */
bool url_is_relative(const char *ref);

/* The URL without user name, password and query: fit for messages. */
char *url_for_people(const char *url, struct arena *arena);

/* A sentence of somebody else's, with every URL in it as url_for_people() has it. */
char *url_hide_secrets(const char *text, struct arena *arena);

/* The host of an https: URL, without user, port and brackets; NULL for any other text. */
char *url_https_host(const char *url, struct arena *arena);

/* The path of a file: URL without a host, percent-decoded; NULL for any other. */
char *url_file_path(const char *url, struct arena *arena);
