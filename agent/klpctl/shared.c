// SPDX-License-Identifier: Apache-2.0
#include "klpctl/shared.h"

#include "base/alloc.h"
#include "base/fsx.h"
#include "klpctl/pick.h"
#include "klpctl/view.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

int shared_ask(struct command_call *call, const char *method, json_t *parameters,
	       const char *member, bool progress, json_t **ret, struct err *err)
{
	json_auto_t *reply = NULL;
	json_t *value;

	if (client_call(call->client, method, parameters, progress, &reply, err) < 0)
		return -1;
	value = json_object_get(reply, member);
	if (!json_is_object(value) && !json_is_array(value))
		return err_set(err, EXIT_STATUS_DATA,
			       "the agent's answer to %s has no '%s'; do klpctl and klpd have the "
			       "same version?",
			       method, member);
	*ret = json_incref(value);
	return 0;
}

void shared_set_clock(struct command_call *call, const json_t *document)
{
	int64_t as_of = pick_time(document, "as_of");

	if (as_of != TIME_UNSET)
		call->screen->now = as_of;
}

int shared_scan(struct command_call *call, json_t *options, json_t **ret, struct err *err)
{
	json_t *parameters = json_pack("{s:o}", "options", options);

	if (shared_ask(call, "Scan", parameters, "report", true, ret, err) < 0)
		return -1;
	shared_set_clock(call, *ret);
	return 0;
}

int shared_latest(struct command_call *call, json_t **ret, struct err *err)
{
	const struct options *o = call->options;
	json_t *parameters;

	if (o->refresh)
		return shared_scan(call, client_scan_options(call->client), ret, err);
	if (o->as_of == TIME_UNSET && !o->baseline && !o->kernel && !o->config && !o->cached)
		return shared_ask(call, "GetReport", NULL, "report", false, ret, err);
	parameters = json_pack("{s:o}", "options", client_scan_options(call->client));
	if (shared_ask(call, "Evaluate", parameters, "report", false, ret, err) < 0)
		return -1;
	shared_set_clock(call, *ret);
	return 0;
}

void shared_show_report(struct command_call *call, const json_t *report)
{
	const struct options *o = call->options;
	struct screen *screen = call->screen;

	if (o->json != JSON_MODE_OFF) {
		screen_put_json(screen, report, o->json);
		return;
	}
	if (o->quiet)
		return;
	if (screen->legend) {
		view_card(screen, report);
		screen_put(screen, "\n");
	}
	view_patches(screen, report, NULL, false);
	view_held(screen, report);
	view_findings(screen, report);
}

static bool is_to_blame(const json_t *patch)
{
	static const char *const states[] = { "Missing", "Failed", "InstalledRejected",
					      "InstalledPendingReboot" };
	const char *state = pick_text_or(patch, "state", "");

	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		if (streq(states[i], state))
			return true;
	return json_is_false(pick_member(patch, "active"));
}

void shared_show_why(struct command_call *call, const json_t *report)
{
	const json_t *list, *item;
	size_t i;

	if (streq(pick_text_or(report, "compliance.overall", ""), "COMPLIANT"))
		return;
	list = pick_member(report, "patches");
	json_array_foreach((json_t *)list, i, item)
	{
		_cleanup_free_ char *state = view_state(item);
		_cleanup_free_ char *line =
			xasprintf("%s: %s, %s", pick_text_or(item, "id", "?"), state,
				  pick_text_or(item, "reason", "no reason given"));

		if (!is_to_blame(item))
			continue;
		screen_put_wrapped(call->screen, 0, SCREEN_PLAIN, line);
	}
	list = pick_member(report, "findings");
	json_array_foreach((json_t *)list, i, item)
	{
		if (streq(pick_text_or(item, "severity", "info"), "info") &&
		    !streq(pick_text_or(report, "compliance.overall", ""), "NOT_APPLICABLE"))
			continue;
		screen_put_wrapped(call->screen, 0, SCREEN_PLAIN,
				   pick_text_or(item, "message", "?"));
	}
}

int shared_write_file(const char *path, const char *text, size_t len, struct err *err)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	_cleanup_free_ char *folder =
		slash ? xstrndup(path, (size_t)(slash - path) + 1) : xstrdup(".");
	_cleanup_close_ int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	int r;

	if (dir < 0)
		return err_set_errno(err, EXIT_STATUS_IO, errno, "cannot write %s", path);
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(st.st_mode))
		return err_set(err, EXIT_STATUS_IO,
			       "cannot write %s: it exists and is no regular file", path);
	r = fsx_write_atomic_at(dir, name, text, len, 0600);
	if (r < 0)
		return err_set_errno(err, EXIT_STATUS_IO, -r, "cannot write %s", path);
	return 0;
}

int shared_deliver(struct command_call *call, const json_t *document, const char *hint,
		   struct err *err)
{
	const struct options *o = call->options;
	enum json_mode mode = o->json == JSON_MODE_OFF ? JSON_MODE_SHORT : o->json;
	_cleanup_free_ char *text = NULL, *line = NULL;

	if (!o->output || streq(o->output, "-")) {
		screen_put_json(call->screen, document, mode);
		return EXIT_STATUS_OK;
	}
	text = json_dumps(document, mode == JSON_MODE_SHORT ? JSON_COMPACT : JSON_INDENT(2));
	line = xasprintf("%s\n", text);
	if (shared_write_file(o->output, line, strlen(line), err) < 0)
		return -1;
	if (!o->quiet)
		screen_put(call->screen, "Written.%s%s%s%s\n", hint ? " " : "", hint ? hint : "",
			   hint ? " " : "", hint ? o->output : "");
	return EXIT_STATUS_OK;
}
