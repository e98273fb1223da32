// SPDX-License-Identifier: Apache-2.0
#include "core/evaluate.h"

#include "core/judge.h"

/* What is known through the repositories of one role. */
enum sight {
	SIGHT_CLEAR,
	SIGHT_NONE, /* something that should be looked at could not be, or is too old */
};

/* By uname -v, as AWS does; where that has no date (an image, a local build), by its package. */
static int64_t build_date(const struct judge *j)
{
	const struct node *node = &j->in->snapshot->node;

	if (node->kernel_build_date != TIME_UNSET)
		return node->kernel_build_date;
	for (size_t i = 0; i < node->n_installed; i++) {
		const struct nevra *n = &node->installed[i].nevra;

		if (platform_is_kernel(j->in->platform, n->name) && streq(n->arch, j->arch) &&
		    platform_line_is_build(j->line, &j->running, &n->evr))
			return node->installed[i].build_time;
	}
	return TIME_UNSET;
}

/* Which kernel runs, and whether livepatches exist for it. Fills the judge; says why not. */
static void identify(struct judge *j)
{
	const struct node *node = &j->in->snapshot->node;
	const struct platform *p = j->in->platform;
	struct findings *f = &j->report->findings;

	if (!p) {
		finding_add(
			f, FINDING_WARNING, "platform-unknown",
			node->os_name ? node->os_name : "os-release",
			"no platform profile fits this system; add one below /etc/klpd/platforms");
		return;
	}
	j->kernel_unknown = !node->kernel;
	if (!node->kernel || kernel_release_parse(node->kernel, j->arena, &j->running) < 0) {
		finding_add(f, FINDING_WARNING, "kernel-unknown", node->kernel ? node->kernel : "",
			    "the running kernel's release %s; name it with --kernel=RELEASE",
			    node->kernel ? "is not one this platform builds" : "is not known");
		return;
	}
	j->series = kernel_series(j->arena, j->running.version);
	j->arch = j->running.arch ? j->running.arch : node->arch;
	j->line = j->arch ? platform_kernel_line(p, &j->running) : NULL;
	if (!j->line) {
		finding_add(f, FINDING_WARNING, "kernel-line-unknown", node->kernel,
			    "the profile %s knows no kernel line for the running kernel %s",
			    p->name, node->kernel);
		return;
	}
	j->build_date = build_date(j);
	/* a window is what a kernel has that gets livepatches: see below */
	j->lifecycle.supported = TRISTATE_NO;
	if (!j->line->livepatch) {
		finding_add(f, FINDING_INFO, "kernel-line-unsupported", node->kernel,
			    "kernels of the %s line get no livepatches", j->line->series);
		return;
	}
	if (!platform_line_has_arch(j->line, j->arch)) {
		finding_add(f, FINDING_INFO, "kernel-line-unsupported", node->kernel,
			    "kernels of the %s line get no livepatches on %s", j->line->series,
			    j->arch);
		return;
	}
	j->livepatch_name = platform_livepatch_name(p, &j->running, j->arena);
	if (platform_line_is_before(j->line, &j->running, j->arena)) {
		finding_add(f, FINDING_WARNING, "kernel-too-old", node->kernel,
			    "livepatches of the %s line begin with %s; boot that kernel or a newer "
			    "one",
			    j->line->series, j->line->minimum);
		return;
	}
	j->lifecycle = lifecycle_of(p, j->line, j->build_date, j->in->now);
	j->livepatch_applies = true;
}

static bool is_stale(const struct judge *j, const struct repository *r)
{
	return r->fetched == TIME_UNSET || j->in->now - r->fetched > j->in->config->stale_after;
}

static enum sight look(struct judge *j, enum repo_role role)
{
	const struct catalogue *c = &j->in->snapshot->catalogue;
	enum sight sight = SIGHT_CLEAR;
	bool any = false;

	for (size_t i = 0; i < c->n_repositories; i++) {
		const struct repository *r = &c->repositories[i];

		if (!judge_should_see(j, r, role))
			continue;
		if (!repository_usable(r)) {
			sight = SIGHT_NONE;
			continue;
		}
		any = true;
		if (role == REPO_ROLE_LIVEPATCH && !r->primary_read)
			sight = SIGHT_NONE;
		if (is_stale(j, r)) {
			char buf[TIMEX_TEXT_MAX];

			sight = SIGHT_NONE;
			finding_add(
				&j->report->findings, FINDING_ERROR, "metadata-stale", r->id,
				"metadata of %s was last confirmed %s, longer ago than stale_after "
				"allows; scan again when the repository can be reached",
				r->id,
				r->fetched == TIME_UNSET ? "at an unknown time"
							 : timex_format(r->fetched, buf));
		}
	}
	return any ? sight : SIGHT_NONE;
}

static enum verdict verdict_of_state(enum patch_state state)
{
	switch (state) {
	case PATCH_MISSING:
	case PATCH_FAILED:
	case PATCH_INSTALLED_REJECTED:
	case PATCH_INSTALLED_PENDING_REBOOT:
		return VERDICT_NON_COMPLIANT;
	case PATCH_INSTALLED:
	case PATCH_INSTALLED_OTHER:
	case PATCH_NOT_APPLICABLE:
		break;
	}
	return VERDICT_COMPLIANT;
}

/* NON_COMPLIANT is a fact whatever else could not be seen; COMPLIANT needs a clear sight. */
static enum verdict verdict_with_sight(enum verdict known, enum sight sight)
{
	return known == VERDICT_COMPLIANT && sight == SIGHT_NONE ? VERDICT_UNKNOWN : known;
}

static enum verdict livepatch_verdict(struct judge *j)
{
	enum verdict v = VERDICT_COMPLIANT;
	enum sight sight;

	if (j->kernel_unknown)
		return VERDICT_UNKNOWN;
	if (!j->livepatch_applies)
		return VERDICT_NOT_APPLICABLE;
	if (!j->in->snapshot->node.rpmdb_read)
		return VERDICT_UNKNOWN;
	if (!j->report->live_patching.enabled)
		return VERDICT_NOT_APPLICABLE;
	sight = look(j, REPO_ROLE_LIVEPATCH);
	j->livepatch_blind = sight == SIGHT_NONE;
	if (j->livepatch_item) {
		v = verdict_of_state(j->livepatch_item->state);
		if (j->livepatch_active == TRISTATE_NO)
			v = VERDICT_NON_COMPLIANT;
		/* a module-less package on a running system: whether it works cannot be told */
		if (v == VERDICT_COMPLIANT && j->livepatch &&
		    j->livepatch_active == TRISTATE_UNKNOWN &&
		    j->in->snapshot->node.livepatch_sysfs)
			v = VERDICT_UNKNOWN;
	}
	return verdict_with_sight(v, sight);
}

static enum verdict kernel_verdict(struct judge *j)
{
	enum sight sight;

	if (j->kernel_unknown)
		return VERDICT_UNKNOWN;
	if (!j->line)
		return VERDICT_NOT_APPLICABLE;
	if (!j->in->snapshot->node.rpmdb_read)
		return VERDICT_UNKNOWN;
	if (!j->kernel_item)
		return VERDICT_NOT_APPLICABLE;
	/* whether the livepatch stands in for the newer kernel could not be judged (ruling 12) */
	if (j->kernel_waiting && j->report->coverage.blind)
		return VERDICT_UNKNOWN;
	sight = look(j, REPO_ROLE_KERNEL);
	j->kernel_blind = sight == SIGHT_NONE;
	return verdict_with_sight(verdict_of_state(j->kernel_item->state), sight);
}

/* NON_COMPLIANT over UNKNOWN over COMPLIANT over NOT_APPLICABLE: the order of the enum. */
static enum verdict worse(enum verdict a, enum verdict b)
{
	return a > b ? a : b;
}

static void judge_reboot(struct judge *j)
{
	struct report *r = j->report;
	const struct patch *k = j->kernel_item;
	const char *reason;

	r->reboot = REBOOT_NO;
	if (!k || !j->kernel_waiting)
		return;
	if (r->coverage.covered) {
		r->reboot = REBOOT_NO_KERNEL_COVERED;
		reason = arena_printf(j->arena, "%s is covered by the active livepatch",
				      r->coverage.kernel_candidate);
	} else if (k->state == PATCH_MISSING) {
		r->reboot = REBOOT_YES;
		reason = arena_printf(j->arena, "%s is approved, must be installed and booted: %s",
				      r->coverage.kernel_candidate, r->coverage.reason);
	} else if (k->state == PATCH_INSTALLED_PENDING_REBOOT) {
		r->reboot = REBOOT_YES;
		reason = arena_printf(j->arena, "%s is installed and not booted: %s",
				      r->coverage.kernel_candidate, r->coverage.reason);
	} else {
		return;
	}
	*ARENA_PUSH(j->arena, r->reboot_reasons, r->n_reboot_reasons) = reason;
}

/* What to do about a window that ends, as the rest of a sentence. */
static const char *way_out(struct judge *j)
{
	const struct kernel_choice *c = judge_kernel_to_move_to(j);

	if (!c)
		return j->report->next_boot;
	return arena_printf(j->arena,
			    c->installed ? "reboot into %s, which is installed"
					 : "install %s and reboot into it",
			    nevra_text(j->arena, &c->nevra));
}

static void remark_lifecycle(struct judge *j)
{
	const struct lifecycle *l = &j->lifecycle;
	bool by_line = j->line && l->supported_until == j->line->ends;
	char buf[TIMEX_TEXT_MAX];

	if (!j->livepatch_applies || !j->report->live_patching.enabled)
		return;
	timex_format_date(l->supported_until, buf);
	if (l->supported == TRISTATE_NO)
		finding_add(&j->report->findings, FINDING_WARNING, "out-of-window",
			    j->in->snapshot->node.kernel,
			    "livepatches for the running kernel ended on %s%s; %s", buf,
			    by_line ? ", as for its whole line" : "", way_out(j));
	else if (l->supported == TRISTATE_YES &&
		 l->days_left <= j->in->config->support_warning / SEC_PER_DAY)
		finding_add(&j->report->findings, FINDING_WARNING, "window-ends-soon",
			    j->in->snapshot->node.kernel,
			    "livepatches for the running kernel end after %s (%lld day%s left)%s; "
			    "before then: %s",
			    buf, (long long)l->days_left, l->days_left == 1 ? "" : "s",
			    by_line ? ", as for its whole line" : "", way_out(j));
}

static void summarise(struct report *r)
{
	for (size_t i = 0; i < r->n_patches; i++) {
		switch (r->patches[i].state) {
		case PATCH_INSTALLED:
			r->summary.installed++;
			break;
		case PATCH_INSTALLED_OTHER:
			r->summary.installed_other++;
			break;
		case PATCH_INSTALLED_PENDING_REBOOT:
			r->summary.installed_pending_reboot++;
			break;
		case PATCH_INSTALLED_REJECTED:
			r->summary.installed_rejected++;
			break;
		case PATCH_MISSING:
			r->summary.missing++;
			break;
		case PATCH_FAILED:
			r->summary.failed++;
			break;
		case PATCH_NOT_APPLICABLE:
			r->summary.not_applicable++;
			break;
		}
	}
}

static struct report *report_new(const struct evaluation *in)
{
	struct report *r = xcalloc(1, sizeof(*r));

	r->arena = arena_new();
	r->findings.arena = r->arena;
	r->operation = in->operation;
	r->reboot_option = in->reboot_option;
	r->trigger = arena_strdup(r->arena, in->trigger);
	r->started = r->finished = TIME_UNSET;
	r->as_of = in->now;
	r->node = &in->snapshot->node;
	r->catalogue = &in->snapshot->catalogue;
	r->baseline = in->baseline;
	r->live_patching.service = TRISTATE_UNKNOWN;
	r->live_patching.repository = TRISTATE_UNKNOWN;
	r->live_patching.in_window = TRISTATE_UNKNOWN;
	r->live_patching.supported_until = TIME_UNSET;
	r->live_patching.line_ends = TIME_UNSET;
	r->live_patching.effective.reason = "the line of the running kernel is not known";
	r->coverage.policy = in->config->coverage;
	r->coverage.reason = "";
	findings_copy(&r->findings, &in->snapshot->findings);
	return r;
}

struct report *evaluate_judge(const struct evaluation *in, struct judge *j)
{
	struct report *r = report_new(in);

	*j = (struct judge){
		.in = in,
		.report = r,
		.arena = r->arena,
		.approval = { in->baseline, in->platform, in->config, in->now },
		.build_date = TIME_UNSET,
		.lifecycle = { .window_ends = TIME_UNSET,
			       .supported_until = TIME_UNSET,
			       .in_window = TRISTATE_UNKNOWN,
			       .supported = TRISTATE_UNKNOWN },
	};
	identify(j);
	if (in->platform) {
		judge_live_patching(j);
		judge_livepatch(j);
		r->livepatch = livepatch_verdict(j);
		judge_kernel(j);
		judge_coverage(j);
		r->kernel = kernel_verdict(j);
		judge_effective(j);
		judge_orphans(j);
	}
	judge_kernels(j);
	r->overall = r->livepatch;
	if (in->config->scope == SCOPE_ALL)
		r->overall = worse(r->livepatch, r->kernel);
	judge_reboot(j);
	remark_lifecycle(j);
	summarise(r);
	return r;
}

struct report *evaluate(const struct evaluation *in)
{
	struct judge j;

	return evaluate_judge(in, &j);
}

void report_free(struct report *report)
{
	if (!report)
		return;
	arena_free(report->arena);
	free(report);
}
