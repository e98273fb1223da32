// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * klpd.yaml: the agent's settings
 *
 * Pure: one table of {key, kind, default, one-line text} is interpreted over a doc tree; unknown
 * keys and values are errors with file and line. The sample file and the man page are compared
 * with the table by a test.
 */

#include "base/doc.h"
#include "core/window.h"

enum release_date {
	RELEASE_DATE_UPDATED,
	RELEASE_DATE_ISSUED,
};

enum unknown_date {
	UNKNOWN_DATE_HOLD,
	UNKNOWN_DATE_APPROVE,
};

enum coverage_policy {
	COVERAGE_STRICT,
	COVERAGE_APPROVED,
	COVERAGE_AWS,
};

/* What to do about functions of the kernel that somebody traces, before a livepatch is loaded. */
enum tracing_policy {
	TRACING_WARN,
	TRACING_DEFER,
	TRACING_IGNORE,
};

enum scope {
	SCOPE_ALL,
	SCOPE_LIVEPATCH,
};

/* How a `baseline` begins that one of `plugins` fetches. */
#define CONFIG_PLUGIN "plugin:"

struct config {
	const char *baseline; /* file, name, CONFIG_PLUGIN...; NULL: the platform's own */
	enum scope scope;
	enum coverage_policy coverage;
	enum release_date release_date;
	enum unknown_date unknown_date;
	bool honor_excludes;
	int64_t stale_after;	 /* seconds; older metadata gives UNKNOWN */
	int64_t support_warning; /* seconds; warn this long before the window ends */
	bool reboot_after_livepatch;
	bool pending_external;
	int64_t activation_timeout; /* seconds to wait for modules in transition */
	enum tracing_policy tracing;
	struct windows windows;	   /* for changes that a timer asks for */
	const char *group;	   /* whose members may change the node; NULL: root only */
	int64_t history_keep;	   /* number of reports of each operation */
	int64_t history_age;	   /* seconds; older reports are removed; 0: never */
	const struct doc *plugins; /* {NAME: {key: text}}; NULL: none */
	int64_t publish_timeout;   /* seconds for one report to one of them */
	int64_t hook_timeout;	   /* seconds for each of the operator's programs */
	int64_t fetch_timeout;	   /* seconds for a whole fetch */
	int64_t max_file_size;	   /* bytes of a single download */
};

struct config_item {
	const char *key;
	const char *fallback; /* the default, as text; "" for none */
	const char *values;   /* what may stand there, for people */
	const char *text;     /* one line of explanation */
};

/* Every setting in documented order; the last has a NULL key. */
const struct config_item *config_items(void);
/* Defaults for everything that @doc (may be NULL) leaves out. Strings stay the document's. */
_must_check_ int config_from_doc(const struct doc *doc, struct config *ret, struct err *err);
/* The effective value of one setting, as it would stand in the file; lives in @arena. */
const char *config_value(const struct config *config, const char *key, struct arena *arena);
