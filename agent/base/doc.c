// SPDX-License-Identifier: Apache-2.0
#include "base/doc.h"

#include "base/timex.h"

#include <ctype.h>
#include <errno.h>
#include <strings.h>

const struct doc *doc_get(const struct doc *map, const char *key)
{
	DOC_FOREACH(member, map)
		if (member->key && streq(member->key, key))
			return member;
	return NULL;
}

void doc_err_text(struct err *err, const struct doc *at, const char *fmt, ...)
{
	_cleanup_free_ char *what = NULL;
	va_list ap;

	va_start(ap, fmt);
	what = xvasprintf(fmt, ap);
	va_end(ap);
	if (at->key)
		err_set_text(err, EXIT_STATUS_CONFIG, "%s:%u: %s: %s", at->file, at->line, at->key,
			     what);
	else
		err_set_text(err, EXIT_STATUS_CONFIG, "%s:%u: %s", at->file, at->line, what);
}

int doc_expect(const struct doc *doc, enum doc_kind kind, struct err *err)
{
	static const char *const names[] = {
		[DOC_SCALAR] = "a single value",
		[DOC_MAP] = "a map of keys and values",
		[DOC_LIST] = "a list",
	};

	if (doc->kind == kind)
		return 0;
	return doc_err(err, doc, "%s is expected, not %s", names[kind], names[doc->kind]);
}

int doc_text(const struct doc *doc, const char **ret, struct err *err)
{
	if (doc_expect(doc, DOC_SCALAR, err) < 0)
		return -1;
	if (doc->is_null)
		return doc_err(err, doc, "a value is expected, not null");
	*ret = doc->text;
	return 0;
}

int doc_int(const struct doc *doc, int64_t min, int64_t max, int64_t *ret, struct err *err)
{
	const char *text;
	char *end;
	long long v;

	if (doc_text(doc, &text, err) < 0)
		return -1;
	errno = 0;
	v = strtoll(text, &end, 10);
	if (errno || end == text || *end || !(isdigit((unsigned char)*text) || *text == '-'))
		return doc_err(err, doc, "'%s' is not a whole number", text);
	if (v < min || v > max)
		return doc_err(err, doc, "%lld is not between %lld and %lld", v, (long long)min,
			       (long long)max);
	*ret = v;
	return 0;
}

int doc_bool(const struct doc *doc, bool *ret, struct err *err)
{
	static const char *const words[] = { "false", "no", "off", "true", "yes", "on", NULL };
	int i;

	if (doc_word(doc, words, &i, err) < 0)
		return -1;
	*ret = i >= 3;
	return 0;
}

static char *join(const char *const *words)
{
	char *list = xstrdup(words[0]);

	for (size_t i = 1; words[i]; i++) {
		char *longer = xasprintf("%s, %s", list, words[i]);

		free(list);
		list = longer;
	}
	return list;
}

int doc_word(const struct doc *doc, const char *const *words, int *ret, struct err *err)
{
	_cleanup_free_ char *allowed = NULL;
	const char *text;

	if (doc_text(doc, &text, err) < 0)
		return -1;
	for (int i = 0; words[i]; i++) {
		if (strcasecmp(words[i], text) != 0)
			continue;
		*ret = i;
		return 0;
	}
	allowed = join(words);
	return doc_err(err, doc, "'%s' is not one of %s", text, allowed);
}

int doc_texts(const struct doc *doc, struct arena *arena, const char *const **ret, size_t *ret_n,
	      struct err *err)
{
	const char **texts = NULL, *text;
	size_t n = 0;

	if (doc->kind == DOC_SCALAR) {
		if (doc_text(doc, &text, err) < 0)
			return -1;
		*ARENA_PUSH(arena, texts, n) = text;
	} else {
		if (doc_expect(doc, DOC_LIST, err) < 0)
			return -1;
		DOC_FOREACH(item, doc) {
			if (doc_text(item, &text, err) < 0)
				return -1;
			*ARENA_PUSH(arena, texts, n) = text;
		}
	}
	*ret = texts;
	*ret_n = n;
	return 0;
}

static char *known_keys(const struct doc_field *fields, size_t n)
{
	const char **keys = xcalloc(n + 1, sizeof(*keys));
	char *list;

	for (size_t i = 0; i < n; i++)
		keys[i] = fields[i].key;
	list = join(keys);
	free(keys);
	return list;
}

static const struct doc_field *find_field(const struct doc_field *fields, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (streq(fields[i].key, key))
			return &fields[i];
	return NULL;
}

/* The member of @map, before @member, that spells the same field another way, or NULL. */
static const struct doc *other_spelling(const struct doc *map, const struct doc *member,
					const struct doc_field *fields, size_t n,
					const struct doc_field *field)
{
	for (const struct doc *m = map->members; m < member; m++) {
		const struct doc_field *f = find_field(fields, n, m->key);

		if (field->read && f->read == field->read && f->offset == field->offset)
			return m;
	}
	return NULL;
}

int doc_read_map(const struct doc *map, const struct doc_field *fields, size_t n,
		 struct arena *arena, void *into, struct err *err)
{
	if (doc_expect(map, DOC_MAP, err) < 0)
		return -1;
	DOC_FOREACH(member, map) {
		const struct doc_field *field = find_field(fields, n, member->key);
		const struct doc *other;

		if (!field) {
			_cleanup_free_ char *keys = known_keys(fields, n);

			return doc_err(err, member, "no such key here; known are %s", keys);
		}
		other = other_spelling(map, member, fields, n, field);
		if (other)
			return doc_err(err, member, "the same as %s in line %u; keep one of them",
				       other->key, other->line);
		if (field->read &&
		    field->read(member, arena, (char *)into + field->offset, err) < 0)
			return -1;
	}
	for (size_t i = 0; i < n; i++)
		if (fields[i].required && !doc_get(map, fields[i].key))
			return doc_err(err, map, "%s is missing", fields[i].key);
	return 0;
}

int doc_read_text(const struct doc *doc, struct arena *arena, void *member, struct err *err)
{
	const char *text;

	(void)arena;
	if (doc_text(doc, &text, err) < 0)
		return -1;
	if (!*text)
		return doc_err(err, doc, "must not be empty");
	*(const char **)member = text;
	return 0;
}

int doc_read_texts(const struct doc *doc, struct arena *arena, void *member, struct err *err)
{
	struct doc_list *list = member;

	return doc_texts(doc, arena, &list->items, &list->n, err);
}

int doc_read_bool(const struct doc *doc, struct arena *arena, void *member, struct err *err)
{
	(void)arena;
	return doc_bool(doc, member, err);
}

int doc_read_day(const struct doc *doc, struct arena *arena, void *member, struct err *err)
{
	const char *text;

	(void)arena;
	if (doc_text(doc, &text, err) < 0)
		return -1;
	if (strlen(text) != strlen("2026-06-30") || timex_parse(text, member) < 0)
		return doc_err(err, doc, "'%s' is not a day such as 2026-06-30", text);
	return 0;
}
