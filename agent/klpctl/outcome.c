// SPDX-License-Identifier: Apache-2.0
#include "klpctl/outcome.h"

const struct outcome_row outcome_table[] = {
	{ EXIT_STATUS_OK, "done; check: compliant" },
	{ EXIT_STATUS_FAILED, "failed; check: live patching does not apply here" },
	{ EXIT_STATUS_SSM_NO_BOOT, "--ssm: the reboot that was asked for never came" },
	{ EXIT_STATUS_USAGE, "wrong command, option or argument" },
	{ EXIT_STATUS_DATA, "data or signature that cannot be used" },
	{ EXIT_STATUS_UNAVAILABLE, "agent or source out of reach; check: unknown" },
	{ EXIT_STATUS_SOFTWARE, "a fault of klpd itself" },
	{ EXIT_STATUS_IO, "reading or writing failed" },
	{ EXIT_STATUS_TEMPFAIL, "busy, out of time or memory: try again" },
	{ EXIT_STATUS_NOPERM, "not permitted" },
	{ EXIT_STATUS_CONFIG, "wrong configuration or baseline" },
	{ EXIT_STATUS_MISSING, "approved patches are missing or not active" },
	{ EXIT_STATUS_REBOOT, "check: compliant after a reboot only" },
	{ EXIT_STATUS_SSM_REBOOT, "--ssm: reboot, then run it again" },
	{ 0, NULL },
};

/* NULL matches every word. The first row that fits counts. */
static const struct {
	const char *overall, *livepatch;
	int status;
} verdict_rows[] = {
	{ "COMPLIANT", NULL, EXIT_STATUS_OK },
	{ "NOT_APPLICABLE", NULL, EXIT_STATUS_FAILED },
	{ "UNKNOWN", NULL, EXIT_STATUS_UNAVAILABLE },
	{ "NON_COMPLIANT", "NON_COMPLIANT", EXIT_STATUS_MISSING },
	{ "NON_COMPLIANT", NULL, EXIT_STATUS_REBOOT },
};

int outcome_of_verdict(const char *overall, const char *livepatch)
{
	for (size_t i = 0; i < ARRAY_SIZE(verdict_rows); i++) {
		if (!streq_null(verdict_rows[i].overall, overall))
			continue;
		if (!verdict_rows[i].livepatch || streq_null(verdict_rows[i].livepatch, livepatch))
			return verdict_rows[i].status;
	}
	return EXIT_STATUS_UNAVAILABLE;
}
