// SPDX-License-Identifier: Apache-2.0
#include "ipc/idl.h"

#include "base/macro.h"

static const struct {
	const char *interface, *text;
} descriptions[] = {
	{
		"io.klpd.Agent",
#include "io.klpd.Agent.inc"
	},
	{
		"org.varlink.service",
#include "org.varlink.service.inc"
	},
};

const char *idl_text(const char *interface)
{
	for (size_t i = 0; i < ARRAY_SIZE(descriptions); i++)
		if (streq(descriptions[i].interface, interface))
			return descriptions[i].text;
	return NULL;
}
