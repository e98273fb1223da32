// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * What differs between libsolv 0.6.34 and 0.7 (al2-facts 5.5); only for the files of this folder
 */

#include <solv/pool.h>
#include <solv/repo.h>
#include <solv/solv_xfopen.h>
#include <solv/solvversion.h>

#include "base/macro.h"

DEFINE_CLEANUP(Pool *, pool_free);

/* Debian builds libsolv for several package systems at once; elsewhere rpm is the only one. */
static inline Pool *adapter_pool_new(void)
{
	Pool *pool = pool_create();

#ifdef LIBSOLV_FEATURE_MULTI_SEMANTICS
	pool_setdisttype(pool, DISTTYPE_RPM);
#endif
	return pool;
}
