// SPDX-License-Identifier: Apache-2.0
/* What is wanted, as goals, loads and what plan_configure.c adds: plan_goals() of core/plan.h. */
#include "core/plan.h"

#include "core/plan_configure.h"

struct choice {
	const struct build *build; /* or NULL */
	const char *why;
};

static struct choice choose(struct plan *plan, const struct plan_wishes *wishes,
			    const struct builds *builds, enum builds_source source)
{
	const struct build *candidate;

	if (!wishes->overrides) {
		candidate = builds_candidate(builds);
		return (struct choice){ candidate, candidate ? candidate->approval.reason : NULL };
	}
	for (size_t i = builds->n; i > 0; i--) {
		const struct build *b = &builds->items[i - 1];
		const char *entry;

		if (b->excluded || (source == BUILDS_AVAILABLE && !b->available))
			continue;
		entry = override_naming(wishes->overrides, &b->nevra);
		if (entry)
			return (struct choice){ b, arena_printf(plan->arena,
								"the override list names it (%s)",
								entry) };
	}
	return (struct choice){ NULL, NULL };
}

static bool is_newer(const struct build *build, const struct installed *installed)
{
	return build && (!installed || evr_compare(&build->nevra.evr, &installed->nevra.evr) > 0);
}

static void add_goal(struct plan *plan, const struct nevra *nevra, enum plan_kind kind,
		     const char *why)
{
	struct plan_goal *goal = ARENA_PUSH(plan->arena, plan->goals, plan->n_goals);

	goal->nevra = nevra_dup(plan->arena, nevra);
	goal->kind = kind;
	goal->why = arena_strdup(plan->arena, why);
}

/* True if a newer livepatch is wanted, banned or not. */
static bool add_livepatch(struct plan *plan, const struct judge *j,
			  const struct plan_wishes *wishes)
{
	struct choice c;

	if (!j->report->live_patching.enabled && wishes->configure != PLAN_CONFIGURE_ENABLE)
		return false;
	c = choose(plan, wishes, &j->livepatch_builds, BUILDS_AVAILABLE);
	if (!is_newer(c.build, j->livepatch))
		return false;
	if (!plan_refuse_banned(plan, wishes, &c.build->nevra, NULL))
		add_goal(plan, &c.build->nevra, PLAN_LIVEPATCH, c.why);
	return true;
}

static bool is_installed(const struct node *node, const char *name)
{
	for (size_t i = 0; i < node->n_installed; i++)
		if (streq(node->installed[i].nevra.name, name))
			return true;
	return false;
}

/* Those of the names of which no build is installed. Bans are held against what the solver picks.
 */
static void add_missing(struct plan *plan, const struct judge *j, const char *const *names,
			size_t n, const char *why)
{
	for (size_t i = 0; i < n; i++) {
		const struct nevra any = { names[i], { 0, NULL, NULL }, j->arch };

		if (!is_installed(&j->in->snapshot->node, names[i]))
			add_goal(plan, &any, PLAN_RUNTIME, why);
	}
}

static void add_runtime(struct plan *plan, const struct judge *j)
{
	const char *why;

	if (!plan->n_goals && !j->livepatch)
		return;
	why = arena_printf(plan->arena, "%s needs it",
			   plan_title(plan->arena, plan->n_goals ? &plan->goals[0].nevra
								 : &j->livepatch->nevra));
	add_missing(plan, j, j->in->platform->runtime, j->in->platform->n_runtime, why);
}

static bool has_build(const struct judge *j, const struct nevra *nevra)
{
	const struct node *node = &j->in->snapshot->node;

	for (size_t i = 0; i < node->n_installed; i++)
		if (nevra_equal(&node->installed[i].nevra, nevra))
			return true;
	return false;
}

/* Than what is installed of its name. */
static bool is_newer_kernel(const struct judge *j, const struct nevra *kernel)
{
	const struct installed *installed = judge_newest_installed(j, kernel->name, kernel->arch);

	return !installed || evr_compare(&kernel->evr, &installed->nevra.evr) > 0;
}

static void add_kernel(struct plan *plan, const struct judge *j, const struct plan_wishes *wishes)
{
	struct choice c;

	if (!wishes->with_kernel || !j->kernel_item)
		return;
	c = choose(plan, wishes, &j->kernel_builds, BUILDS_NOTICED);
	if (!c.build || !is_newer_kernel(j, &c.build->nevra))
		return;
	if (!plan_refuse_banned(plan, wishes, &c.build->nevra, NULL))
		add_goal(plan, &c.build->nevra, PLAN_KERNEL, c.why);
}

/* By name, or through the notices of its build. */
static bool is_rejected(const struct judge *j, const struct nevra *nevra)
{
	const struct builds *builds = &j->livepatch_builds;

	if (approval_rejected_by(j->in->baseline, nevra))
		return true;
	for (size_t i = 0; i < builds->n; i++)
		if (evr_compare(&builds->items[i].nevra.evr, &nevra->evr) == 0)
			return builds->items[i].approval.hold == HOLD_REJECTED;
	return false;
}

static bool in_transition(const struct patch *patch)
{
	for (size_t i = 0; i < patch->n_modules; i++)
		if (patch->modules[i].transition == 1)
			return true;
	return false;
}

static void add_load(struct plan *plan, const struct judge *j, const struct plan_wishes *wishes)
{
	const struct patch *item = j->livepatch_item;
	struct plan_load *load;

	if (!j->livepatch || !item || j->livepatch_active != TRISTATE_NO || !wishes->running_system)
		return;
	if (in_transition(item) || is_rejected(j, &j->livepatch->nevra) ||
	    plan_refuse_banned(plan, wishes, &j->livepatch->nevra, NULL))
		return;
	load = ARENA_PUSH(plan->arena, plan->loads, plan->n_loads);
	load->nevra = nevra_dup(plan->arena, &j->livepatch->nevra);
	for (size_t i = 0; i < item->n_modules; i++)
		if (item->modules[i].enabled != 1)
			*ARENA_PUSH(plan->arena, load->modules, load->n_modules) =
				arena_strdup(plan->arena, item->modules[i].name);
}

/* The unit loads whatever is installed, now and at every boot. */
static void refuse_rejected(struct plan *plan, const struct judge *j)
{
	const struct node *node = &j->in->snapshot->node;

	if (j->livepatch && j->livepatch_active == TRISTATE_NO && j->in->platform->service &&
	    node->kpatch_service_enabled != TRISTATE_YES && is_rejected(j, &j->livepatch->nevra))
		plan_refuse(plan, &j->livepatch->nevra, "rejected",
			    "%s is installed, not loaded, and rejected by the baseline, and %s "
			    "would load it; remove it first (klpctl disable) or approve it",
			    nevra_text(plan->arena, &j->livepatch->nevra),
			    j->in->platform->service);
}

static void wish_approved(struct plan *plan, const struct judge *j,
			  const struct plan_wishes *wishes)
{
	if (!add_livepatch(plan, j, wishes))
		add_load(plan, j, wishes);
	add_runtime(plan, j);
	add_kernel(plan, j, wishes);
}

static void wish_enabled(struct plan *plan, const struct judge *j, const struct plan_wishes *wishes)
{
	static const char why[] = "live patching is being enabled";
	const struct platform *p = j->in->platform;
	const struct nevra *kernel;

	if (plan_is_blind(plan, j))
		return;
	if (plan_can_enable(plan, j, wishes, &kernel)) {
		const struct nevra any = { j->livepatch_name, { 0, NULL, NULL }, j->arch };

		if (!add_livepatch(plan, j, wishes)) {
			add_load(plan, j, wishes);
			refuse_rejected(plan, j);
			if (!j->report->live_patching.marker)
				add_goal(plan, &any, PLAN_MARKER,
					 "it marks that livepatches are wanted for this kernel");
		}
	} else if (!kernel) {
		return;
	} else {
		plan->boot = plan_title(plan->arena, kernel);
		if (!has_build(j, kernel) && !plan_refuse_banned(plan, wishes, kernel, NULL))
			add_goal(plan, kernel, PLAN_KERNEL,
				 "the running kernel gets no livepatches");
	}
	add_missing(plan, j, p->runtime, p->n_runtime, why);
	add_missing(plan, j, p->tools, p->n_tools, why);
	plan_switches(plan, j, true);
}

struct plan *plan_goals(const struct judge *j, const struct plan_wishes *wishes)
{
	struct plan *plan = xcalloc(1, sizeof(*plan));

	plan->arena = arena_new();
	plan->kernel = arena_strdup(plan->arena, j->in->snapshot->node.kernel);
	if (wishes->configure != PLAN_CONFIGURE_NONE && !j->in->platform) {
		plan_refuse(plan, NULL, "platform-unknown",
			    "no platform profile fits this system, so what is to be done is not "
			    "known; add one below /etc/klpd/platforms");
		return plan;
	}
	switch (wishes->configure) {
	case PLAN_CONFIGURE_NONE:
		wish_approved(plan, j, wishes);
		break;
	case PLAN_CONFIGURE_ENABLE:
		wish_enabled(plan, j, wishes);
		break;
	case PLAN_CONFIGURE_DISABLE:
		plan_take_away(plan, j, wishes);
		plan_switches(plan, j, false);
		break;
	case PLAN_CONFIGURE_CLEAN:
		plan_clean(plan, j);
		break;
	}
	return plan;
}
