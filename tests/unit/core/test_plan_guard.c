// SPDX-License-Identifier: Apache-2.0
#include "plan_world.h"

static const struct situation subscribed = { "a node with the marker", .livepatch = "0.amzn2" };
static const struct situation unloaded = { "an inactive livepatch", .livepatch = "2.amzn2" };

/* One step; what is left out is that of a good livepatch. */
struct guarded {
	const char *what;
	const char *name, *version, *release, *arch;
	enum plan_action action;
	const char *old_name, *old_version,
		*old_release;		      /* of what it replaces; no release: none */
	const char *checksum_type, *checksum; /* "": none */
	int64_t size, installed_size;
	bool provides_kernel, writes_boot;
	bool with_kernel, retry;
	struct plan_ban ban;
	const struct plan_limits *limits;
	const char *expected;
};

#define MIB ((int64_t)1024 * 1024)

static const struct plan_limits no_steps = { -1, -1, 0, 2000 }, few_bytes = { -1, -1, 8, 999 },
				enough = { 5000, 32 * MIB + 2000, 1, 1000 },
				small_disk = { 4999, -1, 8, 2000 },
				small_memory = { -1, 32 * MIB + 1999, 8, 2000 };

static const struct guarded guarded[] = {
	{ "a good livepatch", .expected = "" },
	{ "an upgrade", .action = PLAN_UPGRADE, .old_release = "1.amzn2", .expected = "" },
	{ "the runtime", "kpatch-runtime", "0.9", "2.amzn2", "noarch", .expected = "" },
	{ "a newer runtime", "kpatch-runtime", "0.9", "2.amzn2", "noarch", PLAN_UPGRADE,
	  "kpatch-runtime", "0.9", "1.amzn2", .expected = "" },
	{ "the kernel that was asked for", "kernel", "5.10.103", "1.amzn2", .provides_kernel = true,
	  .writes_boot = true, .with_kernel = true, .expected = "" },

	{ "erasing", "kpatch-runtime", .action = PLAN_ERASE, .expected = "erase" },
	{ "a kernel that takes the place of another", "kernel", "5.10.103", "1.amzn2",
	  .action = PLAN_UPGRADE, .old_name = "kernel", .old_version = "5.10.102",
	  .old_release = "1.amzn2", .with_kernel = true, .expected = "erase" },
	{ "another name is replaced", .action = PLAN_UPGRADE, .old_name = "kpatch-runtime",
	  .old_release = "1.amzn2", .expected = "erase" },
	{ "a downgrade", .action = PLAN_DOWNGRADE, .expected = "downgrade" },
	{ "a downgrade that is called an upgrade", .action = PLAN_UPGRADE, .old_release = "3.amzn2",
	  .expected = "downgrade" },
	{ "again", .action = PLAN_REINSTALL, .expected = "reinstall" },
	{ "again, and called an upgrade", .action = PLAN_UPGRADE, .old_release = "2.amzn2",
	  .expected = "reinstall" },

	{ "another kernel's livepatch", OTHER, .expected = "other-kernel" },
	{ "another kernel's livepatch, with kernels", OTHER, .with_kernel = true,
	  .expected = "other-kernel" },
	{ "a marker", .release = "0.amzn2", .expected = "marker" },
	{ "a kernel", "kernel", "5.10.103", "1.amzn2", .provides_kernel = true,
	  .expected = "kernel-package" },
	{ "a kernel that hides it", "kernel", .expected = "kernel-package" },
	{ "a livepatch that is a kernel", .provides_kernel = true, .with_kernel = true,
	  .expected = "kernel-package" },
	{ "a livepatch that changes the boot", .writes_boot = true, .expected = "boot-files" },
	{ "even with kernels", .writes_boot = true, .with_kernel = true, .expected = "boot-files" },
	{ "a dependency", "bash", .expected = "name-not-allowed" },
	{ "another architecture", .arch = "aarch64", .expected = "name-not-allowed" },

	{ "no checksum", .checksum = "", .expected = "checksum" },
	{ "no type of checksum", .checksum_type = "", .expected = "checksum" },
	{ "a weak checksum", .checksum_type = "sha", .expected = "checksum" },
	{ "a short checksum", .checksum = "0123", .expected = "checksum" },
	{ "a checksum that klpd-apply does not know", .checksum_type = "sha512",
	  .checksum = SHA256 SHA256, .expected = "checksum" },
	{ "no hexadecimal digits",
	  .checksum = "x123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
	  .expected = "checksum" },

	{ "recalled", .ban = { NAME "*", .reason = "r" }, .expected = "recalled" },
	{ "the file is recalled", .ban = { .sha256 = SHA256, .reason = "r" },
	  .expected = "recalled" },
	{ "in quarantine", .ban = { NAME, .reason = "r", .quarantine = true },
	  .expected = "quarantined" },
	{ "in quarantine, and tried again", .ban = { NAME, .reason = "r", .quarantine = true },
	  .retry = true, .expected = "" },

	{ "it fits exactly", .limits = &enough, .expected = "" },
	{ "too many", .limits = &no_steps, .expected = "too-many" },
	{ "too large", .limits = &few_bytes, .expected = "too-large" },
	{ "a size that nobody said", .size = -1, .limits = &enough, .expected = "too-large" },
	{ "an installed size that nobody said", .installed_size = -1, .limits = &small_disk,
	  .expected = "" },
	{ "too large for numbers", .size = INT64_MAX, .installed_size = INT64_MAX,
	  .limits = &enough, .expected = "memory too-large disk-full" },
	{ "too little disk", .limits = &small_disk, .expected = "disk-full" },
	{ "too little memory", .limits = &small_memory, .expected = "memory" },
	{ "the runtime is not loaded into the kernel", "kpatch-runtime", .limits = &small_memory,
	  .expected = "" },
	{ "everything at once", "bash", .action = PLAN_DOWNGRADE, .checksum = "",
	  .ban = { "bash", .reason = "r" }, .limits = &no_steps,
	  .expected = "downgrade name-not-allowed checksum recalled too-many" },
};

static const char *either(const char *text, const char *fallback)
{
	return text ? text : fallback;
}

static struct plan_step *add_step(struct plan *plan, const struct guarded *g)
{
	struct plan_step *step = ARENA_PUSH(plan->arena, plan->steps, plan->n_steps);
	const char *type = either(g->checksum_type, "sha256"), *sum = either(g->checksum, SHA256);
	const char *name = either(g->name, NAME);

	*step = (struct plan_step){
		.nevra = build(name, either(g->version, "1.0"), either(g->release, "2.amzn2")),
		.kind = streq(name, NAME)	? PLAN_LIVEPATCH
			: streq(name, "kernel") ? PLAN_KERNEL
						: PLAN_RUNTIME,
		.action = g->action,
		.repository = "amzn2extra-livepatch",
		.location = "Packages/a.rpm",
		.checksum_type = *type ? type : NULL,
		.checksum = *sum ? sum : NULL,
		.size = g->size ? g->size : 1000,
		.installed_size = g->installed_size ? g->installed_size : 2000,
		.provides_kernel = g->provides_kernel,
		.writes_boot = g->writes_boot,
	};
	step->nevra.arch = either(g->arch, "x86_64");
	if (g->old_release) {
		struct nevra *old = arena_alloc(plan->arena, sizeof(*old));

		*old = build(either(g->old_name, NAME), either(g->old_version, "1.0"),
			     g->old_release);
		step->replaces = old;
	}
	return step;
}

static const char *codes(const struct plan *plan)
{
	char *text = arena_strdup(plan->arena, "");

	for (size_t i = 0; i < plan->n_refusals; i++)
		text = append(plan->arena, text, plan->refusals[i].code);
	return text;
}

static void the_guard_refuses(void **state _unused_)
{
	static const struct plan_limits usual = PLAN_LIMITS;
	_cleanup_(world_freep)
	struct world *w = world_new(&subscribed);

	for (size_t i = 0; i < ARRAY_SIZE(guarded); i++) {
		const struct guarded *g = &guarded[i];
		_cleanup_(plan_freep)
		struct plan *plan = plan_goals(&w->judge, &w->wishes);
		struct plan_wishes wishes = { .bans = &g->ban,
					      .n_bans = g->ban.reason != NULL,
					      .with_kernel = g->with_kernel,
					      .retry_quarantined = g->retry };

		plan->n_goals = 0;
		add_step(plan, g);
		plan_guard(plan, &w->judge, &wishes, g->limits ? g->limits : &usual);
		if (!streq(codes(plan), g->expected))
			fail_msg("%s: %s", g->what, codes(plan));
		for (size_t k = 0; k < plan->n_refusals; k++)
			assert_true(*plan->refusals[k].message);
	}
}

static const struct {
	const char *what;
	struct guarded steps[2];
	const char *solver; /* its refusal */
	const char *expected;
} reached[] = {
	{ "both", { { .expected = "" }, { .name = "kpatch-runtime" } }, NULL, "" },
	{ "any build of the runtime",
	  { { .expected = "" }, { .name = "kpatch-runtime", .version = "7", .arch = "noarch" } },
	  NULL,
	  "" },
	{ "no runtime", { { .expected = "" } }, NULL, "goal-unreached" },
	{ "another build",
	  { { .release = "1.amzn2" }, { .name = "kpatch-runtime" } },
	  NULL,
	  "goal-unreached" },
	{ "erasing reaches nothing",
	  { { .expected = "" }, { .name = "kpatch-runtime", .action = PLAN_ERASE } },
	  NULL,
	  "erase goal-unreached" },
	{ "nothing at all", { { 0 } }, NULL, "goal-unreached goal-unreached" },
	{ "the solver said why", { { 0 } }, "not-offered", "not-offered" },
	{ "the solver said what is missing", { { 0 } }, "dependency", "dependency" },
};

static bool is_row(const struct guarded *g)
{
	return g->name || g->release || g->expected;
}

static void a_goal_must_be_reached(void **state _unused_)
{
	static const struct situation bare = { .livepatch = "0.amzn2", .no_runtime = true };
	struct plan_limits limits = PLAN_LIMITS;
	_cleanup_(world_freep)
	struct world *w = world_new(&bare);

	for (size_t i = 0; i < ARRAY_SIZE(reached); i++) {
		_cleanup_(plan_freep)
		struct plan *plan = plan_goals(&w->judge, &w->wishes);

		assert_int_equal(plan->n_goals, 2);
		for (size_t k = 0; k < 2 && is_row(&reached[i].steps[k]); k++)
			add_step(plan, &reached[i].steps[k]);
		if (reached[i].solver)
			plan_refuse(plan, NULL, reached[i].solver, "why");
		plan_guard(plan, &w->judge, &w->wishes, &limits);
		if (!streq(codes(plan), reached[i].expected))
			fail_msg("%s: %s", reached[i].what, codes(plan));
	}
}

static const struct {
	const struct situation *situation;
	bool step;
	const char *expected;
} disabled[] = {
	{ &subscribed, true, "disabled" },
	{ &unloaded, false, "disabled" },
	{ &subscribed, false, "" }, /* there is nothing that it could forbid */
};

static void a_node_may_be_left_alone(void **state _unused_)
{
	struct plan_limits limits = PLAN_LIMITS;

	for (size_t i = 0; i < ARRAY_SIZE(disabled); i++) {
		_cleanup_(world_freep)
		struct world *w = world_new(disabled[i].situation);
		_cleanup_(plan_freep)
		struct plan *plan = NULL;

		w->wishes.disabled = "changes are switched off";
		plan = plan_goals(&w->judge, &w->wishes);
		plan->n_goals = 0;
		if (disabled[i].step)
			add_step(plan, &(struct guarded){ 0 });
		plan_guard(plan, &w->judge, &w->wishes, &limits);
		assert_string_equal(codes(plan), disabled[i].expected);
		if (plan->n_refusals) {
			assert_string_equal(plan->refusals[0].message, w->wishes.disabled);
			assert_string_equal(plan->refusals[0].package, "");
		}
	}
}

/* ---- the id -----------------------------------------------------------------------------------*/

static const char *id_of(const struct situation *s, const struct guarded *g, struct arena *arena)
{
	struct plan_limits limits = PLAN_LIMITS;
	_cleanup_(world_freep)
	struct world *w = world_new(s);
	_cleanup_(plan_freep)
	struct plan *plan = plan_goals(&w->judge, &w->wishes);

	if (g)
		add_step(plan, g);
	assert_null(plan->id);
	plan_guard(plan, &w->judge, &w->wishes, &limits);
	assert_int_equal(strlen(plan->id), 16);
	assert_int_equal(strspn(plan->id, "0123456789abcdef"), 16);
	return arena_strdup(arena, plan->id);
}

static void equal_plans_have_equal_ids(void **state _unused_)
{
	static const struct guarded steps[] = {
		{ "as it is" },
		{ .release = "3.amzn2" },
		{ .checksum = "0123" },
		{ .action = PLAN_UPGRADE },
		{ .action = PLAN_UPGRADE, .old_release = "1.amzn2" },
	};
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();
	const char *ids[ARRAY_SIZE(steps) + 2];

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
		ids[i] = id_of(&subscribed, &steps[i], arena);
	ids[ARRAY_SIZE(steps)] = id_of(&unloaded, NULL, arena);
	ids[ARRAY_SIZE(steps) + 1] = id_of(&subscribed, NULL, arena);
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(ids[i], ids[k]);
	assert_string_equal(ids[0], id_of(&subscribed, &steps[0], arena));
	assert_string_equal(ids[ARRAY_SIZE(steps) + 1], "cbf29ce484222325");
}

static void sums_know_what_they_do_not_know(void **state _unused_)
{
	_cleanup_(world_freep)
	struct world *w = world_new(&subscribed);
	_cleanup_(plan_freep)
	struct plan *plan = plan_goals(&w->judge, &w->wishes);

	assert_int_equal(plan_download_bytes(plan), 0);
	add_step(plan, &(struct guarded){ .size = 5, .installed_size = 7 });
	add_step(plan, &(struct guarded){ .action = PLAN_ERASE, .size = -1, .installed_size = -1 });
	add_step(plan, &(struct guarded){ .size = 6, .installed_size = -1 });
	assert_int_equal(plan_download_bytes(plan), 11);
	assert_int_equal(plan_installed_bytes(plan), -1);
	add_step(plan, &(struct guarded){ .size = -1 });
	assert_int_equal(plan_download_bytes(plan), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_guard_refuses),
		cmocka_unit_test(a_goal_must_be_reached),
		cmocka_unit_test(a_node_may_be_left_alone),
		cmocka_unit_test(equal_plans_have_equal_ids),
		cmocka_unit_test(sums_know_what_they_do_not_know),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
