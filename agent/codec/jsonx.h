// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Building JSON values
 *
 * What the two documents have in common. Every function returns a new reference and never NULL:
 * out of memory ends the process (base/alloc.h), and text that is not UTF-8 (file names, fields of
 * foreign packages) has its bad bytes replaced by U+FFFD instead of losing the document.
 */

#include "base/timex.h"
#include "core/node.h"

#include <jansson.h>

/* Makes jansson's allocations as ours: they cannot fail. Called by every public codec function. */
void jsonx_init(void);

/* null for NULL. */
json_t *jsonx_text(const char *text);
/* RFC 3339, null for TIME_UNSET. */
json_t *jsonx_time(int64_t at);
/* true, false, null for unknown. */
json_t *jsonx_tristate(enum tristate value);
json_t *jsonx_texts(const char *const *texts, size_t n);
