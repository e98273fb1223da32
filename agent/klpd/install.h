// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The actions of what changes the node, an installation or live patching as a whole, beside those
 * of a scan (klpd/actions.h)
 */

#include "klpd/job.h"

enum job_event install_plan(struct job *job);
enum job_event install_download(struct job *job);
/* The operator's programs see the plan and may veto it. */
enum job_event install_hooks(struct job *job);
/* klpd-apply makes the next of the plan's changes; from here on the node is another. */
enum job_event install_apply(struct job *job);
enum job_event install_await(struct job *job);

/* Something of the plan was begun. */
bool install_was_begun(const struct job *job);
/* Adds plan and outcome to the @report of the look that followed. */
void install_conclude(struct job *job, json_t *report);
