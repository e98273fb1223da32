// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The actions of an installation, beside those of a scan (klpd/actions.h)
 */

#include "klpd/job.h"

enum job_event install_plan(struct job *job);
enum job_event install_download(struct job *job);
/* klpd-apply installs the plan's steps; from here on the node changes. */
enum job_event install_apply(struct job *job);
/* klpd-apply loads what is installed and not loaded. */
enum job_event install_load(struct job *job);
enum job_event install_await(struct job *job);

/* Adds plan and outcome to the @report of the look that followed. */
void install_conclude(struct job *job, json_t *report);
