// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The time for a transfer: SIGALRM, whose handler calls transfer_interrupt(), ends it
 */

#include <stdint.h>

/* The alarm comes in @msec milliseconds, or at once. */
void clock_start(int64_t msec);
void clock_stop(void);
