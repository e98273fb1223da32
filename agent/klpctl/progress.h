// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The progress line on stderr, while the agent works
 */

#include "base/macro.h"

#include <jansson.h>

struct progress;

/* NULL when stderr is no terminal: there is nobody to look. */
struct progress *progress_new(void);
/* Takes the line away. Accepts NULL. */
void progress_free(struct progress *progress);
DEFINE_CLEANUP(struct progress *, progress_free);
/* A varlink_progress_fn: @parameters of a continued reply to Scan. */
void progress_show(json_t *parameters, void *progress);
