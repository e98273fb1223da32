// SPDX-License-Identifier: Apache-2.0
#include "base/alloc.h"

#include "base/err.h"

#include <stdio.h>

#define CHUNK_SIZE  ((size_t)16 * 1024)
#define ARRAY_FIRST ((size_t)4)

struct chunk {
	struct chunk *next;
	size_t used, size;
	_Alignas(max_align_t) unsigned char data[];
};

struct arena {
	struct chunk *chunks; /* the one being filled first */
};

static _noreturn_ void out_of_memory(void)
{
	static const char text[] = "klpd: not enough memory for this operation; try again later\n";

	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	_exit(EXIT_STATUS_TEMPFAIL);
}

static void *must(void *p)
{
	if (!p)
		out_of_memory();
	return p;
}

void *xmalloc(size_t size)
{
	return must(malloc(size ? size : 1));
}

void *xcalloc(size_t n, size_t size)
{
	return must(calloc(n ? n : 1, size ? size : 1));
}

void *xreallocarray(void *ptr, size_t n, size_t size)
{
	return must(reallocarray(ptr, n ? n : 1, size ? size : 1));
}

char *xstrdup(const char *s)
{
	return must(strdup(s));
}

char *xstrndup(const char *s, size_t n)
{
	return must(strndup(s, n));
}

char *xvasprintf(const char *fmt, va_list ap)
{
	char *s;

	if (vasprintf(&s, fmt, ap) < 0)
		out_of_memory();
	return s;
}

char *xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	s = xvasprintf(fmt, ap);
	va_end(ap);
	return s;
}

struct arena *arena_new(void)
{
	return xcalloc(1, sizeof(struct arena));
}

void arena_free(struct arena *arena)
{
	if (!arena)
		return;
	for (struct chunk *c = arena->chunks, *next; c; c = next) {
		next = c->next;
		free(c);
	}
	free(arena);
}

void arena_absorb(struct arena *arena, struct arena *from)
{
	struct chunk **last = &arena->chunks;

	while (*last)
		last = &(*last)->next;
	*last = from->chunks;
	from->chunks = NULL;
}

static struct chunk *chunk_new(struct arena *arena, size_t size)
{
	struct chunk *c;

	if (size > SIZE_MAX - sizeof(*c))
		out_of_memory();
	c = xcalloc(1, sizeof(*c) + size);
	c->size = size;
	c->next = arena->chunks;
	arena->chunks = c;
	return c;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	struct chunk *c = arena->chunks;
	const size_t align = _Alignof(max_align_t);
	void *p;

	if (size > SIZE_MAX - align)
		out_of_memory();
	size = (size + align - 1) & ~(align - 1);
	if (!c || c->size - c->used < size) {
		bool big = size > CHUNK_SIZE / 4;
		struct chunk *filling = c;

		c = chunk_new(arena, big ? size : CHUNK_SIZE);
		if (big && filling) { /* keep filling the chunk that still has room */
			arena->chunks = filling;
			c->next = filling->next;
			filling->next = c;
		}
	}
	p = c->data + c->used;
	c->used += size;
	return p;
}

char *arena_strndup(struct arena *arena, const char *s, size_t n)
{
	size_t len = strnlen(s, n);
	char *copy = arena_alloc(arena, len + 1);

	memcpy(copy, s, len);
	return copy;
}

char *arena_strdup(struct arena *arena, const char *s)
{
	return s ? arena_strndup(arena, s, strlen(s)) : NULL;
}

char *arena_printf(struct arena *arena, const char *fmt, ...)
{
	_cleanup_free_ char *s = NULL;
	va_list ap;

	va_start(ap, fmt);
	s = xvasprintf(fmt, ap);
	va_end(ap);
	return arena_strdup(arena, s);
}

void *arena_grow(struct arena *arena, void *array, size_t n, size_t size)
{
	bool full = n == 0 || (n >= ARRAY_FIRST && (n & (n - 1)) == 0);
	void *grown;

	if (!full)
		return array;
	if (n > SIZE_MAX / 2 / size)
		out_of_memory();
	grown = arena_alloc(arena, (n ? 2 * n : ARRAY_FIRST) * size);
	if (n)
		memcpy(grown, array, n * size);
	return grown;
}
