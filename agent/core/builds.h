// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Builds: everything that the repositories say about one package name, version by version
 *
 * Pure. Joins notices and primary metadata (n:m, semantics 3.7) and judges each build. Markers are
 * left out: release 0 is never a patch (ruling 5).
 */

#include "core/approval.h"

struct build {
	struct nevra nevra;
	const struct advisory **notices;
	size_t n_notices;
	const struct available *available; /* NULL: in no repository whose primary was read */
	bool excluded;			   /* only found where yum's or dnf's excludes hide it */
	struct approval approval;
};

/* Ordered by EVR, oldest first. */
struct builds {
	struct build *items;
	size_t n;
};

enum builds_source {
	BUILDS_AVAILABLE, /* a build counts only if a repository offers it (livepatches) */
	BUILDS_NOTICED,	  /* notices alone count: primary of kernel repositories is not read */
};

/**
 * builds_collect() - gather and judge the builds of one package
 * @source: with BUILDS_AVAILABLE, an approved build that no repository offers is held
 *          (HOLD_NOT_IN_REPOSITORY), semantics 3.5
 * @arena:  owns the result; notices and packages still point into @catalogue
 */
struct builds builds_collect(const struct approval_context *ctx, const struct catalogue *catalogue,
			     const char *name, const char *arch, enum builds_source source,
			     struct arena *arena);

/* The newest approved build, or NULL. */
const struct build *builds_candidate(const struct builds *builds);

/* A half-open range of versions, (after, up_to]; NULL = unbounded on that side. */
struct evr_range {
	const struct evr *after, *up_to;
};
bool evr_range_has(const struct evr_range *range, const struct evr *evr);

/* A sorted set of strings without duplicates; strings are not copied. */
struct word_set {
	const char **items;
	size_t n;
};
void word_set_add(struct word_set *set, struct arena *arena, const char *word);
void word_set_seal(struct word_set *set); /* sorts; required before word_set_has() */
bool word_set_has(const struct word_set *set, const char *word);

/* What the notices of the builds in a range say together (semantics 3.7: independent maxima). */
struct notice_summary {
	const char *classification; /* "Security"; "" none */
	const char *severity;	    /* "Important"; "" none */
	struct word_set advisories, cves;
};
struct notice_summary builds_summarise(const struct builds *builds, const struct evr_range *range,
				       struct arena *arena);
