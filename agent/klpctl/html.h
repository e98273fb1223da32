// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Reports as one page: the fleet first, then each node
 *
 * Self-contained, without a script; readable on paper and on a phone. Reports come from other
 * machines, so nothing in them is markup here.
 */

#include <jansson.h>
#include <stdint.h>

struct html_report {
	const char *name; /* what the node is called if its report does not say */
	const json_t *json;
};

/* The page, to be freed. @now: what days are counted from. */
char *html_page(const struct html_report *reports, size_t n, int64_t now, size_t *ret_len);
