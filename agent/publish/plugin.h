// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * One plugin: found, trusted, loaded (plugins/klpd-plugin.h)
 */

#include "base/err.h"
#include <klpd-plugin.h>

#define PLUGIN_NAME_MAX 32

/*
 * Loads NAME.so from the folder `plugins` beside our own program. Nobody but root, or whoever we
 * are, may be able to write the file or the folder. It stays loaded until the process ends. NULL
 * with @err (CONFIG), which says what to do.
 */
const struct klpd_plugin *plugin_load(const char *name, struct err *err);
