// SPDX-License-Identifier: Apache-2.0
#include "worker/verb.h"

#include "codec/jsonx.h"
#include "core/judge.h"
#include "core/match.h"

/*
 * "Why was this (not) installed?" The whole chain, by the same functions that judge: notice, dates,
 * each rule with the filter that decided, the clock, availability, and what would change the
 * answer.
 */

struct explained {
	struct session *s;
	const struct evaluation *in;
	struct judge judge;
	const char *asked;
	struct nevra target; /* name and arch; the version is that of the first match */
	bool found;
	size_t others; /* further (name, arch) pairs that match */
	const char *other;
};

static void consider(struct explained *x, const struct nevra *nevra)
{
	bool better;

	if (!match_nevra(x->asked, nevra))
		return;
	if (x->found && nevra_same_name_arch(&x->target, nevra))
		return;
	/* The running architecture is what one means by a bare name. */
	better = !x->found || (x->judge.arch && streq(nevra->name, x->target.name) &&
			       streq(nevra->arch, x->judge.arch));
	if (x->found && !streq(nevra->name, x->target.name)) {
		x->others++;
		x->other = nevra->name;
	}
	if (better)
		x->target = *nevra;
	x->found = true;
}

static void find_target(struct explained *x)
{
	const struct node *node = &x->s->snapshot->node;
	const struct catalogue *c = &x->s->snapshot->catalogue;

	for (size_t i = 0; i < node->n_installed; i++)
		consider(x, &node->installed[i].nevra);
	for (size_t i = 0; i < c->n_packages; i++)
		consider(x, &c->packages[i].nevra);
	for (size_t i = 0; i < c->n_advisories; i++)
		for (size_t k = 0; k < c->advisories[i].n_packages; k++)
			consider(x, &c->advisories[i].packages[k]);
}

static json_t *failed_json(const struct rule_check *check)
{
	if (check->needs_notice)
		return json_pack("{s:s,s:n,s:[s]}", "filter", "EnableNonSecurity", "value",
				 "allowed", "a notice");
	if (!check->failed)
		return json_null();
	return json_pack("{s:s,s:o,s:o}", "filter", filter_key_name(check->failed->key), "value",
			 jsonx_text(check->value), "allowed",
			 jsonx_texts(check->failed->values, check->failed->n_values));
}

static json_t *clock_json(const struct explained *x, const struct baseline_rule *rule,
			  const struct rule_check *check, int64_t released)
{
	_cleanup_free_ char *text = NULL;
	char buf[TIMEX_TEXT_MAX];

	if (!check->filters_matched)
		return json_null();
	if (released == TIME_UNSET)
		return json_string(x->in->config->unknown_date == UNKNOWN_DATE_APPROVE
					   ? "no release date; unknown_date: approve"
					   : "no release date; held");
	if (rule->approve_until != TIME_UNSET) {
		text = xasprintf("released through %s: %s",
				 timex_format_date(rule->approve_until, buf),
				 check->matched ? "yes" : "no");
		return json_string(text);
	}
	text = xasprintf("%d days after release: %s %s", rule->approve_after_days,
			 check->matched ? "approved since" : "approved after",
			 timex_format(check->approve_at, buf));
	return json_string(text);
}

static json_t *rules_json(const struct explained *x, const struct advisory *notice,
			  int64_t released)
{
	const struct baseline *b = x->in->baseline;
	json_t *rules = json_array();

	for (size_t i = 0; i < b->n_rules; i++) {
		struct rule_check check =
			approval_check_rule(&x->judge.approval, notice, released, &b->rules[i]);

		json_array_append_new(rules,
				      json_pack("{s:i,s:i,s:b,s:o,s:o}", "rule", (int)i + 1, "line",
						(int)b->rules[i].line, "matched", check.matched,
						"failed", failed_json(&check), "clock",
						clock_json(x, &b->rules[i], &check, released)));
	}
	return rules;
}

static const char *date_source(const struct config *config, const struct advisory *a)
{
	const char *first = "updated", *second = "issued";
	const struct advisory_date *f = &a->updated, *o = &a->issued;

	if (config->release_date == RELEASE_DATE_ISSUED) {
		f = &a->issued;
		o = &a->updated;
		first = "issued";
		second = "updated";
	}
	if (f->state == NOTICE_DATE_VALID)
		return first;
	return f->state == NOTICE_DATE_ABSENT && o->state == NOTICE_DATE_VALID ? second : "none";
}

static json_t *notice_json(const struct explained *x, const struct build *b,
			   const struct advisory *a)
{
	const struct catalogue *c = &x->s->snapshot->catalogue;
	int64_t released = approval_release_date(x->in->config, a);
	struct approval alone = approval_decide(&x->judge.approval, &b->nevra,
						(const struct advisory *const[]){ a }, 1,
						TIME_UNSET, x->judge.arena);
	json_t *cves = json_array();

	for (size_t i = 0; i < a->n_refs; i++)
		if (advisory_ref_is_cve(&a->refs[i]))
			json_array_append_new(cves, jsonx_text(a->refs[i].id));
	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:s,s:o,s:b,s:o,s:o}", "id",
			 jsonx_text(a->id), "repository", jsonx_text(c->repositories[a->repo].id),
			 "type", jsonx_text(a->type), "severity", jsonx_text(a->severity), "issued",
			 jsonx_time(a->issued.at), "updated", jsonx_time(a->updated.at),
			 "release_date", jsonx_time(released), "release_date_from",
			 date_source(x->in->config, a), "cves", cves, "approved", alone.approved,
			 "reason", jsonx_text(alone.reason), "rules", rules_json(x, a, released));
}

static bool is_installed(const struct explained *x, const struct nevra *nevra)
{
	const struct node *node = &x->s->snapshot->node;

	for (size_t i = 0; i < node->n_installed; i++)
		if (nevra_equal(&node->installed[i].nevra, nevra))
			return true;
	return false;
}

static json_t *build_json(const struct explained *x, const struct build *b)
{
	const struct catalogue *c = &x->s->snapshot->catalogue;
	const struct approval *a = &b->approval;
	bool installed = is_installed(x, &b->nevra);
	bool running = x->judge.livepatch && nevra_equal(&x->judge.livepatch->nevra, &b->nevra);
	json_t *notices = json_array();

	for (size_t i = 0; i < b->n_notices; i++)
		json_array_append_new(notices, notice_json(x, b, b->notices[i]));
	return json_pack(
		"{s:o,s:b,s:o,s:b,s:o,s:b,s:b,s:o,s:o,s:o,s:o,s:s,s:o,s:o}", "nevra",
		jsonx_text(nevra_text(x->judge.arena, &b->nevra)), "installed", installed, "active",
		jsonx_tristate(running ? x->judge.livepatch_active : TRISTATE_UNKNOWN), "available",
		b->available != NULL, "repository",
		jsonx_text(b->available ? c->repositories[b->available->repo].id : NULL),
		"excluded", b->excluded, "approved", a->approved, "by", jsonx_text(a->by), "hold",
		jsonx_text(a->hold == HOLD_NONE ? NULL : hold_reason_name(a->hold)), "released",
		jsonx_time(a->released), "approve_at", jsonx_time(a->approve_at),
		"compliance_level", compliance_level_name(a->level), "reason",
		jsonx_text(a->reason), "notices", notices);
}

static const struct patch *patch_of(const struct explained *x, const char *id)
{
	const struct report *r = x->judge.report;

	for (size_t i = 0; i < r->n_patches; i++)
		if (streq(r->patches[i].id, id))
			return &r->patches[i];
	return NULL;
}

/* A repository that might know more and could not be looked at, or NULL. */
static const char *unseen(const struct explained *x)
{
	const struct catalogue *c = &x->s->snapshot->catalogue;
	const struct platform *p = x->in->platform;
	enum repo_role role = x->found && p && platform_is_livepatch(p, x->target.name)
				      ? REPO_ROLE_LIVEPATCH
				      : REPO_ROLE_KERNEL;

	for (size_t i = 0; i < c->n_repositories; i++) {
		const struct repository *r = &c->repositories[i];

		if ((!x->found || !p || platform_repo_serves(p, r, role)) &&
		    (r->status == REPO_UNREACHABLE || r->status == REPO_INVALID ||
		     r->status == REPO_UNREAD))
			return r->id;
	}
	return NULL;
}

static const char *conclusion(const struct explained *x, const struct patch *patch)
{
	const struct node *node = &x->s->snapshot->node;
	const struct platform *p = x->in->platform;
	const char *hidden = unseen(x);

	if (!x->found && hidden)
		return arena_printf(x->judge.arena,
				    "nothing called %s is installed; what is offered is not known, "
				    "because %s could not be looked at (klpctl scan)",
				    x->asked, hidden);
	if (!x->found)
		return arena_printf(
			x->judge.arena,
			"nothing that is installed or offered, and that this agent looks "
			"after, is called %s",
			x->asked);
	if (patch)
		return patch->reason;
	if (!p || !node->kernel)
		return "nothing is judged on this node: see the findings of klpctl scan";
	if (platform_is_livepatch(p, x->target.name) &&
	    !(x->judge.livepatch_name && streq(x->target.name, x->judge.livepatch_name)))
		return arena_printf(x->judge.arena,
				    "it is for another kernel; only packages named for the running "
				    "kernel %s count",
				    node->kernel);
	if (!x->judge.report->live_patching.enabled)
		return "live patching is not enabled on this node";
	if (hidden)
		return arena_printf(x->judge.arena,
				    "it is not installed; whether a build of it is approved is not "
				    "known, because %s could not be looked at (klpctl scan)",
				    hidden);
	return "it is not installed, and the baseline asks for no build of it";
}

static const char *remedy(const struct explained *x, const struct build *b)
{
	const struct approval *a = &b->approval;
	struct arena *arena = x->judge.arena;
	const char *what = nevra_text(arena, &b->nevra);
	const char *id = a->notice ? a->notice->id : what;
	char buf[TIMEX_TEXT_MAX];

	switch (a->hold) {
	case HOLD_NOT_YET_APPROVED:
		if (a->approve_at != TIME_UNSET)
			return arena_printf(arena,
					    "%s: the clock, after %s; or %s in ApprovedPatches",
					    what, timex_format(a->approve_at, buf), id);
		return arena_printf(arena, "%s: a later ApproveUntilDate; or %s in ApprovedPatches",
				    what, id);
	case HOLD_SEVERITY:
	case HOLD_CLASSIFICATION:
	case HOLD_PRODUCT:
		return arena_printf(arena, "%s: a rule that selects it; or %s in ApprovedPatches",
				    what, id);
	case HOLD_NO_NOTICE:
		return arena_printf(
			arena,
			"%s: a rule with EnableNonSecurity and filters of *; or its name in "
			"ApprovedPatches with ApprovedPatchesEnableNonSecurity",
			what);
	case HOLD_NO_DATE:
		return arena_printf(arena, "%s: unknown_date: approve; or %s in ApprovedPatches",
				    what, id);
	case HOLD_REJECTED:
		return arena_printf(arena, "%s: taking it off RejectedPatches", what);
	case HOLD_NOT_IN_REPOSITORY:
		return arena_printf(arena, "%s: enabling the repository that offers it", what);
	case HOLD_EXCLUDED:
		return arena_printf(arena, "%s: removing the exclude, or honor_excludes: false",
				    what);
	case HOLD_NONE:
		break;
	}
	return NULL;
}

static struct builds builds_of(const struct explained *x)
{
	bool kernel = platform_is_kernel(x->in->platform, x->target.name);

	return builds_collect(&x->judge.approval, &x->s->snapshot->catalogue, x->target.name,
			      x->target.arch, kernel ? BUILDS_NOTICED : BUILDS_AVAILABLE,
			      x->judge.arena);
}

static json_t *explanation_json(const struct explained *x)
{
	json_t *builds = json_array(), *changes = json_array();
	const char *id = x->found ? nevra_id(x->judge.arena, &x->target) : x->asked;
	const struct patch *patch = x->found ? patch_of(x, id) : NULL;
	struct builds all = { 0 };

	if (x->found && x->in->platform)
		all = builds_of(x);
	for (size_t i = all.n; i > 0; i--) {
		const char *change = remedy(x, &all.items[i - 1]);

		json_array_append_new(builds, build_json(x, &all.items[i - 1]));
		if (change)
			json_array_append_new(changes, jsonx_text(change));
	}
	return json_pack("{s:s,s:o,s:o,s:b,s:o,s:o,s:o,s:o}", "kind", "package", "package",
			 jsonx_text(id), "as_of", jsonx_time(x->in->now), "matched", x->found,
			 "builds", builds, "state",
			 jsonx_text(patch ? patch_state_name(patch->state) : NULL), "conclusion",
			 jsonx_text(conclusion(x, patch)), "would_change", changes);
}

int verb_explain(struct session *s, json_t **ret, struct err *err)
{
	_cleanup_(report_freep)
	struct report *report = NULL;
	struct evaluation in;
	struct explained x = { .s = s, .in = &in, .asked = s->request.explain };

	if (!x.asked || !*x.asked)
		return err_set(err, EXIT_STATUS_USAGE, "explain: no package is named");
	if (session_prepare(s, &in, err) < 0)
		return -1;
	report = evaluate_judge(&in, &x.judge);
	find_target(&x);
	if (x.others)
		return err_set(err, EXIT_STATUS_USAGE,
			       "'%s' matches %s, %s and more; name one package", x.asked,
			       x.target.name, x.other);
	*ret = json_pack("{s:o}", "explanation", explanation_json(&x));
	return 0;
}
