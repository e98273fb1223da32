// SPDX-License-Identifier: Apache-2.0
#include "klpctl/ssm.h"

#include "base/alloc.h"
#include "klpctl/pick.h"
#include "klpctl/shared.h"
#include "klpctl/view.h"

#define REBOOTS_MAX 5	/* as AWS's own payload counts (semantics 1.6) */
#define END_BYTES   200 /* of the lines that tell where the rest is */

void ssm_begin(struct command_call *call, const json_t *report)
{
	_cleanup_free_ char *counts = view_count_states(report);
	const char *result = pick_text_or(report, "outcome.result", "");
	_cleanup_free_ char *line = xasprintf(
		"klpd %s: %s, livepatch %s, kernel %s%s%s; patches: %s%s",
		pick_text_or(report, "operation", "?"),
		pick_text_or(report, "compliance.overall", "?"),
		pick_text_or(report, "compliance.livepatch", "?"),
		pick_text_or(report, "compliance.kernel", "?"), *result ? "; " : "", result, counts,
		pick_true(report, "outcome.reboot_required") ? "; reboot required" : "");

	screen_put_wrapped(call->screen, 0, SCREEN_PLAIN, line);
}

void ssm_end(struct command_call *call, const json_t *report)
{
	struct screen *screen = call->screen;
	size_t left_out;

	shared_show_why(call, report);
	left_out = screen_cut(screen, SSM_BYTES_MAX - END_BYTES);
	if (left_out)
		screen_put(screen, "%zu more line%s left out.\n", left_out,
			   left_out == 1 ? " is" : "s are");
	view_fieldf(screen, "Report", "all of it, on the node: klpctl history %s",
		    pick_text_or(report, "id", ""));
}

int ssm_status(const json_t *report, int status)
{
	int64_t asked = pick_number(report, "outcome.reboot_asked");

	if (asked <= 0)
		return status;
	return asked <= REBOOTS_MAX ? EXIT_STATUS_SSM_REBOOT : EXIT_STATUS_SSM_NO_BOOT;
}
