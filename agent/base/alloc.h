// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Memory
 *
 * Out of memory is not a condition that any caller could mend: the process says so and exits with
 * EXIT_STATUS_TEMPFAIL (75, "try again"). Hence no function here ever returns NULL, and no caller
 * has an error path for it. Programs here are short-lived or restarted by systemd.
 *
 * A document (catalogue, snapshot, plan, report) is built once, read many times and freed once:
 * it lives in an arena, and every pointer inside it belongs to that arena.
 */

#include "base/macro.h"

#include <stdarg.h>

_malloc_ _returns_nonnull_ void *xmalloc(size_t size);
_malloc_ _returns_nonnull_ void *xcalloc(size_t n, size_t size);
_returns_nonnull_ void *xreallocarray(void *ptr, size_t n, size_t size);
_malloc_ _returns_nonnull_ char *xstrdup(const char *s);
_malloc_ _returns_nonnull_ char *xstrndup(const char *s, size_t n);
_malloc_ _returns_nonnull_ _printf_(1, 2) char *xasprintf(const char *fmt, ...);
_malloc_ _returns_nonnull_ _printf_(1, 0) char *xvasprintf(const char *fmt, va_list ap);

struct arena;

_returns_nonnull_ struct arena *arena_new(void);
/* Frees everything that was allocated from @arena. Accepts NULL. */
void arena_free(struct arena *arena);
DEFINE_CLEANUP(struct arena *, arena_free);

/* @from's memory becomes @arena's: what lies in it lives as long as @arena. @from is empty then. */
void arena_absorb(struct arena *arena, struct arena *from);

/* Zeroed memory, aligned for any type, valid until arena_free(). */
_returns_nonnull_ void *arena_alloc(struct arena *arena, size_t size);
/* Copies into the arena. NULL stays NULL. */
char *arena_strdup(struct arena *arena, const char *s);
_returns_nonnull_ char *arena_strndup(struct arena *arena, const char *s, size_t n);
_returns_nonnull_ _printf_(2, 3) char *arena_printf(struct arena *arena, const char *fmt, ...);

/*
 * Growing arrays inside an arena. @n is the number of elements in use; the capacity is the next
 * power of two and therefore need not be stored. Returns the array with room for one more.
 */
_returns_nonnull_ void *arena_grow(struct arena *arena, void *array, size_t n, size_t size);

/* Appends one zeroed element and evaluates to its address. */
#define ARENA_PUSH(arena, array, n)                                                                \
	((array) = arena_grow((arena), (array), (n), sizeof(*(array))), &(array)[(n)++])
