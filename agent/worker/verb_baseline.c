// SPDX-License-Identifier: Apache-2.0
#include "worker/verb.h"

#include "codec/jsonx.h"

static json_t *filters_json(const struct baseline_filter *filters, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(
			list,
			json_pack("{s:s,s:o}", "key", filter_key_name(filters[i].key), "values",
				  jsonx_texts(filters[i].values, filters[i].n_values)));
	return list;
}

static json_t *rule_json(const struct baseline_rule *rule)
{
	char buf[TIMEX_TEXT_MAX];
	bool until = rule->approve_until != TIME_UNSET;

	return json_pack(
		"{s:o,s:o,s:o,s:s,s:b,s:i}", "filters",
		filters_json(rule->filters, rule->n_filters), "approve_after_days",
		until ? json_null() : json_integer(rule->approve_after_days), "approve_until",
		until ? json_string(timex_format_date(rule->approve_until, buf)) : json_null(),
		"compliance_level", compliance_level_name(rule->level), "enable_non_security",
		rule->enable_non_security, "line", (int)rule->line);
}

/* The interpreted baseline: what the judgement will use, not the file's text. */
int verb_baseline(struct session *s, json_t **ret, struct err *err)
{
	const struct baseline *b;
	json_t *rules = json_array(), *object;

	if (session_identify(s, err) < 0 || session_load_baseline(s, err) < 0) {
		json_decref(rules);
		return -1;
	}
	b = s->baseline;
	for (size_t i = 0; i < b->n_rules; i++)
		json_array_append_new(rules, rule_json(&b->rules[i]));
	object = json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:s,s:b,s:o,s:s,s:i}", "id",
			   jsonx_text(b->id), "name", jsonx_text(b->name), "operating_system",
			   jsonx_text(b->operating_system), "source", jsonx_text(b->source),
			   "sha256", jsonx_text(b->sha256), "global_filters",
			   filters_json(b->global_filters, b->n_global_filters), "rules", rules,
			   "approved", jsonx_texts(b->approved, b->n_approved),
			   "approved_compliance_level", compliance_level_name(b->approved_level),
			   "approved_enable_non_security", b->approved_enable_non_security,
			   "rejected", jsonx_texts(b->rejected, b->n_rejected), "rejected_action",
			   b->rejected_action == REJECTED_BLOCK ? "BLOCK" : "ALLOW_AS_DEPENDENCY",
			   "sources", (int)b->n_sources);
	*ret = json_pack("{s:o}", "baseline", object);
	return 0;
}
