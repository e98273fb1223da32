// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Before a livepatch is loaded: who traces the kernel's functions
 *
 * Only root may read that, so it is looked at here. Which functions a livepatch replaces is in its
 * module alone, so all that are traced are told; the kernel refuses what does not go together.
 */

#include "apply/channel.h"

/* Tells @channel of the first users. 0, or -1 with @err (TEMPFAIL): there are some, and the
 * request says to wait. */
_must_check_ int trace_look(struct channel *channel, int root, enum apply_tracing policy,
			    struct err *err);
