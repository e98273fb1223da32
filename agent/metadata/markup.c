// SPDX-License-Identifier: Apache-2.0
#include "metadata/markup.h"

#include "base/alloc.h"

#include <expat.h>
#include <stdarg.h>

#define PIECE ((size_t)64 * 1024)

struct markup {
	const struct markup_handlers *handlers;
	void *userdata;
	XML_Parser parser;
	uint64_t bytes, bytes_max;
	unsigned int depth;
	char *refusal; /* why a handler stopped the parser; NULL */
};

static void *grow(void *p, size_t size)
{
	return xreallocarray(p, size, 1);
}

const char *markup_library(void)
{
	return XML_ExpatVersion();
}

void markup_refuse(struct markup *markup, const char *fmt, ...)
{
	va_list ap;

	if (markup->refusal)
		return;
	va_start(ap, fmt);
	markup->refusal = xvasprintf(fmt, ap);
	va_end(ap);
	XML_StopParser(markup->parser, XML_FALSE);
}

static void on_start(void *userdata, const char *name, const char **attributes)
{
	struct markup *m = userdata;

	if (m->refusal) /* expat may call once more for an empty element */
		return;
	if (m->depth == MARKUP_DEPTH_MAX) {
		markup_refuse(m, "elements are nested more than %d deep", MARKUP_DEPTH_MAX);
		return;
	}
	m->depth++;
	if (m->handlers->start)
		m->handlers->start(m->userdata, name, attributes);
}

static void on_end(void *userdata, const char *name _unused_)
{
	struct markup *m = userdata;

	if (m->refusal)
		return;
	m->depth--;
	if (m->handlers->end)
		m->handlers->end(m->userdata);
}

static void on_text(void *userdata, const char *bytes, int len)
{
	struct markup *m = userdata;

	if (!m->refusal && m->handlers->text)
		m->handlers->text(m->userdata, bytes, (size_t)len);
}

static void on_doctype(void *userdata, const char *name _unused_, const char *system_id _unused_,
		       const char *public_id _unused_, int has_internal_subset)
{
	if (has_internal_subset)
		markup_refuse(userdata, "a document type declaration of its own is not accepted");
}

static void on_entity(void *userdata, const char *name _unused_, int is_parameter _unused_,
		      const char *value _unused_, int len _unused_, const char *base _unused_,
		      const char *system_id _unused_, const char *public_id _unused_,
		      const char *notation _unused_)
{
	markup_refuse(userdata, "entity declarations are not accepted");
}

struct markup *markup_new(const struct markup_handlers *handlers, void *userdata,
			  uint64_t bytes_max)
{
	struct markup *m = xcalloc(1, sizeof(*m));
	static const XML_Memory_Handling_Suite memory = { xmalloc, grow, free };

	m->handlers = handlers;
	m->userdata = userdata;
	m->bytes_max = bytes_max ? bytes_max : MARKUP_BYTES_MAX;
	m->parser = XML_ParserCreate_MM(NULL, &memory, NULL);
	XML_SetUserData(m->parser, m);
	XML_SetElementHandler(m->parser, on_start, on_end);
	if (handlers->text)
		XML_SetCharacterDataHandler(m->parser, on_text);
	XML_SetStartDoctypeDeclHandler(m->parser, on_doctype);
	XML_SetEntityDeclHandler(m->parser, on_entity);
	return m;
}

void markup_free(struct markup *markup)
{
	if (!markup)
		return;
	XML_ParserFree(markup->parser);
	free(markup->refusal);
	free(markup);
}

static int failure(struct markup *m, struct err *err)
{
	const char *why = m->refusal ? m->refusal : XML_ErrorString(XML_GetErrorCode(m->parser));

	return err_set(err, EXIT_STATUS_DATA, "line %llu: %s",
		       (unsigned long long)XML_GetCurrentLineNumber(m->parser), why);
}

/* How much expat holds back because the tag it belongs to has not ended. */
static uint64_t unfinished(const struct markup *m)
{
	XML_Index done = XML_GetCurrentByteIndex(m->parser);

	return done < 0 || (uint64_t)done > m->bytes ? 0 : m->bytes - (uint64_t)done;
}

static int feed_piece(struct markup *m, const char *bytes, size_t len, struct err *err)
{
	m->bytes += len;
	if (m->bytes > m->bytes_max)
		return err_set(err, EXIT_STATUS_DATA, "larger than the limit of %llu bytes",
			       (unsigned long long)m->bytes_max);
	if (XML_Parse(m->parser, bytes, (int)len, XML_FALSE) != XML_STATUS_OK)
		return failure(m, err);
	if (unfinished(m) > MARKUP_TOKEN_MAX)
		return err_set(err, EXIT_STATUS_DATA,
			       "line %llu: a tag is longer than the limit of %zu bytes",
			       (unsigned long long)XML_GetCurrentLineNumber(m->parser),
			       MARKUP_TOKEN_MAX);
	return 0;
}

int markup_feed(struct markup *markup, const void *bytes, size_t len, struct err *err)
{
	const char *p = bytes;

	while (len > 0) {
		size_t n = len < PIECE ? len : PIECE;

		if (feed_piece(markup, p, n, err) < 0)
			return -1;
		p += n;
		len -= n;
	}
	return 0;
}

int markup_finish(struct markup *markup, struct err *err)
{
	if (XML_Parse(markup->parser, "", 0, XML_TRUE) != XML_STATUS_OK)
		return failure(markup, err);
	return 0;
}
