// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * What scriptlets and the loader wrote
 */

#include "apply/channel.h"

/* Tells the last lines of the file, cleaned of control characters, and returns them all. To be
 * freed.
 */
_returns_nonnull_ char *output_tell(struct channel *channel, int fd);
