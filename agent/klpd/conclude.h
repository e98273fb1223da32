// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The last action of a scan and of an installation: the report is completed, kept and announced
 */

#include "klpd/job.h"

enum job_event conclude_store(struct job *job);
/* The operator's programs hear of a report that is kept; what they say of it is only logged. */
enum job_event conclude_hooks(struct job *job);
