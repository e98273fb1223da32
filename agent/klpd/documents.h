// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * What a job is judged by, or told to install, where that is not on the node
 *
 *   a document by https://    klpd-fetch brings it
 *   one by s3://              plugin ssm brings it
 *   baseline: plugin:NAME     plugin NAME says which one is this node's
 *   STATE/baseline-NAME.json  the last that it said, for when nobody can be asked
 */

#include "klpd/job.h"

enum job_event documents_bring(struct job *job);
