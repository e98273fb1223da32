// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * What bears on a plan besides the judgement: who forbids what, and what the node can bear
 */

#include "worker/session.h"

/*
 * From the request and, below the root, etc/klpd/recall.yaml, etc/klpd/disabled and the kernel's
 * command line. 0, or -1 with @err (CONFIG) naming file, line and field.
 */
_must_check_ int wishes_read(struct session *s, struct plan_wishes *ret, struct err *err);
/* PLAN_LIMITS with the free disk space and memory of the node. */
struct plan_limits wishes_limits(const struct session *s);
