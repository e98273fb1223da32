// SPDX-License-Identifier: Apache-2.0
#include "solv/solve.h"

#include "core/match.h"
#include "solv/filtered.h"

#include <solv/chksum.h>
#include <solv/knownid.h>
#include <solv/poolarch.h>
#include <solv/repo_rpmdb.h>
#include <solv/solver.h>
#include <solv/transaction.h>

struct solve {
	Pool *pool;
	Repo *installed;
	void *rpm_state; /* libsolv's converter of rpm's headers */
};

struct solve *solve_new(const char *arch)
{
	struct solve *s = xcalloc(1, sizeof(*s));

	s->pool = adapter_pool_new();
	pool_setarch(s->pool, arch ? arch : "noarch");
	s->installed = repo_create(s->pool, "@System");
	pool_set_installed(s->pool, s->installed);
	s->rpm_state = rpm_state_create(s->pool, NULL);
	return s;
}

void solve_free(struct solve *solve)
{
	if (!solve)
		return;
	rpm_state_free(solve->rpm_state);
	pool_free(solve->pool);
	free(solve);
}

void solve_add_installed(struct solve *solve, void *header)
{
	void *handle = rpm_byrpmh(solve->rpm_state, header);

	if (handle)
		repo_add_rpm_handle(solve->installed, handle,
				    REPO_REUSE_REPODATA | REPO_NO_INTERNALIZE);
}

/* ---- between libsolv and ourselves ------------------------------------------------------------*/

static struct nevra nevra_of(struct arena *arena, Pool *pool, Id id)
{
	Solvable *s = pool_id2solvable(pool, id);
	char *evr = arena_strdup(arena, pool_id2str(pool, s->evr)), *colon, *dash;
	struct nevra nevra = { .name = arena_strdup(arena, pool_id2str(pool, s->name)),
			       .arch = arena_strdup(arena, pool_id2str(pool, s->arch)) };

	colon = strchr(evr, ':');
	if (colon) {
		nevra.evr.epoch = (uint32_t)strtoul(evr, NULL, 10);
		evr = colon + 1;
	}
	dash = strrchr(evr, '-');
	nevra.evr.version = dash ? arena_strndup(arena, evr, (size_t)(dash - evr)) : evr;
	nevra.evr.release = dash ? dash + 1 : "";
	return nevra;
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
		struct nevra nevra = nevra_of(arena, solve->pool, id);
		bool drop = !nevra_is_sane(&nevra);

		for (size_t i = 0; i < n_excludes; i++)
			drop = drop || match_nevra(excludes[i], &nevra);
		if (drop)
			repo_free_solvable(repo, id, 0);
	}
	return 0;
}

/* The offered solvable that a goal means, or 0. */
static Id find_goal(const struct solve *s, struct arena *arena, const struct plan_goal *goal)
{
	const struct nevra *wanted = &goal->nevra;
	struct nevra best_nevra = { 0 };
	Id best = 0;

	for (Id id = 2; id < s->pool->nsolvables; id++) { /* 0 and 1 are libsolv's own */
		Solvable *solvable = pool_id2solvable(s->pool, id);
		struct nevra nevra;

		if (!solvable->repo || solvable->repo == s->installed ||
		    !streq(pool_id2str(s->pool, solvable->name), wanted->name))
			continue;
		nevra = nevra_of(arena, s->pool, id);
		if (wanted->evr.version) {
			if (nevra_equal(&nevra, wanted))
				return id;
			continue;
		}
		if (!streq_null(nevra.arch, wanted->arch) && !streq(nevra.arch, "noarch"))
			continue;
		if (!best || evr_compare(&nevra.evr, &best_nevra.evr) > 0) {
			best = id;
			best_nevra = nevra;
		}
	}
	return best;
}

/* ---- steps ------------------------------------------------------------------------------------*/

static int64_t lookup_size(Solvable *s, Id key)
{
	unsigned long long v = solvable_lookup_num(s, key, 0);

	return v ? (int64_t)v : -1;
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
			  SEARCH_FILES | SEARCH_COMPLETE_FILELIST);
	while (!found && dataiterator_step(&di))
		found = starts_with(di.kv.str, folder);
	dataiterator_free(&di);
	return found;
}

static enum plan_kind kind_of(const struct platform *p, const char *name)
{
	return platform_is_livepatch(p, name) ? PLAN_LIVEPATCH
	       : platform_is_runtime(p, name) ? PLAN_RUNTIME
	       : platform_is_kernel(p, name)  ? PLAN_KERNEL
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
	const char *checksum = solvable_lookup_checksum(s, SOLVABLE_CHECKSUM, &sum);
	struct plan_step *step = ARENA_PUSH(plan->arena, plan->steps, plan->n_steps);
	unsigned int unused;
	const char *location = solvable_lookup_location(s, &unused);

	*step = (struct plan_step){
		.nevra = nevra_of(plan->arena, pool, id),
		.action = action_of(type),
		.size = -1,
		.installed_size = -1,
	};
	step->kind = kind_of(platform, step->nevra.name);
	if (step->action == PLAN_ERASE)
		return;
	old = transaction_obs_pkg(t, id);
	if (old && step->action != PLAN_INSTALL) {
		struct nevra *replaces = arena_alloc(plan->arena, sizeof(*replaces));

		*replaces = nevra_of(plan->arena, pool, old);
		step->replaces = replaces;
	}
	step->repository = arena_strdup(plan->arena, s->repo->name);
	step->location = arena_strdup(plan->arena, location);
	step->checksum = arena_strdup(plan->arena, checksum);
	step->checksum_type =
		checksum ? arena_strdup(plan->arena, solv_chksum_type2str(sum)) : NULL;
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

static void refuse_problems(struct plan *plan, Solver *solver)
{
	Id problem = 0;

	while ((problem = solver_next_problem(solver, problem))) {
		Id source, target, dep;
		SolverRuleinfo type = solver_ruleinfo(
			solver, solver_findproblemrule(solver, problem), &source, &target, &dep);

		plan_refuse(plan, NULL, "dependency",
			    "it cannot be installed: %s; install what is missing by the system's "
			    "own package manager",
			    solver_problemruleinfo2str(solver, type, source, target, dep));
	}
}

/* ---- all together -----------------------------------------------------------------------------*/

static bool add_jobs(struct solve *s, struct plan *plan, Queue *jobs)
{
	bool complete = true;

	for (size_t i = 0; i < plan->n_goals; i++) {
		const struct plan_goal *goal = &plan->goals[i];
		Id id = find_goal(s, plan->arena, goal);

		if (!id) {
			plan_refuse(plan, goal->nevra.evr.version ? &goal->nevra : NULL,
				    "not-offered",
				    "%s is offered by no repository that can be used",
				    goal->nevra.evr.version ? nevra_text(plan->arena, &goal->nevra)
							    : goal->nevra.name);
			complete = false;
			continue;
		}
		queue_push2(jobs, SOLVER_INSTALL | SOLVER_SOLVABLE, id);
		if (goal->kind == PLAN_KERNEL)
			queue_push2(jobs, SOLVER_MULTIVERSION | SOLVER_SOLVABLE_NAME,
				    pool_id2solvable(s->pool, id)->name);
	}
	return complete;
}

int solve_run(struct solve *solve, struct plan *plan, const struct platform *platform,
	      struct err *err _unused_)
{
	Solver *solver;
	Queue jobs;

	repo_internalize(solve->installed);
	pool_addfileprovides(solve->pool);
	pool_createwhatprovides(solve->pool);
	queue_init(&jobs);
	if (add_jobs(solve, plan, &jobs)) {
		solver = solver_create(solve->pool);
		solver_set_flag(solver, SOLVER_FLAG_IGNORE_RECOMMENDED, 1);
		if (solver_solve(solver, &jobs) == 0)
			add_steps(plan, platform, solver);
		else
			refuse_problems(plan, solver);
		solver_free(solver);
	}
	queue_free(&jobs);
	return 0;
}
