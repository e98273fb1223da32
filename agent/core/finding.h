// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Findings: trouble in the world, as data
 *
 * A finding never stops a job. `code` is stable and meant for programs, `message` is one sentence
 * for people: fact, date where there is one, action.
 */

#include "base/alloc.h"

enum finding_severity {
	FINDING_INFO,
	FINDING_WARNING, /* something to act on; the verdict stands */
	FINDING_ERROR,	 /* something could not be looked at: a verdict may be UNKNOWN */
};

struct finding {
	const char *code; /* kebab-case, e.g. "repository-unreachable" */
	enum finding_severity severity;
	const char *subject; /* file, repository id, package, CVE; never NULL */
	const char *message;
};

struct findings {
	struct arena *arena; /* not owned; holds the strings */
	struct finding *items;
	size_t n;
	size_t dropped; /* beyond FINDINGS_MAX */
};

#define FINDINGS_MAX 500

_printf_(5, 6) void finding_add(struct findings *list, enum finding_severity severity,
				const char *code, const char *subject, const char *fmt, ...);
/* Appends copies of all items. */
void findings_copy(struct findings *to, const struct findings *from);
bool findings_have(const struct findings *list, const char *code);
const char *finding_severity_name(enum finding_severity severity); /* "info" ... */
