// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * What entering a state does. An action returns EVENT_NONE when a program was started whose end is
 * the event, or the event itself.
 */

#include "klpd/job.h"

typedef enum job_event (*action_fn)(struct job *job);

/* NULL for the first state and the ends. */
extern const action_fn actions[STATE_COUNT];
