// SPDX-License-Identifier: Apache-2.0
#include "core/evr.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>
#include <rpm/rpmlib.h>

#define SEED  20261123u
#define PAIRS 20000

static int sign(int v)
{
	return (v > 0) - (v < 0);
}

struct row {
	const char *name, *a, *b;
	int expected;
};

static const struct row rows[] = {
	{ "equal strings are equal", "1.0", "1.0", 0 },
	{ "numbers compare as numbers", "1.9", "1.10", -1 },
	{ "leading zeros do not count", "1.001", "1.1", 0 },
	{ "a digit string longer than any integer compares by length", "99999999999999999999",
	  "100000000000000000000", -1 },
	{ "separators are all the same", "1.0", "1_0", 0 },
	{ "letters compare by bytes", "1a", "1b", -1 },
	{ "upper case comes before lower case", "A", "a", -1 },
	{ "a number is newer than a word", "1.1", "1.a", 1 },
	{ "what goes on is newer", "1.0.1", "1.0", 1 },
	{ "a tilde comes before the end", "1.0~rc1", "1.0", -1 },
	{ "two tildes come before one", "1.0~~", "1.0~", -1 },
	{ "a caret comes after the end", "1.0^git1", "1.0", 1 },
	{ "a caret comes before what goes on", "1.0^git1", "1.0.1", -1 },
	{ "a tilde comes before a caret", "1.0~rc1", "1.0^git1", -1 },
	{ "the empty string is the oldest", "", "0", -1 },
	{ "two empty strings are equal", "", "", 0 },
	{ "the releases of a livepatch", "2.amzn2", "10.amzn2", -1 },
	{ "the releases of a kernel", "147.133.amzn2", "144.127.601.amzn2", 1 },
};

static void test_known_pairs(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *r = &rows[i];

		if (sign(evr_vercmp(r->a, r->b)) != r->expected ||
		    sign(evr_vercmp(r->b, r->a)) != -r->expected)
			fail_msg("%s", r->name);
	}
}

/* A generator of our own, so that the pairs are the same everywhere. */
static unsigned int next(unsigned int *seed)
{
	*seed = *seed * 1103515245u + 12345u;
	return *seed >> 16;
}

static size_t append(char *buf, size_t at, unsigned int *seed)
{
	static const char *const pieces[] = {
		"0",  "1",  "2",  "10", "007",	"00",	"99999999999999999999",
		"a",  "b",  "rc", "A",	"amzn", "el",	"~",
		"^",  "~~", "^^", ".",	"..",	"-",	"_",
		"+",  ".0", ".1", "é",	"💡",	"\xff", "",
		"1a", "a1",
	};
	const char *piece = pieces[next(seed) % ARRAY_SIZE(pieces)];

	strcpy(buf + at, piece);
	return at + strlen(piece);
}

static void generate(char *buf, unsigned int *seed)
{
	unsigned int n = next(seed) % 6;
	size_t at = 0;

	buf[0] = '\0';
	while (n--)
		at = append(buf, at, seed);
}

/* Half of the pairs share their beginning: two random strings differ too soon to be interesting. */
static void generate_pair(char *a, char *b, unsigned int *seed)
{
	size_t shared;

	generate(a, seed);
	if (next(seed) % 2) {
		generate(b, seed);
		return;
	}
	strcpy(b, a);
	shared = append(b, strlen(b), seed);
	append(b, shared, seed);
	append(a, strlen(a), seed);
}

static void test_agrees_with_librpm(void **state _unused_)
{
	unsigned int seed = SEED, counts[3] = { 0 };
	bool knows_caret = rpmvercmp("1^", "1") != 0; /* since rpm 4.15 */
	char a[256], b[256];

	for (unsigned int i = 0; i < PAIRS; i++) {
		int ours, theirs;

		generate_pair(a, b, &seed);
		if (!knows_caret && (strchr(a, '^') || strchr(b, '^')))
			continue;
		ours = sign(evr_vercmp(a, b));
		theirs = sign(rpmvercmp(a, b));
		if (ours != theirs)
			fail_msg("seed %u, pair %u: \"%s\" and \"%s\": %d, librpm says %d", SEED, i,
				 a, b, ours, theirs);
		counts[ours + 1]++;
	}
	print_message("# seed %u: %u pairs, %u older, %u equal, %u newer\n", SEED, PAIRS, counts[0],
		      counts[1], counts[2]);
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		assert_true(counts[i] > PAIRS / 20);
}

static void test_whole_evr(void **state _unused_)
{
	static const struct {
		const char *name;
		struct evr a, b;
		int expected;
	} pairs[] = {
		{ "the epoch decides first", { 1, "1", "1" }, { 0, "9", "9" }, 1 },
		{ "the largest epoch is large", { UINT32_MAX, "1", "1" }, { 1, "1", "1" }, 1 },
		{ "then the version", { 0, "1.2", "1" }, { 0, "1.10", "9" }, -1 },
		{ "then the release", { 0, "1.0", "2" }, { 0, "1.0", "10" }, -1 },
		{ "all the same", { 3, "1.0", "2" }, { 3, "1.0", "2" }, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
		if (sign(evr_compare(&pairs[i].a, &pairs[i].b)) != pairs[i].expected ||
		    sign(evr_compare(&pairs[i].b, &pairs[i].a)) != -pairs[i].expected)
			fail_msg("%s", pairs[i].name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_pairs),
		cmocka_unit_test(test_agrees_with_librpm),
		cmocka_unit_test(test_whole_evr),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
