// SPDX-License-Identifier: Apache-2.0
#include "plan_world.h"

static const struct situation subscribed = { "a node with the marker", .livepatch = "0.amzn2" };

/* "livepatch:1.0-2.amzn2 runtime:any load:1.0-1.amzn2[klp_a] !recalled" */
static const char *summary(const struct plan *plan)
{
	struct arena *a = plan->arena;
	char *text = arena_strdup(a, "");

	for (size_t i = 0; i < plan->n_goals; i++) {
		const struct plan_goal *g = &plan->goals[i];
		const struct evr *evr = &g->nevra.evr;

		text = append(a, text,
			      evr->version ? arena_printf(a, "%s:%s-%s", plan_kind_name(g->kind),
							  evr->version, evr->release)
					   : arena_printf(a, "%s:any", plan_kind_name(g->kind)));
	}
	for (size_t i = 0; i < plan->n_loads; i++) {
		const struct plan_load *l = &plan->loads[i];

		assert_int_equal(l->n_modules, 1);
		text = append(a, text,
			      arena_printf(a, "load:%s-%s[%s]", l->nevra.evr.version,
					   l->nevra.evr.release, l->modules[0]));
	}
	for (size_t i = 0; i < plan->n_refusals; i++)
		text = append(a, text, arena_printf(a, "!%s", plan->refusals[i].code));
	return text;
}

static const struct situation situations[] = {
	{ "the candidate", "0.amzn2", .expected = "livepatch:1.0-2.amzn2" },
	{ "an older one is replaced", "1.amzn2", MODULE_ACTIVE,
	  .expected = "livepatch:1.0-2.amzn2" },
	{ "and not loaded before that", "1.amzn2", .expected = "livepatch:1.0-2.amzn2" },
	{ "nothing is missing", "2.amzn2", MODULE_ACTIVE, .expected = "" },
	{ "what is newer stays", "3.amzn2", MODULE_ACTIVE, .expected = "" },
	{ "enabled without a marker", NULL, .expected = "livepatch:1.0-2.amzn2" },
	{ "live patching is not enabled", NULL, .no_service = true, .expected = "" },
	{ "not enabled: no runtime either", NULL, .no_runtime = true, .expected = "" },
	{ "a wanted livepatch needs the runtime", "0.amzn2", .no_runtime = true,
	  .expected = "livepatch:1.0-2.amzn2 runtime:any" },
	{ "so does an installed one", "2.amzn2", MODULE_ACTIVE, .no_runtime = true,
	  .expected = "runtime:any" },

	{ "not loaded", "2.amzn2", .expected = "load:1.0-2.amzn2[klp_a]" },
	{ "switched off", "2.amzn2", MODULE_OFF, .expected = "load:1.0-2.amzn2[klp_a]" },
	{ "in transition", "2.amzn2", MODULE_MOVING, .expected = "" },
	{ "an image runs nothing", "2.amzn2", .image = true, .expected = "" },
	{ "not approved and not rejected", "3.amzn2", .expected = "load:1.0-3.amzn2[klp_a]" },
	{ "rejected by name", "2.amzn2", .rejected = "kernel-livepatch-*-2.amzn2", .expected = "" },
	{ "rejected by its notice", "2.amzn2", .rejected = "B", .expected = "" },
	{ "rejected: the next candidate", "0.amzn2", .rejected = "B",
	  .expected = "livepatch:1.0-1.amzn2" },

	{ "a list overrides the baseline", "0.amzn2", .listed = true,
	  .entries = { { NAME ".x86_64", "*:1.0-3.amzn2" } }, .expected = "livepatch:1.0-3.amzn2" },
	{ "the newest that is offered", "0.amzn2", .listed = true,
	  .entries = { { "kernel-livepatch-*" } }, .expected = "livepatch:1.0-3.amzn2" },
	{ "rejected ones as well", "0.amzn2", .rejected = "C", .listed = true,
	  .entries = { { NAME } }, .expected = "livepatch:1.0-3.amzn2" },
	{ "each entry counts", "0.amzn2", .listed = true,
	  .entries = { { "bash" }, { NAME "-1.0-1.amzn2" } }, .expected = "livepatch:1.0-1.amzn2" },
	{ "never an older one", "2.amzn2", MODULE_ACTIVE, .listed = true,
	  .entries = { { NAME "-1.0-1.amzn2" } }, .expected = "" },
	{ "what does not apply is ignored", "0.amzn2", .listed = true,
	  .entries = { { "bash" }, { OTHER } }, .expected = "" },
	{ "id and title must fit", "0.amzn2", .listed = true,
	  .entries = { { NAME, "*:1.0-9.amzn2" } }, .expected = "" },
	{ "never a marker", "0.amzn2", .listed = true, .entries = { { "*-0.amzn2" } },
	  .expected = "" },
	{ "what no repository offers", "0.amzn2", .listed = true, .entries = { { "*-4.amzn2" } },
	  .expected = "" },
	{ "an empty list", "0.amzn2", .listed = true, .expected = "" },
	{ "a list does not enable live patching", NULL, .no_service = true, .listed = true,
	  .entries = { { NAME } }, .expected = "" },

	{ "recalled", "0.amzn2", .no_runtime = true, .ban = { "*-2.amzn2", .reason = "panics" },
	  .expected = "!recalled" },
	{ "another one is recalled", "0.amzn2", .ban = { "*-1.amzn2", .reason = "panics" },
	  .expected = "livepatch:1.0-2.amzn2" },
	{ "a file is recalled", "0.amzn2", .ban = { .sha256 = SHA256, .reason = "panics" },
	  .expected = "livepatch:1.0-2.amzn2" },
	{ "in quarantine", "0.amzn2",
	  .ban = { NAME ".x86_64:0:1.0-2.amzn2", .reason = "crashed", .quarantine = true },
	  .expected = "!quarantined" },
	{ "tried again", "0.amzn2",
	  .ban = { NAME ".x86_64:0:1.0-2.amzn2", .reason = "crashed", .quarantine = true },
	  .retry = true, .expected = "livepatch:1.0-2.amzn2" },
	{ "which is not for recalls", "0.amzn2", .ban = { "*-2.amzn2", .reason = "panics" },
	  .retry = true, .expected = "!recalled" },
	{ "a quarantine is for loading, too", "2.amzn2",
	  .ban = { "*-2.amzn2", .reason = "crashed", .quarantine = true },
	  .expected = "!quarantined" },

	{ "the kernel as well", "0.amzn2", .with_kernel = true,
	  .expected = "livepatch:1.0-2.amzn2 kernel:5.10.103-1.amzn2" },
	{ "the kernel alone", NULL, .no_service = true, .with_kernel = true,
	  .expected = "kernel:5.10.103-1.amzn2" },
	{ "it is installed already", "2.amzn2", MODULE_ACTIVE, .new_kernel = true,
	  .with_kernel = true, .expected = "" },
	{ "a node without kernel package", "2.amzn2", MODULE_ACTIVE, .no_kernel = true,
	  .with_kernel = true, .expected = "" },
	{ "a list names the kernel", "2.amzn2", MODULE_ACTIVE, .with_kernel = true, .listed = true,
	  .entries = { { "kernel.x86_64" } }, .expected = "kernel:5.10.104-1.amzn2" },
	{ "which alone is not enough", "2.amzn2", MODULE_ACTIVE, .listed = true,
	  .entries = { { "kernel.x86_64" } }, .expected = "" },
	{ "the kernel is recalled", "2.amzn2", MODULE_ACTIVE, .with_kernel = true,
	  .ban = { "kernel-5.10.103*", .reason = "panics" }, .expected = "!recalled" },
};

static void goals_follow_the_judgement(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(situations); i++) {
		_cleanup_(world_freep)
		struct world *w = world_new(&situations[i]);
		_cleanup_(plan_freep)
		struct plan *plan = plan_goals(&w->judge, &w->wishes);

		if (!streq(summary(plan), situations[i].expected))
			fail_msg("%s: %s", situations[i].what, summary(plan));
		assert_string_equal(plan->kernel, KERNEL ".x86_64");
	}
}

static void a_goal_says_why(void **state _unused_)
{
	static const struct situation bare = { .livepatch = "0.amzn2", .no_runtime = true };
	_cleanup_(world_freep)
	struct world *w = world_new(&bare);
	_cleanup_(plan_freep)
	struct plan *plan = plan_goals(&w->judge, &w->wishes);

	assert_true(starts_with(plan->goals[0].why, "approved by rule 1"));
	assert_string_equal(plan->goals[1].why, NAME ".x86_64:0:1.0-2.amzn2 needs it");
	assert_string_equal(plan->goals[1].nevra.arch, "x86_64");
}

static void a_list_is_a_reason(void **state _unused_)
{
	static const struct situation listed = { .livepatch = "0.amzn2",
						 .listed = true,
						 .entries = { { NAME } } };
	_cleanup_(world_freep)
	struct world *w = world_new(&listed);
	_cleanup_(plan_freep)
	struct plan *plan = plan_goals(&w->judge, &w->wishes);

	assert_string_equal(plan->goals[0].why, "the override list names it (" NAME ")");
}

static const struct {
	bool quarantine;
	const char *message;
} bans[] = {
	{ false, NAME ".x86_64:0:1.0-2.amzn2 must not be installed or loaded: it panics; only "
		      "taking it off the recall list allows it" },
	{ true, NAME ".x86_64:0:1.0-2.amzn2 is in quarantine: it panics; klpctl install "
		     "--retry-quarantined tries it again" },
};

static void a_ban_says_why(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(bans); i++) {
		const struct situation s = { .livepatch = "0.amzn2",
					     .ban = { "*-2.amzn2", .reason = "it panics",
						      .quarantine = bans[i].quarantine } };
		_cleanup_(world_freep)
		struct world *w = world_new(&s);
		_cleanup_(plan_freep)
		struct plan *plan = plan_goals(&w->judge, &w->wishes);

		assert_int_equal(plan->n_refusals, 1);
		assert_string_equal(plan->refusals[0].package, NAME ".x86_64:0:1.0-2.amzn2");
		assert_string_equal(plan->refusals[0].message, bans[i].message);
	}
}

static void a_node_nobody_knows_has_no_plan(void **state _unused_)
{
	_cleanup_(world_freep)
	struct world *w = world_new(&subscribed);
	struct plan_limits limits = PLAN_LIMITS;
	struct plan *plan;

	report_free(w->report);
	w->in.platform = NULL;
	w->snapshot.node.kernel = NULL;
	w->report = evaluate_judge(&w->in, &w->judge);
	plan = plan_goals(&w->judge, &w->wishes);
	plan_guard(plan, &w->judge, &w->wishes, &limits);
	assert_true(plan_is_empty(plan));
	assert_string_equal(summary(plan), "");
	assert_null(plan->kernel);
	plan_free(plan);
	plan_free(NULL);
}

static void a_refusal_names_what_it_is_about(void **state _unused_)
{
	_cleanup_(world_freep)
	struct world *w = world_new(&subscribed);
	_cleanup_(plan_freep)
	struct plan *plan = plan_goals(&w->judge, &w->wishes);
	struct nevra exact = build("a", "1", "2"), any = { "a", { 0, NULL, NULL }, "x86_64" };

	plan_refuse(plan, &exact, "x", "%s", "one");
	plan_refuse(plan, &any, "x", "two");
	plan_refuse(plan, NULL, "x", "three");
	assert_string_equal(plan->refusals[0].package, "a.x86_64:0:1-2");
	assert_string_equal(plan->refusals[0].message, "one");
	assert_string_equal(plan->refusals[1].package, "a");
	assert_string_equal(plan->refusals[2].package, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goals_follow_the_judgement),
		cmocka_unit_test(a_goal_says_why),
		cmocka_unit_test(a_list_is_a_reason),
		cmocka_unit_test(a_ban_says_why),
		cmocka_unit_test(a_node_nobody_knows_has_no_plan),
		cmocka_unit_test(a_refusal_names_what_it_is_about),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
