// SPDX-License-Identifier: Apache-2.0
#include "base/alloc.h"
#include "klpctl/command.h"
#include "klpctl/pick.h"
#include "klpctl/shared.h"
#include "klpctl/view.h"

#define CVES_SHOWN 20

/* A line at a depth of two columns each. */
static _printf_(3, 4) void line(struct screen *screen, int depth, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	screen_put(screen, "%*s", depth * 2, "");
	screen_put_wrapped(screen, (size_t)depth * 2, SCREEN_PLAIN, text);
}

static void show_rule(struct screen *screen, const json_t *rule)
{
	const char *filter = pick_text(rule, "failed.filter");
	const char *clock = pick_text(rule, "clock");
	_cleanup_free_ char *allowed = view_join(pick_member(rule, "failed.allowed"), SIZE_MAX);
	_cleanup_free_ char *name =
		xasprintf("rule %lld (line %lld)", (long long)pick_number(rule, "rule"),
			  (long long)pick_number(rule, "line"));

	if (filter)
		line(screen, 3, "%s: no, %s is '%s' and must be one of: %s", name, filter,
		     pick_text_or(rule, "failed.value", ""), allowed);
	else
		line(screen, 3, "%s: %s%s%s", name,
		     pick_true(rule, "matched") ? "yes" : "filters match, not approved",
		     clock ? ", " : "", clock ? clock : "");
}

/* The sentence that decided; its own first words may be the verdict already. */
static void show_decision(struct screen *screen, int depth, bool approved, const char *hold,
			  const char *reason)
{
	const char *verdict = approved ? "approved" : hold ? "held" : "not approved";

	if (starts_with(reason, verdict))
		line(screen, depth, "%s", reason);
	else
		line(screen, depth, "%s%s%s: %s", verdict, hold ? ", " : "", hold ? hold : "",
		     reason);
}

static void show_notice(struct screen *screen, const json_t *notice)
{
	_cleanup_free_ char *issued = screen_time(screen, pick_time(notice, "issued"));
	_cleanup_free_ char *updated = screen_time(screen, pick_time(notice, "updated"));
	_cleanup_free_ char *cves = view_join(pick_member(notice, "cves"), CVES_SHOWN);
	const char *from = pick_text_or(notice, "release_date_from", "none");
	const json_t *rules = pick_member(notice, "rules"), *rule;
	size_t i;

	line(screen, 2, "%s: %s, %s, in %s", pick_text_or(notice, "id", "?"),
	     pick_text_or(notice, "type", "no type"),
	     pick_text_or(notice, "severity", "no severity"),
	     pick_text_or(notice, "repository", "?"));
	line(screen, 3, "issued %s", issued);
	line(screen, 3, "updated %s", updated);
	line(screen, 3, "%s",
	     streq(from, "none")     ? "no date that the clock could count from"
	     : streq(from, "issued") ? "the clock counts from the date of issue"
				     : "the clock counts from the date of the update");
	if (*cves)
		line(screen, 3, "%s", cves);
	json_array_foreach((json_t *)rules, i, rule) show_rule(screen, rule);
	show_decision(screen, 3, pick_true(notice, "approved"), NULL,
		      pick_text_or(notice, "reason", "no reason given"));
}

/* Package lists of kernel repositories are not read, so a kernel's notices must do. */
static char *source_of(const json_t *build)
{
	const char *hold = pick_text_or(build, "hold", "");

	if (pick_true(build, "available"))
		return xasprintf("offered by %s", pick_text_or(build, "repository", "?"));
	if (pick_count(build, "notices") > 0 && !streq(hold, "not-in-repository"))
		return xstrdup("known by its notices");
	return xstrdup("in no enabled repository");
}

static void show_presence(struct screen *screen, const json_t *build)
{
	json_t *active = pick_member(build, "active");
	_cleanup_free_ char *source = source_of(build);

	line(screen, 1, "%s%s; %s%s", pick_true(build, "installed") ? "installed" : "not installed",
	     json_is_true(active)    ? ", active"
	     : json_is_false(active) ? ", not active"
				     : "",
	     source,
	     pick_true(build, "excluded") ? ", excluded by the package manager's settings" : "");
}

static void show_build(struct screen *screen, const json_t *build)
{
	_cleanup_free_ char *released = screen_time(screen, pick_time(build, "released"));
	_cleanup_free_ char *approve = screen_time(screen, pick_time(build, "approve_at"));
	_cleanup_free_ char *name = screen_clean(pick_text_or(build, "nevra", "?"));
	const json_t *notices = pick_member(build, "notices"), *notice;
	size_t i;

	screen_put(screen, "\n");
	screen_put_styled(screen, SCREEN_HEAD, name);
	screen_put(screen, "\n");
	show_presence(screen, build);
	show_decision(screen, 1, pick_true(build, "approved"), pick_text(build, "hold"),
		      pick_text_or(build, "reason", "no reason given"));
	line(screen, 1, "released %s", released);
	if (pick_time(build, "approve_at") != TIME_UNSET)
		line(screen, 1, "approved after %s", approve);
	if (json_array_size(notices) == 0)
		line(screen, 2, "no notice names it");
	json_array_foreach((json_t *)notices, i, notice) show_notice(screen, notice);
}

static void show_explanation(struct screen *screen, const json_t *e)
{
	const json_t *list = pick_member(e, "builds"), *item;
	const char *state = pick_text(e, "state");
	_cleanup_free_ char *as_of = screen_time(screen, pick_time(e, "as_of"));
	size_t i;

	view_field(screen, "Package", SCREEN_PLAIN, pick_text_or(e, "package", "?"));
	view_field(screen, "State", screen_style_of(state ? state : ""),
		   state ? state : "none, it is not among the patches");
	view_field(screen, "Judged as of", SCREEN_PLAIN, as_of);
	view_field(screen, "Conclusion", SCREEN_PLAIN, pick_text_or(e, "conclusion", "none"));
	json_array_foreach((json_t *)list, i, item) show_build(screen, item);
	list = pick_member(e, "would_change");
	if (json_array_size(list) == 0)
		return;
	screen_put(screen, "\nWhat would change the answer\n");
	json_array_foreach((json_t *)list, i, item) if (json_is_string(item))
		line(screen, 1, "%s", json_string_value(item));
}

/* Why a package is, or is not, a patch for this node: the whole chain of the judgement. */
int cmd_explain(struct command_call *call, struct err *err)
{
	json_t *parameters = json_pack("{s:o,s:s}", "options", client_scan_options(call->client),
				       "explain", call->args[0]);
	json_auto_t *explanation = NULL;

	if (shared_ask(call, "Evaluate", parameters, "explanation", false, &explanation, err) < 0)
		return -1;
	if (call->options->json != JSON_MODE_OFF) {
		screen_put_json(call->screen, explanation, call->options->json);
		return EXIT_STATUS_OK;
	}
	shared_set_clock(call, explanation);
	show_explanation(call->screen, explanation);
	return EXIT_STATUS_OK;
}
