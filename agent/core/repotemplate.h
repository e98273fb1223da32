// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Repositories that klpd may create where a node lacks them: conf/repositories, embedded at build
 * time, so that root installs no other text than this
 */

/* The whole .repo file with the section @id, or NULL. */
const char *repotemplate(const char *id);
