// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The twelve name forms of approved and rejected patch lists (semantics 2.3)
 *
 * Pure. n, n.a, n-v, n-v-r, n-v-r.a, e:n-v-r.a, n-e:v-r, n-e:v-r.a, v, v-r, e:v-r, n.a:e:v-r:
 * compared without case; an entry with *, ? or [...] is a shell glob over the whole string.
 */

#include "core/advisory.h"

/* Glob without case over the whole string; `*` also matches '/' and a leading dot. */
bool match_glob(const char *pattern, const char *text);
bool match_any_glob(const char *const *patterns, size_t n, const char *text);
/* True if @entry equals, or as a glob covers, one of the twelve forms of @nevra. */
bool match_nevra(const char *entry, const struct nevra *nevra);
/* True if @entry is the id of the advisory, or of a CVE or Bugzilla reference of it. */
bool match_advisory(const char *entry, const struct advisory *advisory);
