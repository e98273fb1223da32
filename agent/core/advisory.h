// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Advisories (updateinfo notices) as values
 *
 * Pure. Words (type, severity) are kept as the publisher wrote them; comparing them without case
 * and with moderate = medium is advisory_severity_rank()'s and the baseline's business.
 */

#include "base/timex.h"
#include "core/nevra.h"

enum notice_date {
	NOTICE_DATE_ABSENT, /* no element, or empty */
	NOTICE_DATE_VALID,
	NOTICE_DATE_INVALID, /* text that is not a date */
};

struct advisory_date {
	enum notice_date state;
	int64_t at; /* TIME_UNSET unless VALID */
};

struct advisory_ref {
	const char *type; /* "cve", "bugzilla", ... as written */
	const char *id;
};

struct advisory {
	const char *id;
	const char *type;     /* "security", "bugfix", ...; NULL when absent */
	const char *severity; /* NULL when absent */
	const char *status;   /* NULL when absent */
	const char *title;    /* NULL when absent */
	struct advisory_date issued, updated;
	struct advisory_ref *refs;
	size_t n_refs;
	struct nevra *packages;
	size_t n_packages;
	size_t repo; /* index into catalogue.repositories (ruling 4: never merged across) */
};

/*
 * Orders of semantics 3.7; higher is worse. 0 = none given, 1 = a word we do not know.
 * Security > Bugfix > Enhancement > Recommended > Newpackage; Critical > Important > Medium > Low.
 */
int advisory_type_rank(const char *type);
int advisory_severity_rank(const char *severity);
/* Compare as a filter does: without case, Moderate = Medium for severities. */
bool advisory_word_equal(const char *a, const char *b);

bool advisory_ref_is_cve(const struct advisory_ref *ref);
bool advisory_has_ref(const struct advisory *advisory, const char *id);
bool advisory_lists(const struct advisory *advisory, const struct nevra *nevra);
