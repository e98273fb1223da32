// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * What is known of the running kernel's CVEs, as OpenVEX 0.2.0
 *
 * One statement for each CVE that a notice of the kernel's package or of its livepatches names:
 *
 *   fixed                the kernel was released with the fix, or runs a livepatch that has it
 *   affected             the fix is published and does not run; what to do is the action_statement
 *   under_investigation  neither can be told
 *
 * never not_affected: that code is not reachable nobody has looked at. The product is the running
 * kernel's package as a package URL, which scanners match with what they found. The notes have the
 * evidence: notice, package, and what became of it here.
 */

#include "core/judge.h"

#include <jansson.h>

/*
 * @judge: as evaluate_judge() left it, with a kernel_name. @ret_n: how many statements. Without the
 * document's "@id". A new reference.
 */
json_t *vex_document(struct judge *judge, size_t *ret_n);
