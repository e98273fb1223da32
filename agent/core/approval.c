// SPDX-License-Identifier: Apache-2.0
#include "core/approval.h"

#include "core/match.h"

/*
 * When no rule approves a build, the report names the reason that is nearest to approval: waiting
 * for the clock before a missing date before a filter. Higher is nearer.
 */
static const int nearness[] = {
	[HOLD_NONE] = 0,
	[HOLD_PRODUCT] = 1,
	[HOLD_CLASSIFICATION] = 2,
	[HOLD_SEVERITY] = 3,
	[HOLD_NO_NOTICE] = 4,
	[HOLD_NO_DATE] = 5,
	[HOLD_NOT_YET_APPROVED] = 6,
	[HOLD_REJECTED] = 7,
	[HOLD_NOT_IN_REPOSITORY] = 0,
	[HOLD_EXCLUDED] = 0,
};

int64_t approval_release_date(const struct config *config, const struct advisory *notice)
{
	const struct advisory_date *first = &notice->updated, *second = &notice->issued;

	if (config->release_date == RELEASE_DATE_ISSUED) {
		first = &notice->issued;
		second = &notice->updated;
	}
	/* Only an absent date gives way to the other one: text that is no date is held. */
	return first->state == NOTICE_DATE_ABSENT ? second->at : first->at;
}

const char *approval_rejected_by(const struct baseline *baseline, const struct nevra *nevra)
{
	for (size_t i = 0; i < baseline->n_rejected; i++)
		if (match_nevra(baseline->rejected[i], nevra))
			return baseline->rejected[i];
	return NULL;
}

static const char *notice_rejected_by(const struct baseline *baseline,
				      const struct advisory *notice)
{
	for (size_t i = 0; i < baseline->n_rejected; i++)
		if (match_advisory(baseline->rejected[i], notice))
			return baseline->rejected[i];
	return NULL;
}

static bool filter_has(const struct baseline_filter *filter, const char *value)
{
	for (size_t i = 0; i < filter->n_values; i++) {
		if (streq(filter->values[i], "*"))
			return true;
		if (value && *value && advisory_word_equal(filter->values[i], value))
			return true;
	}
	return false;
}

/* @ret_value is what the filter was held against, for the explanation. */
static bool filter_matches(const struct approval_context *ctx, const struct baseline_filter *filter,
			   const struct advisory *notice, const char **ret_value)
{
	const struct platform *p = ctx->platform;

	switch (filter->key) {
	case FILTER_PRODUCT:
		*ret_value = p->n_aws_products ? p->aws_products[0] : NULL;
		for (size_t i = 0; i < p->n_aws_products; i++)
			if (filter_has(filter, p->aws_products[i]))
				return true;
		return filter_has(filter, NULL);
	case FILTER_CLASSIFICATION:
		*ret_value = notice ? notice->type : NULL;
		break;
	case FILTER_SEVERITY:
		*ret_value = notice ? notice->severity : NULL;
		break;
	}
	return filter_has(filter, *ret_value);
}

static bool filters_match(const struct approval_context *ctx, const struct baseline_filter *filters,
			  size_t n, const struct advisory *notice, struct rule_check *check)
{
	for (size_t i = 0; i < n; i++) {
		const char *value = NULL;

		if (filter_matches(ctx, &filters[i], notice, &value))
			continue;
		check->failed = &filters[i];
		check->value = value;
		return false;
	}
	return true;
}

/* semantics 3.4: strictly before now - N days; or before the end of the named day. */
static bool clock_passed(const struct approval_context *ctx, const struct baseline_rule *rule,
			 int64_t released)
{
	if (released == TIME_UNSET)
		return ctx->config->unknown_date == UNKNOWN_DATE_APPROVE;
	if (rule->approve_until != TIME_UNSET)
		return released < rule->approve_until + SEC_PER_DAY;
	return released < ctx->now - rule->approve_after_days * SEC_PER_DAY;
}

struct rule_check approval_check_rule(const struct approval_context *ctx,
				      const struct advisory *notice, int64_t released,
				      const struct baseline_rule *rule)
{
	const struct baseline *b = ctx->baseline;
	struct rule_check check = { .approve_at = TIME_UNSET };

	if (released != TIME_UNSET && rule->approve_until == TIME_UNSET)
		check.approve_at = released + rule->approve_after_days * SEC_PER_DAY;
	if (!filters_match(ctx, b->global_filters, b->n_global_filters, notice, &check)) {
		check.global = true;
		return check;
	}
	if (!filters_match(ctx, rule->filters, rule->n_filters, notice, &check))
		return check;
	check.needs_notice = !notice && !rule->enable_non_security;
	check.filters_matched = !check.needs_notice;
	check.matched = check.filters_matched && clock_passed(ctx, rule, released);
	return check;
}

static enum hold_reason hold_of(const struct rule_check *check, const struct advisory *notice,
				int64_t released)
{
	if (check->filters_matched)
		return released == TIME_UNSET ? HOLD_NO_DATE : HOLD_NOT_YET_APPROVED;
	if (!notice)
		return HOLD_NO_NOTICE;
	switch (check->failed->key) {
	case FILTER_PRODUCT:
		return HOLD_PRODUCT;
	case FILTER_CLASSIFICATION:
		return HOLD_CLASSIFICATION;
	case FILTER_SEVERITY:
		return HOLD_SEVERITY;
	}
	return HOLD_NONE;
}

/* One candidate decision replaces the present one if it is nearer to, or more of, an approval. */
static void prefer(struct approval *best, const struct approval *other)
{
	if (other->approved) {
		if (!best->approved || other->level > best->level)
			*best = *other;
		return;
	}
	if (best->approved)
		return;
	if (nearness[other->hold] > nearness[best->hold] ||
	    (other->hold == best->hold && other->approve_at != TIME_UNSET &&
	     (best->approve_at == TIME_UNSET || other->approve_at < best->approve_at)))
		*best = *other;
}

static const char *approved_text(struct arena *arena, const struct approval *a)
{
	const char *what = a->notice ? a->notice->id : "no notice";
	char buf[TIMEX_TEXT_MAX];

	if (a->approve_at == TIME_UNSET)
		return arena_printf(arena, "approved by %s (%s)", a->by, what);
	return arena_printf(arena, "approved by %s (%s) since %s", a->by, what,
			    timex_format(a->approve_at, buf));
}

static const char *held_text(const struct approval_context *ctx, struct arena *arena,
			     const struct approval *a, const struct rule_check *check,
			     const struct baseline_rule *rule)
{
	const char *what = a->notice ? a->notice->id : "a build without a notice";
	char buf[TIMEX_TEXT_MAX];

	switch (a->hold) {
	case HOLD_NOT_YET_APPROVED:
		if (a->approve_at == TIME_UNSET)
			return arena_printf(arena,
					    "%s was released after %s, the rule's ApproveUntilDate",
					    what, timex_format_date(rule->approve_until, buf));
		return arena_printf(arena, "%s is approved after %s, %d days after its release",
				    what, timex_format(a->approve_at, buf),
				    rule->approve_after_days);
	case HOLD_NO_DATE:
		return arena_printf(
			arena,
			"%s has no usable release date, so its approval delay cannot pass; "
			"unknown_date: approve would let it through",
			what);
	case HOLD_NO_NOTICE:
		return "no notice lists this build, and no rule approves builds without one "
		       "(EnableNonSecurity, with filters of *)";
	case HOLD_CLASSIFICATION:
	case HOLD_SEVERITY:
	case HOLD_PRODUCT:
		return arena_printf(arena, "%s has %s %s, which no rule of %s selects", what,
				    filter_key_name(check->failed->key),
				    check->value ? check->value : "(none)",
				    ctx->baseline->name ? ctx->baseline->name : "the baseline");
	case HOLD_NONE:
	case HOLD_REJECTED:
	case HOLD_NOT_IN_REPOSITORY:
	case HOLD_EXCLUDED:
		break;
	}
	return "";
}

static void try_rules(const struct approval_context *ctx, const struct advisory *notice,
		      int64_t released, struct arena *arena, struct approval *best)
{
	for (size_t i = 0; i < ctx->baseline->n_rules; i++) {
		const struct baseline_rule *rule = &ctx->baseline->rules[i];
		struct rule_check check = approval_check_rule(ctx, notice, released, rule);
		struct approval a = {
			.approved = check.matched,
			.notice = notice,
			.released = released,
			.approve_at = TIME_UNSET,
		};

		if (check.filters_matched)
			a.approve_at = check.approve_at;
		if (check.matched) {
			a.level = rule->level;
			a.by = arena_printf(arena, "rule %zu (line %u)", i + 1, rule->line);
			a.reason = approved_text(arena, &a);
		} else {
			a.hold = hold_of(&check, notice, released);
			a.reason = held_text(ctx, arena, &a, &check, rule);
		}
		prefer(best, &a);
	}
}

static void try_approved_list(const struct approval_context *ctx, const struct nevra *nevra,
			      const struct advisory *notice, int64_t released, struct arena *arena,
			      struct approval *best)
{
	const struct baseline *b = ctx->baseline;

	for (size_t i = 0; i < b->n_approved; i++) {
		const char *entry = b->approved[i];
		bool by_name =
			match_nevra(entry, nevra) && (notice || b->approved_enable_non_security);
		struct approval a = {
			.approved = true,
			.notice = notice,
			.level = b->approved_level,
			.released = released,
			.approve_at = TIME_UNSET,
		};

		if (!by_name && !(notice && match_advisory(entry, notice)))
			continue;
		a.by = arena_printf(arena, "approved list (%s)", entry);
		a.reason = approved_text(arena, &a);
		prefer(best, &a);
	}
}

struct approval approval_decide(const struct approval_context *ctx, const struct nevra *nevra,
				const struct advisory *const *notices, size_t n_notices,
				int64_t build_time, struct arena *arena)
{
	const char *rejected = approval_rejected_by(ctx->baseline, nevra);
	struct approval best = {
		.hold = HOLD_NO_NOTICE,
		.released = TIME_UNSET,
		.approve_at = TIME_UNSET,
		.reason = "no rule of the baseline looks at it",
	};

	if (rejected) {
		best.hold = HOLD_REJECTED;
		best.reason = arena_printf(arena, "rejected by the baseline's entry %s", rejected);
		return best;
	}
	if (n_notices == 0) {
		try_rules(ctx, NULL, build_time, arena, &best);
		try_approved_list(ctx, nevra, NULL, build_time, arena, &best);
		return best;
	}
	best.hold = HOLD_NONE;
	for (size_t i = 0; i < n_notices; i++) {
		const struct advisory *notice = notices[i];
		int64_t released = approval_release_date(ctx->config, notice);

		rejected = notice_rejected_by(ctx->baseline, notice);
		if (rejected) {
			struct approval a = {
				.hold = HOLD_REJECTED,
				.notice = notice,
				.released = released,
				.approve_at = TIME_UNSET,
				.reason = arena_printf(arena,
						       "%s is rejected by the baseline's entry %s",
						       notice->id, rejected),
			};

			prefer(&best, &a);
			continue;
		}
		try_rules(ctx, notice, released, arena, &best);
		try_approved_list(ctx, nevra, notice, released, arena, &best);
	}
	if (!best.approved && best.hold == HOLD_NONE) /* a baseline without rules */
		best.hold = HOLD_CLASSIFICATION;
	return best;
}
