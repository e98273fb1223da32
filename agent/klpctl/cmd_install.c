// SPDX-License-Identifier: Apache-2.0
#include "base/alloc.h"
#include "klpctl/command.h"
#include "klpctl/installation.h"

static void set_true(json_t *object, const char *key, bool value)
{
	if (value)
		json_object_set_new(object, key, json_true());
}

static json_t *parameters_of(const struct command_call *call)
{
	const struct options *o = call->options;
	json_t *p = json_pack("{s:o}", "options", client_scan_options(call->client));

	set_true(p, "dry_run", o->dry_run);
	set_true(p, "with_kernel", o->with_kernel);
	set_true(p, "retry_quarantined", o->retry_quarantined);
	if (o->reboot_option)
		json_object_set_new(p, "reboot_option", json_string(o->reboot_option));
	if (o->overrides)
		client_put_document(call->client, p, "overrides", o->overrides);
	return p;
}

int cmd_install(struct command_call *call, struct err *err)
{
	return installation_run(call, "Install", parameters_of(call), installation_status, err);
}
