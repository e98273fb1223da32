// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * What librpm says through its log: it returns little more than yes or no
 */

#include "base/macro.h"

/* Keeps what is logged from now on, and prints nothing. */
void messages_begin(void);
/* The lines of NOTICE and worse since then, joined by "; ", shortened; the next call frees it. */
const char *messages_take(void);
