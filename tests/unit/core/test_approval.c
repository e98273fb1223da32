// SPDX-License-Identifier: Apache-2.0
#include "core/approval.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static const char *const any[] = { "*" };
static const char *const security[] = { "Security" };
static const char *const bugfix[] = { "Bugfix" };
static const char *const serious[] = { "Critical", "Important" };
static const char *const products[] = { "AmazonLinux2", "AmazonLinux2.0" };
static const char *const other_product[] = { "AmazonLinux2023" };

static const struct platform platform = {
	.name = "test",
	.aws_products = products,
	.n_aws_products = ARRAY_SIZE(products),
};

static struct baseline_filter filter(enum filter_key key, const char *const *values, size_t n)
{
	return (struct baseline_filter){ .key = key, .values = values, .n_values = n };
}

static struct advisory_date date(const char *text)
{
	struct advisory_date d = { NOTICE_DATE_ABSENT, TIME_UNSET };

	if (!text)
		return d;
	d.state = timex_parse(text, &d.at) == 0 ? NOTICE_DATE_VALID : NOTICE_DATE_INVALID;
	return d;
}

/* One rule held against one notice: the clock (semantics 3.4) and the filters (2.2). */
static const struct {
	const char *what, *type, *severity, *issued, *updated;
	int days; /* -1: until */
	const char *until, *now;
	bool approved;
	enum hold_reason hold;
} rows[] = {
	{ "exactly N days after release is not yet", "security", "important", NULL,
	  "2025-11-09 18:00", 7, NULL, "2025-11-16 18:00:00", false, HOLD_NOT_YET_APPROVED },
	{ "one second later is", "security", "important", NULL, "2025-11-09 18:00", 7, NULL,
	  "2025-11-16 18:00:01", true, HOLD_NONE },
	{ "until a day: its last minute counts", "security", "critical", NULL, "2025-11-16 23:59",
	  -1, "2025-11-16", "2026-01-01", true, HOLD_NONE },
	{ "until a day: the next midnight does not", "security", "critical", NULL,
	  "2025-11-17 00:00", -1, "2025-11-16", "2026-01-01", false, HOLD_NOT_YET_APPROVED },
	{ "a release in the future waits even with no delay", "security", "important", NULL,
	  "2025-12-01", 0, NULL, "2025-11-16", false, HOLD_NOT_YET_APPROVED },
	{ "no delay: released now is not before now", "security", "important", NULL, "2025-11-16",
	  0, NULL, "2025-11-16", false, HOLD_NOT_YET_APPROVED },
	{ "updated counts before issued", "security", "important", "2020-01-01", "2025-11-15", 7,
	  NULL, "2025-11-16", false, HOLD_NOT_YET_APPROVED },
	{ "issued counts when updated is absent", "security", "important", "2020-01-01", NULL, 7,
	  NULL, "2025-11-16", true, HOLD_NONE },
	{ "an unreadable updated is held, although issued is fine", "security", "important",
	  "2020-01-01", "soon", 7, NULL, "2025-11-16", false, HOLD_NO_DATE },
	{ "no date at all is held", "security", "important", NULL, NULL, 7, NULL, "2025-11-16",
	  false, HOLD_NO_DATE },
	{ "severity is not selected", "security", "medium", NULL, "2020-01-01", 7, NULL,
	  "2025-11-16", false, HOLD_SEVERITY },
	{ "moderate is medium, and not selected", "security", "Moderate", NULL, "2020-01-01", 7,
	  NULL, "2025-11-16", false, HOLD_SEVERITY },
	{ "words compare without case", "SECURITY", "IMPORTANT", NULL, "2020-01-01", 7, NULL,
	  "2025-11-16", true, HOLD_NONE },
	{ "no severity matches only *", "security", NULL, NULL, "2020-01-01", 7, NULL, "2025-11-16",
	  false, HOLD_SEVERITY },
	{ "classification is not selected", "enhancement", "important", NULL, "2020-01-01", 7, NULL,
	  "2025-11-16", false, HOLD_CLASSIFICATION },
	{ "no classification is not selected", NULL, "important", NULL, "2020-01-01", 7, NULL,
	  "2025-11-16", false, HOLD_CLASSIFICATION },
};

static void one_rule_one_notice(void **state)
{
	struct baseline_filter filters[] = {
		filter(FILTER_PRODUCT, any, 1),
		filter(FILTER_CLASSIFICATION, security, 1),
		filter(FILTER_SEVERITY, serious, 2),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(arena_freep)
		struct arena *arena = arena_new();
		struct baseline_rule rule = {
			.filters = filters,
			.n_filters = ARRAY_SIZE(filters),
			.approve_after_days = rows[i].days,
			.approve_until = TIME_UNSET,
			.line = 1,
		};
		struct baseline baseline = { .rules = &rule, .n_rules = 1 };
		struct config config = { 0 };
		struct approval_context ctx = { &baseline, &platform, &config, 0 };
		struct advisory notice = {
			.id = "ALAS-1",
			.type = rows[i].type,
			.severity = rows[i].severity,
			.issued = date(rows[i].issued),
			.updated = date(rows[i].updated),
		};
		const struct advisory *notices[] = { &notice };
		struct nevra nevra = { "kernel-livepatch-5.10.1-1.1", { 0, "1.0", "1" }, "x86_64" };
		struct approval a;

		assert_int_equal(timex_parse(rows[i].now, &ctx.now), 0);
		if (rows[i].until)
			assert_int_equal(timex_parse(rows[i].until, &rule.approve_until), 0);
		a = approval_decide(&ctx, &nevra, notices, 1, TIME_UNSET, arena);
		if (a.approved != rows[i].approved || a.hold != rows[i].hold)
			fail_msg("%s: approved %d, hold %s (%s)", rows[i].what, a.approved,
				 hold_reason_name(a.hold), a.reason);
		if (!a.reason || !*a.reason)
			fail_msg("%s: no reason is given", rows[i].what);
	}
}

struct fixture {
	struct arena *arena;
	struct baseline_filter security_serious[2], bugfix_any[1], everything[1];
	struct baseline_rule rules[2];
	struct baseline baseline;
	struct config config;
	struct approval_context ctx;
	struct nevra nevra;
	struct advisory_ref refs[2];
	struct advisory old, new;
};

static int set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	f->arena = arena_new();
	f->security_serious[0] = filter(FILTER_CLASSIFICATION, security, 1);
	f->security_serious[1] = filter(FILTER_SEVERITY, serious, 2);
	f->bugfix_any[0] = filter(FILTER_CLASSIFICATION, bugfix, 1);
	f->everything[0] = filter(FILTER_SEVERITY, any, 1);
	f->rules[0] = (struct baseline_rule){ .filters = f->security_serious,
					      .n_filters = 2,
					      .approve_after_days = 7,
					      .approve_until = TIME_UNSET };
	f->rules[1] = (struct baseline_rule){ .filters = f->bugfix_any,
					      .n_filters = 1,
					      .approve_after_days = 7,
					      .approve_until = TIME_UNSET };
	f->baseline = (struct baseline){ .rules = f->rules, .n_rules = 2 };
	f->ctx = (struct approval_context){ &f->baseline, &platform, &f->config, 0 };
	assert_int_equal(timex_parse("2025-11-16", &f->ctx.now), 0);
	f->nevra =
		(struct nevra){ "kernel-livepatch-5.10.1-1.1", { 0, "1.0", "2.amzn2" }, "x86_64" };
	f->refs[0] = (struct advisory_ref){ "cve", "CVE-2024-1" };
	f->refs[1] = (struct advisory_ref){ "bugzilla", "1760550" };
	f->old = (struct advisory){ .id = "ALAS2LIVEPATCH-2024-001",
				    .type = "security",
				    .severity = "important",
				    .updated = date("2025-01-01"),
				    .refs = f->refs,
				    .n_refs = 2 };
	f->new = f->old;
	f->new.id = "ALAS2LIVEPATCH-2024-002";
	f->new.updated = date("2025-11-15");
	f->new.n_refs = 0;
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

static struct approval decide(struct fixture *f, const struct advisory *a, const struct advisory *b)
{
	const struct advisory *notices[] = { a, b };

	return approval_decide(&f->ctx, &f->nevra, notices, (a != NULL) + (b != NULL), TIME_UNSET,
			       f->arena);
}

static void one_approved_notice_is_enough(void **state)
{
	struct fixture *f = *state;
	struct approval a = decide(f, &f->new, &f->old);

	assert_true(a.approved);
	assert_ptr_equal(a.notice, &f->old);
}

static void the_nearest_reason_is_named(void **state)
{
	struct fixture *f = *state;
	struct approval a;

	f->old.severity = "low";
	a = decide(f, &f->old, &f->new);
	assert_int_equal(a.hold, HOLD_NOT_YET_APPROVED);
	assert_ptr_equal(a.notice, &f->new);
	assert_true(a.approve_at == f->new.updated.at + 7 * SEC_PER_DAY);
}

static void the_highest_level_of_all_matching_rules_counts(void **state)
{
	struct fixture *f = *state;
	struct approval a;

	f->rules[0].level = LEVEL_MEDIUM;
	f->rules[1] = f->rules[0];
	f->rules[1].level = LEVEL_HIGH;
	a = decide(f, &f->old, NULL);
	assert_true(a.approved);
	assert_int_equal(a.level, LEVEL_HIGH);
}

static void global_filters_come_before_rules(void **state)
{
	struct fixture *f = *state;
	struct baseline_filter global = filter(FILTER_PRODUCT, other_product, 1);
	struct approval a;

	f->baseline.global_filters = &global;
	f->baseline.n_global_filters = 1;
	a = decide(f, &f->old, NULL);
	assert_false(a.approved);
	assert_int_equal(a.hold, HOLD_PRODUCT);
	global.values = &products[1]; /* either spelling of the product will do */
	assert_true(decide(f, &f->old, NULL).approved);
}

/* Lists: each entry alone in the approved list, then alone in the rejected list. */
static void lists(void **state)
{
	static const struct {
		const char *entry;
		bool hits;
	} entries[] = {
		{ "kernel-livepatch-5.10.1-1.1", true },
		{ "kernel-livepatch-*", true },
		{ "1.0-2.amzn2", true },
		{ "ALAS2LIVEPATCH-2024-001", true },
		{ "CVE-2024-1", true },
		{ "1760550", true },
		{ "kernel", false },
		{ "CVE-2024-2", false },
		{ "1.0-3.amzn2", false },
	};
	struct fixture *f = *state;

	f->old.severity = "low"; /* no rule selects it */
	f->old.updated = date(NULL);
	for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
		struct approval a;

		f->baseline.approved = &entries[i].entry;
		f->baseline.n_approved = 1;
		f->baseline.n_rejected = 0;
		a = decide(f, &f->old, NULL);
		if (a.approved != entries[i].hits)
			fail_msg("approved list with %s: approved %d", entries[i].entry,
				 a.approved);

		f->baseline.rejected = &entries[i].entry;
		f->baseline.n_rejected = 1;
		a = decide(f, &f->old, NULL);
		if (a.approved)
			fail_msg("rejected wins over approved: %s", entries[i].entry);
		if ((a.hold == HOLD_REJECTED) != entries[i].hits)
			fail_msg("rejected list with %s: %s", entries[i].entry,
				 hold_reason_name(a.hold));
	}
}

static void a_rejected_notice_leaves_the_others_standing(void **state)
{
	static const char *const entry = "ALAS2LIVEPATCH-2024-002";
	struct fixture *f = *state;

	f->baseline.rejected = &entry;
	f->baseline.n_rejected = 1;
	f->new.updated = date("2025-01-01");
	assert_true(decide(f, &f->new, &f->old).approved);
	assert_int_equal(decide(f, &f->new, NULL).hold, HOLD_REJECTED);
}

static void without_a_notice_only_enable_non_security_approves(void **state)
{
	static const char *const entry = "kernel-livepatch-*";
	struct fixture *f = *state;
	int64_t built = date("2025-01-01").at;

	assert_int_equal(approval_decide(&f->ctx, &f->nevra, NULL, 0, built, f->arena).hold,
			 HOLD_NO_NOTICE);

	/* a filter without * still never matches what has no value */
	f->rules[0].enable_non_security = true;
	assert_false(approval_decide(&f->ctx, &f->nevra, NULL, 0, built, f->arena).approved);

	f->rules[0].filters = f->everything;
	f->rules[0].n_filters = 1;
	assert_true(approval_decide(&f->ctx, &f->nevra, NULL, 0, built, f->arena).approved);
	assert_int_equal(
		approval_decide(&f->ctx, &f->nevra, NULL, 0, f->ctx.now - 6 * SEC_PER_DAY, f->arena)
			.hold,
		HOLD_NOT_YET_APPROVED);
	assert_int_equal(approval_decide(&f->ctx, &f->nevra, NULL, 0, TIME_UNSET, f->arena).hold,
			 HOLD_NO_DATE);
	f->rules[0].enable_non_security = false;
	assert_int_equal(approval_decide(&f->ctx, &f->nevra, NULL, 0, built, f->arena).hold,
			 HOLD_NO_NOTICE);

	/* the approved list needs ApprovedPatchesEnableNonSecurity for it */
	f->baseline.approved = &entry;
	f->baseline.n_approved = 1;
	assert_false(approval_decide(&f->ctx, &f->nevra, NULL, 0, built, f->arena).approved);
	f->baseline.approved_enable_non_security = true;
	assert_true(approval_decide(&f->ctx, &f->nevra, NULL, 0, built, f->arena).approved);
}

static void settings_change_the_clock(void **state)
{
	struct fixture *f = *state;

	f->new.issued = date("2025-01-01");
	assert_false(decide(f, &f->new, NULL).approved);
	f->config.release_date = RELEASE_DATE_ISSUED;
	assert_true(decide(f, &f->new, NULL).approved);

	f->new.issued = f->new.updated = date(NULL);
	assert_int_equal(decide(f, &f->new, NULL).hold, HOLD_NO_DATE);
	f->config.unknown_date = UNKNOWN_DATE_APPROVE;
	assert_true(decide(f, &f->new, NULL).approved);
}

static void a_baseline_without_rules_approves_nothing(void **state)
{
	struct fixture *f = *state;

	f->baseline.n_rules = 0;
	assert_false(decide(f, &f->old, NULL).approved);
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_rule_one_notice),
		WITH_FIXTURE(one_approved_notice_is_enough),
		WITH_FIXTURE(the_nearest_reason_is_named),
		WITH_FIXTURE(the_highest_level_of_all_matching_rules_counts),
		WITH_FIXTURE(global_filters_come_before_rules),
		WITH_FIXTURE(lists),
		WITH_FIXTURE(a_rejected_notice_leaves_the_others_standing),
		WITH_FIXTURE(without_a_notice_only_enable_non_security_approves),
		WITH_FIXTURE(settings_change_the_clock),
		WITH_FIXTURE(a_baseline_without_rules_approves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
