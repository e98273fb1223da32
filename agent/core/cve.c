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
	e.installed = evr_compare(&b->nevra.evr, &j->running_evr) <= 0;
	e.fix = e.installed ? CVE_FIX_RUNNING_KERNEL : CVE_FIX_NEWER_KERNEL;
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
	} else if (any_fix(r, CVE_FIX_NEWER_KERNEL, false)) {
		r->answer = CVE_NOT_FIXED;
		r->reason = "only a newer kernel has the fix, no livepatch for the running one";
	} else {
		r->reason =
			arena_printf(j->arena,
				     "no notice for the running kernel's line or its livepatches "
				     "names %s: it may not concern this kernel, or have no fix yet",
				     cve);
	}
}

struct cve_result cve_look(struct judge *j, const char *cve)
{
	struct cve_result r = { .answer = CVE_UNKNOWN };

	look_at(j, &j->kernel_builds, false, cve, &r);
	look_at(j, &j->livepatch_builds, true, cve, &r);
	conclude(j, cve, &r);
	return r;
}
