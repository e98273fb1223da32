// SPDX-License-Identifier: Apache-2.0
#include "core/advisory.h"

#include <strings.h>

/* Best first, so that the rank is the distance from the end. */
static const char *const types[] = { "security", "bugfix", "enhancement", "recommended",
				     "newpackage" };
static const char *const severities[] = { "critical", "important", "medium", "low" };

static const char *canonical(const char *word)
{
	return strcasecmp(word, "moderate") == 0 ? "medium" : word;
}

bool advisory_word_equal(const char *a, const char *b)
{
	return strcasecmp(canonical(a), canonical(b)) == 0;
}

static int rank(const char *const *words, size_t n, const char *word)
{
	if (!word || !*word)
		return 0;
	for (size_t i = 0; i < n; i++)
		if (advisory_word_equal(words[i], word))
			return (int)(n - i) + 1;
	return 1;
}

int advisory_type_rank(const char *type)
{
	return rank(types, ARRAY_SIZE(types), type);
}

int advisory_severity_rank(const char *severity)
{
	/* "None" (Amazon Linux 2023) is the publisher's way of giving none. */
	if (severity && strcasecmp(severity, "none") == 0)
		return 0;
	return rank(severities, ARRAY_SIZE(severities), severity);
}

bool advisory_ref_is_cve(const struct advisory_ref *ref)
{
	return strcasecmp(ref->type, "cve") == 0;
}

bool advisory_has_ref(const struct advisory *advisory, const char *id)
{
	for (size_t i = 0; i < advisory->n_refs; i++)
		if (streq(advisory->refs[i].id, id))
			return true;
	return false;
}

bool advisory_lists(const struct advisory *advisory, const struct nevra *nevra)
{
	for (size_t i = 0; i < advisory->n_packages; i++)
		if (nevra_equal(&advisory->packages[i], nevra))
			return true;
	return false;
}
