// SPDX-License-Identifier: Apache-2.0
#include "core/match.h"

#include <stdio.h>
#include <strings.h>

/* ASCII folding, whatever the locale: package names are ASCII. */
static char fold(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/*
 * [...] at @p, which points past the bracket: sets @ret_hit and returns what follows the closing
 * bracket, or NULL when there is none (the bracket is then an ordinary character).
 */
static const char *match_class(const char *p, char c, bool *ret_hit)
{
	bool negate = *p == '!' || *p == '^', hit = false;
	const char *first;

	p += negate;
	for (first = p; *p && (*p != ']' || p == first); p++) {
		char low = fold(*p), high = low;

		if (p[1] == '-' && p[2] && p[2] != ']') {
			high = fold(p[2]);
			p += 2;
		}
		if (low <= c && c <= high)
			hit = true;
	}
	if (*p != ']')
		return NULL;
	*ret_hit = hit != negate;
	return p + 1;
}

/* One pattern element (not `*`) against one character: what follows it, or NULL. */
static const char *match_one(const char *pattern, char c)
{
	bool hit;

	if (!*pattern)
		return NULL;
	if (*pattern == '[') {
		const char *after = match_class(pattern + 1, fold(c), &hit);

		if (after)
			return hit ? after : NULL;
	}
	if (*pattern == '?' || fold(*pattern) == fold(c))
		return pattern + 1;
	return NULL;
}

/* Iterative: on a mismatch only the last `*` takes one more character, so it cannot blow up. */
bool match_glob(const char *pattern, const char *text)
{
	const char *star = NULL, *retry = NULL;

	while (*text) {
		const char *next;

		if (*pattern == '*') {
			star = ++pattern;
			retry = text;
			continue;
		}
		next = match_one(pattern, *text);
		if (next) {
			pattern = next;
			text++;
			continue;
		}
		if (!star)
			return false;
		pattern = star;
		text = ++retry;
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

bool match_any_glob(const char *const *patterns, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++)
		if (match_glob(patterns[i], text))
			return true;
	return false;
}

/* Letters stand for the fields: name, version, release, arch, epoch. */
static const char *const forms[] = {
	"n",	   "n.a",	"n-v", "n-v-r", "n-v-r.a", "e:n-v-r.a",
	"n-e:v-r", "n-e:v-r.a", "v",   "v-r",	"e:v-r",   "n.a:e:v-r",
};

static char *render(const char *form, const struct nevra *nevra)
{
	char epoch[16];
	char *text = xcalloc(1, strlen(nevra->name) + strlen(nevra->evr.version) +
					strlen(nevra->evr.release) + strlen(nevra->arch) +
					sizeof(epoch) + strlen(form) + 1);
	char *out = text;

	snprintf(epoch, sizeof(epoch), "%u", nevra->evr.epoch);
	for (; *form; form++) {
		const char *field = *form == 'n'   ? nevra->name
				    : *form == 'v' ? nevra->evr.version
				    : *form == 'r' ? nevra->evr.release
				    : *form == 'a' ? nevra->arch
				    : *form == 'e' ? epoch
						   : NULL;

		if (field)
			out = stpcpy(out, field);
		else
			*out++ = *form;
	}
	return text;
}

static bool is_glob(const char *entry)
{
	return strpbrk(entry, "*?[") != NULL;
}

bool match_nevra(const char *entry, const struct nevra *nevra)
{
	bool glob = is_glob(entry);

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		_cleanup_free_ char *text = render(forms[i], nevra);

		if (glob ? match_glob(entry, text) : strcasecmp(entry, text) == 0)
			return true;
	}
	return false;
}

/* Ids are compared exactly; only the type of a reference is compared without case (2.3). */
bool match_advisory(const char *entry, const struct advisory *advisory)
{
	if (streq(entry, advisory->id))
		return true;
	for (size_t i = 0; i < advisory->n_refs; i++) {
		const struct advisory_ref *ref = &advisory->refs[i];

		if ((strcasecmp(ref->type, "cve") == 0 || strcasecmp(ref->type, "bugzilla") == 0) &&
		    streq(ref->id, entry))
			return true;
	}
	return false;
}
