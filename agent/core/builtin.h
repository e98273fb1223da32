// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The shipped platform profiles and baselines, as text embedded at build time from conf/
 */

#include "base/macro.h"

struct builtin_text {
	const char *name; /* the file's, without folder and suffix */
	const char *text;
	size_t len;
};

const struct builtin_text *builtin_platforms(size_t *ret_n);
const struct builtin_text *builtin_baselines(size_t *ret_n);
