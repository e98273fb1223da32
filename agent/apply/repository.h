// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The repository that livepatches come from
 */

#include "apply/channel.h"
#include "apply/options.h"

/**
 * repository_switch() - enable or disable one section
 * @file: the .repo file, below the root, in which it stands; "": in none. It is then made, enabled,
 *        from our own text of it (core/repotemplate.h), for whoever asks may not bring one
 *
 * Of a file that is there only the value of `enabled` changes. What is so already is left alone.
 * 0, or -1 with @err (DATA: no such section; NOPERM: no option names it; IO).
 */
_must_check_ int repository_switch(struct channel *channel, const struct options *options, int root,
				   const char *id, const char *file, bool on, struct err *err);
