// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Which managed node of AWS this is, and by which keys it may say so
 *
 * Each is looked for in this order, and the first place that has it counts:
 *   settings:    instance_id, region; never keys
 *   environment: AWS_SSM_INSTANCE_ID; AWS_SSM_REGION_NAME, AWS_REGION, AWS_DEFAULT_REGION;
 *                AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN
 *   SSM Agent:   InstanceId of its identity_config.json, and the file of keys that this names,
 *                until they expire (nodes outside of EC2)
 *   EC2:         the instance metadata service, version 2 only
 *
 * What the agent keeps in its vault is never read.
 */

#include "klpd-plugin.h"

#include <stdbool.h>

struct places {
	const char *instance_id, *region; /* of the settings; NULL */
	const char *agent;		  /* path of identity_config.json */
	const char *metadata; /* URL of the metadata service, without a path; "": none */
};

/* Texts are NULL where no place has them. */
struct identity {
	char *instance_id, *region;
	char *key, *secret, *token;
	char *source;  /* of the keys, in words; never what is in them */
	char *trouble; /* why a place that should have them could not be used; NULL: none */
};

void identity_find(const struct klpd_host *host, const struct places *places, struct identity *ret);
/* The keys again, which were rotated meanwhile. */
void identity_refresh(const struct klpd_host *host, const struct places *places,
		      struct identity *identity);
bool identity_complete(const struct identity *identity);
void identity_clear(struct identity *identity);
