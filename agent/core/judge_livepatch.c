// SPDX-License-Identifier: Apache-2.0
#include "core/judge.h"

/*
 * Livepatches of the running kernel: what is installed, what the kernel really runs, what is
 * approved. Packages of other kernels never count (ruling 5); the marker is not a patch.
 */

static const struct repository *usable_livepatch_repository(const struct catalogue *c)
{
	for (size_t i = 0; i < c->n_repositories; i++)
		if (c->repositories[i].role == REPO_ROLE_LIVEPATCH &&
		    repository_usable(&c->repositories[i]))
			return &c->repositories[i];
	return NULL;
}

/* An enabled section counts even when it could not be reached. */
static enum tristate repository_enabled(const struct catalogue *c)
{
	enum tristate answer = TRISTATE_UNKNOWN;
	bool hidden = false;

	for (size_t i = 0; i < c->n_repositories; i++) {
		const struct repository *r = &c->repositories[i];

		if (r->role != REPO_ROLE_LIVEPATCH)
			continue;
		if (repository_switched_on(r) == TRISTATE_YES)
			return TRISTATE_YES;
		hidden = hidden || repository_switched_on(r) == TRISTATE_UNKNOWN;
		answer = TRISTATE_NO;
	}
	return hidden ? TRISTATE_UNKNOWN : answer;
}

void judge_live_patching(struct judge *j)
{
	const struct platform *p = j->in->platform;
	const struct node *node = &j->in->snapshot->node;
	struct report_live_patching *lp = &j->report->live_patching;
	bool any_livepatch = false;

	for (size_t i = 0; i < node->n_installed; i++) {
		const char *name = node->installed[i].nevra.name;

		if (j->livepatch_name && streq(name, j->livepatch_name))
			lp->marker = true;
		if (platform_is_livepatch(p, name))
			any_livepatch = true;
		if (platform_is_runtime(p, name))
			lp->runtime = true;
	}
	lp->service = p->service ? node->kpatch_service_enabled : TRISTATE_UNKNOWN;
	lp->repository = repository_enabled(&j->in->snapshot->catalogue);
	lp->enabled = lp->marker || (lp->runtime && (!p->service || lp->service == TRISTATE_YES) &&
				     (lp->repository == TRISTATE_YES || any_livepatch));
	lp->supported_until = j->lifecycle.supported_until;
	lp->days_left = j->lifecycle.days_left;
	lp->in_window = j->lifecycle.supported;
	if (j->line) {
		lp->series = j->series;
		lp->line_ends = j->line->livepatch ? j->line->ends : TIME_UNSET;
	}
}

static const struct livepatch_module *loaded_module(const struct node *node, const char *name)
{
	for (size_t i = 0; i < node->n_modules; i++)
		if (streq(node->modules[i].name, name))
			return &node->modules[i];
	return NULL;
}

/*
 * A livepatch is active when each of its modules is enabled and out of transition in
 * /sys/kernel/livepatch (DESIGN section 11: never by rpm's word). A kernel without the transition
 * attribute (before 4.12) has no transitions.
 */
static enum tristate judge_modules(struct judge *j, struct patch *patch,
				   const struct installed *installed, bool *ret_transition)
{
	const struct node *node = &j->in->snapshot->node;
	enum tristate active = TRISTATE_YES;

	*ret_transition = false;
	if (!node->livepatch_sysfs || installed->n_modules == 0)
		active = TRISTATE_UNKNOWN;
	for (size_t i = 0; i < installed->n_modules; i++) {
		const struct livepatch_module *m = loaded_module(node, installed->modules[i]);
		struct patch_module *pm = ARENA_PUSH(j->arena, patch->modules, patch->n_modules);

		*pm = (struct patch_module){
			.name = installed->modules[i],
			.loaded = m != NULL,
			.enabled = m ? m->enabled : -1,
			.transition = m ? m->transition : -1,
		};
		if (active == TRISTATE_UNKNOWN)
			continue;
		if (m && m->transition == 1)
			*ret_transition = true;
		if (!m || m->enabled != 1 || m->transition == 1)
			active = TRISTATE_NO;
	}
	return active;
}

static void report_activation(struct judge *j, struct patch *patch,
			      const struct installed *installed)
{
	const struct node *node = &j->in->snapshot->node;
	struct findings *f = &j->report->findings;
	bool transition;

	patch->active = judge_modules(j, patch, installed, &transition);
	j->livepatch_active = patch->active;
	if (patch->active == TRISTATE_YES)
		return;
	if (patch->active == TRISTATE_NO && transition)
		finding_add(
			f, FINDING_WARNING, "livepatch-in-transition", patch->title,
			"%s is installed and its transition has not finished; scan again shortly",
			patch->id);
	else if (patch->active == TRISTATE_NO)
		finding_add(f, FINDING_WARNING, "livepatch-not-active", patch->title,
			    "%s is installed, but the kernel does not run it; %s the kernel log "
			    "for why it was refused",
			    patch->id,
			    j->in->platform->service ? "load it with kpatch load, or look at"
						     : "look at");
	else if (node->livepatch_sysfs)
		finding_add(f, FINDING_WARNING, "activation-unknown", patch->title,
			    "%s contains no kernel module, so whether it is active cannot be told",
			    patch->id);
	else
		finding_add(f, FINDING_INFO, "activation-unknown", patch->title,
			    "this root has no /sys, so it is judged by packages alone");
}

/* Enabled, but neither marker nor patch for the running kernel (ruling 7). */
static void report_base_absent(struct judge *j, const struct build *candidate)
{
	struct nevra wanted = { .name = j->livepatch_name,
				.evr = { 0, "0", "0" },
				.arch = j->arch };
	struct patch *patch;

	if (candidate)
		wanted = candidate->nevra;
	patch = judge_patch(j, PATCH_LIVEPATCH, &wanted, NULL, candidate);
	if (!candidate)
		patch->title = patch->id;
	patch->state = PATCH_MISSING;
	patch->reason =
		arena_printf(j->arena,
			     "base-livepatch-absent: live patching is enabled, but no livepatch "
			     "package for the running kernel %s is installed",
			     j->in->snapshot->node.kernel);
	if (candidate)
		judge_describe(j, patch, &j->livepatch_builds,
			       (struct evr_range){ NULL, &candidate->nevra.evr });
	finding_add(&j->report->findings, FINDING_WARNING, "base-livepatch-absent",
		    j->livepatch_name, "%s; %s", patch->reason,
		    candidate ? "klpctl install brings it"
			      : "no approved one is available; boot a kernel that has livepatches "
				"if there is none to come");
	j->livepatch_item = patch;
}

static void report_patch(struct judge *j, const struct build *candidate)
{
	const struct installed *installed = j->livepatch;
	bool newer = candidate &&
		     (!installed || evr_compare(&candidate->nevra.evr, &installed->nevra.evr) > 0);
	const struct nevra *reported = newer ? &candidate->nevra : &installed->nevra;
	struct patch *patch = judge_patch(j, PATCH_LIVEPATCH, reported, installed, candidate);
	struct evr_range range = { NULL, candidate ? &candidate->nevra.evr : NULL };

	if (newer) {
		/* semantics 4.1 and 2.7: what an Install was to do and left undone has failed */
		patch->state = j->in->operation == OPERATION_INSTALL &&
					       (!j->in->overrides ||
						override_naming(j->in->overrides, reported))
				       ? PATCH_FAILED
				       : PATCH_MISSING;
		range.after = installed ? &installed->nevra.evr : NULL;
		patch->installed_time = TIME_UNSET;
	} else if (candidate) {
		patch->state = PATCH_INSTALLED;
	} else {
		judge_unasked(j, patch, reported);
	}
	if (candidate) {
		if (!newer) { /* C's own notices describe an installed patch (semantics 3.7) */
			size_t i = (size_t)(candidate - j->livepatch_builds.items);

			range.after = i > 0 ? &j->livepatch_builds.items[i - 1].nevra.evr : NULL;
		}
		judge_describe(j, patch, &j->livepatch_builds, range);
	}
	if (installed)
		report_activation(j, patch, installed);
	j->livepatch_item = patch;
}

static void remark_service(struct judge *j)
{
	const struct report_live_patching *lp = &j->report->live_patching;

	if (lp->enabled && lp->marker && lp->service == TRISTATE_NO)
		finding_add(
			&j->report->findings, FINDING_WARNING, "kpatch-service-disabled",
			j->in->platform->service,
			"%s is not enabled, so livepatches will not be loaded at the next boot; "
			"run: systemctl enable %s",
			j->in->platform->service, j->in->platform->service);
	if (lp->enabled && !lp->runtime && j->in->platform->n_runtime)
		finding_add(&j->report->findings, FINDING_WARNING, "runtime-absent",
			    j->in->platform->runtime[0],
			    "%s is not installed, so livepatches cannot be loaded",
			    j->in->platform->runtime[0]);
	if (lp->enabled && lp->repository == TRISTATE_NO &&
	    !usable_livepatch_repository(&j->in->snapshot->catalogue)) {
		const struct catalogue *c = &j->in->snapshot->catalogue;

		for (size_t i = 0; i < c->n_repositories; i++) {
			const struct repository *r = &c->repositories[i];

			if (r->role != REPO_ROLE_LIVEPATCH)
				continue;
			finding_add(&j->report->findings, FINDING_ERROR,
				    r->status == REPO_DISABLED ? "livepatch-repository-disabled"
							       : "livepatch-repository-absent",
				    r->id,
				    "live patching is on, but the repository %s is %s, so new "
				    "livepatches "
				    "cannot be seen; enable it",
				    r->id,
				    r->status == REPO_DISABLED ? "disabled" : "not configured");
		}
	}
}

static bool is_owned(const struct judge *j, const char *module)
{
	const struct node *node = &j->in->snapshot->node;

	for (size_t i = 0; i < node->n_installed; i++)
		for (size_t k = 0; k < node->installed[i].n_modules; k++)
			if (streq(node->installed[i].modules[k], module))
				return true;
	return false;
}

/* What was removed, as by klpctl disable, or loaded by hand: the kernel runs it all the same. */
static void remark_ownerless(struct judge *j)
{
	const struct node *node = &j->in->snapshot->node;
	const char *names = NULL;

	for (size_t i = 0; node->rpmdb_read && i < node->n_modules; i++)
		if (node->modules[i].enabled == 1 && !is_owned(j, node->modules[i].name))
			names = names ? arena_printf(j->arena, "%s, %s", names,
						     node->modules[i].name)
				      : node->modules[i].name;
	if (names)
		finding_add(&j->report->findings, FINDING_WARNING, "livepatch-without-package",
			    node->kernel,
			    "the kernel runs livepatches that no installed package has: %s; they "
			    "stay until a reboot, and are not loaded again after it",
			    names);
}

/* Of an installed kernel package: how it calls itself. */
static struct kernel_release release_of(const struct judge *j, const struct nevra *kernel,
					struct arena *arena)
{
	struct kernel_release k = { .version = kernel->evr.version,
				    .release = kernel->evr.release,
				    .arch = kernel->arch,
				    .flavour = j->running.flavour };
	const struct platform_kernel *line = platform_kernel_line(j->in->platform, &k);
	const char *dot = strrchr(k.release, '.');

	if (line && line->rebuilds && dot)
		k.release = arena_strndup(arena, k.release, (size_t)(dot - k.release));
	return k;
}

static bool has_kernel(const struct judge *j, const char *livepatch)
{
	const struct node *node = &j->in->snapshot->node;

	if (j->livepatch_name && streq(livepatch, j->livepatch_name))
		return true;
	for (size_t i = 0; i < node->n_installed; i++) {
		const struct nevra *n = &node->installed[i].nevra;
		struct kernel_release k;

		if (!platform_is_kernel(j->in->platform, n->name))
			continue;
		k = release_of(j, n, j->arena);
		if (streq(platform_livepatch_name(j->in->platform, &k, j->arena), livepatch))
			return true;
	}
	return false;
}

bool judge_is_orphan(const struct judge *j, const struct nevra *nevra)
{
	return platform_is_livepatch(j->in->platform, nevra->name) && !has_kernel(j, nevra->name);
}

void judge_orphans(struct judge *j)
{
	const struct node *node = &j->in->snapshot->node;

	for (size_t i = 0; i < node->n_installed; i++) {
		const struct installed *installed = &node->installed[i];
		struct patch *patch;

		if (!judge_is_orphan(j, &installed->nevra))
			continue;
		patch = judge_patch(j, PATCH_LIVEPATCH, &installed->nevra, installed, NULL);
		patch->state = PATCH_NOT_APPLICABLE;
		patch->reason = "its kernel is neither installed nor running; klpctl clean removes "
				"it";
	}
}

void judge_livepatch(struct judge *j)
{
	const struct build *candidate;
	bool marked = j->report->live_patching.marker;

	j->livepatch_active = TRISTATE_UNKNOWN;
	remark_ownerless(j);
	if (!j->livepatch_applies)
		return;
	j->livepatch_builds =
		builds_collect(&j->approval, &j->in->snapshot->catalogue, j->livepatch_name,
			       j->arch, BUILDS_AVAILABLE, j->arena);
	j->livepatch = judge_newest_installed(j, j->livepatch_name, j->arch);
	candidate = builds_candidate(&j->livepatch_builds);

	if (!j->report->live_patching.enabled) {
		if (candidate)
			j->report->summary.not_applicable++;
		finding_add(&j->report->findings, FINDING_INFO, "live-patching-not-enabled",
			    j->in->snapshot->node.kernel,
			    "kernel live patching is not enabled on this node; klpctl enable turns "
			    "it on");
		return;
	}
	remark_service(j);
	if (!marked && j->in->snapshot->node.rpmdb_read)
		report_base_absent(j, candidate);
	else if (j->livepatch || candidate)
		report_patch(j, candidate);
	judge_held(j, PATCH_LIVEPATCH, &j->livepatch_builds, j->livepatch);
}
