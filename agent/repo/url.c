// SPDX-License-Identifier: Apache-2.0
#include "repo/url.h"

#include <ctype.h>

/* The parts of RFC 3986 appendix B, as spans of the text. */
struct parts {
	const char *scheme, *authority, *path, *query; /* query: from "?" or "#" to the end */
	size_t scheme_len, authority_len, path_len;
	bool has_authority;
};

static bool is_clean(const char *url)
{
	for (; *url; url++)
		if ((unsigned char)*url <= ' ' || *url == 0x7f)
			return false;
	return true;
}

static size_t scheme_length(const char *url)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	size_t n;

	if (!*url || !strchr(letters, *url))
		return 0;
	n = strspn(url, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");
	return url[n] == ':' ? n : 0;
}

static struct parts split(const char *url)
{
	struct parts p = { .scheme = url, .scheme_len = scheme_length(url) };

	url += p.scheme_len ? p.scheme_len + 1 : 0;
	if (starts_with(url, "//")) {
		p.has_authority = true;
		p.authority = url + 2;
		p.authority_len = strcspn(p.authority, "/?#");
		url = p.authority + p.authority_len;
	}
	p.path = url;
	p.path_len = strcspn(url, "?#");
	p.query = url + p.path_len;
	return p;
}

/* RFC 3986 5.2.4, for a path that starts with a slash; in place. */
static void remove_dot_segments(char *path)
{
	const char *in = path;
	char *out = path;

	while (*in) {
		size_t len = 1 + strcspn(in + 1, "/");
		bool last = !in[len];

		if (len == 2 && in[1] == '.') {
			if (last)
				*out++ = '/';
		} else if (len == 3 && in[1] == '.' && in[2] == '.') {
			while (out > path && *--out != '/')
				;
			if (last)
				*out++ = '/';
		} else {
			memmove(out, in, len);
			out += len;
		}
		in += len;
	}
	*out = '\0';
}

char *url_join(const char *base, const char *ref, struct arena *arena)
{
	struct parts b = split(base), r = split(ref);
	char *path;

	if (!b.scheme_len || !b.has_authority || !is_clean(base) || !is_clean(ref))
		return NULL;
	if (r.scheme_len)
		return arena_strdup(arena, ref);
	if (r.has_authority)
		return arena_printf(arena, "%.*s:%s", (int)b.scheme_len, b.scheme, ref);
	if (r.path_len && r.path[0] == '/') {
		path = arena_strndup(arena, r.path, r.path_len);
	} else {
		bool slash = b.path_len && b.path[b.path_len - 1] == '/';

		path = arena_printf(arena, "%.*s%s%.*s", (int)b.path_len, b.path, slash ? "" : "/",
				    (int)r.path_len, r.path);
	}
	remove_dot_segments(path);
	return arena_printf(arena, "%.*s://%.*s%s%s", (int)b.scheme_len, b.scheme,
			    (int)b.authority_len, b.authority, path, r.query);
}

bool url_is_relative(const char *ref)
{
	struct parts r = split(ref);

	return *ref && is_clean(ref) && !r.scheme_len && !r.has_authority && r.path_len &&
	       r.path[0] != '/';
}

char *url_for_people(const char *url, struct arena *arena)
{
	struct parts p = split(url);
	const char *at = p.has_authority ? memrchr(p.authority, '@', p.authority_len) : NULL;
	const char *host = at ? at + 1 : p.authority;

	if (!p.scheme_len || !p.has_authority)
		return arena_strndup(arena, url, (size_t)(p.query - url));
	return arena_printf(arena, "%.*s://%.*s%.*s", (int)p.scheme_len, p.scheme,
			    (int)(p.authority + p.authority_len - host), host, (int)p.path_len,
			    p.path);
}

char *url_https_host(const char *url, struct arena *arena)
{
	struct parts p = split(url);
	const char *at = p.has_authority ? memrchr(p.authority, '@', p.authority_len) : NULL;
	const char *host = at ? at + 1 : p.authority;
	size_t len = p.has_authority ? (size_t)(p.authority + p.authority_len - host) : 0;

	if (!is_clean(url) || p.scheme_len != strlen("https") ||
	    strncasecmp(p.scheme, "https", p.scheme_len) != 0 || len == 0)
		return NULL;
	if (host[0] == '[')
		return arena_strndup(arena, host + 1, strcspn(host + 1, "]/"));
	return arena_strndup(arena, host, strcspn(host, ":/?#"));
}

char *url_hide_secrets(const char *text, struct arena *arena)
{
	char *clean = arena_strdup(arena, "");
	const char *sign;

	while ((sign = strstr(text, "://"))) {
		/* What may end a sentence may also stand in a password or a signature. */
		const char *start = sign, *end = sign + strcspn(sign, " \t\n");

		while (end > sign && strchr("\"'<>)].,;:!", end[-1]))
			end--;
		while (start > text && isalpha((unsigned char)start[-1]))
			start--;
		clean = arena_printf(
			arena, "%s%.*s%s", clean, (int)(start - text), text,
			url_for_people(arena_strndup(arena, start, (size_t)(end - start)), arena));
		text = end;
	}
	return arena_printf(arena, "%s%s", clean, text);
}

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)((at - digits) % 16) : -1;
}

char *url_file_path(const char *url, struct arena *arena)
{
	struct parts p = split(url);
	char *path, *out;

	if (p.scheme_len != strlen("file") || strncasecmp(p.scheme, "file", 4) != 0 ||
	    (p.has_authority && p.authority_len) || !p.path_len || p.path[0] != '/')
		return NULL;
	out = path = arena_strndup(arena, p.path, p.path_len);
	for (const char *in = path; *in; in++) {
		int high = *in == '%' ? hex_digit(in[1]) : -1;
		int low = high >= 0 ? hex_digit(in[2]) : -1;

		if (low >= 0) {
			*out++ = (char)(high * 16 + low);
			in += 2;
		} else {
			*out++ = *in;
		}
	}
	*out = '\0';
	return path;
}
