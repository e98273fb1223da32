// SPDX-License-Identifier: Apache-2.0
#include "worker/verb.h"

#include "codec/jsonx.h"
#include "codec/plan.h"
#include "codec/report.h"
#include "metadata/markup.h"
#include "probe/rpmdb.h"
#include "solv/solve.h"
#include "worker/gather.h"
#include "worker/wishes.h"

#include <fcntl.h>

struct planning {
	struct session *s;
	const struct plan_wishes *wishes;
	struct plan *plan;
	struct solve *solve;
	bool needs_primary; /* a goal may be in a repository whose packages are not known */
};

/* ---- what may be installed --------------------------------------------------------------------*/

/* The names that may become steps; others are not even looked at. */
static bool may_install(void *userdata, const char *name)
{
	const struct planning *p = userdata;
	const struct platform *platform = p->s->platform;

	return platform_is_livepatch(platform, name) || platform_is_runtime(platform, name) ||
	       platform_is_tool(platform, name) ||
	       (p->wishes->with_kernel && platform_is_kernel(platform, name));
}

static bool is_in_kernel_repository(const struct plan *plan)
{
	for (size_t i = 0; i < plan->n_goals; i++)
		if (plan->goals[i].kind != PLAN_LIVEPATCH)
			return true;
	return false;
}

/* ---- resolving --------------------------------------------------------------------------------*/

/* The judgement has its list; here only the visits matter. */
static bool is_listed(const char *name _unused_, void *userdata _unused_)
{
	return false;
}

static int add_installed(void *header, void *userdata)
{
	struct planning *p = userdata;

	solve_add_installed(p->solve, header);
	return 0;
}

static int add_repository(struct planning *p, int cache, const struct cache_entry *e,
			  struct err *err)
{
	const struct wanted wanted = { may_install, p };
	_cleanup_(stream_closep)
	struct stream *stream = NULL;
	int r;

	if (e->status != REPO_OK && e->status != REPO_STALE)
		return 0;
	if (e->role == REPO_ROLE_KERNEL && !is_in_kernel_repository(p->plan))
		return 0;
	r = gather_open(cache, e, "primary", &stream, err);
	if (r > 0) {
		p->needs_primary = true;
		return 0;
	}
	return r < 0 ? -1
		     : solve_add_repository(p->solve, e->id, &wanted, e->excludes,
					    p->s->config.honor_excludes ? e->n_excludes : 0, stream,
					    err);
}

static int add_repositories(struct planning *p, struct err *err)
{
	_cleanup_close_ int cache = open(p->s->request.cache, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(cache_state_freep)
	struct cache_state *state = NULL;

	if (cache < 0 || cache_read(cache, &state, NULL) < 0)
		return 0; /* the judgement has said so, and made no goals of it */
	for (size_t i = 0; i < state->n_entries; i++)
		if (add_repository(p, cache, &state->entries[i], err) < 0)
			return -1;
	return 0;
}

static int resolve(struct planning *p, struct err *err)
{
	struct rpmdb_query query = {
		.arena = p->s->arena, .wanted = is_listed, .visit = add_installed, .userdata = p
	};

	p->solve = solve_new(p->s->snapshot->node.arch);
	return rpmdb_read(p->s->root, p->s->request.root, &query, err) < 0 ||
			       add_repositories(p, err) < 0 ||
			       solve_run(p->solve, p->plan, p->s->platform, err) < 0
		       ? -1
		       : 0;
}

/* ---- the answer -------------------------------------------------------------------------------*/

/* What klpd-apply is to allow; the names are exact. */
static json_t *apply_json(const struct planning *p, const struct judge *j)
{
	const struct platform *platform = p->s->platform;
	json_t *kernels = json_array();
	json_t *allow = jsonx_texts(platform->runtime, platform->n_runtime);
	const char *repository = platform_switchable_repo(platform);
	json_t *erase = json_array();

	if (j->livepatch_name)
		json_array_append_new(allow, jsonx_text(j->livepatch_name));
	for (size_t i = 0; i < platform->n_tools; i++)
		json_array_append_new(allow, jsonx_text(platform->tools[i]));
	json_array_append_new(
		erase, jsonx_text(arena_printf(p->s->arena, "%s%s", platform->livepatch_prefix,
					       platform->version_follows_prefix ? "[0-9]*" : "*")));
	for (size_t i = 0; p->wishes->with_kernel && j->line && i < j->line->n_packages; i++)
		json_array_append_new(kernels, jsonx_text(j->line->packages[i]));
	for (size_t i = 0; i < p->plan->n_goals; i++)
		if (p->plan->goals[i].kind == PLAN_KERNEL)
			json_array_append_new(kernels, jsonx_text(p->plan->goals[i].nevra.name));
	return json_pack("{s:o,s:o,s:o,s:o,s:o}", "allow", allow, "kernels", kernels, "erase",
			 erase, "services",
			 jsonx_texts(&platform->service, platform->service != NULL), "repositories",
			 jsonx_texts(&repository, repository != NULL));
}

int verb_plan(struct session *s, json_t **ret, struct err *err)
{
	_cleanup_(report_freep)
	struct report *report = NULL;
	_cleanup_(plan_freep)
	struct plan *plan = NULL;
	struct plan_limits limits;
	struct plan_wishes wishes;
	struct evaluation in;
	struct judge judge;
	struct planning p = { .s = s, .wishes = &wishes };
	int r = 0;

	if (session_prepare(s, &in, err) < 0 || wishes_read(s, &wishes, err) < 0)
		return -1;
	report = evaluate_judge(&in, &judge);
	p.plan = plan = plan_goals(&judge, &wishes);
	if (plan->n_goals)
		r = resolve(&p, err);
	solve_free(p.solve);
	if (r < 0)
		return -1;
	limits = wishes_limits(s);
	plan_guard(plan, &judge, &wishes, &limits);
	*ret = json_pack("{s:o,s:o,s:b}", "report", codec_report_to_json(report), "plan",
			 codec_plan_to_json(plan), "needs_primary", p.needs_primary);
	if (s->platform)
		json_object_set_new(*ret, "apply", apply_json(&p, &judge));
	return 0;
}
