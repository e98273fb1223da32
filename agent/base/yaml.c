// SPDX-License-Identifier: Apache-2.0
#include "base/yaml.h"

#include <yaml.h>

/*
 * The adapter for libyaml. Differences between versions:
 *   0.1.4  does not know the escape \/ of JSON; no version pairs JSON's UTF-16 surrogate escapes.
 *          Both are rewritten before libyaml sees the text (json_to_yaml()).
 *   0.2.x  event and token structures are the same for everything used here.
 *
 * Events are turned into a tree without recursion: `stack` holds the open maps and lists.
 */

struct level {
	struct doc *doc;
	const char *key; /* a map that has seen a key and waits for its value */
	unsigned int key_line;
};

struct builder {
	struct arena *arena;
	const char *file;
	struct err *err;
	struct level stack[YAML_DEPTH_MAX];
	size_t depth, nodes;
	struct doc *root;
};

static int fail(struct builder *b, size_t line, const char *what)
{
	return err_set(b->err, EXIT_STATUS_CONFIG, "%s:%zu: %s", b->file, line, what);
}

/* ---- JSON strings --------------------------------------------------------------------------- */

static bool hex4(const char *s, const char *end, unsigned int *ret)
{
	unsigned int v = 0;

	if (end - s < 4)
		return false;
	for (int i = 0; i < 4; i++) {
		static const char hex[] = "0123456789abcdef";
		const char *p = s[i] ? strchr(hex, s[i] | 0x20) : NULL;

		if (!p)
			return false;
		v = v * 16 + (unsigned int)(p - hex);
	}
	*ret = v;
	return true;
}

/* Writes the character of a surrogate pair at @s (after the backslash): bytes consumed, or 0. */
static size_t surrogate_pair(const char *s, const char *end, char **out)
{
	unsigned int high, low, c;

	if (end - s < 11 || s[0] != 'u' || !hex4(s + 1, end, &high) || s[5] != '\\' ||
	    s[6] != 'u' || !hex4(s + 7, end, &low))
		return 0;
	if (high < 0xd800 || high > 0xdbff || low < 0xdc00 || low > 0xdfff)
		return 0;
	c = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
	*(*out)++ = (char)(0xf0 | (c >> 18));
	*(*out)++ = (char)(0x80 | ((c >> 12) & 0x3f));
	*(*out)++ = (char)(0x80 | ((c >> 6) & 0x3f));
	*(*out)++ = (char)(0x80 | (c & 0x3f));
	return 11;
}

static bool looks_like_json(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!strchr(" \t\r\n", text[i]) || !text[i])
			return text[i] == '{' || text[i] == '[';
	return false;
}

/* Only ever shortens, and never touches a line end, so lines in messages stay true. */
static size_t json_to_yaml(const char *text, size_t len, char *copy)
{
	const char *end = text + len;
	bool in_string = false;
	char *out = copy;

	for (const char *s = text; s < end; s++) {
		size_t pair;

		if (*s == '"')
			in_string = !in_string;
		if (!in_string || *s != '\\' || s + 1 == end) {
			*out++ = *s;
			continue;
		}
		s++;
		pair = surrogate_pair(s, end, &out);
		if (pair) {
			s += pair - 1;
			continue;
		}
		if (*s != '/')
			*out++ = '\\';
		*out++ = *s;
	}
	return (size_t)(out - copy);
}

/* ---- tree ----------------------------------------------------------------------------------- */

static int place(struct builder *b, size_t line, enum doc_kind kind, struct doc **ret)
{
	struct level *top = b->depth ? &b->stack[b->depth - 1] : NULL;
	struct doc *doc;

	if (++b->nodes > YAML_NODES_MAX)
		return fail(b, line, "the document has too many values");
	if (!top) {
		doc = b->root = arena_alloc(b->arena, sizeof(*doc));
	} else {
		if (top->doc->kind == DOC_MAP && !top->key)
			return fail(b, line, "a key must be a single value");
		doc = ARENA_PUSH(b->arena, top->doc->members, top->doc->n_members);
		doc->key = top->doc->kind == DOC_MAP ? top->key : top->doc->key;
		top->key = NULL;
	}
	doc->kind = kind;
	doc->line = (unsigned int)line;
	doc->file = b->file;
	doc->text = "";
	*ret = doc;
	return 0;
}

/*
 * A member array may move while it grows, which would leave the stack's pointers behind; but it
 * grows only by its own map or list, whose last member is the one that is open.
 */
static int open_level(struct builder *b, size_t line, enum doc_kind kind)
{
	struct doc *doc;

	if (b->depth == YAML_DEPTH_MAX)
		return fail(b, line, "the document is nested too deeply");
	if (place(b, line, kind, &doc) < 0)
		return -1;
	b->stack[b->depth++] = (struct level){ .doc = doc };
	return 0;
}

static bool is_null_word(const char *text)
{
	return streq(text, "") || streq(text, "~") || streq(text, "null") || streq(text, "Null") ||
	       streq(text, "NULL");
}

static int scalar(struct builder *b, const yaml_event_t *event, size_t line)
{
	const char *text = (const char *)event->data.scalar.value;
	struct level *top = b->depth ? &b->stack[b->depth - 1] : NULL;
	struct doc *doc;

	if (memchr(text, '\0', event->data.scalar.length))
		return fail(b, line, "a value contains a NUL byte");
	if (top && top->doc->kind == DOC_MAP && !top->key) {
		if (doc_get(top->doc, text))
			return err_set(b->err, EXIT_STATUS_CONFIG,
				       "%s:%zu: %s: the key stands twice", b->file, line, text);
		if (top->doc->n_members == YAML_KEYS_MAX)
			return fail(b, line, "the map has too many keys");
		top->key = arena_strdup(b->arena, text);
		return 0;
	}
	if (place(b, line, DOC_SCALAR, &doc) < 0)
		return -1;
	doc->text = arena_strdup(b->arena, text);
	doc->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	doc->is_null = !doc->quoted && is_null_word(text);
	return 0;
}

static bool has_extras(const yaml_event_t *e)
{
	switch ((int)e->type) {
	case YAML_ALIAS_EVENT:
		return true;
	case YAML_SCALAR_EVENT:
		return e->data.scalar.anchor || e->data.scalar.tag;
	case YAML_SEQUENCE_START_EVENT:
		return e->data.sequence_start.anchor || e->data.sequence_start.tag;
	case YAML_MAPPING_START_EVENT:
		return e->data.mapping_start.anchor || e->data.mapping_start.tag;
	default:
		return false;
	}
}

static int take(struct builder *b, const yaml_event_t *event)
{
	size_t line = event->start_mark.line + 1;

	if (has_extras(event))
		return fail(b, line, "anchors, aliases and tags are not accepted");
	switch ((int)event->type) {
	case YAML_DOCUMENT_START_EVENT:
		return b->root ? fail(b, line, "only one document per file is accepted") : 0;
	case YAML_SCALAR_EVENT:
		return scalar(b, event, line);
	case YAML_SEQUENCE_START_EVENT:
		return open_level(b, line, DOC_LIST);
	case YAML_MAPPING_START_EVENT:
		return open_level(b, line, DOC_MAP);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		b->depth--;
		return 0;
	default:
		return 0;
	}
}

/* The reader, which checks the encoding, gives an offset; only the layers above it give a line. */
static size_t error_line(const yaml_parser_t *parser, const char *text, size_t len)
{
	size_t line = 1;

	if (parser->error != YAML_READER_ERROR)
		return parser->problem_mark.line + 1;
	for (size_t i = 0; i < len && i < parser->problem_offset; i++)
		line += text[i] == '\n';
	return line;
}

static int parser_error(struct builder *b, const yaml_parser_t *parser, const char *text,
			size_t len)
{
	const char *what = parser->problem ? parser->problem : "not readable as YAML or JSON";
	size_t line = error_line(parser, text, len);

	if (parser->context)
		return err_set(b->err, EXIT_STATUS_CONFIG, "%s:%zu: %s, %s", b->file, line,
			       parser->context, what);
	return fail(b, line, what);
}

static int run(struct builder *b, const char *text, size_t len)
{
	yaml_parser_t parser;
	yaml_event_t event;
	bool done = false;
	int r = 0;

	if (!yaml_parser_initialize(&parser))
		return fail(b, 1, "the YAML reader could not be started");
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	while (r == 0 && !done) {
		if (!yaml_parser_parse(&parser, &event)) {
			r = parser_error(b, &parser, text, len);
			break;
		}
		done = event.type == YAML_STREAM_END_EVENT;
		r = take(b, &event);
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	return r;
}

int yaml_parse(const char *text, size_t len, const char *file, struct arena *arena,
	       const struct doc **ret, struct err *err)
{
	struct builder b = { .arena = arena, .file = arena_strdup(arena, file), .err = err };
	_cleanup_free_ char *copy = NULL;

	if (len > YAML_BYTES_MAX)
		return err_set(err, EXIT_STATUS_CONFIG, "%s: larger than %zu bytes", file,
			       YAML_BYTES_MAX);
	if (looks_like_json(text, len)) {
		copy = xmalloc(len);
		len = json_to_yaml(text, len, copy);
		text = copy;
	}
	if (run(&b, text, len) < 0)
		return -1;
	if (!b.root || (b.root->kind == DOC_SCALAR && b.root->is_null)) {
		b.root = arena_alloc(arena, sizeof(*b.root));
		*b.root = (struct doc){ .kind = DOC_MAP, .line = 1, .file = b.file, .text = "" };
	}
	*ret = b.root;
	return 0;
}
