// SPDX-License-Identifier: Apache-2.0
/* What must not be done: plan_guard() of core/plan.h. */
#include "core/plan.h"

#define MEMORY_BASE ((int64_t)32 * 1024 * 1024) /* what rpm and the loader take */

/* ---- the guard: one step ----------------------------------------------------------------------*/

struct guard {
	struct plan *plan;
	const struct judge *j;
	const struct plan_wishes *wishes;
};

/* What a step says it does is not believed when the versions say otherwise. */
static enum plan_action real_action(const struct plan_step *step)
{
	int order;

	if (step->action == PLAN_ERASE || !step->replaces)
		return step->action;
	order = evr_compare(&step->nevra.evr, &step->replaces->evr);
	return order < 0 ? PLAN_DOWNGRADE : order == 0 ? PLAN_REINSTALL : step->action;
}

static void check_action(const struct guard *g, const struct plan_step *step)
{
	const struct nevra *n = &step->nevra, *old = step->replaces;
	const struct platform *p = g->j->in->platform;
	const char *title = nevra_title(g->plan->arena, n);
	const char *old_title = old ? nevra_title(g->plan->arena, old) : "a newer build";

	switch (real_action(step)) {
	case PLAN_INSTALL:
	case PLAN_UPGRADE:
		if (!old || (streq(old->name, n->name) && !(p && platform_is_kernel(p, n->name))))
			break;
		plan_refuse(g->plan, n, "erase",
			    "%s would take the place of %s, which klpd does not remove; use the "
			    "package manager if that is wanted",
			    title, old_title);
		break;
	case PLAN_ERASE:
		plan_refuse(g->plan, n, "erase",
			    "%s would have to be removed, and klpd never removes packages; look "
			    "for what it conflicts with",
			    title);
		break;
	case PLAN_DOWNGRADE:
		plan_refuse(g->plan, n, "downgrade",
			    "%s is older than what is installed (%s), and klpd never goes back; "
			    "use the package manager if that is wanted",
			    title, old_title);
		break;
	case PLAN_REINSTALL:
		plan_refuse(g->plan, n, "reinstall",
			    "%s is installed already, and klpd does not install a build again; "
			    "repair it with the package manager",
			    title);
		break;
	}
}

/* The kernel package of the running line, where kernels were asked for. */
static bool is_wished_kernel(const struct guard *g, const char *name)
{
	const struct platform_kernel *line = g->j->line;

	if (!g->wishes->with_kernel || !line)
		return false;
	for (size_t i = 0; i < g->plan->n_goals; i++) /* enabling may lead to another line */
		if (g->plan->goals[i].kind == PLAN_KERNEL &&
		    streq(g->plan->goals[i].nevra.name, name))
			return true;
	for (size_t i = 0; i < line->n_packages; i++)
		if (streq(line->packages[i], name))
			return true;
	return false;
}

static const char *advice_for_kernel(const struct guard *g, const struct platform *p,
				     const char *name)
{
	return !g->wishes->with_kernel && p && platform_is_kernel(p, name)
		       ? "klpctl install --with-kernel allows it"
		       : "only the node's own kernel package may do that";
}

/* The runtime; what it uses besides is installed once, by enabling. */
static bool is_wanted_tool(const struct platform *p, const struct plan_wishes *wishes,
			   const char *name)
{
	return platform_is_runtime(p, name) ||
	       (wishes->configure == PLAN_CONFIGURE_ENABLE && platform_is_tool(p, name));
}

/* The first thing that is wrong with what the package is. */
static void check_name(const struct guard *g, const struct plan_step *step)
{
	const struct platform *p = g->j->in->platform;
	const struct nevra *n = &step->nevra;
	const char *title = nevra_title(g->plan->arena, n);
	bool livepatch = g->j->livepatch_name && streq(n->name, g->j->livepatch_name);
	bool kernel = is_wished_kernel(g, n->name);

	if (p && platform_is_livepatch(p, n->name) && !livepatch)
		plan_refuse(g->plan, n, "other-kernel",
			    "%s is not for the running kernel %s; boot the kernel it is for to "
			    "get it",
			    title, g->plan->kernel ? g->plan->kernel : "(unknown)");
	else if (p && platform_is_marker(p, n) && g->wishes->configure != PLAN_CONFIGURE_ENABLE)
		plan_refuse(g->plan, n, "marker",
			    "%s only marks interest in livepatches and fixes nothing; scan again "
			    "when there is a livepatch",
			    title);
	else if (!kernel && (step->provides_kernel || (p && platform_is_kernel(p, n->name))))
		plan_refuse(g->plan, n, "kernel-package", "%s is a kernel; %s", title,
			    advice_for_kernel(g, p, n->name));
	else if (!kernel && step->writes_boot)
		plan_refuse(g->plan, n, "boot-files", "%s writes files below /boot; %s", title,
			    advice_for_kernel(g, p, n->name));
	else if (!livepatch && !kernel && !(p && is_wanted_tool(p, g->wishes, n->name)))
		plan_refuse(g->plan, n, "name-not-allowed",
			    "%s is neither a livepatch of the running kernel nor what loads it; "
			    "install it with the package manager if it is needed",
			    title);
	else if (g->j->arch && !streq(n->arch, g->j->arch) && !streq(n->arch, "noarch"))
		plan_refuse(g->plan, n, "name-not-allowed",
			    "%s is for another architecture than this node's, %s; look at which "
			    "repositories are enabled",
			    title, g->j->arch);
}

/* The only type that klpd-apply compares (ipc/applymsg.h); every repository of RPMs can have it. */
static bool is_sha256(const char *type, const char *checksum)
{
	return type && checksum && streq(type, "sha256") && strlen(checksum) == 64 &&
	       strspn(checksum, "0123456789abcdef") == 64;
}

static void check_step(const struct guard *g, const struct plan_step *step)
{

	check_action(g, step);
	if (step->action == PLAN_ERASE)
		return;
	check_name(g, step);
	if (!is_sha256(step->checksum_type, step->checksum))
		plan_refuse(g->plan, &step->nevra, "checksum",
			    "repository %s states no sha256 checksum for %s, so what is downloaded "
			    "could not be told from anything else; use another mirror",
			    step->repository ? step->repository : "(unknown)",
			    nevra_title(g->plan->arena, &step->nevra));
	plan_refuse_banned(g->plan, g->wishes, &step->nevra, step->checksum);
}

/* ---- the guard: the whole plan ----------------------------------------------------------------*/

static bool reaches(const struct plan_step *step, const struct nevra *goal)
{
	if (step->action == PLAN_ERASE)
		return false;
	return goal->evr.version ? nevra_equal(&step->nevra, goal)
				 : streq(step->nevra.name, goal->name);
}

static void check_goal(const struct guard *g, const struct plan_goal *goal)
{
	for (size_t i = 0; i < g->plan->n_steps; i++)
		if (reaches(&g->plan->steps[i], &goal->nevra))
			return;
	plan_refuse(g->plan, &goal->nevra, "goal-unreached",
		    "%s is wanted (%s), but no enabled repository offers a way to it; check which "
		    "are enabled and scan again",
		    plan_title(g->plan->arena, &goal->nevra), goal->why);
}

/* The solver makes no steps at all when it refuses one goal, and has said why. */
static bool solver_refused(const struct plan *plan)
{
	for (size_t i = 0; i < plan->n_refusals; i++)
		if (streq(plan->refusals[i].code, "not-offered") ||
		    streq(plan->refusals[i].code, "dependency"))
			return true;
	return false;
}

/* Bytes of the livepatches, which the kernel will hold in memory. */
static int64_t livepatch_bytes(const struct plan *plan)
{
	int64_t sum = 0;

	for (size_t i = 0; i < plan->n_steps; i++)
		if (plan->steps[i].kind == PLAN_LIVEPATCH && plan->steps[i].installed_size > 0)
			sum = plan_add_bytes(sum, plan->steps[i].installed_size);
	return sum;
}

/*
 * Limits that are not known are not held against the plan. Nor are installed sizes: rpm looks at
 * the disk itself before it changes anything.
 */
static void check_limits(struct plan *plan, const struct plan_limits *limits)
{
	int64_t download = plan_download_bytes(plan), installed = plan_installed_bytes(plan);
	int64_t memory = plan_add_bytes(MEMORY_BASE, livepatch_bytes(plan));
	int64_t disk;

	if (plan->n_steps > limits->steps_max)
		plan_refuse(plan, NULL, "too-many",
			    "%zu packages would have to be installed, more than the %zu that are "
			    "allowed at once; look at them with klpctl install --dry-run",
			    plan->n_steps, limits->steps_max);
	if (!plan_is_empty(plan) && limits->memory_free >= 0 && memory > limits->memory_free)
		plan_refuse(plan, NULL, "memory",
			    "%lld bytes of memory are needed and %lld are available; try again "
			    "when the node is less busy",
			    (long long)memory, (long long)limits->memory_free);
	if (download < 0) {
		plan_refuse(plan, NULL, "too-large",
			    "a repository does not say how large a package is, so whether there "
			    "is room for it cannot be told; use another mirror");
		return;
	}
	if (download > limits->bytes_max)
		plan_refuse(plan, NULL, "too-large",
			    "the packages have %lld bytes, more than the %lld that are allowed; "
			    "look at them with klpctl install --dry-run",
			    (long long)download, (long long)limits->bytes_max);
	if (installed < 0)
		installed = 0;
	disk = plan_add_bytes(plan_add_bytes(installed, installed), download);
	if (limits->disk_free >= 0 && disk > limits->disk_free)
		plan_refuse(plan, NULL, "disk-full",
			    "%lld bytes are needed below /var and /usr and %lld are free; make "
			    "room and try again",
			    (long long)disk, (long long)limits->disk_free);
}

/* FNV-1a; the NUL is hashed too, so that texts cannot run into each other. */
static uint64_t hash_text(uint64_t hash, const char *text)
{
	const unsigned char *p = (const unsigned char *)(text ? text : "");

	do
		hash = (hash ^ *p) * UINT64_C(0x100000001b3);
	while (*p++);
	return hash;
}

static uint64_t hash_loads(uint64_t hash, const struct plan *plan, const char *verb,
			   const struct plan_load *loads, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		hash = hash_text(hash, verb);
		hash = hash_text(hash, nevra_title(plan->arena, &loads[i].nevra));
		for (size_t k = 0; k < loads[i].n_modules; k++)
			hash = hash_text(hash, loads[i].modules[k]);
	}
	return hash;
}

static const char *plan_hash(const struct plan *plan)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < plan->n_steps; i++) {
		const struct plan_step *s = &plan->steps[i];
		const char *const texts[] = {
			plan_action_name(s->action),
			nevra_title(plan->arena, &s->nevra),
			s->replaces ? nevra_title(plan->arena, s->replaces) : NULL,
			s->repository,
			s->location,
			s->checksum_type,
			s->checksum,
		};

		for (size_t k = 0; k < ARRAY_SIZE(texts); k++)
			hash = hash_text(hash, texts[k]);
	}
	hash = hash_loads(hash, plan, "load", plan->loads, plan->n_loads);
	hash = hash_loads(hash, plan, "unload", plan->unloads, plan->n_unloads);
	for (size_t i = 0; i < plan->n_switches; i++) {
		const struct plan_switch *s = &plan->switches[i];
		const char *const texts[] = { s->kind, s->name, s->file, s->on ? "on" : "off" };

		for (size_t k = 0; k < ARRAY_SIZE(texts); k++)
			hash = hash_text(hash, texts[k]);
	}
	for (size_t i = 0; i < plan->n_removals; i++)
		hash = hash_text(hash_text(hash, "remove"),
				 nevra_title(plan->arena, &plan->removals[i].nevra));
	return arena_printf(plan->arena, "%016llx", (unsigned long long)hash);
}

void plan_guard(struct plan *plan, const struct judge *j, const struct plan_wishes *wishes,
		const struct plan_limits *limits)
{
	const struct guard g = { plan, j, wishes };

	if (wishes->disabled && !plan_is_empty(plan))
		plan_refuse(plan, NULL, "disabled", "%s", wishes->disabled);
	for (size_t i = 0; i < plan->n_steps; i++)
		check_step(&g, &plan->steps[i]);
	for (size_t i = 0; i < plan->n_goals && !solver_refused(plan); i++)
		check_goal(&g, &plan->goals[i]);
	check_limits(plan, limits);
	plan->id = plan_hash(plan);
}
