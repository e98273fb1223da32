// SPDX-License-Identifier: Apache-2.0
#include "core/repotemplate.h"

#include "base/macro.h"

static const struct {
	const char *id, *text;
} templates[] = {
#define REPOSITORY(name, text) { name, text },
#include "repositories.inc"
};

const char *repotemplate(const char *id)
{
	for (size_t i = 0; i < ARRAY_SIZE(templates); i++)
		if (streq(templates[i].id, id))
			return templates[i].text;
	return NULL;
}
