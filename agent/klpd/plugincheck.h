// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Whether the plugins of the settings can be loaded and take their settings; nothing is published
 */

#include "ipc/varlink_server.h"
#include "klpd/settings.h"

struct plugincheck;

/* Takes over @call, which is answered when all were asked: {plugins: [{name, result, message}]}. */
void plugincheck_start(struct plugincheck **check, struct loop *loop, const struct place *place,
		       const struct settings *settings, struct varlink_call *call);
/* Drops the call. Accepts NULL. */
void plugincheck_free(struct plugincheck *check);
