// SPDX-License-Identifier: Apache-2.0
#include "core/judge.h"

static const char *evr_text(struct arena *arena, const struct evr *evr)
{
	return arena_printf(arena, "%u:%s-%s", evr->epoch, evr->version, evr->release);
}

const struct installed *judge_newest_installed(const struct judge *j, const char *name,
					       const char *arch)
{
	const struct node *node = &j->in->snapshot->node;
	const struct installed *newest = NULL;

	for (size_t i = 0; i < node->n_installed; i++) {
		const struct installed *p = &node->installed[i];

		if (!streq(p->nevra.name, name) || !streq(p->nevra.arch, arch) ||
		    platform_is_marker(j->in->platform, &p->nevra))
			continue;
		if (!newest || evr_compare(&p->nevra.evr, &newest->nevra.evr) > 0)
			newest = p;
	}
	return newest;
}

const char *judge_kernel_package(const struct judge *j, const struct platform_kernel *line,
				 const struct installed **ret_installed)
{
	for (size_t i = 0; i < line->n_packages; i++) {
		*ret_installed = judge_newest_installed(j, line->packages[i], j->arch);
		if (*ret_installed)
			return line->packages[i];
	}
	*ret_installed = NULL;
	return line->n_packages ? line->packages[0] : NULL;
}

bool judge_should_see(const struct judge *j, const struct repository *r, enum repo_role role)
{
	return platform_repo_serves(j->in->platform, r, role) && r->status != REPO_DISABLED &&
	       r->status != REPO_ABSENT;
}

static void fill_patch(struct judge *j, struct patch *patch, enum patch_kind kind,
		       const struct nevra *reported, const struct installed *installed,
		       const struct build *candidate)
{
	*patch = (struct patch){
		.id = nevra_id(j->arena, reported),
		.title = nevra_title(j->arena, reported),
		.kind = kind,
		.active = TRISTATE_UNKNOWN,
		.classification = "",
		.severity = "",
		.installed_time = installed ? installed->install_time : TIME_UNSET,
		.released = TIME_UNSET,
		.approve_at = TIME_UNSET,
		.reason = "",
	};
	if (installed)
		patch->installed = evr_text(j->arena, &installed->nevra.evr);
	if (!candidate)
		return;
	patch->candidate = evr_text(j->arena, &candidate->nevra.evr);
	patch->level = candidate->approval.level;
	patch->released = candidate->approval.released;
	patch->approve_at = candidate->approval.approve_at;
	patch->rule = candidate->approval.by;
	patch->reason = candidate->approval.reason;
}

struct patch *judge_patch(struct judge *j, enum patch_kind kind, const struct nevra *reported,
			  const struct installed *installed, const struct build *candidate)
{
	struct patch *patch = ARENA_PUSH(j->arena, j->report->patches, j->report->n_patches);

	fill_patch(j, patch, kind, reported, installed, candidate);
	return patch;
}

void judge_describe(struct judge *j, struct patch *patch, const struct builds *builds,
		    struct evr_range range)
{
	struct notice_summary s = builds_summarise(builds, &range, j->arena);

	patch->classification = s.classification;
	patch->severity = s.severity;
	patch->advisories = s.advisories.items;
	patch->n_advisories = s.advisories.n;
	patch->cves = s.cves.items;
	patch->n_cves = s.cves.n;
}

void judge_unasked(struct judge *j, struct patch *patch, const struct nevra *nevra)
{
	const struct baseline *b = j->in->baseline;
	const char *entry = approval_rejected_by(b, nevra);

	if (entry && b->rejected_action == REJECTED_BLOCK) {
		patch->state = PATCH_INSTALLED_REJECTED;
		patch->reason = arena_printf(
			j->arena, "installed, and rejected by the baseline's entry %s", entry);
		return;
	}
	patch->state = PATCH_INSTALLED_OTHER;
	patch->reason = "installed; the baseline approves no build of it";
}

void judge_held(struct judge *j, enum patch_kind kind, const struct builds *builds,
		const struct installed *installed)
{
	for (size_t i = builds->n; i > 0; i--) {
		const struct build *b = &builds->items[i - 1];
		struct patch *held;

		if (installed && evr_compare(&b->nevra.evr, &installed->nevra.evr) <= 0)
			break;
		if (b->approval.approved)
			continue;
		held = ARENA_PUSH(j->arena, j->report->held, j->report->n_held);
		fill_patch(j, held, kind, &b->nevra, installed, b);
		held->state = PATCH_NOT_APPLICABLE;
		held->hold = b->approval.hold;
		held->rule = NULL;
		if (b->approval.hold == HOLD_NOT_IN_REPOSITORY)
			finding_add(&j->report->findings, FINDING_WARNING,
				    "approved-not-in-repository", held->title,
				    "%s; check that the repository of that notice is enabled",
				    held->reason);
		else if (b->approval.hold == HOLD_EXCLUDED)
			finding_add(&j->report->findings, FINDING_WARNING,
				    "excluded-by-configuration", held->title,
				    "%s; remove the exclude or set honor_excludes: false",
				    held->reason);
		judge_describe(j, held, &(struct builds){ .items = (struct build *)b, .n = 1 },
			       (struct evr_range){ NULL, NULL });
	}
}
