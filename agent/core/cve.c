// SPDX-License-Identifier: Apache-2.0
#include "core/cve.h"

static const char *const answers[] = {
	[CVE_UNKNOWN] = "unknown",
	[CVE_NOT_FIXED] = "not-fixed",
	[CVE_INSTALLED_NOT_ACTIVE] = "installed-not-active",
	[CVE_FIXED_BY_LIVEPATCH] = "fixed-by-livepatch",
	[CVE_FIXED_BY_KERNEL] = "fixed-by-kernel",
};

static const char *const fixes[] = {
	[CVE_FIX_RUNNING_KERNEL] = "running kernel",
	[CVE_FIX_LIVEPATCH] = "livepatch",
	[CVE_FIX_NEWER_KERNEL] = "newer kernel",
	[CVE_FIX_OTHER_SERIES] = "kernel of another series",
};

const char *cve_answer_name(enum cve_answer answer)
{
	return answers[answer];
}

const char *cve_fix_name(enum cve_fix fix)
{
	return fixes[fix];
}

static struct cve_evidence classify(const struct judge *j, const struct build *b, bool livepatch)
{
	struct cve_evidence e = { .package = b->nevra, .active = TRISTATE_UNKNOWN };

	if (livepatch) {
		e.fix = CVE_FIX_LIVEPATCH;
		e.installed =
			j->livepatch && evr_compare(&b->nevra.evr, &j->livepatch->nevra.evr) <= 0;
		if (e.installed)
			e.active = j->livepatch_active;
		return e;
	}
	e.installed = judge_runs_at_least(j, &b->nevra.evr);
	e.fix = e.installed			       ? CVE_FIX_RUNNING_KERNEL
		: judge_is_of_series(j, &b->nevra.evr) ? CVE_FIX_NEWER_KERNEL
						       : CVE_FIX_OTHER_SERIES;
	return e;
}

static void look_at(struct judge *j, const struct builds *builds, bool livepatch, const char *cve,
		    struct cve_result *result)
{
	for (size_t i = 0; i < builds->n; i++) {
		const struct build *b = &builds->items[i];

		for (size_t k = 0; k < b->n_notices; k++) {
			struct cve_evidence e;

			if (!advisory_has_ref(b->notices[k], cve))
				continue;
			e = classify(j, b, livepatch);
			e.advisory = b->notices[k];
			e.released = approval_release_date(j->in->config, b->notices[k]);
			*ARENA_PUSH(j->arena, result->evidence, result->n_evidence) = e;
		}
	}
}

static bool any_fix(const struct cve_result *r, enum cve_fix fix, bool installed)
{
	for (size_t i = 0; i < r->n_evidence; i++)
		if (r->evidence[i].fix == fix && r->evidence[i].installed == installed)
			return true;
	return false;
}

static void conclude(const struct judge *j, const char *cve, struct cve_result *r)
{
	if (any_fix(r, CVE_FIX_RUNNING_KERNEL, true)) {
		r->answer = CVE_FIXED_BY_KERNEL;
		r->reason = "the running kernel, or an older one of its line, was released with "
			    "the fix";
	} else if (any_fix(r, CVE_FIX_LIVEPATCH, true) && j->livepatch_active == TRISTATE_YES) {
		r->answer = CVE_FIXED_BY_LIVEPATCH;
		r->reason = "an installed livepatch has the fix, and the kernel runs it";
	} else if (any_fix(r, CVE_FIX_LIVEPATCH, true) && j->livepatch_active == TRISTATE_NO) {
		r->answer = CVE_INSTALLED_NOT_ACTIVE;
		r->reason = "an installed livepatch has the fix, but the kernel does not run it";
	} else if (any_fix(r, CVE_FIX_LIVEPATCH, true)) {
		r->reason =
			"an installed livepatch has the fix, but whether the kernel runs it cannot "
			"be told here";
	} else if (any_fix(r, CVE_FIX_LIVEPATCH, false)) {
		r->answer = CVE_NOT_FIXED;
		r->reason = "a livepatch with the fix is published and not installed";
	} else if (any_fix(r, CVE_FIX_NEWER_KERNEL, false) && j->livepatch_blind) {
		r->reason =
			"a newer kernel has the fix; whether a livepatch has it cannot be told, "
			"since the livepatch repositories could not be looked at";
	} else if (any_fix(r, CVE_FIX_NEWER_KERNEL, false)) {
		r->answer = CVE_NOT_FIXED;
		r->reason = "only a newer kernel has the fix, no livepatch for the running one";
	} else if (r->n_evidence) {
		r->reason = "only kernels of another series are named with it; whether it concerns "
			    "the running one cannot be told";
	} else {
		r->reason =
			arena_printf(j->arena,
				     "no notice for the running kernel's line or its livepatches "
				     "names %s: it may not concern this kernel, or have no fix yet",
				     cve);
	}
}

static void add_known(struct judge *j, const struct builds *builds, struct word_set *set)
{
	for (size_t i = 0; i < builds->n; i++)
		for (size_t k = 0; k < builds->items[i].n_notices; k++) {
			const struct advisory *a = builds->items[i].notices[k];

			for (size_t r = 0; r < a->n_refs; r++)
				if (advisory_ref_is_cve(&a->refs[r]))
					word_set_add(set, j->arena, a->refs[r].id);
		}
}

struct word_set cve_known(struct judge *j)
{
	struct word_set set = { 0 };

	add_known(j, &j->kernel_builds, &set);
	add_known(j, &j->livepatch_builds, &set);
	word_set_seal(&set);
	return set;
}

/* Builds come oldest first, so the first that has the fix is the least to install. */
static const char *least(const struct judge *j, const struct cve_result *r, enum cve_fix fix)
{
	for (size_t i = 0; i < r->n_evidence; i++)
		if (r->evidence[i].fix == fix)
			return nevra_text(j->arena, &r->evidence[i].package);
	return NULL;
}

const char *cve_action(struct judge *j, const struct cve_result *result)
{
	const char *livepatch = least(j, result, CVE_FIX_LIVEPATCH);
	const char *kernel = least(j, result, CVE_FIX_NEWER_KERNEL);

	if (result->answer == CVE_INSTALLED_NOT_ACTIVE)
		return arena_printf(j->arena,
				    "Make the kernel run %s: klpctl verify says what is in its way",
				    livepatch);
	if (result->answer != CVE_NOT_FIXED)
		return NULL;
	return livepatch ? arena_printf(j->arena,
					"Install %s or newer, without a reboot: klpctl install "
					"does as soon as the baseline approves it",
					livepatch)
			 : arena_printf(j->arena,
					"Install %s or newer and boot it: klpctl install "
					"--with-kernel",
					kernel);
}

struct cve_result cve_look(struct judge *j, const char *cve)
{
	struct cve_result r = { .answer = CVE_UNKNOWN };

	look_at(j, &j->kernel_builds, false, cve, &r);
	look_at(j, &j->livepatch_builds, true, cve, &r);
	conclude(j, cve, &r);
	return r;
}
