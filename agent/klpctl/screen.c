// SPDX-License-Identifier: Apache-2.0
#include "klpctl/screen.h"

#include "base/alloc.h"

#include <errno.h>
#include <sys/ioctl.h>

#define COLUMNS_MIN 40 /* a narrower terminal is left to wrap by itself */

static const char *const style_codes[] = {
	[SCREEN_GOOD] = "\033[32m", [SCREEN_BAD] = "\033[1;31m", [SCREEN_WARN] = "\033[33m",
	[SCREEN_DIM] = "\033[2m",   [SCREEN_HEAD] = "\033[4m",
};

static const struct {
	const char *word;
	enum screen_style style;
} word_styles[] = {
	{ "COMPLIANT", SCREEN_GOOD },
	{ "NON_COMPLIANT", SCREEN_BAD },
	{ "UNKNOWN", SCREEN_WARN },
	{ "NOT_APPLICABLE", SCREEN_DIM },
	{ "Installed", SCREEN_GOOD },
	{ "InstalledPendingReboot", SCREEN_WARN },
	{ "InstalledRejected", SCREEN_BAD },
	{ "Missing", SCREEN_BAD },
	{ "Failed", SCREEN_BAD },
	{ "NotApplicable", SCREEN_DIM },
	{ "error", SCREEN_BAD },
	{ "warning", SCREEN_WARN },
	{ "ok", SCREEN_GOOD },
	{ "bad", SCREEN_BAD },
	{ "stale", SCREEN_WARN },
	{ "unreachable", SCREEN_BAD },
	{ "invalid", SCREEN_BAD },
	{ "fixed-by-livepatch", SCREEN_GOOD },
	{ "fixed-by-kernel", SCREEN_GOOD },
	{ "not-fixed", SCREEN_BAD },
	{ "installed-not-active", SCREEN_WARN },
	{ "unknown", SCREEN_WARN },
};

enum screen_style screen_style_of(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(word_styles); i++)
		if (streq(word_styles[i].word, word))
			return word_styles[i].style;
	return SCREEN_PLAIN;
}

/* KLPD_COLORS says yes or no; else NO_COLOR (any value) says no; else a terminal has colours. */
static bool want_colors(bool terminal)
{
	const char *own = getenv("KLPD_COLORS"), *none = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	if (own && *own)
		return !(streq(own, "0") || streq(own, "no") || streq(own, "off") ||
			 streq(own, "false"));
	if (none && *none)
		return false;
	return terminal && !(term && streq(term, "dumb"));
}

static void collect(struct screen *screen)
{
	screen->out = open_memstream(&screen->text, &screen->len);
	if (!screen->out)
		abort();
}

void screen_open(struct screen *screen)
{
	struct winsize size = { 0 };

	*screen = (struct screen){ .legend = true, .now = timex_now() };
	screen->terminal = isatty(STDOUT_FILENO) == 1;
	screen->colors = want_colors(screen->terminal);
	if (screen->terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 &&
	    size.ws_col >= COLUMNS_MIN)
		screen->columns = size.ws_col;
	collect(screen);
}

void screen_close(struct screen *screen)
{
	if (screen->out)
		fclose(screen->out);
	free(screen->text);
	*screen = (struct screen){ 0 };
}

int screen_flush(struct screen *screen, struct err *err)
{
	const char *at;
	size_t left;

	fflush(screen->out);
	at = screen->text;
	left = screen->len;
	while (left > 0) {
		ssize_t n = write(STDOUT_FILENO, at, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EPIPE)
			return 0;
		if (n < 0)
			return err_set_errno(err, EXIT_STATUS_IO, errno, "cannot write the output");
		at += n;
		left -= (size_t)n;
	}
	if (screen->len > 0 && close(STDOUT_FILENO) < 0 && errno != EINTR)
		return err_set_errno(err, EXIT_STATUS_IO, errno, "cannot write the output");
	return 0;
}

void screen_put(struct screen *screen, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(screen->out, fmt, ap);
	va_end(ap);
}

void screen_put_styled(struct screen *screen, enum screen_style style, const char *text)
{
	bool colored = screen->colors && style != SCREEN_PLAIN;

	if (colored)
		fputs(style_codes[style], screen->out);
	fputs(text, screen->out);
	if (colored)
		fputs("\033[0m", screen->out);
}

void screen_put_json(struct screen *screen, const json_t *json, enum json_mode mode)
{
	bool pretty = mode == JSON_MODE_PRETTY || (mode == JSON_MODE_AUTO && screen->terminal);
	size_t flags = JSON_ENCODE_ANY | (pretty ? JSON_INDENT(2) : (size_t)JSON_COMPACT);

	json_dumpf(json, screen->out, flags);
	fputc('\n', screen->out);
}

size_t screen_cut(struct screen *screen, size_t max)
{
	_cleanup_free_ char *all = NULL;
	size_t len, keep, lines = 0;
	const char *end;

	fflush(screen->out);
	len = screen->len;
	if (len <= max)
		return 0;
	fclose(screen->out);
	all = TAKE_PTR(screen->text);
	end = memrchr(all, '\n', max);
	keep = end ? (size_t)(end + 1 - all) : 0;
	for (size_t i = keep; i < len; i++)
		lines += all[i] == '\n';
	collect(screen);
	fwrite(all, 1, keep, screen->out);
	return lines;
}

/* ---- text ---------------------------------------------------------------------------------- */

/* Length of the UTF-8 character at @s, 0 if there is none; its code point in @ret. */
static size_t decode(const unsigned char *s, uint32_t *ret)
{
	size_t len = s[0] < 0x80	     ? 1
		     : (s[0] & 0xe0) == 0xc0 ? 2
		     : (s[0] & 0xf0) == 0xe0 ? 3
		     : (s[0] & 0xf8) == 0xf0 ? 4
					     : 0;

	if (len == 0)
		return 0;
	*ret = len == 1 ? s[0] : s[0] & (0x7fU >> len);
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		*ret = *ret << 6 | (s[i] & 0x3f);
	}
	return len;
}

/* Characters that act on a terminal, or that hide or reorder text. */
static const struct {
	uint32_t first, last;
} unsafe[] = {
	{ 0x00, 0x1f },	    { 0x7f, 0x9f },	{ 0xad, 0xad },
	{ 0x61c, 0x61c },   { 0x200b, 0x200f }, { 0x2028, 0x202e },
	{ 0x2060, 0x206f }, { 0xfeff, 0xfeff }, { 0xe0000, UINT32_MAX },
};

static bool is_unsafe(uint32_t c)
{
	for (size_t i = 0; i < ARRAY_SIZE(unsafe); i++)
		if (c >= unsafe[i].first && c <= unsafe[i].last)
			return true;
	return false;
}

char *screen_clean(const char *text)
{
	/* A byte becomes at most four ("\x1b"), a character of n >= 2 bytes at most ten. */
	char *clean = xmalloc(strlen(text) * 5 + 1), *to = clean;

	for (const unsigned char *s = (const unsigned char *)text; *s;) {
		uint32_t c = 0;
		size_t len = decode(s, &c);

		if (len == 0 || (len == 1 && is_unsafe(c))) {
			to += sprintf(to, "\\x%02x", *s);
			s++;
		} else if (is_unsafe(c)) {
			to += sprintf(to, "\\u{%x}", c);
			s += len;
		} else {
			memcpy(to, s, len);
			to += len;
			s += len;
		}
	}
	*to = '\0';
	return clean;
}

size_t screen_width(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

/* Bytes of @text that fit @room columns, cut between words; a longer word stays whole. */
static size_t line_length(const char *text, size_t room)
{
	size_t best = 0, at = 0, width = 0;

	for (;;) {
		size_t word = strcspn(text + at, " ");
		char *copy = xstrndup(text + at, word);

		width += screen_width(copy);
		free(copy);
		if (best > 0 && width > room)
			return best;
		at += word;
		best = at;
		if (!text[at])
			return best;
		at++;
		width++;
	}
}

void screen_put_wrapped(struct screen *screen, size_t indent, enum screen_style style,
			const char *text)
{
	_cleanup_free_ char *clean = screen_clean(text);
	size_t room = SIZE_MAX;
	const char *at = clean;

	/* With little room left, wrapping would shred the text; the terminal does it better. */
	if (screen->columns > indent + COLUMNS_MIN / 2)
		room = screen->columns - indent;
	for (;;) {
		size_t len = line_length(at, room);
		_cleanup_free_ char *line = xstrndup(at, len);

		screen_put_styled(screen, style, line);
		fputc('\n', screen->out);
		at += len;
		if (!*at)
			return;
		at += strspn(at, " ");
		screen_put(screen, "%*s", (int)indent, "");
	}
}

/* ---- time ---------------------------------------------------------------------------------- */

char *screen_age(const struct screen *screen, int64_t at)
{
	static const struct {
		int64_t limit, unit; /* up to @limit seconds, told in @unit */
		const char *name;
	} units[] = {
		{ 120, 1, "second" },
		{ 7200, 60, "minute" },
		{ 2 * SEC_PER_DAY, 3600, "hour" },
		{ INT64_MAX, SEC_PER_DAY, "day" },
	};
	int64_t diff = screen->now - at, span = diff < 0 ? -diff : diff;
	size_t i = 0;

	if (span == 0)
		return xstrdup("now");
	while (span >= units[i].limit)
		i++;
	span /= units[i].unit;
	return xasprintf("%s%lld %s%s%s", diff < 0 ? "in " : "", (long long)span, units[i].name,
			 span == 1 ? "" : "s", diff < 0 ? "" : " ago");
}

char *screen_time(const struct screen *screen, int64_t at)
{
	_cleanup_free_ char *age = NULL;
	char buf[TIMEX_TEXT_MAX];

	if (at == TIME_UNSET)
		return xstrdup("unknown");
	age = screen_age(screen, at);
	return xasprintf("%s (%s)", timex_format(at, buf), age);
}
