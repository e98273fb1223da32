// SPDX-License-Identifier: Apache-2.0
#include "core/plan_configure.h"

/* ---- switches ---------------------------------------------------------------------------------*/

static void add_switch(struct plan *plan, const char *kind, const char *name, const char *file,
		       bool on)
{
	*ARENA_PUSH(plan->arena, plan->switches, plan->n_switches) = (struct plan_switch){
		.kind = kind,
		.name = arena_strdup(plan->arena, name),
		.file = arena_strdup(plan->arena, file),
		.on = on,
	};
}

static const struct repository *find_repository(const struct judge *j, const char *id)
{
	const struct catalogue *c = &j->in->snapshot->catalogue;

	for (size_t i = 0; i < c->n_repositories; i++)
		if (streq(c->repositories[i].id, id))
			return &c->repositories[i];
	return NULL;
}

void plan_switches(struct plan *plan, const struct judge *j, bool on)
{
	const struct platform *p = j->in->platform;
	const char *id = platform_switchable_repo(p);
	const struct repository *r = id ? find_repository(j, id) : NULL;

	if (r && repository_switched_on(r) == TRISTATE_UNKNOWN)
		plan_refuse(plan, NULL, "repository-unread",
			    "a file of repositories could not be read, so whether the repository "
			    "%s is configured is not known; correct the file that the findings "
			    "name",
			    id);
	else if (r && (repository_switched_on(r) == TRISTATE_YES) != on)
		add_switch(plan, PLAN_SWITCH_REPOSITORY, id, r->file, on);
	if (p->service && (j->in->snapshot->node.kpatch_service_enabled == TRISTATE_YES) != on)
		add_switch(plan, PLAN_SWITCH_SERVICE, p->service, NULL, on);
}

/* ---- removals ---------------------------------------------------------------------------------*/

static void add_removal(struct plan *plan, const struct nevra *nevra, const char *why)
{
	*ARENA_PUSH(plan->arena, plan->removals, plan->n_removals) = (struct plan_removal){
		.nevra = nevra_dup(plan->arena, nevra),
		.why = arena_strdup(plan->arena, why),
	};
}

static void add_unload(struct plan *plan, const struct judge *j, const struct installed *installed)
{
	const struct node *node = &j->in->snapshot->node;
	struct plan_load load = { .nevra = nevra_dup(plan->arena, &installed->nevra) };

	for (size_t i = 0; i < installed->n_modules; i++)
		for (size_t k = 0; k < node->n_modules; k++)
			if (streq(installed->modules[i], node->modules[k].name))
				*ARENA_PUSH(plan->arena, load.modules, load.n_modules) =
					arena_strdup(plan->arena, installed->modules[i]);
	if (load.n_modules)
		*ARENA_PUSH(plan->arena, plan->unloads, plan->n_unloads) = load;
}

void plan_take_away(struct plan *plan, const struct judge *j, const struct plan_wishes *wishes)
{
	const struct node *node = &j->in->snapshot->node;

	for (size_t i = 0; i < node->n_installed; i++) {
		const struct installed *installed = &node->installed[i];

		if (!platform_is_livepatch(j->in->platform, installed->nevra.name))
			continue;
		add_removal(plan, &installed->nevra, "live patching is being disabled");
		if (wishes->unload && wishes->running_system && j->livepatch_name &&
		    streq(installed->nevra.name, j->livepatch_name))
			add_unload(plan, j, installed);
	}
}

void plan_clean(struct plan *plan, const struct judge *j)
{
	const struct node *node = &j->in->snapshot->node;

	for (size_t i = 0; i < node->n_installed; i++) {
		const struct nevra *n = &node->installed[i].nevra;

		if (judge_is_orphan(j, n))
			add_removal(plan, n, "its kernel is neither installed nor running");
	}
}

/* ---- what is on offer
 * ---------------------------------------------------------------------------*/

bool plan_is_blind(struct plan *plan, const struct judge *j)
{
	const struct catalogue *c = &j->in->snapshot->catalogue;
	const char *off = NULL;
	bool seen = false;

	for (size_t i = 0; i < c->n_repositories; i++) {
		const struct repository *r = &c->repositories[i];

		if (r->role != REPO_ROLE_LIVEPATCH)
			continue;
		if (repository_usable(r)) {
			seen = true;
		} else if (r->status == REPO_DISABLED || r->status == REPO_ABSENT) {
			off = r->id;
		} else if (!j->report->live_patching.marker) {
			plan_refuse(plan, NULL, "unreachable",
				    "repository %s could not be looked at, so which livepatches "
				    "there are is not known; the findings say why",
				    r->id);
			return true;
		}
	}
	if (!seen && off && !platform_switchable_repo(j->in->platform)) {
		plan_refuse(plan, NULL, "repository-off",
			    "no repository that livepatches come from (%s) is enabled, and klpd "
			    "cannot enable one of that name; enable it as the vendor says, and try "
			    "again",
			    off);
		return true;
	}
	return false;
}

/* ---- the running kernel -----------------------------------------------------------------------*/

static const char *advise(struct arena *arena, const struct judge *j,
			  const struct kernel_choice *to)
{
	const char *name;

	if (!to)
		return j->report->next_boot;
	name = nevra_text(arena, &to->nevra);
	if (to->installed)
		return arena_printf(arena, "%s is installed: boot it", name);
	if (!to->approved)
		return arena_printf(arena, "%s does, and is not approved yet: %s", name,
				    to->reason);
	return arena_printf(
		arena, "move to %s: klpctl enable --with-kernel installs it, then reboot", name);
}

/* The last boot had its chance with what is older: another would not help either. */
static bool installed_since_boot(const struct node *node, const struct nevra *nevra)
{
	for (size_t i = 0; i < node->n_installed; i++)
		if (nevra_equal(&node->installed[i].nevra, nevra))
			return node->boot_time != TIME_UNSET &&
			       node->installed[i].install_time > node->boot_time;
	return false;
}

bool plan_can_enable(struct plan *plan, const struct judge *j, const struct plan_wishes *wishes,
		     const struct nevra **ret_kernel)
{
	const struct kernel_choice *to;
	const char *why = j->line && j->line->livepatch ? "is older than those that get livepatches"
							: "is of a line that gets no livepatches";

	*ret_kernel = NULL;
	if (j->livepatch_applies)
		return true;
	to = judge_kernel_way_out(j);
	if (wishes->with_kernel && to && to->approved &&
	    (!to->installed || installed_since_boot(&j->in->snapshot->node, &to->nevra))) {
		*ret_kernel = &to->nevra;
		return false;
	}
	plan_refuse(plan, to ? &to->nevra : NULL, "kernel-not-patchable",
		    "the running kernel %s %s; %s", plan->kernel ? plan->kernel : "(unknown)", why,
		    advise(plan->arena, j, to));
	return false;
}
