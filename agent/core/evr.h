// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Epoch, version, release: rpm's ordering, without librpm
 *
 * Pure. evr_vercmp() agrees with rpmvercmp() of rpm 4.15 and later, `~` and `^` included (a test
 * compares the two on generated pairs). rpm 4.11 does not know `^`; Amazon uses neither.
 */

#include "base/macro.h"

struct evr {
	uint32_t epoch;
	const char *version;
	const char *release;
};

/* Compares one segment string as rpmvercmp() does: negative, 0 or positive. */
int evr_vercmp(const char *a, const char *b);
/* Epoch, then version, then release. */
int evr_compare(const struct evr *a, const struct evr *b);
