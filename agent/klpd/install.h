// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The phases of an installation, after the metadata was refreshed
 */

#include "klpd/job.h"

void install_begin(struct job *job);
