// SPDX-License-Identifier: Apache-2.0
#include "core/match.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static const struct {
	const char *what, *pattern, *text;
	bool hit;
} globs[] = {
	{ "plain text", "kernel", "kernel", true },
	{ "without case", "KerneL", "kERNEl", true },
	{ "plain text is whole", "kernel", "kernel-headers", false },
	{ "and not its end", "kernel", "my-kernel", false },
	{ "nothing fits nothing", "", "", true },
	{ "nothing fits nothing else", "", "a", false },
	{ "text against nothing", "a", "", false },

	{ "* is anything", "*", "kernel", true },
	{ "* is nothing too", "*", "", true },
	{ "* at the end", "kernel*", "kernel", true },
	{ "* at the end and more", "kernel*", "kernel-livepatch-5.10", true },
	{ "* in front", "*.amzn2", "1.0-3.amzn2", true },
	{ "* in front, another end", "*.amzn2", "1.0-3.amzn2023", false },
	{ "* inside", "k*l", "kernel", true },
	{ "* inside, another end", "k*l", "kernels", false },
	{ "* must try again", "*ab", "aab", true },
	{ "* must try again further on", "a*bc*d", "abxbcxd", true },
	{ "two of them", "*live*5.10*", "kernel-livepatch-5.10.102", true },
	{ "two of them, out of order", "*5.10*live*", "kernel-livepatch-5.10.102", false },
	{ "runs of them are one", "a***b", "axxb", true },
	{ "* crosses a slash", "a*c", "a/b/c", true },
	{ "* takes a leading dot", "*x", ".x", true },
	{ "several at the end", "a**", "a", true },

	{ "? is one character", "kernel-?", "kernel-5", true },
	{ "? is not none", "kernel?", "kernel", false },
	{ "? is not two", "?", "ab", false },
	{ "? after *", "*?", "", false },
	{ "? after * takes one", "*?", "a", true },
	{ "? is a dot too", "5?10", "5.10", true },

	{ "a class", "5.1[05]", "5.15", true },
	{ "a class that has it not", "5.1[05]", "5.12", false },
	{ "a class without case", "[ABC]", "b", true },
	{ "text without case in a class", "[abc]", "B", true },
	{ "a range", "5.[0-9]", "5.4", true },
	{ "its first", "[3-5]", "3", true },
	{ "its last", "[3-5]", "5", true },
	{ "below a range", "[3-5]", "2", false },
	{ "above a range", "[3-5]", "6", false },
	{ "a range of letters, in either case", "[A-F]x", "cX", true },
	{ "a range the wrong way round", "[5-3]", "4", false },
	{ "two ranges", "[a-cx-z]", "y", true },
	{ "a class is one character", "[0-9]", "12", false },
	{ "a class is not none", "[0-9]", "", false },
	{ "negated", "[!0-9]", "x", true },
	{ "negated, but there", "[!0-9]", "4", false },
	{ "negated with ^", "[^ab]", "c", true },
	{ "negated with ^, but there", "[^ab]", "A", false },
	{ "a bracket first in a class", "[]a]", "]", true },
	{ "a bracket first in a negated class", "[!]]", "]", false },
	{ "a dash last in a class", "[a-]", "-", true },
	{ "a dash first in a class", "[-a]", "-", true },
	{ "a star in a class is a star", "[*]", "*", true },
	{ "and nothing else", "[*]", "a", false },
	{ "a ! later in a class is one", "[a!]", "!", true },
	{ "a bracket that is not closed is a bracket", "a[b", "a[b", true },
	{ "and no class", "a[b", "ab", false },
	{ "a bracket at the end", "a[", "a[", true },
	{ "a negation that is not closed", "a[!", "a[!", true },
	{ "a class after *", "*[0-9]", "kernel-5", true },
	{ "a class after *, no digit at the end", "*[0-9]", "5-kernel", false },
	{ "a backslash is a backslash", "a\\*", "a\\bc", true },
	{ "a byte above ASCII is itself", "caf\xc3\xa9*", "caf\xc3\xa9s", true },
	{ "a byte above ASCII is not another", "[a-z]", "\xc3", false },
};

static void patterns_cover_whole_texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(globs); i++)
		if (match_glob(globs[i].pattern, globs[i].text) != globs[i].hit)
			fail_msg("%s: %s %s %s", globs[i].what, globs[i].pattern,
				 globs[i].hit ? "misses" : "hits", globs[i].text);
}

/* Backtracking into every star would take longer than this machine will exist. */
static void many_stars_take_no_longer_than_one(void **state)
{
	enum { STARS = 40, LENGTH = 20000 };
	char pattern[2 * STARS + 2], *end = pattern;
	_cleanup_free_ char *text = xcalloc(LENGTH + 1, 1);

	(void)state;
	for (int i = 0; i < STARS; i++)
		end = stpcpy(end, "a*");
	stpcpy(end, "b");
	memset(text, 'a', LENGTH);
	assert_false(match_glob(pattern, text));
	text[LENGTH - 1] = 'b';
	assert_true(match_glob(pattern, text));
}

static void any_of_several(void **state)
{
	static const char *const patterns[] = { "amzn2-core", "amzn2extra-kernel-*" };

	(void)state;
	assert_true(match_any_glob(patterns, 2, "amzn2-core"));
	assert_true(match_any_glob(patterns, 2, "amzn2extra-kernel-5.10"));
	assert_false(match_any_glob(patterns, 2, "amzn2extra-docker"));
	assert_false(match_any_glob(patterns, 1, "amzn2extra-kernel-5.10"));
	assert_false(match_any_glob(NULL, 0, "amzn2-core"));
}

/* ---- the twelve name forms ------------------------------------------------------------------ */

static const struct nevra package = {
	.name = "kernel-livepatch-5.10.102-99.473",
	.evr = { 2, "1.0", "3.amzn2" },
	.arch = "x86_64",
};

#define N "kernel-livepatch-5.10.102-99.473"

static const struct {
	const char *form, *hit, *miss;
} forms[] = {
	{ "n", N, N "0" },
	{ "n.a", N ".x86_64", N ".aarch64" },
	{ "n-v", N "-1.0", N "-1.1" },
	{ "n-v-r", N "-1.0-3.amzn2", N "-1.0-4.amzn2" },
	{ "n-v-r.a", N "-1.0-3.amzn2.x86_64", N "-1.0-3.amzn2.noarch" },
	{ "e:n-v-r.a", "2:" N "-1.0-3.amzn2.x86_64", "0:" N "-1.0-3.amzn2.x86_64" },
	{ "n-e:v-r", N "-2:1.0-3.amzn2", N "-1:1.0-3.amzn2" },
	{ "n-e:v-r.a", N "-2:1.0-3.amzn2.x86_64", N "-2:1.0-3.amzn2.i686" },
	{ "v", "1.0", "1.0." },
	{ "v-r", "1.0-3.amzn2", "1.0-3.amzn20" },
	{ "e:v-r", "2:1.0-3.amzn2", "3:1.0-3.amzn2" },
	{ "n.a:e:v-r", N ".x86_64:2:1.0-3.amzn2", N ".x86_64:1.0-3.amzn2" },
};

static char *upper(struct arena *arena, const char *text)
{
	char *copy = arena_strdup(arena, text);

	for (char *p = copy; *p; p++)
		if (*p >= 'a' && *p <= 'z')
			*p = (char)(*p - 'a' + 'A');
	return copy;
}

static void each_form_hits_and_misses(void **state)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		if (!match_nevra(forms[i].hit, &package))
			fail_msg("%s: %s misses", forms[i].form, forms[i].hit);
		if (!match_nevra(upper(arena, forms[i].hit), &package))
			fail_msg("%s: %s misses in capitals", forms[i].form, forms[i].hit);
		if (match_nevra(forms[i].miss, &package))
			fail_msg("%s: %s hits", forms[i].form, forms[i].miss);
	}
}

static const struct {
	const char *what, *entry;
	bool hit;
} entries[] = {
	{ "no other order of the fields", "3.amzn2-1.0", false },
	{ "a release alone", "3.amzn2", false },
	{ "an architecture alone", "x86_64", false },
	{ "an epoch alone", "2", false },
	{ "a name with its release but no version", N "-3.amzn2", false },
	{ "an epoch in front of a name without architecture", "2:" N "-1.0-3.amzn2", false },
	{ "nothing", "", false },
	{ "a glob over the name", "kernel-livepatch-*", true },
	{ "a glob over every livepatch and kernel", "kernel*", true },
	{ "a glob over nothing of it", "kpatch*", false },
	{ "a glob over a longer form", "*.x86_64:2:*", true },
	{ "a glob over another epoch", "*.x86_64:0:*", false },
	{ "a glob over version and release", "1.0-[1-3].amzn2", true },
	{ "a glob that excludes the release", "1.0-[!3].amzn2", false },
	{ "a question mark", N "-1.0-?.amzn2", true },
	{ "several wildcards", "kernel-*-5.1?.*-99.[0-9]*", true },
	{ "a glob is a whole form", "livepatch*", false },
};

static void entries_of_a_list(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(entries); i++)
		if (match_nevra(entries[i].entry, &package) != entries[i].hit)
			fail_msg("%s: %s", entries[i].what, entries[i].entry);
}

static void epoch_0_is_written_as_0(void **state)
{
	static const struct nevra plain = { "kernel", { 0, "5.10", "1" }, "x86_64" };

	(void)state;
	assert_true(match_nevra("0:5.10-1", &plain));
	assert_true(match_nevra("kernel-0:5.10-1.x86_64", &plain));
	assert_true(match_nevra("kernel.x86_64:0:5.10-1", &plain));
	assert_false(match_nevra(":5.10-1", &plain));
}

static void the_largest_epoch_fits(void **state)
{
	static const struct nevra late = { "k", { UINT32_MAX, "1", "1" }, "noarch" };

	(void)state;
	assert_true(match_nevra("4294967295:1-1", &late));
	assert_true(match_nevra("k.noarch:4294967295:1-1", &late));
}

/* ---- ids of notices ------------------------------------------------------------------------- */

static const struct {
	const char *what, *entry;
	bool hit;
} ids[] = {
	{ "the notice's own id", "ALAS2LIVEPATCH-2020-002", true },
	{ "in another case", "alas2livepatch-2020-002", false },
	{ "a part of it", "ALAS2LIVEPATCH-2020", false },
	{ "a glob over it", "ALAS2LIVEPATCH-*", false },
	{ "a CVE it names", "CVE-2020-8648", true },
	{ "a CVE whose reference is typed in capitals", "CVE-2019-20096", true },
	{ "a CVE in another case", "cve-2020-8648", false },
	{ "a CVE it does not name", "CVE-2020-8649", false },
	{ "a CVE that is longer", "CVE-2020-86480", false },
	{ "a Bugzilla number", "1802559", true },
	{ "a Bugzilla number that is shorter", "180255", false },
	{ "a reference of another type", "https-1", false },
	{ "nothing", "", false },
};

static void ids_are_compared_exactly(void **state)
{
	static struct advisory_ref refs[] = {
		{ "cve", "CVE-2020-8648" },
		{ "CVE", "CVE-2019-20096" },
		{ "Bugzilla", "1802559" },
		{ "self", "https-1" },
		{ "", "" },
	};
	static const struct advisory notice = {
		.id = "ALAS2LIVEPATCH-2020-002",
		.refs = refs,
		.n_refs = ARRAY_SIZE(refs),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		if (match_advisory(ids[i].entry, &notice) != ids[i].hit)
			fail_msg("%s: %s", ids[i].what, ids[i].entry);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns_cover_whole_texts),
		cmocka_unit_test(many_stars_take_no_longer_than_one),
		cmocka_unit_test(any_of_several),
		cmocka_unit_test(each_form_hits_and_misses),
		cmocka_unit_test(entries_of_a_list),
		cmocka_unit_test(epoch_0_is_written_as_0),
		cmocka_unit_test(the_largest_epoch_fits),
		cmocka_unit_test(ids_are_compared_exactly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
