// SPDX-License-Identifier: Apache-2.0
#include "klpd/announce.h"

#include "base/alloc.h"
#include "klpd/journal.h"
#include "klpd/state.h"

#define CVES_MAX 64

static const char *verdict(json_t *report, const char *which)
{
	return state_text(json_object_get(report, "compliance"), which);
}

static void announce_patch(const char *id, json_t *patch)
{
	json_t *cves = json_object_get(patch, "cves");
	const char *package = state_text(patch, "title"), *state = state_text(patch, "state");
	bool inactive = json_is_false(json_object_get(patch, "active"));
	struct journal_field fields[CVES_MAX + 4] = {
		{ "JOB", id },
		{ "PACKAGE", package },
		{ "STATE", inactive ? "Inactive" : state },
	};
	_cleanup_free_ char *text = NULL;

	if (!inactive && (streq(state, "Installed") || streq(state, "InstalledOther") ||
			  streq(state, "NotApplicable")))
		return;
	for (size_t i = 0; i < CVES_MAX && i < json_array_size(cves); i++)
		fields[3 + i] =
			(struct journal_field){ "CVE", json_string_value(json_array_get(cves, i)) };
	text = xasprintf("%s: %s%s, %s", package, state, inactive ? " but not active" : "",
			 state_text(patch, "reason"));
	journal_write(JOURNAL_PATCH, fields, text);
}

void announce_report(const char *job, json_t *report)
{
	const char *id = state_text(report, "id"), *overall = verdict(report, "overall");
	const struct journal_field fields[] = { { "JOB", id },
						{ "STATE", overall },
						{ "TRIGGER", state_text(report, "trigger") },
						{ NULL, NULL } };
	_cleanup_free_ char *text =
		xasprintf("%s: %s (livepatch %s, kernel %s)", job, overall,
			  verdict(report, "livepatch"), verdict(report, "kernel"));
	json_t *list, *item;
	size_t i;

	journal_write(JOURNAL_REPORT, fields, text);
	list = json_object_get(report, "patches");
	json_array_foreach(list, i, item) announce_patch(id, item);
	list = json_object_get(report, "findings");
	json_array_foreach(list, i, item)
	{
		const struct journal_field finding[] = { { "JOB", id },
							 { "FINDING", state_text(item, "code") },
							 { NULL, NULL } };

		if (!streq(state_text(item, "severity"), "info"))
			journal_write(JOURNAL_FINDING, finding, state_text(item, "message"));
	}
}

void announce_failure(const char *job, const struct err *err)
{
	_cleanup_free_ char *status = xasprintf("%d", err->status);
	_cleanup_free_ char *text = xasprintf("%s: %s", job, err->message);
	const struct journal_field fields[] = { { "ACTION", job },
						{ "STATUS", status },
						{ NULL, NULL } };

	journal_write(JOURNAL_FAILED, fields, text);
}

static void announce_livepatch(json_t *row)
{
	const char *package = state_text(row, "package"), *state = state_text(row, "state");
	const char *message = state_text(row, "message");
	const struct journal_field fields[] = { { "PACKAGE", package },
						{ "STATE", state },
						{ NULL, NULL } };
	_cleanup_free_ char *text =
		xasprintf("%s: %s%s%s", package, state, *message ? ", " : "", message);

	journal_write(JOURNAL_LIVEPATCH, fields, text);
}

void announce_outcome(const char *job, json_t *outcome)
{
	const char *result = state_text(outcome, "result");
	const char *message = state_text(outcome, "message");
	const char *who = state_text(outcome, "asked_by");
	const struct journal_field fields[] = {
		{ "ACTION", job }, { "STATE", result }, { "CALLER", who }, { NULL, NULL }
	};
	_cleanup_free_ char *text = xasprintf("%s, asked for by %s: %s%s%s", job, who, result,
					      *message ? ": " : "", message);
	json_t *list = json_object_get(outcome, "installed"), *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		const char *package = json_string_value(item);
		const struct journal_field installed[] = { { "PACKAGE", package }, { NULL, NULL } };
		_cleanup_free_ char *line = xasprintf("%s was installed", package);

		journal_write(JOURNAL_INSTALLED, installed, line);
	}
	list = json_object_get(outcome, "activation");
	json_array_foreach(list, i, item) announce_livepatch(item);
	journal_write(JOURNAL_CHANGE_DONE, fields, text);
}

void announce_request(const char *action, const struct caller *caller, bool allowed,
		      const char *held)
{
	_cleanup_free_ char *who = caller_text(caller);
	_cleanup_free_ char *uid = xasprintf("%lld", (long long)caller->uid);
	_cleanup_free_ char *pid = xasprintf("%lld", (long long)caller->pid);
	_cleanup_free_ char *text = xasprintf("%s asked for by %s: %s%s", action, who,
					      !allowed ? "refused, only root and the configured "
							 "group may change the node"
					      : held   ? "put off, "
						       : "allowed",
					      allowed && held ? held : "");
	const struct journal_field fields[] = {
		{ "ACTION", action },
		{ "CALLER", who },
		{ "CALLER_UID", uid },
		{ "CALLER_PID", pid },
		{ "CALLER_UNIT", caller->unit },
		{ NULL, NULL },
	};

	journal_write(!allowed ? JOURNAL_REFUSED
		      : held   ? JOURNAL_HELD
			       : JOURNAL_ASKED,
		      fields, text);
}
