// SPDX-License-Identifier: Apache-2.0
#include "solv/solve.h"

#include "core/match.h"
#include "solv/filtered.h"

#include <solv/chksum.h>
#include <solv/knownid.h>
#include <solv/policy.h>
#include <solv/poolarch.h>
#include <solv/repo_rpmdb.h>
#include <solv/solver.h>
#include <solv/solverdebug.h>
#include <solv/transaction.h>

#define FIRST_SOLVABLE 2 /* 0 and 1 are libsolv's own */

struct solve {
	Pool *pool;
	Repo *installed;
	void *rpm_state; /* libsolv's converter of rpm's headers */
	Queue hidden;	 /* packages that an exclude hides */
	Map considered;	 /* all but these */
};

/* The three kinds of packages that libsolv is told of. */
enum place { PLACE_OFFERED, PLACE_HIDDEN, PLACE_INSTALLED };

struct solve *solve_new(const char *arch)
{
	struct solve *s = xcalloc(1, sizeof(*s));

	s->pool = adapter_pool_new();
	pool_setarch(s->pool, arch ? arch : "noarch");
	s->installed = repo_create(s->pool, "@System");
	pool_set_installed(s->pool, s->installed);
	s->rpm_state = rpm_state_create(s->pool, NULL);
	queue_init(&s->hidden);
	map_init(&s->considered, 0);
	return s;
}

void solve_free(struct solve *solve)
{
	if (!solve)
		return;
	rpm_state_free(solve->rpm_state);
	pool_free(solve->pool);
	queue_free(&solve->hidden);
	map_free(&solve->considered);
	free(solve);
}

void solve_add_installed(struct solve *solve, void *header)
{
	/* not the header itself: what that is to libsolv depends on how it was built */
	void *handle = rpm_byrpmh(solve->rpm_state, header);

	if (handle)
		repo_add_rpm_handle(solve->installed, handle,
				    REPO_REUSE_REPODATA | REPO_NO_INTERNALIZE |
					    RPM_ADD_NO_RPMLIBREQS);
}

static bool is_excluded(const char *const *excludes, size_t n, const struct nevra *nevra)
{
	for (size_t i = 0; i < n; i++)
		if (match_nevra(excludes[i], nevra))
			return true;
	return false;
}

int solve_add_repository(struct solve *solve, const char *repo_id, const struct wanted *wanted,
			 const char *const *excludes, size_t n_excludes, struct stream *primary,
			 struct err *err)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();
	Repo *repo = repo_create(solve->pool, repo_id);
	const struct filtered filtered = { .repo_id = repo_id,
					   .wanted = wanted,
					   .stream = primary };
	Solvable *s;
	Id id;

	if (filtered_add(repo, &filtered, err) < 0)
		return -1;
	FOR_REPO_SOLVABLES(repo, id, s)
	{
		struct nevra nevra;

		if (!filtered_nevra(s, arena, &nevra))
			repo_free_solvable(repo, id, 0);
		else if (is_excluded(excludes, n_excludes, &nevra))
			queue_push(&solve->hidden, id);
	}
	return 0;
}

/* ---- which packages there are -----------------------------------------------------------------*/

static struct nevra nevra_of(struct arena *arena, Pool *pool, Id id)
{
	struct nevra nevra;

	filtered_nevra(pool_id2solvable(pool, id), arena, &nevra);
	return nevra;
}

static void hide_excluded(struct solve *s)
{
	map_free(&s->considered);
	map_init(&s->considered, s->pool->nsolvables);
	map_setall(&s->considered);
	for (int i = 0; i < s->hidden.count; i++)
		MAPCLR(&s->considered, s->hidden.elements[i]);
	s->pool->considered = &s->considered;
}

static enum place place_of(const struct solve *s, Id id)
{
	return pool_id2solvable(s->pool, id)->repo == s->installed ? PLACE_INSTALLED
	       : MAPTST(&s->considered, id)			   ? PLACE_OFFERED
								   : PLACE_HIDDEN;
}

/* @markers: only these are meant. */
struct meant {
	const struct nevra *nevra;
	const struct platform *markers;
};

static bool fits(const struct meant *meant, const struct nevra *nevra)
{
	const struct nevra *wanted = meant->nevra;

	if (wanted->evr.version)
		return nevra_equal(nevra, wanted);
	return (streq_null(nevra->arch, wanted->arch) || streq(nevra->arch, "noarch")) &&
	       (!meant->markers || platform_is_marker(meant->markers, nevra));
}

/* The newest of what is meant, and of several such the one of the first repository; or 0. */
static Id find(const struct solve *s, struct arena *arena, const struct meant *meant,
	       enum place place)
{
	struct nevra best_nevra = { 0 };
	Id best = 0;

	for (Id id = FIRST_SOLVABLE; id < s->pool->nsolvables; id++) {
		Solvable *solvable = pool_id2solvable(s->pool, id);
		struct nevra nevra;

		if (!solvable->repo || place_of(s, id) != place ||
		    !streq(pool_id2str(s->pool, solvable->name), meant->nevra->name))
			continue;
		nevra = nevra_of(arena, s->pool, id);
		if (!fits(meant, &nevra) || (best && evr_compare(&nevra.evr, &best_nevra.evr) <= 0))
			continue;
		best = id;
		best_nevra = nevra;
	}
	return best;
}

/* ---- steps ------------------------------------------------------------------------------------*/

static int64_t lookup_size(Solvable *s, Id key)
{
	unsigned long long v = solvable_lookup_num(s, key, UINT64_MAX);

	return v <= INT64_MAX ? (int64_t)v : -1;
}

static bool provides_any(Pool *pool, Solvable *s, const char *const *names)
{
	Id *list = s->provides ? s->repo->idarraydata + s->provides : NULL, id;

	while (list && (id = *list++)) {
		const char *name;

		while (ISRELDEP(id))
			id = GETRELDEP(pool, id)->name;
		name = pool_id2str(pool, id);
		for (size_t i = 0; names[i]; i++)
			if (streq(names[i], name))
				return true;
	}
	return false;
}

static bool has_file_below(Pool *pool, Id id, const char *folder)
{
	Dataiterator di;
	bool found = false;

	dataiterator_init(&di, pool, pool_id2solvable(pool, id)->repo, id, SOLVABLE_FILELIST, NULL,
			  SEARCH_FILES);
	while (!found && dataiterator_step(&di))
		found = starts_with(di.kv.str, folder);
	dataiterator_free(&di);
	return found;
}

/* As primary.xml says; with an xml:base it is no longer relative, and is not fetched. */
static const char *location_of(struct arena *arena, Solvable *s)
{
	const char *base = solvable_lookup_str(s, SOLVABLE_MEDIABASE), *location;
	unsigned int unused;

	location = solvable_lookup_location(s, &unused);
	return location && base && *base ? arena_printf(arena, "%s/%s", base, location)
					 : arena_strdup(arena, location);
}

static enum plan_kind kind_of(const struct platform *p, const struct nevra *n)
{
	return platform_is_marker(p, n)		   ? PLAN_MARKER
	       : platform_is_livepatch(p, n->name) ? PLAN_LIVEPATCH
	       : platform_is_runtime(p, n->name)   ? PLAN_RUNTIME
	       : platform_is_tool(p, n->name)	   ? PLAN_RUNTIME
	       : platform_is_kernel(p, n->name)	   ? PLAN_KERNEL
						   : PLAN_DEPENDENCY;
}

static enum plan_action action_of(Id type)
{
	switch (type) {
	case SOLVER_TRANSACTION_ERASE:
	case SOLVER_TRANSACTION_OBSOLETED:
		return PLAN_ERASE;
	case SOLVER_TRANSACTION_REINSTALL:
	case SOLVER_TRANSACTION_CHANGE:
		return PLAN_REINSTALL;
	case SOLVER_TRANSACTION_DOWNGRADE:
		return PLAN_DOWNGRADE;
	case SOLVER_TRANSACTION_UPGRADE:
		return PLAN_UPGRADE;
	default:
		return PLAN_INSTALL;
	}
}

static void add_step(struct plan *plan, const struct platform *platform, Transaction *t, Id id)
{
	static const char *const kernels[] = { "kernel", "kernel-core", "kernel-uname-r", NULL };
	Pool *pool = t->pool;
	Solvable *s = pool_id2solvable(pool, id);
	Id type = transaction_type(t, id, SOLVER_TRANSACTION_SHOW_ACTIVE), sum = 0, old;
	struct plan_step *step = ARENA_PUSH(plan->arena, plan->steps, plan->n_steps);

	*step = (struct plan_step){
		.nevra = nevra_of(plan->arena, pool, id),
		.action = action_of(type),
		.size = -1,
		.installed_size = -1,
	};
	step->kind = kind_of(platform, &step->nevra);
	if (step->action == PLAN_ERASE)
		return;
	old = transaction_obs_pkg(t, id);
	if (old && step->action != PLAN_INSTALL) {
		struct nevra *replaces = arena_alloc(plan->arena, sizeof(*replaces));

		*replaces = nevra_of(plan->arena, pool, old);
		step->replaces = replaces;
	}
	step->repository = arena_strdup(plan->arena, s->repo->name);
	step->location = location_of(plan->arena, s);
	step->checksum =
		arena_strdup(plan->arena, solvable_lookup_checksum(s, SOLVABLE_CHECKSUM, &sum));
	step->checksum_type =
		step->checksum ? arena_strdup(plan->arena, solv_chksum_type2str(sum)) : NULL;
	step->size = lookup_size(s, SOLVABLE_DOWNLOADSIZE);
	step->installed_size = lookup_size(s, SOLVABLE_INSTALLSIZE);
	step->provides_kernel = provides_any(pool, s, kernels);
	step->writes_boot = has_file_below(pool, id, "/boot/");
}

static void add_steps(struct plan *plan, const struct platform *platform, Solver *solver)
{
	Transaction *t = solver_create_transaction(solver);

	transaction_order(t, 0);
	for (int i = 0; i < t->steps.count; i++) {
		Id id = t->steps.elements[i];
		Solvable *s = pool_id2solvable(t->pool, id);

		/* the old half of an upgrade belongs to the new one */
		if (s->repo == t->pool->installed &&
		    transaction_type(t, id, SOLVER_TRANSACTION_SHOW_ACTIVE) ==
			    SOLVER_TRANSACTION_IGNORE)
			continue;
		add_step(plan, platform, t, id);
	}
	transaction_free(t);
}

/* ---- problems ---------------------------------------------------------------------------------*/

/* What one run works with. */
struct solving {
	struct solve *s;
	struct plan *plan;
	const struct platform *platform;
	Solver *solver;
	Queue jobs;
};

/* One rule of those that together cannot be kept. */
struct cause {
	int type; /* SolverRuleinfo */
	Id source, target, dep;
};

static bool is_installed(const struct solving *g, Id id)
{
	return id && pool_id2solvable(g->s->pool, id)->repo == g->s->installed;
}

/* How little a rule tells to a person: of several the lowest is the reason. */
static int vagueness(const struct solving *g, const struct cause *c)
{
	switch (c->type) {
	case SOLVER_RULE_PKG_NOTHING_PROVIDES_DEP:
		return 0;
	case SOLVER_RULE_PKG_NOT_INSTALLABLE:
		return 1;
	case SOLVER_RULE_PKG_CONFLICTS:
	case SOLVER_RULE_PKG_OBSOLETES:
	case SOLVER_RULE_PKG_INSTALLED_OBSOLETES:
	case SOLVER_RULE_PKG_SELF_CONFLICT:
		return 2;
	case SOLVER_RULE_PKG_REQUIRES:
		return is_installed(g, c->source) ? 3 : 5;
	case SOLVER_RULE_PKG_SAME_NAME:
		return 4;
	default:
		return 6;
	}
}

static struct cause find_cause(const struct solving *g, Id problem)
{
	struct cause best = { 0 };
	Queue rules;

	queue_init(&rules);
	solver_findallproblemrules(g->solver, problem, &rules);
	for (int i = 0; i < rules.count; i++) {
		struct cause c;

		c.type = (int)solver_ruleinfo(g->solver, rules.elements[i], &c.source, &c.target,
					      &c.dep);
		if (i == 0 || vagueness(g, &c) < vagueness(g, &best))
			best = c;
	}
	queue_free(&rules);
	return best;
}

/* "the installed bash-4.2-1.x86_64" */
static const char *who(const struct solving *g, Id id)
{
	return arena_printf(g->plan->arena, "%s%s", is_installed(g, id) ? "the installed " : "",
			    pool_solvid2str(g->s->pool, id));
}

static const char *say_missing(const struct solving *g, const struct cause *c)
{
	Pool *pool = g->s->pool;
	const char *needs = arena_printf(g->plan->arena, "%s needs %s", who(g, c->source),
					 pool_dep2str(pool, c->dep));

	for (int i = 0; i < g->s->hidden.count; i++) {
		Solvable *s = pool_id2solvable(pool, g->s->hidden.elements[i]);

		if (solvable_matchesdep(s, SOLVABLE_PROVIDES, c->dep, 0))
			return arena_printf(g->plan->arena,
					    "%s; %s of repository %s offers it, but an exclude "
					    "hides that package",
					    needs, pool_solvable2str(pool, s), s->repo->name);
	}
	return arena_printf(g->plan->arena,
			    "%s; it is not installed, and no repository that can be used offers it "
			    "among what klpd may install; install it with the system's package "
			    "manager",
			    needs);
}

/* Two builds of one name, of which only one can be there. */
static const char *say_same_name(const struct solving *g, Id one, Id other)
{
	Pool *pool = g->s->pool;
	Id old = is_installed(g, one) ? one : other, new = old == one ? other : one;
	int why = is_installed(g, old) ? policy_is_illegal(g->solver, pool_id2solvable(pool, old),
							   pool_id2solvable(pool, new), 0)
				       : 0;

	if (why & POLICY_ILLEGAL_VENDORCHANGE)
		return arena_printf(g->plan->arena,
				    "%s cannot replace %s, which is from another vendor",
				    who(g, new), who(g, old));
	if (why & POLICY_ILLEGAL_DOWNGRADE)
		return arena_printf(g->plan->arena, "%s cannot replace %s, which is newer",
				    who(g, new), who(g, old));
	return arena_printf(g->plan->arena, "%s cannot be installed beside %s", who(g, new),
			    who(g, old));
}

static const char *say(const struct solving *g, const struct cause *c)
{
	struct arena *arena = g->plan->arena;
	const char *dep = arena_strdup(arena, c->dep ? pool_dep2str(g->s->pool, c->dep) : "");

	switch (c->type) {
	case SOLVER_RULE_PKG_NOTHING_PROVIDES_DEP:
		return say_missing(g, c);
	case SOLVER_RULE_PKG_NOT_INSTALLABLE:
		return arena_printf(arena, "%s is for another architecture than this machine's",
				    who(g, c->source));
	case SOLVER_RULE_PKG_CONFLICTS:
		return arena_printf(arena, "%s conflicts with %s, and that is %s",
				    who(g, c->source), dep, who(g, c->target));
	case SOLVER_RULE_PKG_OBSOLETES:
	case SOLVER_RULE_PKG_INSTALLED_OBSOLETES:
		return arena_printf(arena, "%s takes the place of %s; klpd removes nothing",
				    who(g, c->source), who(g, c->target));
	case SOLVER_RULE_PKG_REQUIRES:
		return arena_printf(arena,
				    "%s needs %s, and nothing that offers it can be there together "
				    "with what shall be installed",
				    who(g, c->source), dep);
	case SOLVER_RULE_PKG_SAME_NAME:
		return say_same_name(g, c->source, c->target);
	default:
		return arena_strdup(arena,
				    solver_problemruleinfo2str(g->solver, (SolverRuleinfo)c->type,
							       c->source, c->target, c->dep));
	}
}

static bool is_said(const struct plan *plan, const char *message)
{
	for (size_t i = 0; i < plan->n_refusals; i++)
		if (streq(plan->refusals[i].message, message))
			return true;
	return false;
}

static void refuse_problems(const struct solving *g)
{
	Id problem = 0;

	while ((problem = solver_next_problem(g->solver, problem))) {
		struct cause c = find_cause(g, problem);
		Id about = c.source && !is_installed(g, c.source)   ? c.source
			   : c.target && !is_installed(g, c.target) ? c.target
								    : 0;
		const char *message = say(g, &c);
		struct nevra nevra;

		if (is_said(g->plan, message))
			continue;
		if (about)
			nevra = nevra_of(g->plan->arena, g->s->pool, about);
		plan_refuse(g->plan, about ? &nevra : NULL, "dependency", "%s", message);
	}
}

/* ---- goals ------------------------------------------------------------------------------------*/

static void refuse_not_offered(const struct solving *g, const struct meant *meant)
{
	const struct nevra *wanted = meant->nevra;
	struct arena *arena = g->plan->arena;
	const struct nevra *nevra = wanted->evr.version ? wanted : NULL;
	const char *name = nevra ? nevra_text(arena, nevra) : wanted->name;
	Id hidden = find(g->s, arena, meant, PLACE_HIDDEN);

	if (hidden)
		plan_refuse(g->plan, nevra, "not-offered",
			    "%s is hidden by an exclude of "
			    "repository %s",
			    name, pool_id2solvable(g->s->pool, hidden)->repo->name);
	else
		plan_refuse(g->plan, nevra, "not-offered",
			    "%s is offered by no repository that can be used", name);
}

/* Makes a job of a goal, unless it is reached already or cannot be. */
static void add_goal(struct solving *g, const struct plan_goal *goal)
{
	struct arena *arena = g->plan->arena;
	const struct nevra *wanted = &goal->nevra;
	const struct nevra any_nevra = { .name = wanted->name, .arch = wanted->arch };
	const struct meant any = { &any_nevra, NULL };
	const struct meant meant = { wanted, goal->kind == PLAN_MARKER ? g->platform : NULL };
	Id offered = find(g->s, arena, &meant, PLACE_OFFERED);
	Id installed = find(g->s, arena, &any, PLACE_INSTALLED);
	struct nevra new, old;

	if (find(g->s, arena, &meant, PLACE_INSTALLED) && (wanted->evr.version || !offered))
		return;
	if (!offered) {
		refuse_not_offered(g, &meant);
		return;
	}
	if (installed && goal->kind != PLAN_KERNEL) {
		new = nevra_of(arena, g->s->pool, offered);
		old = nevra_of(arena, g->s->pool, installed);
		if (!wanted->evr.version && evr_compare(&new.evr, &old.evr) <= 0)
			return;
		if (evr_compare(&new.evr, &old.evr) < 0) {
			plan_refuse(g->plan, &new, "downgrade",
				    "%s is older than the installed %s; klpd never goes back",
				    nevra_text(arena, &new), nevra_text(arena, &old));
			return;
		}
	}
	/* the job is no leave to change vendor or to go back, as it would be by default */
	queue_push2(&g->jobs, SOLVER_INSTALL | SOLVER_SOLVABLE | SOLVER_NOAUTOSET, offered);
}

static void allow_beside(struct solving *g, const char *name)
{
	Id id = pool_str2id(g->s->pool, name, 0);

	if (id)
		queue_push2(&g->jobs, SOLVER_MULTIVERSION | SOLVER_SOLVABLE_NAME, id);
}

static void add_goals(struct solving *g)
{
	const struct platform *p = g->platform;

	for (size_t i = 0; i < g->plan->n_goals; i++)
		add_goal(g, &g->plan->goals[i]);
	for (size_t i = 0; i < p->n_kernels; i++)
		for (size_t k = 0; k < p->kernels[i].n_packages; k++)
			allow_beside(g, p->kernels[i].packages[k]);
}

static Solver *make_solver(Pool *pool)
{
	static const struct {
		int flag, value;
	} flags[] = {
		{ SOLVER_FLAG_IGNORE_RECOMMENDED, 1 }, { SOLVER_FLAG_ALLOW_DOWNGRADE, 0 },
		{ SOLVER_FLAG_ALLOW_ARCHCHANGE, 0 },   { SOLVER_FLAG_ALLOW_VENDORCHANGE, 0 },
		{ SOLVER_FLAG_ALLOW_NAMECHANGE, 0 },   { SOLVER_FLAG_ALLOW_UNINSTALL, 0 },
	};
	Solver *solver = solver_create(pool);

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		solver_set_flag(solver, flags[i].flag, flags[i].value);
	return solver;
}

int solve_run(struct solve *solve, struct plan *plan, const struct platform *platform,
	      struct err *err _unused_)
{
	struct solving g = { .s = solve, .plan = plan, .platform = platform };
	size_t n_refusals = plan->n_refusals;

	repo_internalize(solve->installed);
	hide_excluded(solve);
	pool_addfileprovides(solve->pool);
	pool_createwhatprovides(solve->pool);
	queue_init(&g.jobs);
	add_goals(&g);
	if (plan->n_refusals == n_refusals) {
		g.solver = make_solver(solve->pool);
		if (solver_solve(g.solver, &g.jobs) == 0)
			add_steps(plan, platform, g.solver);
		else
			refuse_problems(&g);
		solver_free(g.solver);
	}
	queue_free(&g.jobs);
	return 0;
}
