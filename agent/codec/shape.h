// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Shapes: C structures as tables, written to and read from JSON
 *
 * A type knows its size and how one value of it becomes JSON and back. A type with fields is an
 * object whose members lie at offsets of a structure; a field with a count is a list. So one table
 * per structure describes both directions, and the two cannot drift apart.
 *
 * Only codec/ includes this.
 */

#include "base/err.h"
#include "codec/jsonx.h"

#define SHAPE_PATH_MAX 256

/* Where a reader stands, for messages ("repositories[2].role"). */
struct shape_reader {
	struct arena *arena; /* owns what is read */
	const char *file;
	struct err *err;
	void *context; /* for the read functions of types */
	char path[SHAPE_PATH_MAX];
};

struct shape_field;

struct shape_type {
	size_t size;
	/* An object: */
	const struct shape_field *fields;
	size_t n_fields;
	void (*defaults)(void *value); /* before the fields are read; NULL: all zero */
	/* Anything else: */
	json_t *(*write)(const void *value, const void *context);
	int (*read)(struct shape_reader *reader, const json_t *json, void *value);
};

struct shape_field {
	const char *key;
	const struct shape_type *type;
	size_t offset;
	bool required;
	/* A list: @offset holds a pointer to an array, @count_offset its size_t, @max the limit. */
	size_t count_offset, max;
};

/* @context is handed to the write functions of types. Returns a new reference. */
json_t *shape_write(const struct shape_type *type, const void *value, const void *context);
/* @value is zeroed memory. Returns 0, or -1 with the reader's err (DATA) naming file and place. */
_must_check_ int shape_read(struct shape_reader *reader, const struct shape_type *type,
			    const json_t *json, void *value);
/* Sets "FILE: PLACE: SENTENCE". Returns -1. */
_printf_(2, 3) int shape_err(struct shape_reader *reader, const char *fmt, ...);

/* The usual scalars, by what the member is declared as. */
extern const struct shape_type shape_text;     /* const char *; null = NULL */
extern const struct shape_type shape_string;   /* const char *, never NULL */
extern const struct shape_type shape_name;     /* const char *, never NULL or empty */
extern const struct shape_type shape_bool;     /* bool */
extern const struct shape_type shape_tristate; /* enum tristate; null = unknown */
extern const struct shape_type shape_time;     /* int64_t; null = TIME_UNSET */
extern const struct shape_type shape_flag;     /* int: 0, 1, null = -1 */
/* "2025-01-31T00:00:00Z" and nothing else. Returns 0, or -1 with the reader's err. */
_must_check_ int shape_parse_time(struct shape_reader *reader, const json_t *json, int64_t *ret);
