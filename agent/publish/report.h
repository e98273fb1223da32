// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * A report as plugins see it (plugins/klpd-plugin.h), out of the JSON that klpd keeps
 */

#include "base/alloc.h"
#include "base/err.h"
#include <klpd-plugin.h>

#include <jansson.h>

/*
 * Texts are those of @json, which must live as long, or @arena's. What a report of another version
 * lacks is "", 0 or KLPD_NO_TIME. Return: 0, or -1 with @err (DATA): it is no report.
 */
_must_check_ int report_view(json_t *json, struct arena *arena, struct klpd_report *ret,
			     struct err *err);
