// SPDX-License-Identifier: Apache-2.0
#include "core/judge.h"

/*
 * The kernel package of the running line. Kernels are judged by their notices alone: the primary
 * metadata of kernel repositories is not read for a scan (DESIGN section 4).
 */

/* uname knows neither epoch nor rebuild; the package of that version, or else a notice, tells. */
static struct evr running_evr(const struct judge *j, const char *name)
{
	const struct node *node = &j->in->snapshot->node;

	for (size_t i = 0; i < node->n_installed; i++) {
		const struct nevra *n = &node->installed[i].nevra;

		if (streq(n->name, name) && platform_line_is_build(j->line, &j->running, &n->evr))
			return n->evr;
	}
	for (size_t i = 0; i < j->kernel_builds.n; i++) {
		const struct evr *n = &j->kernel_builds.items[i].nevra.evr;

		if (platform_line_is_build(j->line, &j->running, n))
			return *n;
	}
	return (struct evr){ 0, j->running.version, j->running.release };
}

bool judge_is_of_series(const struct judge *j, const struct evr *evr)
{
	size_t len = strlen(j->series);

	return starts_with(evr->version, j->series) &&
	       (evr->version[len] == '.' || evr->version[len] == '\0');
}

bool judge_runs_at_least(const struct judge *j, const struct evr *evr)
{
	return judge_is_of_series(j, evr) && evr_compare(evr, &j->running_evr) <= 0;
}

/* Newer than what runs: only a boot brings it into effect. */
static bool is_newer(const struct judge *j, const struct installed *installed)
{
	return j->in->snapshot->node.is_running_system &&
	       evr_compare(&installed->nevra.evr, &j->running_evr) > 0;
}

/*
 * Pending: installed since the last boot (semantics 1.5, U2). Derived from the live state at every
 * look, never from a record of past runs.
 */
static bool waits_for_boot(const struct judge *j, const struct installed *installed)
{
	const struct node *node = &j->in->snapshot->node;

	return j->in->config->pending_external && is_newer(j, installed) &&
	       node->boot_time != TIME_UNSET && installed->install_time > node->boot_time;
}

static void report_kernel(struct judge *j, const struct installed *installed,
			  const struct build *candidate)
{
	bool missing = candidate && evr_compare(&candidate->nevra.evr, &installed->nevra.evr) > 0;
	const struct nevra *reported = missing ? &candidate->nevra : &installed->nevra;
	struct patch *patch = judge_patch(j, PATCH_KERNEL, reported, installed, candidate);
	struct evr_range range = { NULL, NULL };

	if (missing) {
		patch->state = PATCH_MISSING;
		patch->installed_time = TIME_UNSET;
		range = (struct evr_range){ &installed->nevra.evr, &candidate->nevra.evr };
		j->kernel_waiting = &candidate->nevra.evr;
	} else if (candidate) {
		size_t i = (size_t)(candidate - j->kernel_builds.items);

		patch->state = PATCH_INSTALLED;
		range.after = i > 0 ? &j->kernel_builds.items[i - 1].nevra.evr : NULL;
		range.up_to = &candidate->nevra.evr;
	} else {
		judge_unasked(j, patch, reported);
	}
	if (candidate)
		judge_describe(j, patch, &j->kernel_builds, range);

	if (!missing && waits_for_boot(j, installed)) {
		j->kernel_waiting = &installed->nevra.evr;
		j->kernel_waiting_installed = true;
		patch->state = PATCH_INSTALLED_PENDING_REBOOT;
		patch->reason =
			arena_printf(j->arena,
				     "installed, but the running kernel is %s; it takes effect at "
				     "the next boot",
				     j->in->snapshot->node.kernel);
	} else if (!missing && is_newer(j, installed)) {
		finding_add(&j->report->findings, FINDING_WARNING, "older-kernel-running",
			    j->in->snapshot->node.kernel,
			    "the running kernel %s was booted although the newer %s was installed "
			    "already, and lacks its fixes",
			    j->in->snapshot->node.kernel, patch->title);
	}
	j->kernel_item = patch;
}

void judge_kernel(struct judge *j)
{
	const struct installed *installed;
	const struct build *candidate;

	if (!j->line)
		return;
	j->kernel_name = judge_kernel_package(j, j->line, &installed);
	if (!j->kernel_name)
		return;
	j->kernel_builds = builds_collect(&j->approval, &j->in->snapshot->catalogue, j->kernel_name,
					  j->arch, BUILDS_NOTICED, j->arena);
	j->running_evr = running_evr(j, j->kernel_name);
	candidate = builds_candidate(&j->kernel_builds);
	if (!installed) {
		if (candidate)
			j->report->summary.not_applicable++;
		return;
	}
	report_kernel(j, installed, candidate);
	judge_held(j, PATCH_KERNEL, &j->kernel_builds, installed);
}
