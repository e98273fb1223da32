// SPDX-License-Identifier: Apache-2.0
#include "core/baseline.h"

#include "core/finding.h"
#include "core/match.h"

#include <strings.h>

/* Limits of the API model (semantics 2.1). */
#define FILTERS_MAX	 4
#define VALUES_MAX	 20
#define VALUE_LEN_MAX	 64
#define RULES_MAX	 10
#define DAYS_MAX	 360
#define PATCHES_MAX	 50
#define PATCH_LEN_MAX	 100
#define SOURCES_MAX	 20
#define PRODUCTS_MAX	 20
#define NAME_LEN_MIN	 3
#define NAME_LEN_MAX	 128
#define SOURCE_NAME_MAX	 50
#define SOURCE_BYTES_MAX 1024

static const char *const levels[] = {
	[LEVEL_UNSPECIFIED] = "UNSPECIFIED",
	[LEVEL_INFORMATIONAL] = "INFORMATIONAL",
	[LEVEL_LOW] = "LOW",
	[LEVEL_MEDIUM] = "MEDIUM",
	[LEVEL_HIGH] = "HIGH",
	[LEVEL_CRITICAL] = "CRITICAL",
	[LEVEL_CRITICAL + 1] = NULL,
};

static const char *const keys[] = {
	[FILTER_PRODUCT] = "PRODUCT",
	[FILTER_CLASSIFICATION] = "CLASSIFICATION",
	[FILTER_SEVERITY] = "SEVERITY",
	[FILTER_SEVERITY + 1] = NULL,
};

static const char *const actions[] = {
	[REJECTED_ALLOW_AS_DEPENDENCY] = "ALLOW_AS_DEPENDENCY",
	[REJECTED_BLOCK] = "BLOCK",
	[REJECTED_BLOCK + 1] = NULL,
};

/* PRODUCT is not in the table: products differ by platform and by whoever made the baseline. */
static const char *const values[][7] = {
	[FILTER_CLASSIFICATION] = { "Security", "Bugfix", "Enhancement", "Recommended",
				    "Newpackage", "*" },
	[FILTER_SEVERITY] = { "Critical", "Important", "Medium", "Moderate", "Low", "None", "*" },
};

const char *compliance_level_name(enum compliance_level level)
{
	return levels[level];
}

const char *filter_key_name(enum filter_key key)
{
	return keys[key];
}

/* ---- values --------------------------------------------------------------------------------- */

static int check_length(const struct doc *doc, const char *text, size_t min, size_t max,
			struct err *err)
{
	size_t len = strlen(text);

	if (len >= min && len <= max)
		return 0;
	return doc_err(err, doc, "%zu characters; %zu to %zu are allowed", len, min, max);
}

static int read_level(const struct doc *doc, struct arena *arena, void *member, struct err *err)
{
	int level;

	(void)arena;
	if (doc_word(doc, levels, &level, err) < 0)
		return -1;
	*(enum compliance_level *)member = (enum compliance_level)level;
	return 0;
}

static int read_action(const struct doc *doc, struct arena *arena, void *member, struct err *err)
{
	int action;

	(void)arena;
	if (doc_word(doc, actions, &action, err) < 0)
		return -1;
	*(enum rejected_action *)member = (enum rejected_action)action;
	return 0;
}

/* [a-zA-Z0-9_.-], as the API has it. */
static int check_name(const struct doc *doc, const char *name, size_t max, struct err *err)
{
	if (name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")])
		return doc_err(err, doc, "a name has letters, digits, '_', '.' and '-' only");
	return check_length(doc, name, NAME_LEN_MIN, max, err);
}

static int read_name(const struct doc *doc, struct arena *arena, void *member, struct err *err)
{
	if (doc_read_text(doc, arena, member, err) < 0)
		return -1;
	return check_name(doc, doc->text, NAME_LEN_MAX, err);
}

/* A null in the snapshot's spelling stands for "not this one". */
static bool is_unset(const struct doc *doc)
{
	return doc->kind == DOC_SCALAR && doc->is_null;
}

static int read_bounded_texts(const struct doc *doc, struct arena *arena, size_t max_n,
			      size_t max_len, struct doc_list *ret, struct err *err)
{
	if (doc_read_texts(doc, arena, ret, err) < 0)
		return -1;
	if (ret->n > max_n)
		return doc_err(err, doc, "%zu entries; at most %zu are allowed", ret->n, max_n);
	for (size_t i = 0; i < ret->n; i++) {
		const struct doc *at = doc->kind == DOC_LIST ? &doc->members[i] : doc;

		if (check_length(at, ret->items[i], 1, max_len, err) < 0)
			return -1;
	}
	return 0;
}

static int read_patches(const struct doc *doc, struct arena *arena, void *member, struct err *err)
{
	if (is_unset(doc))
		return 0;
	return read_bounded_texts(doc, arena, PATCHES_MAX, PATCH_LEN_MAX, member, err);
}

/* ---- filters -------------------------------------------------------------------------------- */

struct filter_row {
	enum filter_key key;
	struct doc_list values;
};

struct filter_list {
	struct baseline_filter *items;
	size_t n;
};

static int read_key(const struct doc *doc, struct arena *arena, void *member, struct err *err)
{
	int key;

	(void)arena;
	if (doc_word(doc, keys, &key, err) < 0)
		return -1;
	*(enum filter_key *)member = (enum filter_key)key;
	return 0;
}

static int read_values(const struct doc *doc, struct arena *arena, void *member, struct err *err)
{
	struct doc_list *list = member;

	if (read_bounded_texts(doc, arena, VALUES_MAX, VALUE_LEN_MAX, list, err) < 0)
		return -1;
	return list->n ? 0 : doc_err(err, doc, "at least one value is needed");
}

static const struct doc_field filter_fields[] = {
	{ "Key", read_key, offsetof(struct filter_row, key), false },
	{ "key", read_key, offsetof(struct filter_row, key), false },
	{ "Values", read_values, offsetof(struct filter_row, values), false },
	{ "values", read_values, offsetof(struct filter_row, values), false },
};

static int check_value(const struct doc *at, enum filter_key key, const char *value,
		       struct err *err)
{
	if (key == FILTER_PRODUCT)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(values[key]) && values[key][i]; i++)
		if (strcasecmp(values[key][i], value) == 0)
			return 0;
	return doc_err(err, at, "'%s' is no %s that Amazon's notices use", value, keys[key]);
}

static int read_filter(const struct doc *doc, struct arena *arena, struct baseline_filter *ret,
		       struct err *err)
{
	struct filter_row row = { 0 };

	if (doc_read_map(doc, filter_fields, ARRAY_SIZE(filter_fields), arena, &row, err) < 0)
		return -1;
	if (!doc_get(doc, "Key") && !doc_get(doc, "key"))
		return doc_err(err, doc, "a filter needs a Key");
	if (!row.values.n)
		return doc_err(err, doc, "a filter needs Values");
	for (size_t i = 0; i < row.values.n; i++)
		if (check_value(doc, row.key, row.values.items[i], err) < 0)
			return -1;
	*ret = (struct baseline_filter){ row.key, row.values.items, row.values.n };
	return 0;
}

static int read_filters(const struct doc *doc, struct arena *arena, void *member, struct err *err)
{
	struct filter_list *list = member;

	if (is_unset(doc))
		return 0;
	if (doc_expect(doc, DOC_LIST, err) < 0)
		return -1;
	if (doc->n_members > FILTERS_MAX)
		return doc_err(err, doc, "%zu filters; at most %d are allowed", doc->n_members,
			       FILTERS_MAX);
	DOC_FOREACH(item, doc)
		if (read_filter(item, arena, ARENA_PUSH(arena, list->items, list->n), err) < 0)
			return -1;
	return 0;
}

/* {"PatchFilters": [...]} around a list, in either spelling. */
static const struct doc_field group_fields[] = {
	{ "PatchFilters", read_filters, 0, false },
	{ "filters", read_filters, 0, false },
};

static int read_group(const struct doc *doc, struct arena *arena, void *member, struct err *err)
{
	if (is_unset(doc))
		return 0;
	return doc_read_map(doc, group_fields, ARRAY_SIZE(group_fields), arena, member, err);
}

/* ---- rules ---------------------------------------------------------------------------------- */

struct rule_row {
	struct filter_list filters;
	int64_t days, until;
	enum compliance_level level;
	bool non_security;
};

struct rule_list {
	struct baseline_rule *items;
	size_t n;
};

static int read_days(const struct doc *doc, struct arena *arena, void *member, struct err *err)
{
	(void)arena;
	return is_unset(doc) ? 0 : doc_int(doc, 0, DAYS_MAX, member, err);
}

static int read_until(const struct doc *doc, struct arena *arena, void *member, struct err *err)
{
	return is_unset(doc) ? 0 : doc_read_day(doc, arena, member, err);
}

#define RULE(key, member, fn)                                                                      \
	{                                                                                          \
		key, fn, offsetof(struct rule_row, member), false                                  \
	}

static const struct doc_field rule_fields[] = {
	RULE("PatchFilterGroup", filters, read_group),
	RULE("filterGroup", filters, read_group),
	RULE("ApproveAfterDays", days, read_days),
	RULE("approveAfterDays", days, read_days),
	RULE("ApproveUntilDate", until, read_until),
	RULE("approveUntilDate", until, read_until),
	RULE("ComplianceLevel", level, read_level),
	RULE("complianceLevel", level, read_level),
	RULE("EnableNonSecurity", non_security, doc_read_bool),
	RULE("enableNonSecurity", non_security, doc_read_bool),
};

static int read_rule(const struct doc *doc, struct arena *arena, struct baseline_rule *ret,
		     struct err *err)
{
	struct rule_row row = { .days = -1, .until = TIME_UNSET };

	if (doc_read_map(doc, rule_fields, ARRAY_SIZE(rule_fields), arena, &row, err) < 0)
		return -1;
	if (!row.filters.n)
		return doc_err(err, doc,
			       "a rule needs a PatchFilterGroup with at least one filter");
	if ((row.days >= 0) == (row.until != TIME_UNSET))
		return doc_err(err, doc,
			       "a rule needs exactly one of ApproveAfterDays and ApproveUntilDate");
	*ret = (struct baseline_rule){
		.filters = row.filters.items,
		.n_filters = row.filters.n,
		.approve_after_days = (int)row.days,
		.approve_until = row.until,
		.level = row.level,
		.enable_non_security = row.non_security,
		.line = doc->line,
	};
	return 0;
}

static int read_rules(const struct doc *doc, struct arena *arena, void *member, struct err *err)
{
	struct rule_list *list = member;

	if (is_unset(doc))
		return 0;
	if (doc_expect(doc, DOC_LIST, err) < 0)
		return -1;
	if (doc->n_members > RULES_MAX)
		return doc_err(err, doc, "%zu rules; at most %d are allowed", doc->n_members,
			       RULES_MAX);
	DOC_FOREACH(item, doc)
		if (read_rule(item, arena, ARENA_PUSH(arena, list->items, list->n), err) < 0)
			return -1;
	return 0;
}

static const struct doc_field rules_fields[] = {
	{ "PatchRules", read_rules, 0, false },
	{ "rules", read_rules, 0, false },
};

static int read_rule_group(const struct doc *doc, struct arena *arena, void *member,
			   struct err *err)
{
	if (is_unset(doc))
		return 0;
	return doc_read_map(doc, rules_fields, ARRAY_SIZE(rules_fields), arena, member, err);
}

/* ---- sources -------------------------------------------------------------------------------- */

struct source_row {
	const char *name, *configuration;
	struct doc_list products;
};

struct source_list {
	struct baseline_source *items;
	size_t n;
};

#define SOURCE(key, member, fn)                                                                    \
	{                                                                                          \
		key, fn, offsetof(struct source_row, member), false                                \
	}

static int read_products(const struct doc *doc, struct arena *arena, void *member, struct err *err)
{
	return read_bounded_texts(doc, arena, PRODUCTS_MAX, NAME_LEN_MAX, member, err);
}

static const struct doc_field source_fields[] = {
	SOURCE("Name", name, doc_read_text),
	SOURCE("name", name, doc_read_text),
	SOURCE("Products", products, read_products),
	SOURCE("products", products, read_products),
	SOURCE("Configuration", configuration, doc_read_text),
	SOURCE("configuration", configuration, doc_read_text),
};

static int read_source(const struct doc *doc, struct arena *arena, struct baseline_source *ret,
		       struct err *err)
{
	struct source_row row = { 0 };

	if (doc_read_map(doc, source_fields, ARRAY_SIZE(source_fields), arena, &row, err) < 0)
		return -1;
	if (!row.name || !row.configuration || !row.products.n)
		return doc_err(err, doc, "a source needs Name, Products and Configuration");
	if (check_name(doc, row.name, SOURCE_NAME_MAX, err) < 0 ||
	    check_length(doc, row.configuration, 1, SOURCE_BYTES_MAX, err) < 0)
		return -1;
	*ret = (struct baseline_source){ row.name, row.products.items, row.products.n,
					 row.configuration };
	return 0;
}

static int read_sources(const struct doc *doc, struct arena *arena, void *member, struct err *err)
{
	struct source_list *list = member;

	if (is_unset(doc))
		return 0;
	if (doc_expect(doc, DOC_LIST, err) < 0)
		return -1;
	if (doc->n_members > SOURCES_MAX)
		return doc_err(err, doc, "%zu sources; at most %d are allowed", doc->n_members,
			       SOURCES_MAX);
	DOC_FOREACH(item, doc)
		if (read_source(item, arena, ARENA_PUSH(arena, list->items, list->n), err) < 0)
			return -1;
	return 0;
}

/* ---- the baseline --------------------------------------------------------------------------- */

struct baseline_row {
	const char *id, *name, *operating_system;
	struct filter_list global_filters;
	struct rule_list rules;
	struct doc_list approved, rejected;
	enum compliance_level approved_level;
	bool approved_non_security;
	enum rejected_action action;
	struct source_list sources;
};

#define ROW(key, member, fn)                                                                       \
	{                                                                                          \
		key, fn, offsetof(struct baseline_row, member), false                              \
	}
#define IGNORED(key)                                                                               \
	{                                                                                          \
		key, NULL, 0, false                                                                \
	}

static const struct doc_field baseline_fields[] = {
	ROW("BaselineId", id, doc_read_text),
	ROW("baselineId", id, doc_read_text),
	ROW("Name", name, read_name),
	ROW("name", name, read_name),
	ROW("OperatingSystem", operating_system, doc_read_text),
	ROW("operatingSystem", operating_system, doc_read_text),
	ROW("GlobalFilters", global_filters, read_group),
	ROW("globalFilters", global_filters, read_group),
	ROW("ApprovalRules", rules, read_rule_group),
	ROW("approvalRules", rules, read_rule_group),
	ROW("ApprovedPatches", approved, read_patches),
	ROW("approvedPatches", approved, read_patches),
	ROW("ApprovedPatchesComplianceLevel", approved_level, read_level),
	ROW("approvedPatchesComplianceLevel", approved_level, read_level),
	ROW("ApprovedPatchesEnableNonSecurity", approved_non_security, doc_read_bool),
	ROW("approvedPatchesEnableNonSecurity", approved_non_security, doc_read_bool),
	ROW("RejectedPatches", rejected, read_patches),
	ROW("rejectedPatches", rejected, read_patches),
	ROW("RejectedPatchesAction", action, read_action),
	ROW("rejectedPatchesAction", action, read_action),
	ROW("Sources", sources, read_sources),
	ROW("sources", sources, read_sources),
	/* carried by GetPatchBaseline or the snapshot, without meaning for the judgement */
	IGNORED("PatchGroups"),
	IGNORED("CreatedDate"),
	IGNORED("ModifiedDate"),
	IGNORED("Description"),
	IGNORED("AvailableSecurityUpdatesComplianceStatus"),
	IGNORED("availableSecurityUpdatesComplianceStatus"),
	IGNORED("ResponseMetadata"),
	IGNORED("Tags"),
	IGNORED("ClientToken"),
	IGNORED("createdTime"),
	IGNORED("modifiedTime"),
	IGNORED("description"),
	IGNORED("accountId"),
	IGNORED("defaultBaseline"),
};

static const struct doc *operating_system_of(const struct doc *doc)
{
	const struct doc *os = doc_get(doc, "OperatingSystem");

	return os ? os : doc_get(doc, "operatingSystem");
}

/* Out of a BaselineOverride array, the one element for this operating system (semantics 1.2). */
static int choose(const struct doc *list, const char *operating_system, const struct doc **ret,
		  struct err *err)
{
	const struct doc *found = NULL;

	DOC_FOREACH(item, list) {
		const struct doc *os;

		if (doc_expect(item, DOC_MAP, err) < 0)
			return -1;
		os = operating_system_of(item);
		if (operating_system &&
		    (!os || os->kind != DOC_SCALAR || strcasecmp(os->text, operating_system) != 0))
			continue;
		if (found)
			return doc_err(
				err, item,
				"a second baseline for %s; only one is allowed (Patch Manager's "
				"error 165)",
				operating_system ? operating_system : "this system");
		found = item;
	}
	if (!found)
		return doc_err(err, list,
			       "none of the baselines is for %s (Patch Manager's error 163)",
			       operating_system ? operating_system : "this system");
	*ret = found;
	return 0;
}

/* What stands around a snapshot's baseline; a baseline's own field there would be lost unseen. */
static const struct doc_field wrapper_fields[] = {
	IGNORED("patchBaseline"),    IGNORED("patchGroup"),
	IGNORED("patches"),	     IGNORED("enableApplicationPatches"),
	IGNORED("requiredFeatures"),
};

/* A single baseline, the snapshot's wrapper around one, or an array. */
static int unwrap(const struct doc *doc, const char *operating_system, const struct doc **ret,
		  struct err *err)
{
	const struct doc *inner;

	if (doc->kind == DOC_LIST)
		return choose(doc, operating_system, ret, err);
	if (doc_expect(doc, DOC_MAP, err) < 0)
		return -1;
	inner = doc_get(doc, "patchBaseline");
	*ret = inner ? inner : doc;
	return inner ? doc_read_map(doc, wrapper_fields, ARRAY_SIZE(wrapper_fields), NULL, NULL,
				    err)
		     : 0;
}

static int check_operating_system(const struct doc *doc, const char *operating_system,
				  struct err *err)
{
	const struct doc *os = operating_system_of(doc);

	if (!os || !operating_system || strcasecmp(os->text, operating_system) == 0)
		return 0;
	return doc_err(err, os, "the baseline is for %s, this node is %s", os->text,
		       operating_system);
}

static void remark(const struct doc *doc, const struct baseline_row *row, struct findings *findings)
{
	if (doc_get(doc, "AvailableSecurityUpdatesComplianceStatus") ||
	    doc_get(doc, "availableSecurityUpdatesComplianceStatus"))
		finding_add(
			findings, FINDING_INFO, "baseline-field-ignored", doc->file,
			"AvailableSecurityUpdatesComplianceStatus is for Windows and ignored here");
	if (row->sources.n)
		finding_add(
			findings, FINDING_WARNING, "baseline-sources-ignored", doc->file,
			"the baseline names alternative repositories (Sources); they are not used, "
			"the node's own repositories are");
	if (!row->rules.n && !row->approved.n)
		finding_add(findings, FINDING_WARNING, "baseline-approves-nothing", doc->file,
			    "the baseline has neither rules nor approved patches, so it approves "
			    "nothing");
}

int baseline_from_doc(const struct doc *doc, const char *operating_system, struct arena *arena,
		      struct baseline **ret, struct findings *findings, struct err *err)
{
	struct baseline_row row = { 0 };
	struct baseline *b;

	if (unwrap(doc, operating_system, &doc, err) < 0 ||
	    doc_read_map(doc, baseline_fields, ARRAY_SIZE(baseline_fields), arena, &row, err) < 0 ||
	    check_operating_system(doc, operating_system, err) < 0)
		return -1;
	remark(doc, &row, findings);
	b = arena_alloc(arena, sizeof(*b));
	*b = (struct baseline){
		.id = row.id,
		.name = row.name,
		.operating_system = row.operating_system,
		.global_filters = row.global_filters.items,
		.n_global_filters = row.global_filters.n,
		.rules = row.rules.items,
		.n_rules = row.rules.n,
		.approved = row.approved.items,
		.n_approved = row.approved.n,
		.approved_level = row.approved_level,
		.approved_enable_non_security = row.approved_non_security,
		.rejected = row.rejected.items,
		.n_rejected = row.rejected.n,
		.rejected_action = row.action,
		.sources = row.sources.items,
		.n_sources = row.sources.n,
	};
	*ret = b;
	return 0;
}

void baseline_check_rejected(const struct baseline *baseline, const char *livepatch_prefix,
			     struct findings *findings)
{
	_cleanup_free_ char *example = xasprintf("%s5.10.1-1.1", livepatch_prefix);

	for (size_t i = 0; i < baseline->n_rejected; i++)
		if (match_glob(baseline->rejected[i], example))
			finding_add(
				findings, FINDING_WARNING, "rejected-hits-livepatches",
				baseline->rejected[i],
				"the rejected pattern %s also rejects every livepatch; name the "
				"kernel package alone if that is not wanted",
				baseline->rejected[i]);
}
