// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The recall list: builds that must not be installed or loaded, whatever a baseline approves
 *
 * Pure: interprets a doc tree (/etc/klpd/recall.yaml):
 *
 *   - {package: kernel-livepatch-5.10.102-99.473-1.0-3*, reason: panics under load}
 *   - {sha256: 0123...}
 */

#include "base/doc.h"
#include "core/plan.h"

#define RECALL_MAX 1000

/* Every entry needs a package (name form or glob) or a sha256. 0, or -1 with @err (CONFIG). */
_must_check_ int recall_from_doc(const struct doc *doc, struct arena *arena, struct plan_ban **ret,
				 size_t *ret_n, struct err *err);
