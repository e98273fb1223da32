// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The unit that loads livepatches at boot
 */

#include "apply/channel.h"
#include "apply/options.h"

/*
 * Enables @unit and, on a system that runs, starts it; or disables it. It is never stopped: that
 * would unload what the kernel runs. 0, or -1 with @err (FAILED: systemctl's words; NOPERM: no
 * option names this unit).
 */
_must_check_ int service_switch(struct channel *channel, const struct options *options, int root,
				const char *unit, bool on, struct err *err);
