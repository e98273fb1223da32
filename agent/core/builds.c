// SPDX-License-Identifier: Apache-2.0
#include "core/builds.h"

#include "core/match.h"

#include <ctype.h>

static struct build *find_or_add(struct builds *builds, const struct nevra *nevra,
				 struct arena *arena)
{
	struct build *b;

	for (size_t i = 0; i < builds->n; i++)
		if (evr_compare(&builds->items[i].nevra.evr, &nevra->evr) == 0)
			return &builds->items[i];
	b = ARENA_PUSH(arena, builds->items, builds->n);
	b->nevra = *nevra;
	return b;
}

static bool wanted(const struct nevra *nevra, const char *name, const char *arch)
{
	return streq(nevra->name, name) && streq(nevra->arch, arch);
}

static bool is_excluded(const struct approval_context *ctx, const struct repository *repo,
			const struct nevra *nevra)
{
	if (!ctx->config->honor_excludes)
		return false;
	for (size_t i = 0; i < repo->n_excludes; i++)
		if (match_nevra(repo->excludes[i], nevra))
			return true;
	return false;
}

static void add_notices(const struct approval_context *ctx, const struct catalogue *catalogue,
			const char *name, const char *arch, struct builds *builds,
			struct arena *arena)
{
	for (size_t i = 0; i < catalogue->n_advisories; i++) {
		const struct advisory *a = &catalogue->advisories[i];

		for (size_t j = 0; j < a->n_packages; j++) {
			struct build *b;

			if (!wanted(&a->packages[j], name, arch) ||
			    platform_is_marker(ctx->platform, &a->packages[j]))
				continue;
			b = find_or_add(builds, &a->packages[j], arena);
			if (b->n_notices && b->notices[b->n_notices - 1] == a)
				continue; /* listed twice by one notice */
			*ARENA_PUSH(arena, b->notices, b->n_notices) = a;
		}
	}
}

static void add_packages(const struct approval_context *ctx, const struct catalogue *catalogue,
			 const char *name, const char *arch, struct builds *builds,
			 struct arena *arena)
{
	for (size_t i = 0; i < catalogue->n_packages; i++) {
		const struct available *p = &catalogue->packages[i];
		struct build *b;

		if (!wanted(&p->nevra, name, arch) || platform_is_marker(ctx->platform, &p->nevra))
			continue;
		b = find_or_add(builds, &p->nevra, arena);
		if (is_excluded(ctx, &catalogue->repositories[p->repo], &p->nevra))
			b->excluded = true;
		else if (!b->available)
			b->available = p;
	}
}

/* Where primary is not read, the excludes of the notices' own repositories are what there is. */
static bool all_notices_excluded(const struct approval_context *ctx,
				 const struct catalogue *catalogue, const struct build *b)
{
	for (size_t i = 0; i < b->n_notices; i++)
		if (!is_excluded(ctx, &catalogue->repositories[b->notices[i]->repo], &b->nevra))
			return false;
	return b->n_notices > 0;
}

static void withhold(struct build *b, enum hold_reason hold, const char *reason)
{
	b->approval.approved = false;
	b->approval.hold = hold;
	b->approval.reason = reason;
}

static void judge(const struct approval_context *ctx, const struct catalogue *catalogue,
		  struct build *b, enum builds_source source, struct arena *arena)
{
	int64_t build_time = b->available ? b->available->build_time : TIME_UNSET;

	if (source == BUILDS_NOTICED)
		b->excluded = all_notices_excluded(ctx, catalogue, b);
	else
		b->excluded = b->excluded && !b->available;

	b->approval = approval_decide(ctx, &b->nevra, b->notices, b->n_notices, build_time, arena);
	if (!b->approval.approved)
		return;
	if (b->excluded)
		withhold(b, HOLD_EXCLUDED,
			 "approved, but an exclude= line of the repository configuration hides it");
	else if (source == BUILDS_AVAILABLE && !b->available)
		withhold(
			b, HOLD_NOT_IN_REPOSITORY,
			arena_printf(arena, "%s approves it, but no enabled repository offers it",
				     b->approval.notice ? b->approval.notice->id : "the baseline"));
}

static int by_evr(const void *a, const void *b)
{
	const struct build *x = a, *y = b;

	return evr_compare(&x->nevra.evr, &y->nevra.evr);
}

struct builds builds_collect(const struct approval_context *ctx, const struct catalogue *catalogue,
			     const char *name, const char *arch, enum builds_source source,
			     struct arena *arena)
{
	struct builds builds = { 0 };

	add_notices(ctx, catalogue, name, arch, &builds, arena);
	add_packages(ctx, catalogue, name, arch, &builds, arena);
	for (size_t i = 0; i < builds.n; i++)
		judge(ctx, catalogue, &builds.items[i], source, arena);
	if (builds.n)
		qsort(builds.items, builds.n, sizeof(*builds.items), by_evr);
	return builds;
}

const struct build *builds_candidate(const struct builds *builds)
{
	for (size_t i = builds->n; i > 0; i--)
		if (builds->items[i - 1].approval.approved)
			return &builds->items[i - 1];
	return NULL;
}

bool evr_range_has(const struct evr_range *range, const struct evr *evr)
{
	return (!range->after || evr_compare(evr, range->after) > 0) &&
	       (!range->up_to || evr_compare(evr, range->up_to) <= 0);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void word_set_add(struct word_set *set, struct arena *arena, const char *word)
{
	*ARENA_PUSH(arena, set->items, set->n) = word;
}

void word_set_seal(struct word_set *set)
{
	size_t kept = 0;

	if (!set->n)
		return;
	qsort(set->items, set->n, sizeof(*set->items), by_text);
	for (size_t i = 0; i < set->n; i++)
		if (!kept || !streq(set->items[kept - 1], set->items[i]))
			set->items[kept++] = set->items[i];
	set->n = kept;
}

bool word_set_has(const struct word_set *set, const char *word)
{
	return set->n && bsearch(&word, set->items, set->n, sizeof(*set->items), by_text) != NULL;
}

/* "important" -> "Important": the spelling of Patch Manager's reports. */
static const char *title_case(struct arena *arena, const char *word)
{
	char *copy = arena_strdup(arena, word ? word : "");

	for (char *p = copy; *p; p++)
		*p = (char)(p == copy ? toupper((unsigned char)*p) : tolower((unsigned char)*p));
	return copy;
}

struct notice_summary builds_summarise(const struct builds *builds, const struct evr_range *range,
				       struct arena *arena)
{
	struct notice_summary s = { 0 };
	const char *type = NULL, *severity = NULL;

	for (size_t i = 0; i < builds->n; i++) {
		const struct build *b = &builds->items[i];

		if (!evr_range_has(range, &b->nevra.evr))
			continue;
		for (size_t j = 0; j < b->n_notices; j++) {
			const struct advisory *a = b->notices[j];

			if (advisory_type_rank(a->type) > advisory_type_rank(type))
				type = a->type;
			if (advisory_severity_rank(a->severity) > advisory_severity_rank(severity))
				severity = a->severity;
			word_set_add(&s.advisories, arena, a->id);
			for (size_t k = 0; k < a->n_refs; k++)
				if (advisory_ref_is_cve(&a->refs[k]))
					word_set_add(&s.cves, arena, a->refs[k].id);
		}
	}
	s.classification = title_case(arena, type);
	s.severity = title_case(arena, severity);
	word_set_seal(&s.advisories);
	word_set_seal(&s.cves);
	return s;
}
