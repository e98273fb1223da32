// SPDX-License-Identifier: Apache-2.0
#include "core/reposwitch.h"

#include <ctype.h>
#include <errno.h>
#include <strings.h>

#define KEY "enabled"

/* A part of the text. */
struct span {
	const char *at;
	size_t len;
};

static struct span trim(struct span s)
{
	while (s.len && isspace((unsigned char)s.at[s.len - 1]))
		s.len--;
	for (; s.len && isspace((unsigned char)*s.at); s.len--)
		s.at++;
	return s;
}

static bool equals(struct span s, const char *text)
{
	return s.len == strlen(text) && memcmp(s.at, text, s.len) == 0;
}

/* "[section]", and perhaps a comment behind it. */
static bool is_header(struct span line, struct span *ret)
{
	const char *end = memchr(line.at, ']', line.len);

	if (!line.len || *line.at != '[' || !end)
		return false;
	*ret = (struct span){ line.at + 1, (size_t)(end - line.at) - 1 };
	return true;
}

/* Without a comment behind it. */
static struct span without_comment(struct span s)
{
	for (size_t i = 1; i < s.len; i++)
		if ((s.at[i] == ';' || s.at[i] == '#') && isspace((unsigned char)s.at[i - 1]))
			s.len = i;
	return s;
}

/* The value, without the blanks around it; an empty one stands where it would begin. */
static bool is_switch(struct span line, struct span *ret)
{
	size_t len = strlen(KEY);

	if (line.len < len || strncasecmp(line.at, KEY, len) != 0)
		return false;
	while (len < line.len && (line.at[len] == ' ' || line.at[len] == '\t'))
		len++;
	if (len == line.len || (line.at[len] != '=' && line.at[len] != ':'))
		return false;
	*ret = trim(without_comment((struct span){ line.at + len + 1, line.len - len - 1 }));
	return true;
}

/* A word that is neither, which yum and dnf take differently, means nothing. */
static bool means(struct span value, bool on)
{
	static const char *const words[][4] = { { "0", "no", "false", "off" },
						{ "1", "yes", "true", "on" } };

	for (size_t i = 0; i < ARRAY_SIZE(words[on]); i++)
		if (value.len == strlen(words[on][i]) &&
		    strncasecmp(value.at, words[on][i], value.len) == 0)
			return true;
	return false;
}

/* @text with @with in the place of what @old covers. */
static char *replace(struct span text, struct span old, const char *with, size_t *ret_len)
{
	size_t before = (size_t)(old.at - text.at), after = text.len - before - old.len;
	char *made = xmalloc(text.len - old.len + strlen(with) + 1), *at = made;

	memcpy(at, text.at, before);
	at += before;
	memcpy(at, with, strlen(with));
	at += strlen(with);
	memcpy(at, old.at + old.len, after);
	at[after] = '\0';
	*ret_len = (size_t)(at - made) + after;
	return made;
}

/* A line of its own, ended as the header's is. */
static char *insert(struct span text, const char *after_header, bool on, size_t *ret_len)
{
	bool ended = after_header > text.at && after_header[-1] == '\n';
	bool crlf = ended && after_header - text.at > 1 && after_header[-2] == '\r';
	_cleanup_free_ char *line =
		xasprintf("%s" KEY "=%d%s", ended ? "" : "\n", on, crlf ? "\r\n" : "\n");

	return replace(text, (struct span){ after_header, 0 }, line, ret_len);
}

int reposwitch_set(const char *text, size_t len, const char *section, bool on, char **ret,
		   size_t *ret_len)
{
	struct span all = { text, len }, value = { NULL, 0 };
	const char *header_end = NULL, *end = text + len;
	bool inside = false;

	for (const char *at = text, *next; at < end; at = next) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		struct span line = { at, newline ? (size_t)(newline - at) : (size_t)(end - at) };
		struct span found;

		next = newline ? newline + 1 : end;
		if (is_header(line, &found)) {
			inside = equals(found, section);
			if (inside && !header_end)
				header_end = next;
		} else if (inside && is_switch(line, &found)) {
			value = found;
		}
	}
	if (!header_end)
		return -ENOENT;
	if (value.at ? means(value, on) : on)
		return 0;
	*ret = value.at ? replace(all, value, on ? "1" : "0", ret_len)
			: insert(all, header_end, on, ret_len);
	return 1;
}
