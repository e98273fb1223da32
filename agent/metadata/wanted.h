// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Which package names the reader of a metadata file cares about
 */

#include "base/macro.h"

struct wanted {
	bool (*name)(void *userdata, const char *name);
	void *userdata;
};

/* @wanted may be NULL: then every name is wanted. */
static inline bool wanted_has(const struct wanted *wanted, const char *name)
{
	return !wanted || wanted->name(wanted->userdata, name);
}
