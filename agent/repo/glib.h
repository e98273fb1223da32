// SPDX-License-Identifier: Apache-2.0
#pragma once

/* Cleanup attributes for what GLib allocates, in the house's form. Only for agent/repo. */

#include "base/macro.h"

#include <glib.h>

static inline void gfreep(char **p)
{
	g_free(*p);
}

static inline void gstrvp(char ***p)
{
	g_strfreev(*p);
}

static inline void gerror_freep(GError **p)
{
	g_clear_error(p);
}
