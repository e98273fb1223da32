// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * What klpd adds to the report that klpd-worker made: identity, times, cost (DESIGN section 6)
 *
 * Pure but for finish_id().
 */

#include "base/macro.h"

#include <jansson.h>

#define FINISH_ID_MAX 37

struct finish {
	const char *id;
	int64_t started, finished;
	int64_t cpu_usec, peak_rss_kib, bytes_fetched;
};

/*
 * A UUID of version 7 (RFC 9562) into @buf: milliseconds, then random bytes, so that ids sort by
 * time. Returns @buf.
 */
const char *finish_id(char buf[static FINISH_ID_MAX]);
/* The complete report, members in the order of the schema; a new reference. */
json_t *finish_report(json_t *report, const struct finish *finish);
