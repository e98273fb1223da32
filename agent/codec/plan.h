// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * struct plan -> JSON (schema klpd.plan/1, docs/klpd.plan-1.schema.json)
 *
 * Every key is there, null when there is nothing to say or it is not known, and every list is
 * there. Packages are titles, "name.arch:epoch:version-release"; of a goal that any build reaches,
 * the name alone.
 */

#include "core/plan.h"

#include <jansson.h>

/* A new reference, never NULL. */
json_t *codec_plan_to_json(const struct plan *plan);
