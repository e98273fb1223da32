// SPDX-License-Identifier: Apache-2.0
#include "base/alloc.h"
#include "klpctl/command.h"
#include "klpctl/outcome.h"
#include "klpctl/pick.h"
#include "klpctl/shared.h"
#include "klpctl/view.h"

/* Looks, judges and shows; the verdict is no failure. */
int cmd_scan(struct command_call *call, struct err *err)
{
	json_auto_t *report = NULL;

	if (shared_scan(call, client_scan_options(call->client), &report, err) < 0)
		return -1;
	shared_show_report(call, report);
	return EXIT_STATUS_OK;
}

/* As scan, for scripts: one line, and the verdict as exit status. */
int cmd_check(struct command_call *call, struct err *err)
{
	json_auto_t *report = NULL;
	const char *overall;

	if (shared_scan(call, client_scan_options(call->client), &report, err) < 0)
		return -1;
	overall = pick_text_or(report, "compliance.overall", "UNKNOWN");
	if (call->options->json != JSON_MODE_OFF) {
		screen_put_json(call->screen, report, call->options->json);
	} else if (!call->options->quiet) {
		_cleanup_free_ char *clean = screen_clean(overall);

		screen_put_styled(call->screen, screen_style_of(overall), clean);
		screen_put(call->screen, "\n");
		shared_show_why(call, report);
	}
	return outcome_of_verdict(overall, pick_text(report, "compliance.livepatch"));
}
