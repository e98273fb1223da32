// SPDX-License-Identifier: Apache-2.0
#include "base/yaml.h"
#include "core/baseline.h"
#include "core/finding.h"
#include "core/override.h"
#include "core/recall.h"

#include <stdint.h>

/* An accepted baseline keeps the promises of its header. */
static void check(const struct baseline *b)
{
	for (size_t i = 0; i < b->n_rules; i++) {
		const struct baseline_rule *rule = &b->rules[i];

		if ((rule->approve_after_days < 0) == (rule->approve_until == TIME_UNSET))
			abort();
		if (rule->approve_after_days > 360 || rule->line == 0)
			abort();
		for (size_t k = 0; k < rule->n_filters; k++)
			if (rule->filters[k].n_values == 0)
				abort();
		(void)compliance_level_name(rule->level);
	}
	for (size_t i = 0; i < b->n_approved; i++)
		if (!*b->approved[i])
			abort();
	for (size_t i = 0; i < b->n_rejected; i++)
		if (!*b->rejected[i])
			abort();
}

/* The lists that come from whoever orders a scan or an installation. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const systems[] = { NULL, "AMAZON_LINUX_2" };
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();
	struct findings findings = { .arena = arena };
	const struct doc *doc;
	struct override_list *list;
	struct plan_ban *bans;
	size_t n;
	struct err err = ERR_INIT;

	if (yaml_parse((const char *)data, size, "fuzz", arena, &doc, NULL) < 0)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(systems); i++) {
		struct baseline *baseline;

		if (baseline_from_doc(doc, systems[i], arena, &baseline, &findings, &err) == 0) {
			check(baseline);
			baseline_check_rejected(baseline, "kernel-livepatch-", &findings);
		} else if (!err.message || err.status != EXIT_STATUS_CONFIG) {
			abort();
		}
		err_clear(&err);
	}
	if (override_from_doc(doc, arena, &list, &findings, &err) < 0 && !err.message)
		abort();
	err_clear(&err);
	if (recall_from_doc(doc, arena, &bans, &n, &err) < 0 && !err.message)
		abort();
	err_clear(&err);
	return 0;
}
