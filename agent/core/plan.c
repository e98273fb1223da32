// SPDX-License-Identifier: Apache-2.0
#include "core/plan.h"

#include "core/match.h"
#include "core/plan_configure.h"

#include <stdarg.h>
#include <strings.h>

#define MEMORY_BASE ((int64_t)32 * 1024 * 1024) /* what rpm and the loader take */

/* ---- the value --------------------------------------------------------------------------------*/

void plan_free(struct plan *plan)
{
	if (!plan)
		return;
	arena_free(plan->arena);
	free(plan);
}

char *plan_title(struct arena *arena, const struct nevra *nevra)
{
	return nevra->evr.version ? nevra_title(arena, nevra) : arena_strdup(arena, nevra->name);
}

void plan_refuse(struct plan *plan, const struct nevra *nevra, const char *code, const char *fmt,
		 ...)
{
	_cleanup_free_ char *message = NULL;
	struct plan_refusal *refusal;
	va_list ap;

	va_start(ap, fmt);
	message = xvasprintf(fmt, ap);
	va_end(ap);

	refusal = ARENA_PUSH(plan->arena, plan->refusals, plan->n_refusals);
	refusal->package = nevra ? plan_title(plan->arena, nevra) : "";
	refusal->code = arena_strdup(plan->arena, code);
	refusal->message = arena_strdup(plan->arena, message);
}

bool plan_is_empty(const struct plan *plan)
{
	return plan->n_steps + plan->n_loads + plan->n_switches + plan->n_removals +
		       plan->n_unloads ==
	       0;
}

/* Sizes come from the repositories: a sum never wraps. */
static int64_t add_bytes(int64_t a, int64_t b)
{
	int64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

int64_t plan_download_bytes(const struct plan *plan)
{
	int64_t sum = 0;

	for (size_t i = 0; i < plan->n_steps; i++) {
		if (plan->steps[i].action == PLAN_ERASE)
			continue;
		if (plan->steps[i].size < 0)
			return -1;
		sum = add_bytes(sum, plan->steps[i].size);
	}
	return sum;
}

int64_t plan_installed_bytes(const struct plan *plan)
{
	int64_t sum = 0;

	for (size_t i = 0; i < plan->n_steps; i++) {
		if (plan->steps[i].action == PLAN_ERASE)
			continue;
		if (plan->steps[i].installed_size < 0)
			return -1;
		sum = add_bytes(sum, plan->steps[i].installed_size);
	}
	return sum;
}

enum plan_configure plan_configure_from_name(const char *name)
{
	static const char *const names[] = {
		[PLAN_CONFIGURE_ENABLE] = "enable",
		[PLAN_CONFIGURE_DISABLE] = "disable",
		[PLAN_CONFIGURE_CLEAN] = "clean",
	};

	for (size_t i = PLAN_CONFIGURE_NONE + 1; i < ARRAY_SIZE(names); i++)
		if (streq(names[i], name))
			return (enum plan_configure)i;
	return PLAN_CONFIGURE_NONE;
}

const char *plan_kind_name(enum plan_kind kind)
{
	static const char *const names[] = {
		[PLAN_LIVEPATCH] = "livepatch",	  [PLAN_MARKER] = "marker",
		[PLAN_RUNTIME] = "runtime",	  [PLAN_KERNEL] = "kernel",
		[PLAN_DEPENDENCY] = "dependency",
	};

	return names[kind];
}

const char *plan_action_name(enum plan_action action)
{
	static const char *const names[] = {
		[PLAN_INSTALL] = "install",	[PLAN_UPGRADE] = "upgrade",
		[PLAN_DOWNGRADE] = "downgrade", [PLAN_REINSTALL] = "reinstall",
		[PLAN_ERASE] = "erase",
	};

	return names[action];
}

/* ---- bans -------------------------------------------------------------------------------------*/

/* @sha256: of the package file, or NULL when it is not known. */
static const struct plan_ban *find_ban(const struct plan_wishes *wishes, const struct nevra *nevra,
				       const char *sha256)
{
	for (size_t i = 0; i < wishes->n_bans; i++) {
		const struct plan_ban *ban = &wishes->bans[i];

		if (ban->quarantine && wishes->retry_quarantined)
			continue;
		if (ban->package && match_nevra(ban->package, nevra))
			return ban;
		if (ban->sha256 && sha256 && strcasecmp(ban->sha256, sha256) == 0)
			return ban;
	}
	return NULL;
}

/* True if it is banned, and the refusal made. */
static bool refuse_banned(struct plan *plan, const struct plan_wishes *wishes,
			  const struct nevra *nevra, const char *sha256)
{
	const struct plan_ban *ban = find_ban(wishes, nevra, sha256);

	if (!ban)
		return false;
	if (ban->quarantine)
		plan_refuse(plan, nevra, "quarantined",
			    "%s is in quarantine: %s; klpctl install --retry-quarantined tries it "
			    "again",
			    plan_title(plan->arena, nevra), ban->reason);
	else
		plan_refuse(plan, nevra, "recalled",
			    "%s must not be installed or loaded: %s; only taking it off the recall "
			    "list allows it",
			    plan_title(plan->arena, nevra), ban->reason);
	return true;
}

/* ---- goals and loads --------------------------------------------------------------------------*/

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
	if (!refuse_banned(plan, wishes, &c.build->nevra, NULL))
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
	if (!refuse_banned(plan, wishes, &c.build->nevra, NULL))
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
	    refuse_banned(plan, wishes, &j->livepatch->nevra, NULL))
		return;
	load = ARENA_PUSH(plan->arena, plan->loads, plan->n_loads);
	load->nevra = nevra_dup(plan->arena, &j->livepatch->nevra);
	for (size_t i = 0; i < item->n_modules; i++)
		if (item->modules[i].enabled != 1)
			*ARENA_PUSH(plan->arena, load->modules, load->n_modules) =
				arena_strdup(plan->arena, item->modules[i].name);
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
			if (!j->report->live_patching.marker)
				add_goal(plan, &any, PLAN_MARKER,
					 "it marks that livepatches are wanted for this kernel");
		}
	} else if (!kernel) {
		return;
	} else if (!has_build(j, kernel) && !refuse_banned(plan, wishes, kernel, NULL)) {
		add_goal(plan, kernel, PLAN_KERNEL, "the running kernel gets no livepatches");
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
	refuse_banned(g->plan, g->wishes, &step->nevra, step->checksum);
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
			sum = add_bytes(sum, plan->steps[i].installed_size);
	return sum;
}

/*
 * Limits that are not known are not held against the plan. Nor are installed sizes: rpm looks at
 * the disk itself before it changes anything.
 */
static void check_limits(struct plan *plan, const struct plan_limits *limits)
{
	int64_t download = plan_download_bytes(plan), installed = plan_installed_bytes(plan);
	int64_t memory = add_bytes(MEMORY_BASE, livepatch_bytes(plan));
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
	disk = add_bytes(add_bytes(installed, installed), download);
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
