// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Members of a JSON document, by path ("node.kernel")
 *
 * The document came over the socket: an absent member and one of the wrong type are the same.
 */

#include "base/timex.h"

#include <jansson.h>

/* Borrowed; NULL when there is none. */
json_t *pick_member(const json_t *object, const char *path);
/* The text, or NULL. */
const char *pick_text(const json_t *object, const char *path);
/* The text, or @fallback when it is absent or empty. */
const char *pick_text_or(const json_t *object, const char *path, const char *fallback);
int64_t pick_number(const json_t *object, const char *path);
/* TIME_UNSET when absent or not a time. */
int64_t pick_time(const json_t *object, const char *path);
bool pick_true(const json_t *object, const char *path);
/* Number of elements of a list; 0 for anything else. */
size_t pick_count(const json_t *object, const char *path);
