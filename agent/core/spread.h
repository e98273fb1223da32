// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * A moment of its own for every node, so that a fleet does not ask its mirrors all at once
 *
 * The same for one node each time, so that it is no surprise. systemd has RandomizedDelaySec= and
 * FixedRandomDelay= for this from 229 and 247 on; Amazon Linux 2 has 219.
 */

#include <stdint.h>

/* From 0 to @span - 1, by the identity of the node (machine-id(5)). @span: at least 1. */
int64_t spread_offset(const char *identity, int64_t span);
