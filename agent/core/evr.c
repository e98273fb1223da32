// SPDX-License-Identifier: Apache-2.0
#include "core/evr.h"

/* ASCII only, whatever the locale: as rpm does. */
static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_separator(char c)
{
	return c && !is_digit(c) && !is_alpha(c) && c != '~' && c != '^';
}

static size_t span(const char *s, bool (*in)(char))
{
	size_t n = 0;

	while (in(s[n]))
		n++;
	return n;
}

static int sign(long v)
{
	return (v > 0) - (v < 0);
}

/* Two runs of digits: leading zeros do not count, then the longer one is the larger. */
static int compare_numbers(const char *a, size_t la, const char *b, size_t lb)
{
	for (; la && *a == '0'; a++)
		la--;
	for (; lb && *b == '0'; b++)
		lb--;
	if (la != lb)
		return la > lb ? 1 : -1;
	return sign(strncmp(a, b, la));
}

static int compare_words(const char *a, size_t la, const char *b, size_t lb)
{
	int r = strncmp(a, b, la < lb ? la : lb);

	return r ? sign(r) : (la > lb) - (la < lb);
}

/*
 * `~` sorts before everything, the end included; `^` after the end and before everything else.
 * Returns true when the comparison is decided in @ret; else both sides are past the same mark.
 */
static bool compare_marks(const char **a, const char **b, int *ret, bool *again)
{
	*again = false;
	if (**a == '~' || **b == '~') {
		*again = **a == **b;
		*ret = **a == '~' ? -1 : 1;
	} else if (**a == '^' || **b == '^') {
		*again = **a == **b;
		if (!**a || !**b)
			*ret = **a ? 1 : -1;
		else
			*ret = **a == '^' ? -1 : 1;
	} else {
		return false;
	}
	if (!*again)
		return true;
	(*a)++;
	(*b)++;
	return false;
}

int evr_vercmp(const char *a, const char *b)
{
	if (streq(a, b))
		return 0;
	while (*a || *b) {
		bool (*in)(char);
		size_t la, lb;
		bool again;
		int r;

		a += span(a, is_separator);
		b += span(b, is_separator);
		if (compare_marks(&a, &b, &r, &again))
			return r;
		if (again)
			continue;
		if (!*a || !*b)
			break;

		in = is_digit(*a) ? is_digit : is_alpha;
		la = span(a, in);
		lb = span(b, in);
		if (lb == 0) /* different kinds: the number is the newer one */
			return in == is_digit ? 1 : -1;
		r = in == is_digit ? compare_numbers(a, la, b, lb) : compare_words(a, la, b, lb);
		if (r)
			return r;
		a += la;
		b += lb;
	}
	return *a ? 1 : (*b ? -1 : 0);
}

int evr_compare(const struct evr *a, const struct evr *b)
{
	int r;

	if (a->epoch != b->epoch)
		return a->epoch > b->epoch ? 1 : -1;
	r = evr_vercmp(a->version, b->version);
	return r ? r : evr_vercmp(a->release, b->release);
}
