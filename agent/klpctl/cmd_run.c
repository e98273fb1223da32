// SPDX-License-Identifier: Apache-2.0
/*
 * AWS Patch Manager's operations with its own parameters, and those of
 * AWS-ConfigureKernelLivePatching: a thin mapping onto what scan, install, enable and disable ask
 * for. An empty value means that it was not given, for so Systems Manager passes it.
 */
#include "base/alloc.h"
#include "klpctl/command.h"
#include "klpctl/configuration.h"
#include "klpctl/installation.h"
#include "klpctl/shared.h"
#include "klpctl/ssm.h"

#define REBOOT_OPTION_DEFAULT "RebootIfNeeded" /* Patch Manager's */

/* Nothing of a URL is shown: it may hold credentials. */
static int check_place(const char *option, const char *value, struct err *err)
{
	if (!value || !strstr(value, "://") || strncasecmp(value, "https://", 8) == 0 ||
	    starts_with(value, "s3://"))
		return 0;
	return err_set(err, EXIT_STATUS_CONFIG,
		       "--%s: only an https or s3 URL or a file of the node can be read", option);
}

/* Before anything is done. */
static int check(const struct options *o, bool install, struct err *err)
{
	if (o->baseline_override && o->install_overrides)
		return err_set(err, EXIT_STATUS_USAGE,
			       "--baseline-override and --install-override-list exclude each other "
			       "(Patch Manager's error 167)");
	if (o->baseline_override && o->baseline)
		return err_set(err, EXIT_STATUS_USAGE,
			       "--baseline-override and --baseline contradict each other");
	if (check_place("baseline-override", o->baseline_override, err) < 0)
		return -1;
	return install ? check_place("install-override-list", o->install_overrides, err) : 0;
}

/* Which command of Systems Manager this is, and which snapshot it is to judge by. */
static json_t *scan_options(const struct command_call *call)
{
	const char *command = call->options->ssm ? getenv("SSM_COMMAND_ID") : NULL;
	json_t *options = client_scan_options(call->client);

	if (!call->options->trigger)
		json_object_set_new(options, "trigger", json_string("remote"));
	if (command && options_is_guid(command))
		json_object_set_new(options, "command_id", json_string(command));
	if (call->options->snapshot_id)
		json_object_set_new(options, "snapshot_id",
				    json_string(call->options->snapshot_id));
	if (call->options->baseline_override)
		client_put_document(call->client, options, "baseline",
				    call->options->baseline_override);
	return options;
}

static int scan(struct command_call *call, struct err *err)
{
	const struct options *o = call->options;
	json_auto_t *report = NULL;

	if (shared_scan(call, scan_options(call), &report, err) < 0)
		return -1;
	if (!o->ssm || o->json != JSON_MODE_OFF) {
		shared_show_report(call, report);
	} else if (!o->quiet) {
		ssm_begin(call, report);
		ssm_end(call, report);
	}
	return EXIT_STATUS_OK;
}

static const char *reboot_option(const struct options *o)
{
	return o->reboot_option ? o->reboot_option : REBOOT_OPTION_DEFAULT;
}

static int install(struct command_call *call, struct err *err)
{
	const struct options *o = call->options;
	json_t *parameters = json_pack("{s:o,s:s}", "options", scan_options(call), "reboot_option",
				       reboot_option(o));

	if (o->install_overrides)
		client_put_document(call->client, parameters, "overrides", o->install_overrides);
	return installation_run(call, "Install", parameters, installation_status, err);
}

/* As AWS's document: a kernel that is too old is replaced (semantics 6). */
static int configure(struct command_call *call, struct err *err)
{
	bool enable = streq(call->options->configure, "Enable");

	return configuration_run(call,
				 &(struct configuration){
					 .action = enable ? "enable" : "disable",
					 .options = scan_options(call),
					 .reboot_option = reboot_option(call->options),
					 .with_kernel = enable,
				 },
				 err);
}

int cmd_run(struct command_call *call, struct err *err)
{
	const struct options *o = call->options;
	bool is_install = streq_null(o->operation, "Install");

	if (!o->operation == !o->configure)
		return err_set(err, EXIT_STATUS_USAGE,
			       "klpctl run needs --operation=Scan or Install, or "
			       "--configure=Enable or Disable");
	if (check(o, is_install, err) < 0)
		return -1;
	if (o->configure)
		return configure(call, err);
	return is_install ? install(call, err) : scan(call, err);
}
