// SPDX-License-Identifier: Apache-2.0
#include "apply/service.h"

#include "apply/run.h"
#include "base/alloc.h"

#define SYSTEMCTL "/usr/bin/systemctl"

static int systemctl(struct channel *channel, const struct options *options, int root,
		     const char *verb, const char *unit, struct err *err)
{
	_cleanup_free_ char *offline = xasprintf("--root=%s", options->root), *said = NULL;
	const char *const here[] = { SYSTEMCTL, verb, unit, NULL };
	const char *const there[] = { SYSTEMCTL, offline, verb, unit, NULL };
	int status;

	said = run_program(channel, root, streq(options->root, "/") ? here : there,
			   options->load_wait, &status, err);
	if (!said)
		return -1;
	return status == 0 ? 0
			   : err_set(err, EXIT_STATUS_FAILED, "systemctl %s %s failed: %s", verb,
				     unit, *said ? said : "without a word");
}

int service_switch(struct channel *channel, const struct options *options, int root,
		   const char *unit, bool on, struct err *err)
{
	channel_step(channel, APPLY_STEP_SERVICE);
	if (!options_name(options->services, unit))
		return err_set(err, EXIT_STATUS_NOPERM, "%s: klpd may not switch this unit", unit);
	if (systemctl(channel, options, root, on ? "enable" : "disable", unit, err) < 0)
		return -1;
	channel_tell(channel, APPLY_SWITCHED, unit, 0, on ? "enabled" : "disabled");
	return on && streq(options->root, "/")
		       ? systemctl(channel, options, root, "start", unit, err)
		       : 0;
}
