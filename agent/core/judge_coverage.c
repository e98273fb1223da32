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
	struct evr_range running = { NULL, &j->running_evr };
	struct word_set have = { 0 };

	for (size_t i = 0; i < j->livepatch_builds.n; i++)
		if (policy == COVERAGE_AWS ||
		    evr_range_has(&installed, &j->livepatch_builds.items[i].nevra.evr))
			add_cves(j, &have, &j->livepatch_builds.items[i]);
	for (size_t i = 0; i < j->kernel_builds.n && policy != COVERAGE_AWS; i++)
		if (evr_range_has(&running, &j->kernel_builds.items[i].nevra.evr))
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
	if (!streq(kernel_series(j->arena, j->running.version),
		   kernel_series(j->arena, j->kernel_waiting->version)))
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
