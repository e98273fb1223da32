// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * struct report -> JSON (schema klpd.report/1, DESIGN section 6, docs/klpd.report-1.schema.json)
 *
 * A key that DESIGN marks with "?" is absent when there is nothing to say; every other key is
 * there, null when unknown, and every list is there, empty when it has nothing. `id`, `started`,
 * `finished` and `resources` belong to a report that was made by a job: evaluation alone leaves
 * them out, the daemon adds them before it stores the report (definition "stored" of the schema).
 */

#include "core/report.h"

#include <jansson.h>

/* A new reference, never NULL. */
json_t *codec_report_to_json(const struct report *report);
