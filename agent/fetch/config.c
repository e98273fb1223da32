// SPDX-License-Identifier: Apache-2.0
#include "fetch/config.h"

#include "core/repotemplate.h"

struct repoconf *config_read(int root, const struct request *request, struct findings *findings)
{
	const struct repoconf_builtin builtin = {
		.releasever = request->releasever,
		.arch = request->arch,
		.repo_id = request->enable,
		.repo_text = request->enable ? repotemplate(request->enable) : NULL,
	};

	return repoconf_read(root, &builtin, findings);
}

bool config_is_enabled(const struct request *request, const struct repoconf_section *section)
{
	return section->enabled || streq_null(request->enable, section->id);
}
