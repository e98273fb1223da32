// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The node's repositories as a request wants them seen: the one that it means to enable counts as
 * enabled, and where no file has it as if klpd had made it already (core/repotemplate.h)
 */

#include "fetch/request.h"
#include "repo/repoconf.h"

_returns_nonnull_ struct repoconf *config_read(int root, const struct request *request,
					       struct findings *findings);
bool config_is_enabled(const struct request *request, const struct repoconf_section *section);
