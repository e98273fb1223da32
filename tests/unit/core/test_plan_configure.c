// SPDX-License-Identifier: Apache-2.0
/* Live patching on, off, and cleaned up after: what each would do to nodes in every half-way state.
 */
#include "plan_world.h"

/* What differs from the node of plan_world.h, whose service and repository are on. */
struct node_case {
	const char *what;
	struct situation node;
	enum plan_configure configure;
	bool repository_off, repository_absent, unreachable, no_tools, unload;
	const char *kernel;  /* NULL: the usual one */
	const char *another; /* an installed livepatch of another kernel */
	const char *expected;
	bool unread, nameless, recent;
};

#define ENABLE	.configure = PLAN_CONFIGURE_ENABLE
#define DISABLE .configure = PLAN_CONFIGURE_DISABLE
#define CLEAN	.configure = PLAN_CONFIGURE_CLEAN

static const struct node_case cases[] = {
	{ "nothing is there",
	  { .no_runtime = true, .no_service = true },
	  ENABLE,
	  .repository_off = true,
	  .no_tools = true,
	  .expected = "livepatch:1.0-2.amzn2 runtime:kpatch-runtime runtime:binutils "
		      "+repository:a.repo +service" },
	{ "nor the repository's section",
	  { .no_service = true },
	  ENABLE,
	  .repository_absent = true,
	  .expected = "livepatch:1.0-2.amzn2 +repository:new +service" },
	{ "the repository is on already",
	  { .no_service = true },
	  ENABLE,
	  .expected = "livepatch:1.0-2.amzn2 +service" },
	{ "the packages are there",
	  { .livepatch = "2.amzn2", .module = MODULE_ACTIVE, .no_service = true },
	  ENABLE,
	  .expected = "+service" },
	{ "the packages are there, and not loaded",
	  { .livepatch = "2.amzn2" },
	  ENABLE,
	  .expected = "load:1.0-2.amzn2" },
	{ "all is on",
	  { .livepatch = "2.amzn2", .module = MODULE_ACTIVE },
	  ENABLE,
	  .expected = "" },
	{ "nothing is approved: the marker",
	  { .rejected = "*" },
	  ENABLE,
	  .expected = "marker:any" },
	{ "nothing is approved: it is there",
	  { .livepatch = "0.amzn2", .rejected = "*" },
	  ENABLE,
	  .expected = "" },
	{ "the candidate is recalled",
	  { .ban = { NAME, .reason = "panics" } },
	  ENABLE,
	  .expected = "!recalled" },
	{ "out of reach", { 0 }, ENABLE, .unreachable = true, .expected = "!unreachable" },
	{ "out of reach, and all is there",
	  { .livepatch = "0.amzn2" },
	  ENABLE,
	  .unreachable = true,
	  .expected = "" },
	{ "too old",
	  { 0 },
	  ENABLE,
	  .kernel = "5.10.1-1.amzn2.x86_64",
	  .expected = "!kernel-not-patchable" },
	{ "too old, and a newer one may come",
	  { .with_kernel = true },
	  ENABLE,
	  .kernel = "5.10.1-1.amzn2.x86_64",
	  .expected = "kernel:5.10.103-1.amzn2 boot:5.10.103-1.amzn2" },
	{ "too old, and the newer one waits for its boot",
	  { .with_kernel = true, .new_kernel = true, .no_runtime = true },
	  ENABLE,
	  .kernel = "5.10.1-1.amzn2.x86_64",
	  .recent = true,
	  .expected = "runtime:kpatch-runtime boot:5.10.103-1.amzn2" },
	{ "too old, and the last boot did not take the newer one",
	  { .with_kernel = true, .new_kernel = true },
	  ENABLE,
	  .kernel = "5.10.1-1.amzn2.x86_64",
	  .expected = "!kernel-not-patchable" },
	{ "whether the repository is on is not known",
	  { .no_service = true },
	  ENABLE,
	  .unread = true,
	  .expected = "!unreachable" },
	{ "whether the repository is on is not known, and all is there",
	  { .livepatch = "0.amzn2" },
	  ENABLE,
	  .unread = true,
	  .expected = "!repository-unread" },
	{ "the repository is off, and none that could be switched",
	  { .no_service = true },
	  ENABLE,
	  .nameless = true,
	  .expected = "!repository-off" },
	{ "the unit would load what is rejected",
	  { .livepatch = "2.amzn2", .no_service = true, .rejected = "*" },
	  ENABLE,
	  .expected = "+service !rejected" },
	{ "the unit loads what is rejected already",
	  { .livepatch = "2.amzn2", .rejected = "*" },
	  ENABLE,
	  .expected = "" },
	{ "a line without livepatches",
	  { .with_kernel = true },
	  ENABLE,
	  .kernel = "5.15.1-1.amzn2.x86_64",
	  .expected = "kernel:5.10.103-1.amzn2 boot:5.10.103-1.amzn2" },

	{ "all is on",
	  { .livepatch = "2.amzn2", .module = MODULE_ACTIVE },
	  DISABLE,
	  .expected = "-repository:a.repo -service remove:" NAME },
	{ "and shall leave the kernel",
	  { .livepatch = "2.amzn2", .module = MODULE_ACTIVE },
	  DISABLE,
	  .unload = true,
	  .expected = "-repository:a.repo -service remove:" NAME " unload:1.0-2.amzn2" },
	{ "which does not run it",
	  { .livepatch = "2.amzn2" },
	  DISABLE,
	  .unload = true,
	  .expected = "-repository:a.repo -service remove:" NAME },
	{ "an image has no kernel",
	  { .livepatch = "2.amzn2", .module = MODULE_ACTIVE, .image = true },
	  DISABLE,
	  .unload = true,
	  .expected = "-repository:a.repo -service remove:" NAME },
	{ "livepatches of all kernels go",
	  { .no_service = true },
	  DISABLE,
	  .repository_off = true,
	  .another = OTHER,
	  .expected = "remove:" OTHER },
	{ "all is off", { .no_service = true }, DISABLE, .repository_off = true, .expected = "" },
	{ "whether the repository is on is not known",
	  { .no_service = true },
	  DISABLE,
	  .unread = true,
	  .expected = "!repository-unread" },
	{ "all is off, and the section gone",
	  { .no_service = true },
	  DISABLE,
	  .repository_absent = true,
	  .expected = "" },

	{ "the running kernel's stays", { .livepatch = "2.amzn2" }, CLEAN, .expected = "" },
	{ "another one's goes",
	  { .livepatch = "2.amzn2" },
	  CLEAN,
	  .another = OTHER,
	  .expected = "remove:" OTHER },
	{ "unless that kernel is installed",
	  { .new_kernel = true },
	  CLEAN,
	  .another = OTHER,
	  .expected = "" },
	{ "what only sounds like one stays",
	  { 0 },
	  CLEAN,
	  .another = "kernel-livepatch-tools",
	  .expected = "" },
};

static void change_repository(struct world *w, const struct node_case *c)
{
	struct repository *r = &w->repositories[0];

	r->file = c->repository_absent ? NULL : "etc/yum.repos.d/a.repo";
	if (c->configure == PLAN_CONFIGURE_ENABLE)
		r->prospective = c->repository_off || c->repository_absent;
	else if (c->repository_off || c->repository_absent)
		r->status = c->repository_off ? REPO_DISABLED : REPO_ABSENT;
	if (c->unreachable) {
		r->status = REPO_UNREACHABLE;
		w->snapshot.catalogue.n_packages = 0;
	}
	if (c->unread || c->nameless) {
		r->status = c->unread ? REPO_UNREAD : REPO_DISABLED;
		w->snapshot.catalogue.n_packages = 0;
	}
	if (c->nameless) {
		static const char *const globs[] = { "amzn2extra-livepatc?" };
		struct platform *p = arena_alloc(w->arena, sizeof(*p));

		*p = *w->in.platform;
		p->livepatch_repos = globs;
		w->in.platform = p;
	}
}

static struct world *world_of(const struct node_case *c)
{
	struct world *w = world_new(&c->node);
	struct node *node = &w->snapshot.node;

	change_repository(w, c);
	memcpy(w->more, w->installed, sizeof(w->installed));
	node->installed = w->more;
	if (!c->no_tools)
		node->installed[node->n_installed++].nevra = build("binutils", "2", "1.amzn2");
	if (c->another)
		node->installed[node->n_installed++].nevra = build(c->another, "1.0", "1.amzn2");
	if (c->kernel)
		node->kernel = c->kernel;
	for (size_t i = 0; i < node->n_installed && c->recent; i++)
		node->installed[i].install_time = node->boot_time + 1;
	report_free(w->report);
	w->report = evaluate_judge(&w->in, &w->judge);
	w->wishes.configure = c->configure;
	w->wishes.unload = c->unload;
	return w;
}

/* "livepatch:1.0-2.amzn2 runtime:binutils +service !recalled" */
static const char *summary(const struct plan *plan)
{
	struct arena *a = plan->arena;
	char *text = arena_strdup(a, "");

	for (size_t i = 0; i < plan->n_goals; i++) {
		const struct plan_goal *g = &plan->goals[i];
		const struct evr *evr = &g->nevra.evr;
		const char *build = evr->version
					    ? arena_printf(a, "%s-%s", evr->version, evr->release)
				    : g->kind == PLAN_RUNTIME ? g->nevra.name
							      : "any";

		text = append(a, text, arena_printf(a, "%s:%s", plan_kind_name(g->kind), build));
	}
	for (size_t i = 0; i < plan->n_loads; i++)
		text = append(a, text,
			      arena_printf(a, "load:%s-%s", plan->loads[i].nevra.evr.version,
					   plan->loads[i].nevra.evr.release));
	for (size_t i = 0; i < plan->n_switches; i++) {
		const struct plan_switch *s = &plan->switches[i];
		bool repository = streq(s->kind, PLAN_SWITCH_REPOSITORY);

		assert_string_equal(s->name,
				    repository ? "amzn2extra-livepatch" : "kpatch.service");
		text = append(a, text,
			      arena_printf(a, "%c%s%s%s", s->on ? '+' : '-', s->kind,
					   repository ? ":" : "",
					   !repository ? ""
					   : s->file   ? strrchr(s->file, '/') + 1
						       : "new"));
	}
	for (size_t i = 0; i < plan->n_removals; i++)
		text = append(a, text, arena_printf(a, "remove:%s", plan->removals[i].nevra.name));
	for (size_t i = 0; i < plan->n_unloads; i++)
		text = append(a, text,
			      arena_printf(a, "unload:%s-%s", plan->unloads[i].nevra.evr.version,
					   plan->unloads[i].nevra.evr.release));
	if (plan->boot)
		text = append(a, text, arena_printf(a, "boot:%s", strrchr(plan->boot, ':') + 1));
	for (size_t i = 0; i < plan->n_refusals; i++)
		text = append(a, text, arena_printf(a, "!%s", plan->refusals[i].code));
	return text;
}

static void only_what_is_not_so_already(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(world_freep)
		struct world *w = world_of(&cases[i]);
		_cleanup_(plan_freep)
		struct plan *plan = plan_goals(&w->judge, &w->wishes);
		bool nothing = !*cases[i].expected || *cases[i].expected == '!';

		if (!streq(summary(plan), cases[i].expected))
			fail_msg("%zu, %s: %s", i, cases[i].what, summary(plan));
		assert_true(plan->n_goals > 0 || plan_is_empty(plan) == nothing);
	}
}

/* Each part of a plan is part of its id. Goals become steps, which are not made here. */
static void another_plan_has_another_id(void **state _unused_)
{
	const char *ids[ARRAY_SIZE(cases)], *summaries[ARRAY_SIZE(cases)];
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();
	const struct plan_limits limits = PLAN_LIMITS;
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(world_freep)
		struct world *w = world_of(&cases[i]);
		_cleanup_(plan_freep)
		struct plan *plan = plan_goals(&w->judge, &w->wishes);

		if (plan->n_goals || plan->n_refusals)
			continue;
		plan_guard(plan, &w->judge, &w->wishes, &limits);
		ids[n] = arena_strdup(arena, plan->id);
		summaries[n] = arena_strdup(arena, summary(plan));
		for (size_t k = 0; k < n; k++)
			assert_int_equal(streq(ids[k], ids[n]), streq(summaries[k], summaries[n]));
		n++;
	}
	assert_true(n > 10);
}

static void a_system_nobody_knows(void **state _unused_)
{
	static const enum plan_configure all[] = { PLAN_CONFIGURE_ENABLE, PLAN_CONFIGURE_DISABLE,
						   PLAN_CONFIGURE_CLEAN };
	static const struct situation usual = { "usual", .livepatch = "2.amzn2" };

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		_cleanup_(world_freep)
		struct world *w = world_new(&usual);
		_cleanup_(plan_freep)
		struct plan *plan = NULL;

		w->in.platform = NULL;
		report_free(w->report);
		w->report = evaluate_judge(&w->in, &w->judge);
		w->wishes.configure = all[i];
		plan = plan_goals(&w->judge, &w->wishes);
		assert_string_equal(summary(plan), "!platform-unknown");
	}
}

static void names_of_what_is_wanted(void **state _unused_)
{
	assert_int_equal(plan_configure_from_name("enable"), PLAN_CONFIGURE_ENABLE);
	assert_int_equal(plan_configure_from_name("disable"), PLAN_CONFIGURE_DISABLE);
	assert_int_equal(plan_configure_from_name("clean"), PLAN_CONFIGURE_CLEAN);
	assert_int_equal(plan_configure_from_name("Enable"), PLAN_CONFIGURE_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_is_not_so_already),
		cmocka_unit_test(another_plan_has_another_id),
		cmocka_unit_test(a_system_nobody_knows),
		cmocka_unit_test(names_of_what_is_wanted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
