// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * "Is this CVE fixed in what is running now, and on what evidence?"
 *
 * Pure. `unknown` is never folded into another answer: a CVE that no notice names may be fixed, may
 * not concern this kernel, or may be unpatched. Series (5.10, 5.15) are numbered apart: a version
 * of one is neither before nor after a fix in another.
 */

#include "core/judge.h"

enum cve_answer {
	CVE_UNKNOWN,
	CVE_NOT_FIXED,
	CVE_INSTALLED_NOT_ACTIVE,
	CVE_FIXED_BY_LIVEPATCH,
	CVE_FIXED_BY_KERNEL,
};

enum cve_fix {
	CVE_FIX_RUNNING_KERNEL, /* a notice of the running kernel or an older one */
	CVE_FIX_LIVEPATCH,	/* a livepatch of the running kernel */
	CVE_FIX_NEWER_KERNEL,
	CVE_FIX_OTHER_SERIES, /* which says nothing of the running one */
};

struct cve_evidence {
	enum cve_fix fix;
	const struct advisory *advisory;
	struct nevra package;
	bool installed;	      /* this version or a newer one */
	enum tristate active; /* livepatches; TRISTATE_UNKNOWN otherwise */
	int64_t released;
};

struct cve_result {
	enum cve_answer answer;
	const char *reason; /* one sentence */
	struct cve_evidence *evidence;
	size_t n_evidence;
};

/* @j: as evaluate_judge() left it. Strings and the list live in the report's arena. */
struct cve_result cve_look(struct judge *j, const char *cve);
/* Every CVE that a notice of the running kernel's package, or of its livepatches, names; sorted. */
struct word_set cve_known(struct judge *j);
/* What to do about it, one sentence in @j's arena; NULL where it is fixed or not known. */
const char *cve_action(struct judge *j, const struct cve_result *result);
const char *cve_answer_name(enum cve_answer answer); /* "fixed-by-livepatch", ... */
const char *cve_fix_name(enum cve_fix fix);	     /* "running kernel", ... */
