// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Small JSON files in the state directory, each replaced as a whole or not at all
 */

#include "base/alloc.h"
#include "base/timex.h"
#include "klpd/place.h"

#include <jansson.h>

/* NULL when there is none, or none that can be read. A new reference. */
json_t *state_read(const struct place *place, const char *name);
/* 0 or -errno. */
_must_check_ int state_write(const struct place *place, const char *name, json_t *json);

/* A folder below @dir, made if need be: a descriptor, or -errno. */
int state_folder(int dir, const char *name);
/* Gives @fd, made by us in the state directory, to that directory's owner, if we are root. */
void state_adopt(int state_fd, int fd);

/* Members of an object (may be NULL): a text or "", a time or TIME_UNSET. */
const char *state_text(json_t *object, const char *key);
int64_t state_time_of(json_t *object, const char *key);
/* A text by a format. jansson 2.10 has no json_sprintf(). */
_printf_(1, 2) json_t *state_printf(const char *fmt, ...);
/* A time as JSON; null for TIME_UNSET. */
json_t *state_time(int64_t t);
