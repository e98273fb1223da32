// SPDX-License-Identifier: Apache-2.0
#include "core/judge.h"

/*
 * Kernel coverage (semantics 5.3, ruling 6)
 *
 * A newer kernel counts as installed when the livepatch that is installed *and active* fixes every
 * CVE that the kernel notices in between fix. policy `approved` counts only CVEs of approved kernel
 * builds; `aws` is what AWS's payload does: notices of all livepatches, available ones too, the
 * running kernel's own notices included in the need, no look at activation.
 */

static void add_cves(struct judge *j, struct word_set *set, const struct build *build)
{
	for (size_t i = 0; i < build->n_notices; i++) {
		const struct advisory *a = build->notices[i];

		for (size_t k = 0; k < a->n_refs; k++)
			if (advisory_ref_is_cve(&a->refs[k]))
				word_set_add(set, j->arena, a->refs[k].id);
	}
}

static struct word_set needed_cves(struct judge *j, enum coverage_policy policy)
{
	struct evr_range range = { &j->running_evr, j->kernel_waiting };
	struct word_set need = { 0 };

	for (size_t i = 0; i < j->kernel_builds.n; i++) {
		const struct build *b = &j->kernel_builds.items[i];
		bool running = evr_compare(&b->nevra.evr, &j->running_evr) == 0;

		if (!evr_range_has(&range, &b->nevra.evr) && !(policy == COVERAGE_AWS && running))
			continue;
		if (policy == COVERAGE_APPROVED && !b->approval.approved)
			continue;
		add_cves(j, &need, b);
	}
	word_set_seal(&need);
	return need;
}

static struct word_set fixed_cves(struct judge *j, enum coverage_policy policy)
{
	struct evr_range installed = { NULL, &j->livepatch->nevra.evr };
	struct word_set have = { 0 };

	for (size_t i = 0; i < j->livepatch_builds.n; i++)
		if (policy == COVERAGE_AWS ||
		    evr_range_has(&installed, &j->livepatch_builds.items[i].nevra.evr))
			add_cves(j, &have, &j->livepatch_builds.items[i]);
	for (size_t i = 0; i < j->kernel_builds.n && policy != COVERAGE_AWS; i++)
		if (judge_runs_at_least(j, &j->kernel_builds.items[i].nevra.evr))
			add_cves(j, &have, &j->kernel_builds.items[i]);
	word_set_seal(&have);
	return have;
}

/* Why the rule may not be applied at all, or NULL. */
static const char *obstacle(const struct judge *j)
{
	const struct report_live_patching *lp = &j->report->live_patching;
	bool strict = j->in->config->coverage != COVERAGE_AWS;
	char buf[TIMEX_TEXT_MAX];

	if (!lp->enabled)
		return "live patching is not enabled";
	if (j->in->platform->service && lp->service != TRISTATE_YES)
		return arena_printf(j->arena, "%s is not enabled", j->in->platform->service);
	if (!j->livepatch)
		return "no livepatch for the running kernel is installed";
	if (!j->livepatch_item || j->livepatch_item->state == PATCH_MISSING ||
	    j->livepatch_item->state == PATCH_FAILED)
		return "an approved livepatch is still missing";
	if (strict && j->livepatch_active != TRISTATE_YES)
		return "the installed livepatch is not known to be active";
	if (j->lifecycle.in_window == TRISTATE_NO)
		return arena_printf(j->arena, "the running kernel's livepatch window ended on %s",
				    timex_format_date(j->lifecycle.window_ends, buf));
	if (j->lifecycle.in_window == TRISTATE_UNKNOWN && j->in->platform->support_months > 0)
		return "the running kernel's build date is not known";
	if (!judge_is_of_series(j, j->kernel_waiting))
		return "the newer kernel is of another series";
	return NULL;
}

static const struct nevra *waiting_nevra(const struct judge *j, struct nevra *buf)
{
	const char *id = j->kernel_item->id;
	size_t len = strlen(id) - strlen(j->arch) - 1;

	*buf = (struct nevra){ .name = arena_strndup(j->arena, id, len),
			       .evr = *j->kernel_waiting,
			       .arch = j->arch };
	return buf;
}

static void credit(struct judge *j)
{
	struct patch *kernel = j->kernel_item;

	kernel->state = PATCH_INSTALLED;
	kernel->installed_time = TIME_UNSET; /* semantics 5.1c: Installed without install time */
	kernel->reason =
		j->kernel_waiting_installed
			? "installed for the next boot; the active livepatch has all its fixes"
			: "not installed, but the active livepatch has all its fixes";
}

static bool any_module_enabled(const struct node *node)
{
	for (size_t i = 0; i < node->n_modules; i++)
		if (node->modules[i].enabled == 1)
			return true;
	return false;
}

/* Why it cannot be told which livepatch is active, or NULL. */
static const char *activation_doubt(const struct judge *j)
{
	if (!j->in->snapshot->node.rpmdb_read)
		return "which livepatch is installed is not known";
	if (j->livepatch && j->livepatch_active == TRISTATE_UNKNOWN)
		return "whether the installed livepatch is active is not known";
	if (j->livepatch_active != TRISTATE_YES && any_module_enabled(&j->in->snapshot->node))
		return "the kernel runs a livepatch that is not the installed one, and what that "
		       "fixes is not known";
	return NULL;
}

/* Why the level cannot be told, or NULL. What is not seen could be a CVE that is not fixed. */
static const char *sight_doubt(const struct judge *j)
{
	const struct catalogue *c = &j->in->snapshot->catalogue;
	bool kernels = false;

	if (j->livepatch_blind)
		return "what the active livepatch fixes is not known, its repositories could not "
		       "be "
		       "looked at";
	for (size_t i = 0; i < c->n_repositories; i++) {
		if (!judge_should_see(j, &c->repositories[i], REPO_ROLE_KERNEL))
			continue;
		if (!repository_usable(&c->repositories[i]))
			return arena_printf(j->arena,
					    "what newer kernels fix is not known, %s could not be "
					    "looked at",
					    c->repositories[i].id);
		kernels = true;
	}
	return kernels ? NULL : "what newer kernels fix is not known, no repository has them";
}

/*
 * The newest build of the running series up to which every build's CVEs are fixed. Builds that the
 * baseline does not approve count, and so do kernels whose window has ended: this is a statement
 * about code, not about compliance. @ret_next: the first build that is beyond it, or NULL.
 */
static const struct evr *level_of(struct judge *j, const struct build **ret_next)
{
	struct word_set have = fixed_cves(j, COVERAGE_STRICT);
	const struct evr *level = &j->running_evr;

	*ret_next = NULL;
	for (size_t i = 0; i < j->kernel_builds.n && !*ret_next; i++) {
		const struct build *b = &j->kernel_builds.items[i];
		struct word_set need = { 0 };

		if (evr_compare(&b->nevra.evr, &j->running_evr) <= 0 ||
		    !judge_is_of_series(j, &b->nevra.evr))
			continue;
		add_cves(j, &need, b);
		for (size_t k = 0; k < need.n && !*ret_next; k++)
			if (!word_set_has(&have, need.items[k]))
				*ret_next = b;
		if (!*ret_next)
			level = &b->nevra.evr;
	}
	return level;
}

void judge_effective(struct judge *j)
{
	struct report_effective *e = &j->report->live_patching.effective;
	struct nevra level = { j->kernel_name, j->running_evr, j->arch };
	const struct build *next;

	if (!j->kernel_name)
		return;
	e->reason = activation_doubt(j);
	if (e->reason)
		return;
	if (j->livepatch_active != TRISTATE_YES) {
		e->kernel = nevra_text(j->arena, &level);
		e->reason = "no livepatch is active";
		return;
	}
	e->livepatch = arena_printf(j->arena, "%s-%s", j->livepatch->nevra.evr.version,
				    j->livepatch->nevra.evr.release);
	e->reason = sight_doubt(j);
	if (e->reason)
		return;
	level.evr = *level_of(j, &next);
	e->kernel = nevra_text(j->arena, &level);
	e->reason = next ? arena_printf(j->arena, "%s fixes CVEs that are not fixed in what runs",
					nevra_text(j->arena, &next->nevra))
			 : "no kernel of its series that is known fixes more";
}

void judge_coverage(struct judge *j)
{
	struct report_coverage *c = &j->report->coverage;
	struct word_set need, have = { 0 };
	struct nevra waiting;

	c->policy = j->in->config->coverage;
	if (!j->kernel_item || !j->kernel_waiting ||
	    (j->kernel_item->state != PATCH_MISSING &&
	     j->kernel_item->state != PATCH_INSTALLED_PENDING_REBOOT)) {
		c->reason = "no newer kernel is approved or waits for a boot";
		return;
	}
	c->kernel_candidate = nevra_text(j->arena, waiting_nevra(j, &waiting));
	need = needed_cves(j, c->policy);
	c->needed = need.items;
	c->n_needed = need.n;

	c->reason = obstacle(j);
	if (!c->reason && j->livepatch_blind) {
		c->blind = true;
		c->reason = "the livepatch repositories could not be read, so what the active "
			    "livepatch "
			    "fixes is not known";
	}
	c->evaluated = !c->reason;
	if (c->evaluated)
		have = fixed_cves(j, c->policy);
	for (size_t i = 0; i < need.n; i++)
		if (!word_set_has(&have, need.items[i]))
			*ARENA_PUSH(j->arena, c->missing, c->n_missing) = need.items[i];
	if (!c->evaluated)
		return;
	c->covered = c->n_missing == 0;
	if (c->covered) {
		c->reason = "the active livepatch fixes every CVE that the newer kernel fixes";
		credit(j);
	} else {
		c->reason = arena_printf(
			j->arena,
			"%zu of the %zu CVEs that the newer kernel fixes are not fixed "
			"by the active livepatch",
			c->n_missing, c->n_needed);
	}
}
