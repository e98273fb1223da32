// SPDX-License-Identifier: Apache-2.0
#include "core/baseline.h"

#include "base/fsx.h"
#include "base/yaml.h"
#include "core/builtin.h"
#include "core/finding.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define OS "AMAZON_LINUX_2"

/* What a row's text is put into; the line it then stands in. */
enum place {
	WHOLE,	/* it is the file */
	FIELD,	/* of a baseline: line 2 */
	RULE,	/* in a list of rules: line 4 */
	FILTER, /* in a rule's list of filters: line 4 */
	SOURCE, /* in a list of sources: line 2 */
};

static const char *const around[] = {
	[WHOLE] = "%s",
	[FIELD] = "OperatingSystem: AMAZON_LINUX_2\n%s\n",
	[RULE] = "OperatingSystem: AMAZON_LINUX_2\nApprovalRules:\n  PatchRules:\n    - %s\n",
	[FILTER] = "OperatingSystem: AMAZON_LINUX_2\nApprovalRules:\n  PatchRules:\n"
		   "    - {ApproveAfterDays: 7, PatchFilterGroup: {PatchFilters: [%s]}}\n",
	[SOURCE] = "OperatingSystem: AMAZON_LINUX_2\nSources: [%s]\n",
};

static const struct baseline *read_text(const char *text, const char *os, struct arena *arena,
					struct findings *findings, struct err *err)
{
	struct baseline *baseline = NULL;
	const struct doc *doc;

	if (yaml_parse(text, strlen(text), "f", arena, &doc, err) < 0 ||
	    baseline_from_doc(doc, os, arena, &baseline, findings, err) < 0)
		assert_null(baseline);
	return baseline;
}

static const struct baseline *good(const char *text, struct arena *arena)
{
	struct findings findings = { .arena = arena };
	struct err err = ERR_INIT;
	const struct baseline *baseline = read_text(text, OS, arena, &findings, &err);

	if (!baseline)
		fail_msg("%s", err.message);
	return baseline;
}

#define GROUP	     "PatchFilterGroup: {PatchFilters: [{Key: PRODUCT, Values: [x]}]}"
#define KNOWN_FILTER "no such key here; known are Key, key, Values, values"
#define KNOWN_RULE                                                                                 \
	"no such key here; known are PatchFilterGroup, filterGroup, ApproveAfterDays, "            \
	"approveAfterDays, ApproveUntilDate, approveUntilDate, ComplianceLevel, complianceLevel, " \
	"EnableNonSecurity, enableNonSecurity"
#define LEVELS	   "UNSPECIFIED, INFORMATIONAL, LOW, MEDIUM, HIGH, CRITICAL"
#define ONE_OF_TWO "a rule needs exactly one of ApproveAfterDays and ApproveUntilDate"

static const struct {
	const char *what;
	enum place place;
	const char *text, *message; /* NULL: accepted */
} rows[] = {
	{ "a file that is a word", WHOLE, "baseline",
	  "f:1: a map of keys and values is expected, not a single value" },
	{ "a name", FIELD, "Name: My_baseline-1.2", NULL },
	{ "a name of two letters", FIELD, "Name: ab",
	  "f:2: Name: 2 characters; 3 to 128 are allowed" },
	{ "a name with a blank", FIELD, "Name: my baseline",
	  "f:2: Name: a name has letters, digits, '_', '.' and '-' only" },
	{ "a name with a newline", FIELD, "Name: \"abc\\n\"",
	  "f:2: Name: a name has letters, digits, '_', '.' and '-' only" },
	{ "a name that is null", FIELD, "Name:", "f:2: Name: a value is expected, not null" },
	{ "a name that is a list", FIELD, "Name: [abc]",
	  "f:2: Name: a single value is expected, not a list" },
	{ "a misspelt field", FIELD, "ApprovedPatch: []", "f:2: ApprovedPatch: no such key here*" },
	{ "a field in another case", FIELD, "approvalrules: {}",
	  "f:2: approvalrules: no such key here*" },
	{ "a field in capitals", FIELD, "NAME: abc", "f:2: NAME: no such key here*" },
	{ "a field twice", FIELD, "Name: abc\nName: abc", "f:3: Name: the key stands twice" },
	{ "a field in both spellings", FIELD, "Name: abc\nname: abc",
	  "f:3: name: the same as Name in line 2; keep one of them" },
	{ "lists in both spellings", FIELD, "RejectedPatches: [a]\nrejectedPatches: [b]",
	  "f:3: rejectedPatches: the same as RejectedPatches in line 2; keep one of them" },

	{ "another operating system", WHOLE, "Name: abc\nOperatingSystem: WINDOWS\n",
	  "f:2: OperatingSystem: the baseline is for WINDOWS, this node is " OS },
	{ "the operating system in another case", WHOLE, "OperatingSystem: amazon_linux_2", NULL },
	{ "no operating system", WHOLE, "Name: abc", NULL },
	{ "an operating system that is a map", WHOLE, "OperatingSystem: {a: b}",
	  "f:1: OperatingSystem: a single value is expected, not a map of keys and values" },
	{ "an empty operating system", WHOLE, "OperatingSystem: ''",
	  "f:1: OperatingSystem: must not be empty" },

	{ "global filters", FIELD,
	  "GlobalFilters: {PatchFilters: [{Key: SEVERITY, Values: [Low]}]}", NULL },
	{ "no global filters", FIELD, "GlobalFilters: {PatchFilters: []}", NULL },
	{ "five global filters", FIELD,
	  "GlobalFilters:\n  PatchFilters: [{Key: PRODUCT, Values: [a]}, "
	  "{Key: PRODUCT, Values: [a]}, {Key: PRODUCT, Values: [a]}, {Key: PRODUCT, Values: [a]}, "
	  "{Key: PRODUCT, Values: [a]}]",
	  "f:3: PatchFilters: 5 filters; at most 4 are allowed" },
	{ "global filters that are a list", FIELD, "GlobalFilters: []",
	  "f:2: GlobalFilters: a map of keys and values is expected, not a list" },
	{ "global filters under another name", FIELD, "GlobalFilters: {Filters: []}",
	  "f:2: Filters: no such key here; known are PatchFilters, filters" },
	{ "rules that are a list", FIELD, "ApprovalRules: []",
	  "f:2: ApprovalRules: a map of keys and values is expected, not a list" },
	{ "rules that are a number", FIELD, "ApprovalRules: 7",
	  "f:2: ApprovalRules: a map of keys and values is expected, not a single value" },
	{ "rules under another name", FIELD, "ApprovalRules: {Rules: []}",
	  "f:2: Rules: no such key here; known are PatchRules, rules" },
	{ "rules that are a map", FIELD, "ApprovalRules: {PatchRules: {a: b}}",
	  "f:2: PatchRules: a list is expected, not a map of keys and values" },

	{ "a filter by product", FILTER, "{Key: PRODUCT, Values: [AmazonLinux2.0]}", NULL },
	{ "a filter by a product nobody knows", FILTER, "{Key: PRODUCT, Values: [Any9]}", NULL },
	{ "a filter by classification", FILTER,
	  "{Key: CLASSIFICATION, Values: [Security, Bugfix, Enhancement, Recommended, Newpackage]}",
	  NULL },
	{ "a filter by severity", FILTER,
	  "{Key: SEVERITY, Values: [Critical, Important, Medium, Moderate, Low, None]}", NULL },
	{ "a filter by everything", FILTER, "{Key: SEVERITY, Values: ['*']}", NULL },
	{ "words in another case", FILTER, "{Key: severity, Values: [CRITICAL]}", NULL },
	{ "one value that is no list", FILTER, "{Key: SEVERITY, Values: Low}", NULL },
	{ "a key that does not exist", FILTER, "{Key: PRIORITY, Values: [x]}",
	  "f:4: Key: 'PRIORITY' is not one of PRODUCT, CLASSIFICATION, SEVERITY" },
	{ "a key of Windows", FILTER, "{Key: MSRC_SEVERITY, Values: [x]}",
	  "f:4: Key: 'MSRC_SEVERITY' is not one of PRODUCT, CLASSIFICATION, SEVERITY" },
	{ "an empty key", FILTER, "{Key: '', Values: [x]}",
	  "f:4: Key: '' is not one of PRODUCT, CLASSIFICATION, SEVERITY" },
	{ "a filter without a key", FILTER, "{Values: [x]}",
	  "f:4: PatchFilters: a filter needs a Key" },
	{ "a filter without values", FILTER, "{Key: PRODUCT}",
	  "f:4: PatchFilters: a filter needs Values" },
	{ "a filter with no value", FILTER, "{Key: PRODUCT, Values: []}",
	  "f:4: Values: at least one value is needed" },
	{ "a filter with an empty value", FILTER, "{Key: PRODUCT, Values: [x, '']}",
	  "f:4: Values: 0 characters; 1 to 64 are allowed" },
	{ "a filter whose only value is empty", FILTER, "{Key: PRODUCT, Values: ''}",
	  "f:4: Values: 0 characters; 1 to 64 are allowed" },
	{ "a filter that is a word", FILTER, "Security",
	  "f:4: PatchFilters: a map of keys and values is expected, not a single value" },
	{ "a filter with an unknown field", FILTER, "{Key: PRODUCT, Values: [x], Not: true}",
	  "f:4: Not: " KNOWN_FILTER },
	{ "a classification that does not exist", FILTER,
	  "{Key: CLASSIFICATION, Values: [Security, Securty]}",
	  "f:4: PatchFilters: 'Securty' is no CLASSIFICATION that Amazon's notices use" },
	{ "a severity as a classification", FILTER, "{Key: CLASSIFICATION, Values: [Critical]}",
	  "f:4: PatchFilters: 'Critical' is no CLASSIFICATION that Amazon's notices use" },
	{ "a severity that does not exist", FILTER, "{Key: SEVERITY, Values: [High]}",
	  "f:4: PatchFilters: 'High' is no SEVERITY that Amazon's notices use" },
	{ "a severity with a wildcard", FILTER, "{Key: SEVERITY, Values: ['Crit*']}",
	  "f:4: PatchFilters: 'Crit*' is no SEVERITY that Amazon's notices use" },
	{ "a value that is a list", FILTER, "{Key: PRODUCT, Values: [[x]]}",
	  "f:4: Values: a single value is expected, not a list" },

	{ "approved at once", RULE, "{" GROUP ", ApproveAfterDays: 0}", NULL },
	{ "approved after 360 days", RULE, "{" GROUP ", ApproveAfterDays: 360}", NULL },
	{ "approved until a day", RULE, "{" GROUP ", ApproveUntilDate: 2026-06-30}", NULL },
	{ "a null beside the other", RULE,
	  "{" GROUP ", ApproveAfterDays: null, ApproveUntilDate: 2026-06-30}", NULL },
	{ "after 361 days", RULE, "{" GROUP ", ApproveAfterDays: 361}",
	  "f:4: ApproveAfterDays: 361 is not between 0 and 360" },
	{ "before it is released", RULE, "{" GROUP ", ApproveAfterDays: -1}",
	  "f:4: ApproveAfterDays: -1 is not between 0 and 360" },
	{ "after a week and a half", RULE, "{" GROUP ", ApproveAfterDays: 10.5}",
	  "f:4: ApproveAfterDays: '10.5' is not a whole number" },
	{ "after seven days in words", RULE, "{" GROUP ", ApproveAfterDays: 7d}",
	  "f:4: ApproveAfterDays: '7d' is not a whole number" },
	{ "neither days nor a date", RULE, "{" GROUP "}", "f:4: PatchRules: " ONE_OF_TWO },
	{ "both days and a date", RULE,
	  "{" GROUP ", ApproveAfterDays: 7, ApproveUntilDate: 2026-06-30}",
	  "f:4: PatchRules: " ONE_OF_TWO },
	{ "both null", RULE, "{" GROUP ", ApproveAfterDays: null, ApproveUntilDate: null}",
	  "f:4: PatchRules: " ONE_OF_TWO },
	{ "until a day that does not exist", RULE, "{" GROUP ", ApproveUntilDate: 2026-02-29}",
	  "f:4: ApproveUntilDate: '2026-02-29' is not a day such as 2026-06-30" },
	{ "until the null date", RULE, "{" GROUP ", ApproveUntilDate: 0000-00-00}",
	  "f:4: ApproveUntilDate: '0000-00-00' is not a day such as 2026-06-30" },
	{ "until a time of day", RULE, "{" GROUP ", ApproveUntilDate: '2026-06-30 12:00'}",
	  "f:4: ApproveUntilDate: '2026-06-30 12:00' is not a day such as 2026-06-30" },
	{ "a level", RULE, "{" GROUP ", ApproveAfterDays: 7, ComplianceLevel: critical}", NULL },
	{ "a level that does not exist", RULE,
	  "{" GROUP ", ApproveAfterDays: 7, ComplianceLevel: IMPORTANT}",
	  "f:4: ComplianceLevel: 'IMPORTANT' is not one of " LEVELS },
	{ "non-security that is neither", RULE,
	  "{" GROUP ", ApproveAfterDays: 7, EnableNonSecurity: 1}",
	  "f:4: EnableNonSecurity: '1' is not one of false, no, off, true, yes, on" },
	{ "a rule without filters", RULE, "{ApproveAfterDays: 7}",
	  "f:4: PatchRules: a rule needs a PatchFilterGroup with at least one filter" },
	{ "a rule with an empty group", RULE, "{ApproveAfterDays: 7, PatchFilterGroup: {}}",
	  "f:4: PatchRules: a rule needs a PatchFilterGroup with at least one filter" },
	{ "a rule with an empty list", RULE,
	  "{ApproveAfterDays: 7, PatchFilterGroup: {PatchFilters: []}}",
	  "f:4: PatchRules: a rule needs a PatchFilterGroup with at least one filter" },
	{ "a rule with a null group", RULE, "{ApproveAfterDays: 7, PatchFilterGroup: null}",
	  "f:4: PatchRules: a rule needs a PatchFilterGroup with at least one filter" },
	{ "a rule that is a list", RULE, "[a]",
	  "f:4: PatchRules: a map of keys and values is expected, not a list" },
	{ "a rule with an unknown field", RULE, "{" GROUP ", ApproveAfterDay: 7}",
	  "f:4: ApproveAfterDay: " KNOWN_RULE },
	{ "days in both spellings", RULE, "{" GROUP ", ApproveAfterDays: 7, approveAfterDays: 0}",
	  "f:4: approveAfterDays: the same as ApproveAfterDays in line 4; keep one of them" },

	{ "approved patches", FIELD, "ApprovedPatches: [CVE-2020-8648, '1802559', 'kernel*']",
	  NULL },
	{ "no approved patches", FIELD, "ApprovedPatches: null", NULL },
	{ "an approved patch that is empty", FIELD, "ApprovedPatches:\n  - a\n  - ''",
	  "f:4: ApprovedPatches: 0 characters; 1 to 100 are allowed" },
	{ "an only approved patch that is empty", FIELD, "ApprovedPatches: ''",
	  "f:2: ApprovedPatches: 0 characters; 1 to 100 are allowed" },
	{ "an approved patch that is null", FIELD, "ApprovedPatches: [a, ~]",
	  "f:2: ApprovedPatches: a value is expected, not null" },
	{ "approved patches that are a map", FIELD, "ApprovedPatches: {a: b}",
	  "f:2: ApprovedPatches: a list is expected, not a map of keys and values" },
	{ "a rejected patch that is a map", FIELD, "RejectedPatches:\n- {a: b}",
	  "f:3: RejectedPatches: a single value is expected, not a map of keys and values" },
	{ "a level of approved patches", FIELD, "ApprovedPatchesComplianceLevel: HIGH", NULL },
	{ "a level of approved patches that does not exist", FIELD,
	  "ApprovedPatchesComplianceLevel: NONE",
	  "f:2: ApprovedPatchesComplianceLevel: 'NONE' is not one of " LEVELS },
	{ "approved non-security that is neither", FIELD, "ApprovedPatchesEnableNonSecurity: maybe",
	  "f:2: ApprovedPatchesEnableNonSecurity: 'maybe' is not one of false, no, off, true, yes, "
	  "on" },
	{ "the action", FIELD, "RejectedPatchesAction: block", NULL },
	{ "an action that does not exist", FIELD, "RejectedPatchesAction: ALLOW",
	  "f:2: RejectedPatchesAction: 'ALLOW' is not one of ALLOW_AS_DEPENDENCY, BLOCK" },

	{ "a source", SOURCE, "{Name: abc, Products: [x], Configuration: '[s]'}", NULL },
	{ "a source without a name", SOURCE, "{Products: [x], Configuration: c}",
	  "f:2: Sources: a source needs Name, Products and Configuration" },
	{ "a source without products", SOURCE, "{Name: abc, Products: [], Configuration: c}",
	  "f:2: Sources: a source needs Name, Products and Configuration" },
	{ "a source without configuration", SOURCE, "{Name: abc, Products: [x]}",
	  "f:2: Sources: a source needs Name, Products and Configuration" },
	{ "a source with a short name", SOURCE, "{Name: ab, Products: [x], Configuration: c}",
	  "f:2: Sources: 2 characters; 3 to 50 are allowed" },
	{ "a source whose name is a path", SOURCE,
	  "{Name: ../../etc/x, Products: [x], Configuration: c}",
	  "f:2: Sources: a name has letters, digits, '_', '.' and '-' only" },
	{ "a source with an unknown field", SOURCE, "{Name: abc, Url: x}",
	  "f:2: Url: no such key here; known are Name, name, Products, products, Configuration, "
	  "configuration" },
	{ "sources that are a map", FIELD, "Sources: {a: b}",
	  "f:2: Sources: a list is expected, not a map of keys and values" },

	{ "the snapshot's wrapper", WHOLE,
	  "{patchBaseline: {name: abc}, patchGroup: x, patches: [],"
	  " enableApplicationPatches: false, requiredFeatures: []}",
	  NULL },
	{ "the wrapper around nothing", WHOLE, "{patchBaseline: null}",
	  "f:1: patchBaseline: a map of keys and values is expected, not a single value" },
	{ "the wrapper around a list", WHOLE, "{patchBaseline: []}",
	  "f:1: patchBaseline: a map of keys and values is expected, not a list" },
	{ "a field beside the wrapped baseline", WHOLE,
	  "{patchBaseline: {name: abc},\nrejectedPatches: [x]}",
	  "f:2: rejectedPatches: no such key here; known are patchBaseline, patchGroup, patches, "
	  "enableApplicationPatches, requiredFeatures" },
	{ "a wrapped baseline for another system", WHOLE,
	  "{patchBaseline: {operatingSystem: UBUNTU}}",
	  "f:1: operatingSystem: the baseline is for UBUNTU, this node is " OS },
	{ "a wrapped baseline with an unknown field", WHOLE, "{patchBaseline:\n{rule: 1}}",
	  "f:2: rule: no such key here*" },

	{ "an override with one for this system", WHOLE,
	  "[{OperatingSystem: WINDOWS}, {OperatingSystem: " OS "}]", NULL },
	{ "an override whose others are wrong in themselves", WHOLE,
	  "[{OperatingSystem: WINDOWS, Nonsense: 1}, {OperatingSystem: " OS "}]", NULL },
	{ "an empty override", WHOLE, "[]",
	  "f:1: none of the baselines is for " OS " (Patch Manager's error 163)" },
	{ "an override for others", WHOLE, "[{OperatingSystem: WINDOWS}, {Name: abc}]",
	  "f:1: none of the baselines is for " OS " (Patch Manager's error 163)" },
	{ "an override with two for this system", WHOLE,
	  "- OperatingSystem: " OS "\n- OperatingSystem: WINDOWS\n- OperatingSystem: " OS "\n",
	  "f:3: a second baseline for " OS "; only one is allowed (Patch Manager's error 165)" },
	{ "an override of words", WHOLE, "[" OS "]",
	  "f:1: a map of keys and values is expected, not a single value" },
	{ "an override whose system is a list", WHOLE, "[{OperatingSystem: [" OS "]}]",
	  "f:1: none of the baselines is for " OS " (Patch Manager's error 163)" },
};

/* In full; the long list of a baseline's fields may be left off with a `*`. */
static bool says(const char *message, const char *expected)
{
	size_t len = expected ? strlen(expected) : 0;

	if (!message || !expected || expected[len - 1] != '*')
		return streq_null(message, expected);
	return strncmp(message, expected, len - 1) == 0;
}

static void what_is_accepted_and_what_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(arena_freep)
		struct arena *arena = arena_new();
		struct findings findings = { .arena = arena };
		struct err err = ERR_INIT;
		char *text = arena_printf(arena, around[rows[i].place], rows[i].text);

		read_text(text, OS, arena, &findings, &err);
		if (!says(err.message, rows[i].message) ||
		    err.status != (rows[i].message ? EXIT_STATUS_CONFIG : 0))
			fail_msg("%s: status %d, %s", rows[i].what, err.status, err.message);
		err_clear(&err);
	}
}

/* Limits: as many as may be, and one more. */
static const struct {
	const char *what;
	enum place place;
	const char *before, *unit;
	size_t max;
	const char *after, *message; /* of one more */
} limits[] = {
	{ "a name's length", FIELD, "Name: ", "n", 128, "",
	  "f:2: Name: 129 characters; 3 to 128 are allowed" },
	{ "rules", FIELD, "ApprovalRules: {PatchRules: [", "{" GROUP ", ApproveAfterDays: 1},", 10,
	  "]}", "f:2: PatchRules: 11 rules; at most 10 are allowed" },
	{ "filters of a rule", FILTER, "", "{Key: PRODUCT, Values: [x]},", 4, "",
	  "f:4: PatchFilters: 5 filters; at most 4 are allowed" },
	{ "values of a filter", FILTER, "{Key: PRODUCT, Values: [", "x,", 20, "]}",
	  "f:4: Values: 21 entries; at most 20 are allowed" },
	{ "a value's length", FILTER, "{Key: PRODUCT, Values: [", "x", 64, "]}",
	  "f:4: Values: 65 characters; 1 to 64 are allowed" },
	{ "an only value's length", FILTER, "{Key: PRODUCT, Values: ", "x", 64, "}",
	  "f:4: Values: 65 characters; 1 to 64 are allowed" },
	{ "approved patches", FIELD, "ApprovedPatches: [", "x,", 50, "]",
	  "f:2: ApprovedPatches: 51 entries; at most 50 are allowed" },
	{ "an approved patch's length", FIELD, "ApprovedPatches: [", "x", 100, "]",
	  "f:2: ApprovedPatches: 101 characters; 1 to 100 are allowed" },
	{ "rejected patches", FIELD, "RejectedPatches: [", "x,", 50, "]",
	  "f:2: RejectedPatches: 51 entries; at most 50 are allowed" },
	{ "an only rejected patch's length", FIELD, "RejectedPatches: ", "x", 100, "",
	  "f:2: RejectedPatches: 101 characters; 1 to 100 are allowed" },
	{ "sources", SOURCE, "", "{Name: abc, Products: x, Configuration: c},", 20, "",
	  "f:2: Sources: 21 sources; at most 20 are allowed" },
	{ "a source's name", SOURCE, "{Products: x, Configuration: c, Name: ", "n", 50, "}",
	  "f:2: Sources: 51 characters; 3 to 50 are allowed" },
	{ "a source's products", SOURCE, "{Name: abc, Configuration: c, Products: [", "x,", 20,
	  "]}", "f:2: Products: 21 entries; at most 20 are allowed" },
	{ "a source's configuration", SOURCE, "{Name: abc, Products: x, Configuration: ", "c", 1024,
	  "}", "f:2: Sources: 1025 characters; 1 to 1024 are allowed" },
};

static char *repeated(size_t row, size_t n, struct arena *arena)
{
	char *text = arena_strdup(arena, limits[row].before);

	for (size_t i = 0; i < n; i++)
		text = arena_printf(arena, "%s%s", text, limits[row].unit);
	text = arena_printf(arena, "%s%s", text, limits[row].after);
	return arena_printf(arena, around[limits[row].place], text);
}

static void limits_are_the_api_s(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		_cleanup_(arena_freep)
		struct arena *arena = arena_new();
		struct findings findings = { .arena = arena };
		struct err err = ERR_INIT;

		if (!read_text(repeated(i, limits[i].max, arena), OS, arena, &findings, &err))
			fail_msg("%s: %zu are refused: %s", limits[i].what, limits[i].max,
				 err.message);
		if (read_text(repeated(i, limits[i].max + 1, arena), OS, arena, &findings, &err))
			fail_msg("%s: one more is accepted", limits[i].what);
		if (!streq(err.message, limits[i].message))
			fail_msg("%s: %s", limits[i].what, err.message);
		err_clear(&err);
	}
}

/* ---- what is read --------------------------------------------------------------------------- */

/* One baseline in its three spellings. */
static const char *const spellings[] = {
	/* API, as YAML */
	"BaselineId: pb-1\nName: abc\nOperatingSystem: AMAZON_LINUX_2\n"
	"GlobalFilters: {PatchFilters: [{Key: PRODUCT, Values: [AmazonLinux2]}]}\n"
	"ApprovalRules:\n  PatchRules:\n"
	"    - PatchFilterGroup: {PatchFilters: [{Key: CLASSIFICATION, Values: [Security]},\n"
	"                                        {Key: SEVERITY, Values: [Critical, Low]}]}\n"
	"      ApproveAfterDays: 3\n      ComplianceLevel: HIGH\n      EnableNonSecurity: true\n"
	"    - {PatchFilterGroup: {PatchFilters: [{Key: SEVERITY, Values: ['*']}]},\n"
	"       ApproveUntilDate: 1970-01-03}\n"
	"ApprovedPatches: [a, b]\nApprovedPatchesComplianceLevel: LOW\n"
	"ApprovedPatchesEnableNonSecurity: true\nRejectedPatches: [c]\n"
	"RejectedPatchesAction: BLOCK\n"
	"Sources: [{Name: src, Products: ['*'], Configuration: \"[s]\\n\"}]\n",
	/* the snapshot, as JSON, with its wrapper and its nulls */
	"{\"patchGroup\": \"\", \"patchBaseline\": {\"baselineId\": \"pb-1\", \"name\": \"abc\",\n"
	"\"operatingSystem\": \"AMAZON_LINUX_2\", \"accountId\": \"1\", \"createdTime\": 1.5E9,\n"
	"\"modifiedTime\": null, \"description\": \"\", \"defaultBaseline\": false,\n"
	"\"globalFilters\": {\"filters\": [{\"key\": \"PRODUCT\", \"values\": "
	"[\"AmazonLinux2\"]}]},\n"
	"\"approvalRules\": {\"rules\": [\n"
	"{\"filterGroup\": {\"filters\": [{\"key\": \"CLASSIFICATION\", \"values\": "
	"[\"Security\"]},\n"
	"{\"key\": \"SEVERITY\", \"values\": [\"Critical\", \"Low\"]}]}, "
	"\"complianceLevel\": \"HIGH\",\n"
	"\"enableNonSecurity\": true, \"approveAfterDays\": 3, \"approveUntilDate\": null},\n"
	"{\"filterGroup\": {\"filters\": [{\"key\": \"SEVERITY\", \"values\": [\"*\"]}]},\n"
	"\"approveAfterDays\": null, \"approveUntilDate\": \"1970-01-03\"}]},\n"
	"\"approvedPatches\": [\"a\", \"b\"], \"approvedPatchesComplianceLevel\": \"LOW\",\n"
	"\"approvedPatchesEnableNonSecurity\": true, \"rejectedPatches\": [\"c\"],\n"
	"\"rejectedPatchesAction\": \"BLOCK\", \"sources\": [{\"name\": \"src\", "
	"\"products\": [\"*\"],\n"
	"\"configuration\": \"[s]\\n\"}]}}",
};

static void every_field_arrives(const struct baseline *b)
{
	assert_string_equal(b->id, "pb-1");
	assert_string_equal(b->name, "abc");
	assert_string_equal(b->operating_system, OS);
	assert_int_equal(b->n_global_filters, 1);
	assert_int_equal(b->global_filters[0].key, FILTER_PRODUCT);
	assert_string_equal(b->global_filters[0].values[0], "AmazonLinux2");
	assert_int_equal(b->n_rules, 2);
	assert_int_equal(b->rules[0].n_filters, 2);
	assert_int_equal(b->rules[0].filters[1].key, FILTER_SEVERITY);
	assert_int_equal(b->rules[0].filters[1].n_values, 2);
	assert_string_equal(b->rules[0].filters[1].values[1], "Low");
	assert_int_equal(b->rules[0].approve_after_days, 3);
	assert_true(b->rules[0].approve_until == TIME_UNSET);
	assert_int_equal(b->rules[0].level, LEVEL_HIGH);
	assert_true(b->rules[0].enable_non_security);
	assert_int_equal(b->rules[1].approve_after_days, -1);
	assert_int_equal(b->rules[1].approve_until, 2 * SEC_PER_DAY);
	assert_int_equal(b->rules[1].level, LEVEL_UNSPECIFIED);
	assert_false(b->rules[1].enable_non_security);
	assert_true(b->rules[0].line < b->rules[1].line);
	assert_int_equal(b->n_approved, 2);
	assert_string_equal(b->approved[1], "b");
	assert_int_equal(b->approved_level, LEVEL_LOW);
	assert_true(b->approved_enable_non_security);
	assert_int_equal(b->n_rejected, 1);
	assert_string_equal(b->rejected[0], "c");
	assert_int_equal(b->rejected_action, REJECTED_BLOCK);
	assert_int_equal(b->n_sources, 1);
	assert_string_equal(b->sources[0].name, "src");
	assert_string_equal(b->sources[0].products[0], "*");
	assert_string_equal(b->sources[0].configuration, "[s]\n");
}

static void both_spellings_say_the_same(void **state)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(spellings); i++)
		every_field_arrives(good(spellings[i], arena));
}

static void what_is_left_out_has_the_api_s_default(void **state)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();
	const struct baseline *b = good("", arena);

	(void)state;
	assert_null(b->id);
	assert_null(b->name);
	assert_int_equal(b->n_global_filters + b->n_rules + b->n_approved + b->n_rejected, 0);
	assert_int_equal(b->approved_level, LEVEL_UNSPECIFIED);
	assert_false(b->approved_enable_non_security);
	assert_int_equal(b->rejected_action, REJECTED_ALLOW_AS_DEPENDENCY);
}

static void without_a_system_a_single_baseline_is_taken_as_it_is(void **state)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();
	struct findings findings = { .arena = arena };
	struct err err = ERR_INIT;

	(void)state;
	assert_non_null(read_text("OperatingSystem: UBUNTU", NULL, arena, &findings, &err));
	assert_non_null(read_text("[{OperatingSystem: UBUNTU}]", NULL, arena, &findings, &err));
	assert_null(read_text("[{Name: abc}, {Name: abd}]", NULL, arena, &findings, &err));
	assert_string_equal(err.message, "f:1: a second baseline for this system; only one is "
					 "allowed (Patch Manager's error 165)");
	err_clear(&err);
}

static const struct {
	const char *what, *text, *code; /* NULL: no remark */
} remarks[] = {
	{ "rules", "ApprovalRules: {PatchRules: [{" GROUP ", ApproveAfterDays: 7}]}", NULL },
	{ "approved patches alone", "ApprovedPatches: [x]", NULL },
	{ "nothing is approved", "RejectedPatches: [x]", "baseline-approves-nothing" },
	{ "sources", "ApprovedPatches: [x]\nSources: [{Name: abc, Products: x, Configuration: c}]",
	  "baseline-sources-ignored" },
	{ "a field of Windows",
	  "ApprovedPatches: [x]\nAvailableSecurityUpdatesComplianceStatus: COMPLIANT",
	  "baseline-field-ignored" },
	{ "its other spelling",
	  "approvedPatches: [x]\navailableSecurityUpdatesComplianceStatus: COMPLIANT",
	  "baseline-field-ignored" },
};

static void some_things_are_accepted_with_a_remark(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(remarks); i++) {
		_cleanup_(arena_freep)
		struct arena *arena = arena_new();
		struct findings findings = { .arena = arena };
		struct err err = ERR_INIT;

		if (!read_text(remarks[i].text, OS, arena, &findings, &err))
			fail_msg("%s: %s", remarks[i].what, err.message);
		if (findings.n != (remarks[i].code ? 1 : 0) ||
		    (remarks[i].code && !findings_have(&findings, remarks[i].code)))
			fail_msg("%s: %zu remarks, %s", remarks[i].what, findings.n,
				 findings.n ? findings.items[0].code : "");
	}
}

static const struct {
	const char *pattern;
	bool hits;
} rejected[] = {
	{ "kernel*", true },
	{ "*", true },
	{ "KERNEL-LIVEPATCH-*", true },
	{ "kernel", false },
	{ "kernel-livepatch-", false },
	{ "kernel-devel*", false },
	{ "kernel-livepatch", false },
	{ "CVE-2020-8648", false },
};

static void a_rejected_pattern_that_hits_every_livepatch_is_a_finding(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rejected); i++) {
		_cleanup_(arena_freep)
		struct arena *arena = arena_new();
		struct findings findings = { .arena = arena };
		const char *patterns[] = { "vim", rejected[i].pattern };
		struct baseline baseline = { .rejected = patterns, .n_rejected = 2 };

		baseline_check_rejected(&baseline, "kernel-livepatch-", &findings);
		if (findings.n != rejected[i].hits ||
		    (findings.n && !streq(findings.items[0].subject, rejected[i].pattern)))
			fail_msg("%s: %zu findings", rejected[i].pattern, findings.n);
	}
}

/* ---- AWS's own ------------------------------------------------------------------------------ */

static void same_texts(const char *const *a, size_t n_a, const char *const *b, size_t n_b)
{
	assert_int_equal(n_a, n_b);
	for (size_t i = 0; i < n_a; i++)
		assert_string_equal(a[i], b[i]);
}

static void same_filters(const struct baseline_filter *a, size_t n_a,
			 const struct baseline_filter *b, size_t n_b)
{
	assert_int_equal(n_a, n_b);
	for (size_t i = 0; i < n_a; i++) {
		assert_int_equal(a[i].key, b[i].key);
		same_texts(a[i].values, a[i].n_values, b[i].values, b[i].n_values);
	}
}

static void same_content(const struct baseline *a, const struct baseline *b)
{
	assert_true(ends_with(a->id, b->id)); /* an ARN ends in the id */
	assert_string_equal(a->name, b->name);
	assert_string_equal(a->operating_system, b->operating_system);
	same_filters(a->global_filters, a->n_global_filters, b->global_filters,
		     b->n_global_filters);
	assert_int_equal(a->n_rules, b->n_rules);
	for (size_t i = 0; i < a->n_rules; i++) {
		same_filters(a->rules[i].filters, a->rules[i].n_filters, b->rules[i].filters,
			     b->rules[i].n_filters);
		assert_int_equal(a->rules[i].approve_after_days, b->rules[i].approve_after_days);
		assert_true(a->rules[i].approve_until == b->rules[i].approve_until);
		assert_int_equal(a->rules[i].level, b->rules[i].level);
		assert_int_equal(a->rules[i].enable_non_security, b->rules[i].enable_non_security);
	}
	same_texts(a->approved, a->n_approved, b->approved, b->n_approved);
	assert_int_equal(a->approved_level, b->approved_level);
	assert_int_equal(a->approved_enable_non_security, b->approved_enable_non_security);
	same_texts(a->rejected, a->n_rejected, b->rejected, b->n_rejected);
	assert_int_equal(a->rejected_action, b->rejected_action);
	assert_int_equal(a->n_sources, b->n_sources);
}

static const struct baseline *from_bytes(const char *text, size_t len, struct arena *arena)
{
	struct findings findings = { .arena = arena };
	struct baseline *baseline = NULL;
	const struct doc *doc;
	struct err err = ERR_INIT;

	if (yaml_parse(text, len, "f", arena, &doc, &err) < 0 ||
	    baseline_from_doc(doc, NULL, arena, &baseline, &findings, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(findings.n, 0);
	return baseline;
}

/* GetPatchBaseline's output, unchanged, is what we ship. */
static void the_shipped_baselines_are_aws_s_own(void **state)
{
	const char *folder = getenv("KLPD_TEST_DATA");
	const struct builtin_text *texts;
	size_t n;

	(void)state;
	texts = builtin_baselines(&n);
	assert_int_equal(n, 2);
	for (size_t i = 0; i < n; i++) {
		_cleanup_(arena_freep)
		struct arena *arena = arena_new();
		_cleanup_free_ char *json = NULL;
		char *path = arena_printf(arena, "%s/%s.json", folder ? folder : "../shared/data",
					  texts[i].name);
		const struct baseline *ours = from_bytes(texts[i].text, texts[i].len, arena);
		size_t len;

		assert_string_equal(ours->name, texts[i].name);
		if (fsx_read_at(AT_FDCWD, path, YAML_BYTES_MAX, &json, &len) < 0) {
			print_message("skipped: no %s (KLPD_TEST_DATA names its folder)\n", path);
			skip();
		}
		same_content(from_bytes(json, len, arena), ours);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_accepted_and_what_is_refused),
		cmocka_unit_test(limits_are_the_api_s),
		cmocka_unit_test(both_spellings_say_the_same),
		cmocka_unit_test(what_is_left_out_has_the_api_s_default),
		cmocka_unit_test(without_a_system_a_single_baseline_is_taken_as_it_is),
		cmocka_unit_test(some_things_are_accepted_with_a_remark),
		cmocka_unit_test(a_rejected_pattern_that_hits_every_livepatch_is_a_finding),
		cmocka_unit_test(the_shipped_baselines_are_aws_s_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
