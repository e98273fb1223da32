// SPDX-License-Identifier: Apache-2.0
#include "core/builds.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define NAME "kernel-livepatch-5.10.1-1.1"

/*
 * One package name, told of by two repositories:
 *
 *   1.0-0  marker, offered                            never a build
 *   1.0-1  offered, no notice
 *   1.0-2  offered, notice A (important), listed twice; notice B (medium, two CVEs)
 *   1.0-3  offered and hidden by an exclude, notice C (important)
 *   1.0-4  notice D (important), in no repository
 *   1.0-9  another architecture
 */
static struct nevra livepatch(const char *release, const char *arch)
{
	return (struct nevra){ NAME, { 0, "1.0", release }, arch };
}

struct fixture {
	struct arena *arena;
	struct nevra a_packages[3], b_packages[1], c_packages[1], d_packages[1];
	struct advisory_ref a_refs[1], b_refs[3];
	struct advisory advisories[4];
	struct available packages[4];
	struct repository repositories[2];
	struct catalogue catalogue;
	struct baseline_filter filters[1];
	struct baseline_rule rule;
	struct baseline baseline;
	struct config config;
	struct platform platform;
	struct approval_context ctx;
};

static const char *const important[] = { "Important" };
static const char *const excludes[] = { NAME "-1.0-3.amzn2" };

static struct advisory notice(const char *id, const char *severity, struct nevra *packages,
			      size_t n)
{
	return (struct advisory){ .id = id,
				  .type = "security",
				  .severity = severity,
				  .updated = { NOTICE_DATE_VALID, 1000 },
				  .packages = packages,
				  .n_packages = n };
}

static int set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	f->arena = arena_new();
	f->a_packages[0] = f->a_packages[1] = livepatch("2.amzn2", "x86_64");
	f->a_packages[2] = livepatch("9.amzn2", "aarch64");
	f->b_packages[0] = livepatch("2.amzn2", "x86_64");
	f->c_packages[0] = livepatch("3.amzn2", "x86_64");
	f->d_packages[0] = livepatch("4.amzn2", "x86_64");
	f->advisories[0] = notice("A", "important", f->a_packages, 3);
	f->advisories[1] = notice("B", "medium", f->b_packages, 1);
	f->advisories[2] = notice("C", "important", f->c_packages, 1);
	f->advisories[3] = notice("D", "important", f->d_packages, 1);
	f->a_refs[0] = (struct advisory_ref){ "cve", "CVE-2" };
	f->b_refs[0] = (struct advisory_ref){ "cve", "CVE-1" };
	f->b_refs[1] = (struct advisory_ref){ "CVE", "CVE-2" };
	f->b_refs[2] = (struct advisory_ref){ "bugzilla", "7" };
	f->advisories[0].refs = f->a_refs;
	f->advisories[0].n_refs = 1;
	f->advisories[1].refs = f->b_refs;
	f->advisories[1].n_refs = 3;

	for (size_t i = 0; i < ARRAY_SIZE(f->packages); i++) {
		static const char *const releases[] = { "3.amzn2", "0.amzn2", "2.amzn2",
							"1.amzn2" };

		f->packages[i].nevra = livepatch(releases[i], "x86_64");
		f->packages[i].build_time = 1000;
	}
	f->repositories[0] =
		(struct repository){ .id = "livepatch", .excludes = excludes, .n_excludes = 1 };
	f->catalogue = (struct catalogue){ f->repositories, 1, f->advisories, 4, f->packages, 4 };

	f->filters[0] = (struct baseline_filter){ FILTER_SEVERITY, important, 1 };
	f->rule = (struct baseline_rule){ .filters = f->filters,
					  .n_filters = 1,
					  .approve_until = TIME_UNSET };
	f->baseline = (struct baseline){ .rules = &f->rule, .n_rules = 1 };
	f->config.honor_excludes = true;
	f->platform.livepatch_prefix = "kernel-livepatch-";
	f->platform.marker_release = "0.amzn2";
	f->ctx = (struct approval_context){ &f->baseline, &f->platform, &f->config, 2000 };
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	arena_free(f->arena);
	free(f);
	return 0;
}

static struct builds collect(struct fixture *f, enum builds_source source)
{
	return builds_collect(&f->ctx, &f->catalogue, NAME, "x86_64", source, f->arena);
}

static void every_build_once_oldest_first(void **state)
{
	static const struct {
		const char *release;
		size_t n_notices;
		bool available, excluded, approved;
		enum hold_reason hold;
	} expected[] = {
		{ "1.amzn2", 0, true, false, false, HOLD_NO_NOTICE },
		{ "2.amzn2", 2, true, false, true, HOLD_NONE },
		{ "3.amzn2", 1, false, true, false, HOLD_EXCLUDED },
		{ "4.amzn2", 1, false, false, false, HOLD_NOT_IN_REPOSITORY },
	};
	struct builds builds = collect(*state, BUILDS_AVAILABLE);

	assert_int_equal(builds.n, ARRAY_SIZE(expected));
	for (size_t i = 0; i < builds.n; i++) {
		const struct build *b = &builds.items[i];

		assert_string_equal(b->nevra.evr.release, expected[i].release);
		assert_int_equal(b->n_notices, expected[i].n_notices);
		assert_int_equal(b->available != NULL, expected[i].available);
		assert_int_equal(b->excluded, expected[i].excluded);
		assert_int_equal(b->approval.approved, expected[i].approved);
		assert_string_equal(hold_reason_name(b->approval.hold),
				    hold_reason_name(expected[i].hold));
	}
	assert_ptr_equal(builds_candidate(&builds), &builds.items[1]);
}

static void excludes_may_be_ignored(void **state)
{
	struct fixture *f = *state;
	struct builds builds;

	f->config.honor_excludes = false;
	builds = collect(f, BUILDS_AVAILABLE);
	assert_string_equal(builds_candidate(&builds)->nevra.evr.release, "3.amzn2");
}

static void notices_alone_count_for_kernels(void **state)
{
	struct fixture *f = *state;
	struct builds builds = collect(f, BUILDS_NOTICED);

	assert_string_equal(builds_candidate(&builds)->nevra.evr.release, "4.amzn2");
	assert_int_equal(builds.items[2].approval.hold, HOLD_EXCLUDED);
}

static void a_repository_without_the_exclude_still_offers_it(void **state)
{
	struct fixture *f = *state;
	struct builds builds;

	f->catalogue.n_repositories = 2;
	f->packages[1].nevra = f->packages[0].nevra;
	f->packages[1].repo = 1;
	builds = collect(f, BUILDS_AVAILABLE);
	assert_string_equal(builds_candidate(&builds)->nevra.evr.release, "3.amzn2");
}

static void maxima_are_independent_and_cves_a_union(void **state)
{
	struct fixture *f = *state;
	struct builds builds = collect(f, BUILDS_AVAILABLE);
	struct evr_range range = { &builds.items[0].nevra.evr, &builds.items[1].nevra.evr };
	struct notice_summary s;

	f->advisories[0].type = "bugfix";
	s = builds_summarise(&builds, &range, f->arena);
	assert_string_equal(s.classification, "Security"); /* from B */
	assert_string_equal(s.severity, "Important");	   /* from A */
	assert_int_equal(s.advisories.n, 2);
	assert_int_equal(s.cves.n, 2);
	assert_string_equal(s.cves.items[0], "CVE-1");
	assert_true(word_set_has(&s.cves, "CVE-2"));
	assert_false(word_set_has(&s.cves, "7"));
}

static void ranges_are_open_below_and_closed_above(void **state)
{
	struct evr one = { 0, "1", "1" }, two = { 0, "1", "2" }, three = { 0, "1", "3" };
	struct evr_range range = { &one, &two };

	(void)state;
	assert_false(evr_range_has(&range, &one));
	assert_true(evr_range_has(&range, &two));
	assert_false(evr_range_has(&range, &three));
	assert_true(evr_range_has(&(struct evr_range){ NULL, NULL }, &three));
}

static void an_empty_set_has_nothing(void **state)
{
	struct word_set set = { 0 };

	(void)state;
	word_set_seal(&set);
	assert_false(word_set_has(&set, "CVE-1"));
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FIXTURE(every_build_once_oldest_first),
		WITH_FIXTURE(excludes_may_be_ignored),
		WITH_FIXTURE(notices_alone_count_for_kernels),
		WITH_FIXTURE(a_repository_without_the_exclude_still_offers_it),
		WITH_FIXTURE(maxima_are_independent_and_cves_a_union),
		cmocka_unit_test(ranges_are_open_below_and_closed_above),
		cmocka_unit_test(an_empty_set_has_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
