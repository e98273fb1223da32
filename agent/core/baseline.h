// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Patch baselines: AWS Patch Manager's model (semantics section 2)
 *
 * Pure: interprets a doc tree. Accepted spellings: API (PascalCase: GetPatchBaseline output
 * unchanged), snapshot (lowerCamelCase, also wrapped as {"patchBaseline": {...}}), and a
 * BaselineOverride array, out of which the element for the node's operating system is taken.
 */

#include "base/doc.h"
#include "base/timex.h"

enum compliance_level {
	LEVEL_UNSPECIFIED,
	LEVEL_INFORMATIONAL,
	LEVEL_LOW,
	LEVEL_MEDIUM,
	LEVEL_HIGH,
	LEVEL_CRITICAL,
};

enum filter_key {
	FILTER_PRODUCT,
	FILTER_CLASSIFICATION,
	FILTER_SEVERITY,
};

struct baseline_filter {
	enum filter_key key;
	const char *const *values; /* "*" = any; a package without a value matches only "*" */
	size_t n_values;
};

struct baseline_rule {
	struct baseline_filter *filters; /* all must match */
	size_t n_filters;
	int approve_after_days; /* 0..360, or -1: approve_until is used */
	int64_t approve_until;	/* 00:00Z of the day; TIME_UNSET: approve_after_days is used */
	enum compliance_level level;
	bool enable_non_security;
	unsigned int line; /* where the rule stands, for explain */
};

enum rejected_action {
	REJECTED_ALLOW_AS_DEPENDENCY,
	REJECTED_BLOCK,
};

struct baseline_source {
	const char *name;
	const char *const *products;
	size_t n_products;
	const char *configuration;
};

struct baseline {
	const char *id;	  /* NULL: none given */
	const char *name; /* NULL: none given */
	const char *operating_system;
	const char *source; /* file or "built-in", for the report */
	const char *sha256; /* of the bytes it was read from; set by the caller, may be NULL */
	struct baseline_filter *global_filters;
	size_t n_global_filters;
	struct baseline_rule *rules;
	size_t n_rules;
	const char *const *approved;
	size_t n_approved;
	enum compliance_level approved_level;
	bool approved_enable_non_security;
	const char *const *rejected;
	size_t n_rejected;
	enum rejected_action rejected_action;
	struct baseline_source *sources;
	size_t n_sources;
};

struct findings;

/**
 * baseline_from_doc() - interpret a baseline
 * @doc:   parsed file
 * @operating_system: the node's AWS name (AMAZON_LINUX_2); NULL = take a single baseline as it is
 * @arena: owns the result
 * @ret:   source and sha256 are left for the caller to fill in
 * @findings: what is accepted with a remark
 *
 * Limits and value sets are those of the API model (semantics 2.1). Unknown fields are refused,
 * except those that GetPatchBaseline and the snapshot are known to carry.
 * Return: 0, or -1 with @err (CONFIG) naming file, line and field.
 */
_must_check_ int baseline_from_doc(const struct doc *doc, const char *operating_system,
				   struct arena *arena, struct baseline **ret,
				   struct findings *findings, struct err *err);

/* Ruling 3: a rejected pattern that hits livepatches (kernel*) is a finding. */
void baseline_check_rejected(const struct baseline *baseline, const char *livepatch_prefix,
			     struct findings *findings);

const char *compliance_level_name(enum compliance_level level); /* "UNSPECIFIED" ... */
const char *filter_key_name(enum filter_key key);		/* "PRODUCT" ... */
