// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Which function each state of a job has
 */

#include "klpd/jobs.h"

extern const job_action_fn actions[STATE_COUNT];
