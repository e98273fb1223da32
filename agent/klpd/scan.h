// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The actions of a scan, which an installation has too (klpd/actions.h)
 */

#include "klpd/job.h"

enum job_event scan_probe(struct job *job);
enum job_event scan_fetch(struct job *job);
/* As scan_fetch(), with the package lists of all repositories, whatever their age. */
enum job_event scan_fetch_more(struct job *job);
enum job_event scan_fetch_again(struct job *job);
enum job_event scan_judge(struct job *job);

/*
 * Starts klpd-fetch for the node that was probed. @more (consumed, may be NULL) is added to the
 * request.
 */
enum job_event scan_start_fetch(struct job *job, json_t *more,
				enum job_event (*after)(struct job *job, json_t *answer));
