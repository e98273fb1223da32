// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Structured text as a tree: maps, lists and scalars, each with the line it stood on
 *
 * Configuration, baselines, platform profiles and override lists arrive as YAML (base/yaml.h; JSON
 * is read the same way) and are interpreted from this neutral form, so that the interpreting code
 * is pure and every complaint can name file, line and field.
 *
 * A tree and all its strings belong to the arena it was built in.
 */

#include "base/alloc.h"
#include "base/err.h"

enum doc_kind {
	DOC_SCALAR,
	DOC_MAP,
	DOC_LIST,
};

struct doc {
	enum doc_kind kind;
	unsigned int line; /* 1-based */
	const char *file;  /* name for messages */
	const char *key;   /* in a map: this member's key; in a list: the list's; else NULL */
	/* DOC_SCALAR: the text; never NULL. A plain (unquoted) null or ~ has is_null set. */
	const char *text;
	bool quoted, is_null;
	/* DOC_MAP, DOC_LIST: members in document order */
	struct doc *members;
	size_t n_members;
};

#define DOC_FOREACH(item, parent)                                                                  \
	for (const struct doc *item = (parent)->members,                                           \
			      *item##_end = item ? item + (parent)->n_members : NULL;              \
	     item != item##_end; item++)

/* The member called @key of a map, compared with case, or NULL. */
const struct doc *doc_get(const struct doc *map, const char *key);

/* Sets "FILE:LINE: FIELD: SENTENCE" with status CONFIG. Evaluates to -1, as err_set(). */
#define doc_err(err, at, ...) (doc_err_text((err), (at), __VA_ARGS__), err_failed())
_printf_(3, 4) void doc_err_text(struct err *err, const struct doc *at, const char *fmt, ...);

/*
 * Typed access. Each returns 0, or -1 with @err naming file, line and field, @ret untouched.
 * Numbers must be whole and within [@min, @max]; booleans are true/false/yes/no/on/off.
 */
_must_check_ int doc_text(const struct doc *doc, const char **ret, struct err *err);
_must_check_ int doc_int(const struct doc *doc, int64_t min, int64_t max, int64_t *ret,
			 struct err *err);
_must_check_ int doc_bool(const struct doc *doc, bool *ret, struct err *err);
/* @words is NULL-terminated; compared without case; @ret is the index. */
_must_check_ int doc_word(const struct doc *doc, const char *const *words, int *ret,
			  struct err *err);
/* A list of scalars (a single scalar counts as a list of one); the array lives in @arena. */
_must_check_ int doc_texts(const struct doc *doc, struct arena *arena, const char *const **ret,
			   size_t *ret_n, struct err *err);
_must_check_ int doc_expect(const struct doc *doc, enum doc_kind kind, struct err *err);

/*
 * Reading a map by a table: one row per key. A key without a row is an error, with the keys that
 * exist in the sentence. Two rows may have the same reader and offset: two spellings of one field,
 * of which a map may use one.
 */
typedef int (*doc_read_fn)(const struct doc *doc, struct arena *arena, void *member,
			   struct err *err);

struct doc_field {
	const char *key;
	doc_read_fn read; /* NULL: accepted and ignored */
	size_t offset;	  /* of the member in the structure that is filled */
	bool required;
};

_must_check_ int doc_read_map(const struct doc *map, const struct doc_field *fields, size_t n,
			      struct arena *arena, void *into, struct err *err);

/* Readers for rows: const char * (not empty), struct doc_list, bool. */
struct doc_list {
	const char *const *items;
	size_t n;
};
int doc_read_text(const struct doc *doc, struct arena *arena, void *member, struct err *err);
int doc_read_texts(const struct doc *doc, struct arena *arena, void *member, struct err *err);
int doc_read_bool(const struct doc *doc, struct arena *arena, void *member, struct err *err);
/* "2026-06-30" -> int64_t, 00:00Z of that day */
int doc_read_day(const struct doc *doc, struct arena *arena, void *member, struct err *err);
