// SPDX-License-Identifier: Apache-2.0
#include "metadata/primary.h"

#include "base/alloc.h"

#include <ctype.h>
#include <stdarg.h>
#include <strings.h>

#define DECLARATION "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
#define ROOT	    "metadata"
#define WORD_MAX    ((size_t)32) /* longer than any element name we compare with */

/*
 * Where in the markup the next byte stands. Every byte moves from one state to the next, so it
 * makes no difference where a buffer ends.
 */
enum state {
	TEXT,
	OPEN,	  /* after "<" */
	BANG,	  /* after "<!", until it is known what follows */
	COMMENT,  /* until "-->" */
	CDATA,	  /* until "]]>" */
	DOCTYPE,  /* until ">" outside quotes */
	PI,	  /* until "?>" */
	TAG_NAME, /* of a start or an end tag */
	TAG,	  /* after the name */
	QUOTED,	  /* an attribute value, or a literal of a DOCTYPE */
	N_STATES,
};

enum decision {
	UNDECIDED,
	WANTED,
	UNWANTED,
};

struct bytes {
	char *data;
	size_t len, size;
};

struct primary {
	const struct wanted *wanted;
	const struct primary_sink *sink;
	struct err *err; /* of the call in progress */
	int result;	 /* 0, PRIMARY_UNUSUAL or -1 */
	const char *unusual;

	enum state state, outer; /* outer: where to go on after QUOTED */
	unsigned int depth;	 /* of open elements */
	unsigned int run;	 /* characters seen of what ends a comment, CDATA section or PI */
	char quote;
	bool closing, empty; /* </tag>, <tag/> */
	char word[WORD_MAX + 1];
	size_t word_len; /* WORD_MAX + 1: longer */
	unsigned int bom;
	bool root_ended, root_open;

	bool in_package, in_name, name_seen;
	enum decision decision;
	char name[PRIMARY_NAME_MAX + 1];
	size_t name_len;

	/* Bytes since the "<" of what may have to come out; @from: where they go on in this buffer.
	 */
	bool capturing;
	struct bytes captured;
	const char *from;
};

/* ---- results ------------------------------------------------------------------------------- */

static void unusual(struct primary *p, const char *what)
{
	if (p->result)
		return;
	p->unusual = what;
	p->result = PRIMARY_UNUSUAL;
}

_printf_(2, 3) static void broken(struct primary *p, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;

	if (p->result)
		return;
	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	for (char *c = text; *c; c++) /* element names of others may reach a terminal */
		if (!isprint((unsigned char)*c))
			*c = '?';
	p->result = err_set(p->err, EXIT_STATUS_DATA, "%s", text);
}

static void emit(struct primary *p, const char *bytes, size_t len)
{
	if (!p->result)
		p->sink->write(p->sink->userdata, bytes, len);
}

/* ---- capturing ----------------------------------------------------------------------------- */

static void capture_start(struct primary *p, const char *at)
{
	p->capturing = true;
	p->captured.len = 0;
	p->from = at;
}

static void capture_stop(struct primary *p)
{
	p->capturing = false;
	p->from = NULL;
}

/* Takes over what stands in the current buffer before @end. */
static void capture_up_to(struct primary *p, const char *end)
{
	struct bytes *c = &p->captured;
	size_t len;

	if (!p->capturing)
		return;
	len = (size_t)(end - p->from);
	if (len > PRIMARY_PACKAGE_MAX - c->len) {
		broken(p, "an element is larger than the limit of %zu bytes", PRIMARY_PACKAGE_MAX);
		return;
	}
	if (c->len + len > c->size) {
		c->size = 2 * (c->len + len);
		c->data = xreallocarray(c->data, c->size, 1);
	}
	memcpy(c->data + c->len, p->from, len);
	c->len += len;
	p->from = end;
}

/* ---- names --------------------------------------------------------------------------------- */

/* Encodes @c as UTF-8 at @out; false for what is no character of XML. */
static bool put_character(unsigned long c, char **out)
{
	char *o = *out;

	if (c < 0x20 || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return false;
	if (c < 0x80) {
		*o++ = (char)c;
	} else if (c < 0x800) {
		*o++ = (char)(0xc0 | c >> 6);
		*o++ = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		*o++ = (char)(0xe0 | c >> 12);
		*o++ = (char)(0x80 | (c >> 6 & 0x3f));
		*o++ = (char)(0x80 | (c & 0x3f));
	} else {
		*o++ = (char)(0xf0 | c >> 18);
		*o++ = (char)(0x80 | (c >> 12 & 0x3f));
		*o++ = (char)(0x80 | (c >> 6 & 0x3f));
		*o++ = (char)(0x80 | (c & 0x3f));
	}
	*out = o;
	return true;
}

/* "&amp;", "&#38;" or "&#x26;" at @*in; never longer decoded than written. */
static bool decode_reference(const char **in, char **out)
{
	static const struct {
		const char *text;
		char c;
	} entities[] = {
		{ "&amp;", '&' },  { "&lt;", '<' },    { "&gt;", '>' },
		{ "&quot;", '"' }, { "&apos;", '\'' },
	};
	const char *digits;
	unsigned long c;
	char *end;
	int base = 10;

	for (size_t i = 0; i < ARRAY_SIZE(entities); i++) {
		if (!starts_with(*in, entities[i].text))
			continue;
		*(*out)++ = entities[i].c;
		*in += strlen(entities[i].text);
		return true;
	}
	if ((*in)[1] != '#')
		return false;
	digits = *in + 2;
	if (*digits == 'x') {
		base = 16;
		digits++;
	}
	if (!isxdigit((unsigned char)*digits))
		return false;
	c = strtoul(digits, &end, base);
	if (end == digits || *end != ';' || !put_character(c, out))
		return false;
	*in = end + 1;
	return true;
}

/* In place; false when there is something in it that we do not understand. */
static bool decode_name(char *name)
{
	const char *in = name;
	char *out = name;

	while (*in) {
		if (*in == '&') {
			if (!decode_reference(&in, &out))
				return false;
		} else {
			*out++ = *in++;
		}
	}
	*out = '\0';
	return true;
}

static void decide(struct primary *p)
{
	p->in_name = false;
	p->name[p->name_len] = '\0';
	if (memchr(p->name, '\0', p->name_len) || !decode_name(p->name)) {
		unusual(p, "a package name is written with an unknown entity");
		return;
	}
	p->decision = wanted_has(p->wanted, p->name) ? WANTED : UNWANTED;
	if (p->decision == UNWANTED)
		capture_stop(p);
}

/* ---- elements ------------------------------------------------------------------------------ */

static bool word_is(const struct primary *p, const char *text)
{
	return p->word_len <= WORD_MAX && streq(p->word, text);
}

static void start_root(struct primary *p)
{
	if (p->root_ended || !word_is(p, ROOT)) {
		broken(p, "not a list of packages: <%s> where <" ROOT "> is expected", p->word);
		return;
	}
	emit(p, DECLARATION, strlen(DECLARATION));
	emit(p, p->captured.data, p->captured.len);
	capture_stop(p);
	p->root_ended = p->empty;
	p->root_open = !p->empty;
}

static void start_in_package(struct primary *p)
{
	if (p->in_name) {
		unusual(p, "a package name contains an element");
	} else if (word_is(p, "package")) {
		unusual(p, "a package contains a package");
	} else if (p->depth == 2 && word_is(p, "name")) {
		if (p->name_seen)
			unusual(p, "a package has two names");
		p->name_seen = true;
		p->in_name = !p->empty;
		p->name_len = 0;
	}
}

static void start_tag(struct primary *p)
{
	if (p->depth == 0) {
		start_root(p);
	} else if (p->in_package) {
		start_in_package(p);
	} else if (p->depth == 1) {
		p->in_package = word_is(p, "package") && !p->empty;
		p->name_seen = false;
		p->decision = UNDECIDED;
		if (!p->in_package)
			capture_stop(p);
	}
	if (p->empty)
		return;
	if (p->depth == PRIMARY_DEPTH_MAX)
		broken(p, "elements are nested more than %d deep", PRIMARY_DEPTH_MAX);
	p->depth++;
}

static void end_package(struct primary *p)
{
	if (!word_is(p, "package"))
		broken(p, "</%s> where </package> is expected", p->word);
	else if (p->decision == WANTED)
		emit(p, p->captured.data, p->captured.len);
	p->in_package = false;
}

static void end_tag(struct primary *p)
{
	if (p->depth == 0) {
		broken(p, "</%s> ends what never began", p->word);
		return;
	}
	p->depth--;
	if (p->in_name) {
		if (word_is(p, "name"))
			decide(p);
		else
			broken(p, "</%s> where </name> is expected", p->word);
	} else if (p->depth == 1) {
		if (p->in_package)
			end_package(p);
		capture_stop(p);
	} else if (p->depth == 0) {
		if (!word_is(p, ROOT))
			broken(p, "</%s> where </" ROOT "> is expected", p->word);
		p->root_ended = true;
		capture_stop(p);
	}
}

/* "<?xml ... encoding='...'?>": the filter compares bytes, so it must be UTF-8. */
static void end_pi(struct primary *p)
{
	const char *quote, *value;
	char *text;

	if (p->depth == 0) {
		text = xstrndup(p->captured.data, p->captured.len);
		value = starts_with(text, "<?xml ") ? strstr(text, "encoding") : NULL;
		quote = value ? strpbrk(value, "\"'") : NULL;
		if (value &&
		    (!quote || strncasecmp(quote + 1, "utf-8", 5) != 0 || quote[6] != quote[0]))
			unusual(p, "it is not written in UTF-8");
		free(text);
	}
	if (!p->in_package)
		capture_stop(p);
}

/* ---- one byte after the other -------------------------------------------------------------- */

static void word_start(struct primary *p)
{
	p->word_len = 0;
	p->word[0] = '\0';
}

static void word_add(struct primary *p, char c)
{
	if (p->word_len >= WORD_MAX) {
		p->word_len = WORD_MAX + 1;
		return;
	}
	p->word[p->word_len++] = c;
	p->word[p->word_len] = '\0';
}

static void expect_no_name(struct primary *p)
{
	if (p->in_name)
		unusual(p, "a package name contains a comment, CDATA or a processing instruction");
}

static bool is_name_character(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("_:-.", c)) || (unsigned char)c >= 0x80;
}

static void on_open(struct primary *p, char c)
{
	word_start(p);
	p->closing = p->empty = false;
	p->run = 0;
	if (c == '!') {
		p->state = BANG;
	} else if (c == '?') {
		expect_no_name(p);
		p->state = PI;
	} else if (c == '/') {
		p->closing = true;
		p->state = TAG_NAME;
	} else if (is_name_character(c)) {
		word_add(p, c);
		p->state = TAG_NAME;
	} else if (c == '\0') {
		unusual(p, "it is not written in UTF-8");
	} else {
		broken(p, "\"<\" where no element begins");
	}
}

static void on_bang(struct primary *p, char c)
{
	static const struct {
		const char *text;
		enum state state;
	} kinds[] = { { "--", COMMENT }, { "[CDATA[", CDATA }, { "DOCTYPE", DOCTYPE } };

	word_add(p, c);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (word_is(p, kinds[i].text)) {
			expect_no_name(p);
			p->state = kinds[i].state;
			if (!p->in_package)
				capture_stop(p);
			if (p->depth == 0 && p->state == CDATA)
				broken(p, "text outside of all elements");
			return;
		}
		if (starts_with(kinds[i].text, p->word))
			return;
	}
	broken(p, "a declaration that is not known");
}

static void on_run(struct primary *p, char c, char mark, unsigned int needed)
{
	if (c == '>' && p->run >= needed)
		p->state = TEXT;
	p->run = c == mark ? p->run + 1 : 0;
}

static void on_comment(struct primary *p, char c)
{
	on_run(p, c, '-', 2);
}

static void on_cdata(struct primary *p, char c)
{
	on_run(p, c, ']', 2);
}

static void on_pi(struct primary *p, char c)
{
	on_run(p, c, '?', 1);
}

/* What it declares elsewhere may matter to the parser; what it declares here is refused. */
static void on_doctype(struct primary *p, char c)
{
	if (c == '[')
		broken(p, "a document type declaration of its own is not accepted");
	else if (c == '>')
		unusual(p, "it has a document type declaration");
	else if (c == '"' || c == '\'') {
		p->outer = DOCTYPE;
		p->quote = c;
		p->state = QUOTED;
	}
}

static void on_tag(struct primary *p, char c)
{
	if (c == '>') {
		p->state = TEXT;
		return;
	}
	if (c == '<') {
		broken(p, "\"<\" inside <%s>", p->word);
	} else if (c == '"' || c == '\'') {
		p->outer = TAG;
		p->quote = c;
		p->state = QUOTED;
	}
	p->empty = c == '/';
}

/*
 * Of a package that is not wanted only its end matters, what could look like it, and a second name.
 * There the rest of a tag passes for text: well-formed attributes have no "<".
 */
static bool is_skipping(const struct primary *p)
{
	return p->in_package && p->decision == UNWANTED;
}

static bool is_of_no_interest(const struct primary *p, enum state what)
{
	return is_skipping(p) && (what == TAG || what == TAG_NAME) && !word_is(p, "package") &&
	       !word_is(p, "name");
}

static void on_tag_name(struct primary *p, char c)
{
	if (is_name_character(c)) {
		word_add(p, c);
		return;
	}
	p->state = TAG;
	if (is_of_no_interest(p, TAG))
		p->state = TEXT;
	else
		on_tag(p, c);
}

static void (*const steps[N_STATES])(struct primary *p, char c) = {
	[OPEN] = on_open,	[BANG] = on_bang, [COMMENT] = on_comment,   [CDATA] = on_cdata,
	[DOCTYPE] = on_doctype, [PI] = on_pi,	  [TAG_NAME] = on_tag_name, [TAG] = on_tag,
};

/* ---- text and the whole -------------------------------------------------------------------- */

static void outside_text(struct primary *p, const char *text, size_t len)
{
	static const char bom[] = "\xef\xbb\xbf";

	for (size_t i = 0; i < len && !p->result; i++) {
		if (!p->root_open && p->bom < 3 && text[i] == bom[p->bom])
			p->bom++;
		else if (text[i] == '\0' || (unsigned char)text[i] >= 0xfe)
			unusual(p, "it is not written in UTF-8");
		else if (!isspace((unsigned char)text[i]))
			broken(p, "not XML: text outside of all elements");
	}
}

static void text(struct primary *p, const char *bytes, size_t len)
{
	if (p->depth == 0) {
		outside_text(p, bytes, len);
	} else if (p->in_name) {
		if (len > PRIMARY_NAME_MAX - p->name_len) {
			unusual(p, "a package name is very long");
			return;
		}
		memcpy(p->name + p->name_len, bytes, len);
		p->name_len += len;
	}
}

/* @end: behind the ">" that has just ended something. */
static void markup_end(struct primary *p, enum state ended, const char *end)
{
	capture_up_to(p, end);
	if (p->result || is_of_no_interest(p, ended))
		return;
	if (ended == PI)
		end_pi(p);
	else if ((ended == TAG || ended == TAG_NAME) && p->closing)
		end_tag(p);
	else if (ended == TAG || ended == TAG_NAME)
		start_tag(p);
}

/* The next "<" that may begin something other than a tag of no interest. */
static const char *find_markup(const struct primary *p, const char *at, const char *end)
{
	const char *lt = memchr(at, '<', (size_t)(end - at));

	if (!is_skipping(p))
		return lt;
	while (lt && end - lt > 2) {
		char first = lt[1] == '/' ? lt[2] : lt[1];

		if (first == 'p' || first == 'n' || !isalpha((unsigned char)first))
			break;
		lt = memchr(lt + 2, '<', (size_t)(end - lt - 2));
	}
	return lt;
}

static const char *feed_text(struct primary *p, const char *at, const char *end)
{
	const char *lt = find_markup(p, at, end);

	text(p, at, (size_t)((lt ? lt : end) - at));
	if (!lt)
		return end;
	p->state = OPEN;
	if (!p->in_package && p->depth <= 1)
		capture_start(p, lt);
	return lt + 1;
}

static const char *feed_quoted(struct primary *p, const char *at, const char *end)
{
	const char *quote = memchr(at, p->quote, (size_t)(end - at));

	if (!quote)
		return end;
	p->state = p->outer;
	return quote + 1;
}

int primary_feed(struct primary *primary, const void *bytes, size_t len, struct err *err)
{
	struct primary *p = primary;
	const char *at = bytes, *end = at + len;

	p->err = err;
	p->from = at;
	while (at < end && !p->result) {
		enum state before = p->state;

		if (before == TEXT) {
			at = feed_text(p, at, end);
		} else if (before == QUOTED) {
			at = feed_quoted(p, at, end);
		} else {
			steps[before](p, *at++);
			if (p->state == TEXT)
				markup_end(p, before, at);
		}
	}
	if (!p->result)
		capture_up_to(p, end);
	p->err = NULL;
	return p->result;
}

int primary_finish(struct primary *primary, struct err *err)
{
	static const char end[] = "</" ROOT ">\n";

	primary->err = err;
	if (!primary->root_ended || primary->state != TEXT)
		broken(primary, "the file ends in the middle");
	else if (primary->root_open)
		emit(primary, end, strlen(end));
	primary->err = NULL;
	return primary->result;
}

struct primary *primary_new(const struct wanted *wanted, const struct primary_sink *sink)
{
	struct primary *p = xcalloc(1, sizeof(*p));

	p->wanted = wanted;
	p->sink = sink;
	return p;
}

void primary_free(struct primary *primary)
{
	if (!primary)
		return;
	free(primary->captured.data);
	free(primary);
}

const char *primary_unusual(const struct primary *primary)
{
	return primary->unusual;
}
