// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * InstallOverrideList: what to install, instead of the baseline's decision (semantics 2.7)
 *
 * Pure: interprets a doc tree {patches: [{id, title?}]}; other keys of an entry are ignored, as
 * documented by AWS. Compliance is still judged against the baseline.
 */

#include "base/doc.h"
#include "core/nevra.h"

struct findings;

struct override_entry {
	const char *id;	   /* name form or glob */
	const char *title; /* name form or glob; NULL: not given */
};

struct override_list {
	const char *source;
	struct override_entry *entries;
	size_t n_entries;
};

/*
 * The entry that names this build, or NULL: its title, else its id. Both must match if both are
 * given, each any of the name forms (core/match.h).
 */
const char *override_naming(const struct override_list *list, const struct nevra *nevra);

/* An entry needs an id; an empty list is a finding. @ret->source is left for the caller. */
_must_check_ int override_from_doc(const struct doc *doc, struct arena *arena,
				   struct override_list **ret, struct findings *findings,
				   struct err *err);
