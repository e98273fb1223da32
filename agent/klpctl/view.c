// SPDX-License-Identifier: Apache-2.0
#include "klpctl/view.h"

#include "base/alloc.h"
#include "klpctl/pick.h"
#include "klpctl/table.h"

#define LABEL_COLUMNS 15
#define CVES_SHOWN    12

void view_field(struct screen *screen, const char *label, enum screen_style style, const char *text)
{
	screen_put(screen, "%-*s", LABEL_COLUMNS, label ? label : "");
	screen_put_wrapped(screen, LABEL_COLUMNS, style, text);
}

void view_fieldf(struct screen *screen, const char *label, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	view_field(screen, label, SCREEN_PLAIN, text);
}

char *view_join(const json_t *texts, size_t max)
{
	size_t n = json_array_size(texts);
	char *joined = xstrdup("");

	for (size_t i = 0; i < n && i < max; i++) {
		const char *text = json_string_value(json_array_get(texts, i));
		char *longer = xasprintf("%s%s%s", joined, i ? ", " : "", text ? text : "?");

		free(joined);
		joined = longer;
	}
	if (n > max) {
		char *longer = xasprintf("%s and %zu more", joined, n - max);

		free(joined);
		joined = longer;
	}
	return joined;
}

/* ---- the card ------------------------------------------------------------------------------ */

/* What a tristate is called. */
static const char *said(const json_t *object, const char *path, const char *yes, const char *no,
			const char *unknown)
{
	json_t *value = pick_member(object, path);

	return json_is_true(value) ? yes : json_is_false(value) ? no : unknown;
}

/* "Amazon Linux 2", or ID and VERSION_ID. To be freed. */
static char *system_name(const json_t *report)
{
	const char *name = pick_text(report, "node.os_name");

	return name ? xstrdup(name)
		    : xasprintf("%s %s", pick_text_or(report, "node.os", "unknown"),
				pick_text_or(report, "node.release", ""));
}

/* What has happened: without "in 3 days" when an earlier time is judged. To be freed. */
static char *past_time(const struct screen *screen, int64_t at)
{
	char buf[TIMEX_TEXT_MAX];

	return at > screen->now ? xstrdup(timex_format(at, buf)) : screen_time(screen, at);
}

static void show_node(struct screen *screen, const json_t *report)
{
	_cleanup_free_ char *system = system_name(report);
	const char *instance = pick_text(report, "node.instance_id");
	int64_t built = pick_time(report, "node.kernel_build_date");
	int64_t boot = pick_time(report, "node.boot_time");

	view_fieldf(screen, "Node", "%s %s%s%s%s%s", system, pick_text_or(report, "node.arch", ""),
		    instance ? ", " : "", instance ? instance : "",
		    pick_text(report, "node.region") ? " in " : "",
		    pick_text_or(report, "node.region", ""));
	view_field(screen, "Kernel", SCREEN_PLAIN, pick_text_or(report, "node.kernel", "unknown"));
	if (built != TIME_UNSET) {
		_cleanup_free_ char *text = screen_time(screen, built);

		view_fieldf(screen, NULL, "built %s", text);
	}
	if (boot != TIME_UNSET) {
		_cleanup_free_ char *text = screen_time(screen, boot);

		view_fieldf(screen, NULL, "booted %s", text);
	}
}

static void show_verdicts(struct screen *screen, const json_t *report)
{
	const char *overall = pick_text_or(report, "compliance.overall", "UNKNOWN");

	view_field(screen, "Verdict", screen_style_of(overall), overall);
	view_fieldf(screen, NULL, "livepatch %s, kernel %s",
		    pick_text_or(report, "compliance.livepatch", "UNKNOWN"),
		    pick_text_or(report, "compliance.kernel", "UNKNOWN"));
}

/* "name.arch:epoch:version-release" as people type it: "name-version-release.arch". To be freed. */
static char *typed_name(const char *title)
{
	const char *epoch = strchr(title, ':'), *rest = epoch ? strchr(epoch + 1, ':') : NULL;
	const char *arch = epoch;

	while (arch && arch > title && *arch != '.')
		arch--;
	if (!rest || arch == title)
		return xstrdup(title);
	if (starts_with(epoch, ":0:"))
		epoch = rest;
	return xasprintf("%.*s-%s%.*s", (int)(arch - title), title, epoch + 1,
			 (int)(strchr(title, ':') - arch), arch);
}

/* "until 2026-01-20, 61 days left", "ended on 2026-01-20, 1 day ago". To be freed. */
static char *end_text(const struct screen *screen, int64_t end)
{
	int64_t left = timex_day(end) - timex_day(screen->now);
	int64_t days = left < 0 ? -left : left;
	char buf[TIMEX_TEXT_MAX];

	timex_format_date(end, buf);
	return xasprintf("%s %s, %lld day%s %s", left < 0 ? "ended on" : "until", buf,
			 (long long)days, days == 1 ? "" : "s", left < 0 ? "ago" : "left");
}

static void show_window(struct screen *screen, const json_t *report)
{
	int64_t until = pick_time(report, "live_patching.supported_until");
	const char *next = pick_text(report, "next_boot.kernel");
	_cleanup_free_ char *text = NULL, *name = NULL;
	bool ended;

	if (until == TIME_UNSET) {
		view_field(screen, "Window", SCREEN_PLAIN,
			   json_is_false(pick_member(report, "live_patching.in_window"))
				   ? "this kernel gets no livepatches"
				   : "no end of livepatches is known for this kernel");
		return;
	}
	ended = timex_day(until) < timex_day(screen->now);
	text = end_text(screen, until);
	name = ended && next ? typed_name(next) : NULL;
	view_fieldf(screen, "Window", "livepatches for this kernel %s%s%s", text,
		    name ? "; reboot into " : "", name ? name : "");
}

/* What the running kernel amounts to by livepatches. @always: also when none is active. */
static void show_effective(struct screen *screen, const json_t *report, bool always)
{
	const char *kernel = pick_text(report, "live_patching.effective.kernel");
	const char *livepatch = pick_text(report, "live_patching.effective.livepatch");
	const char *reason = pick_text(report, "live_patching.effective.reason");

	if (!reason || (!livepatch && !always))
		return;
	view_fieldf(screen, "Effective", "%s%s%s", kernel ? kernel : "unknown",
		    kernel && livepatch ? ", as by livepatch " : "",
		    kernel && livepatch ? livepatch : "");
	if (always || !kernel)
		view_field(screen, NULL, SCREEN_PLAIN, reason);
}

static void show_live_patching(struct screen *screen, const json_t *report)
{
	bool enabled = pick_true(report, "live_patching.enabled");

	view_fieldf(screen, "Live patching", "%s; runtime %s, service %s, repository %s",
		    enabled ? "enabled" : "not enabled",
		    said(report, "live_patching.runtime", "installed", "not installed", "unknown"),
		    said(report, "live_patching.service", "enabled", "not enabled", "unknown"),
		    said(report, "live_patching.repository", "enabled", "not enabled", "unknown"));
	show_window(screen, report);
	show_effective(screen, report, false);
}

static void show_repositories(struct screen *screen, const json_t *report)
{
	const json_t *list = pick_member(report, "repositories"), *repo;
	size_t i;

	if (json_array_size(list) == 0)
		view_field(screen, "Metadata", SCREEN_WARN, "no repository is known");
	json_array_foreach((json_t *)list, i, repo)
	{
		const char *status = pick_text_or(repo, "status", "?");
		int64_t fetched = pick_time(repo, "fetched");
		_cleanup_free_ char *age = past_time(screen, fetched);
		_cleanup_free_ char *line =
			xasprintf("%s %s, %s%s", pick_text_or(repo, "id", "?"), status,
				  fetched == TIME_UNSET ? "never fetched" : "fetched ",
				  fetched == TIME_UNSET ? "" : age);

		view_field(screen, i == 0 ? "Metadata" : NULL, screen_style_of(status), line);
	}
}

static void show_origin(struct screen *screen, const json_t *report)
{
	const char *source = pick_text(report, "baseline.source");
	int64_t finished = pick_time(report, "finished"), as_of = pick_time(report, "as_of");
	_cleanup_free_ char *when = past_time(screen, finished == TIME_UNSET ? as_of : finished);

	view_fieldf(screen, "Baseline", "%s%s%s%s",
		    pick_text_or(report, "baseline.name",
				 pick_text_or(report, "baseline.id", "without a name")),
		    source ? " (" : "", source ? source : "", source ? ")" : "");
	view_fieldf(screen, "Report", "%s%s, %s", finished == TIME_UNSET ? "as of " : "", when,
		    pick_text_or(report, "trigger", "manual"));
}

static void append_count(char **text, const json_t *report, const char *path, const char *what)
{
	int64_t n = pick_number(report, path);
	char *longer;

	if (n <= 0)
		return;
	longer = xasprintf("%s%s%lld %s", *text, **text ? ", " : "", (long long)n, what);
	free(*text);
	*text = longer;
}

char *view_count_states(const json_t *report)
{
	static const struct {
		const char *path, *what;
	} rows[] = {
		{ "summary.missing", "missing" },
		{ "summary.failed", "failed" },
		{ "summary.installed_rejected", "installed though rejected" },
		{ "summary.installed_pending_reboot", "waiting for a reboot" },
		{ "summary.installed", "installed" },
		{ "summary.installed_other", "installed otherwise" },
		{ "summary.not_applicable", "not applicable" },
	};
	size_t held = pick_count(report, "held");
	char *text = xstrdup("");

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		append_count(&text, report, rows[i].path, rows[i].what);
	if (held > 0) {
		char *longer = xasprintf("%s%s%zu held", text, *text ? ", " : "", held);

		free(text);
		text = longer;
	}
	if (*text)
		return text;
	free(text);
	return xstrdup("none");
}

static void show_reboot(struct screen *screen, const json_t *report)
{
	static const struct {
		const char *word, *text;
		enum screen_style style;
	} rows[] = {
		{ "no", "not needed", SCREEN_PLAIN },
		{ "no-kernel-covered",
		  "not needed: livepatches carry every fix of the newer kernel", SCREEN_PLAIN },
		{ "yes", "needed", SCREEN_WARN },
	};
	const json_t *reasons = pick_member(report, "reboot.reasons"), *reason;
	const char *word = pick_text_or(report, "reboot.verdict", "");
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		if (streq(rows[i].word, word))
			view_field(screen, "Reboot", rows[i].style, rows[i].text);
	json_array_foreach((json_t *)reasons, i, reason) if (json_is_string(reason))
		view_field(screen, NULL, SCREEN_PLAIN, json_string_value(reason));
}

void view_card(struct screen *screen, const json_t *report)
{
	_cleanup_free_ char *n = view_count_states(report);

	show_node(screen, report);
	show_verdicts(screen, report);
	show_live_patching(screen, report);
	view_field(screen, "Patches", SCREEN_PLAIN, n);
	show_reboot(screen, report);
	show_repositories(screen, report);
	show_origin(screen, report);
}

void view_counts(struct screen *screen, const json_t *report)
{
	int64_t finished = pick_time(report, "finished"), as_of = pick_time(report, "as_of");
	_cleanup_free_ char *n = view_count_states(report),
			    *when = screen_time(screen, finished == TIME_UNSET ? as_of : finished);

	screen_put(screen, "\n%s; %s%s.\n", n,
		   finished == TIME_UNSET ? "judged as of " : "looked at ", when);
}

/* ---- tables -------------------------------------------------------------------------------- */

static void add_patch(struct table *table, const json_t *patch, const char *state, const char *why)
{
	table_cell(table, strchr(state, ',') ? SCREEN_WARN : screen_style_of(state), state);
	table_cell(table, SCREEN_PLAIN, pick_text(patch, "id"));
	table_cell(table, SCREEN_PLAIN, pick_text(patch, "installed"));
	table_cell(table, SCREEN_PLAIN, pick_text(patch, "candidate"));
	table_cell(table, SCREEN_PLAIN, pick_text(patch, "classification"));
	table_cell(table, SCREEN_PLAIN, pick_text(patch, "severity"));
	table_cellf(table, "%zu", pick_count(patch, "cves"));
	table_cell(table, SCREEN_PLAIN, why);
}

/* An installed livepatch that the kernel does not run is no protection: it shows in its state. */
char *view_state(const json_t *patch)
{
	const char *state = pick_text_or(patch, "state", "?");
	json_t *active = pick_member(patch, "active");

	return xasprintf("%s%s", state,
			 json_is_false(active) ? ", not active"
			 : json_is_null(active) && active && streq(state, "Installed") ? ", active?"
										       : "");
}

void view_patches(struct screen *screen, const json_t *report, const char *kind, bool all)
{
	static const char *const heads[] = { "STATE", "PACKAGE",  "INSTALLED", "CANDIDATE",
					     "CLASS", "SEVERITY", "CVES",      "REASON" };
	_cleanup_(table_freep)
	struct table *table = table_new(heads, ARRAY_SIZE(heads));
	const json_t *patches = pick_member(report, "patches"), *patch;
	size_t i, n = 0;

	json_array_foreach((json_t *)patches, i, patch)
	{
		const char *plain = pick_text_or(patch, "state", "?");
		_cleanup_free_ char *state = view_state(patch);

		if (kind && !streq_null(kind, pick_text(patch, "kind")))
			continue;
		if (!all && streq(plain, "NotApplicable"))
			continue;
		add_patch(table, patch, state, pick_text(patch, "reason"));
		n++;
	}
	if (n == 0 && screen->legend)
		screen_put(screen, "No patches.\n");
	table_print(table, screen);
}

void view_held(struct screen *screen, const json_t *report)
{
	static const char *const heads[] = { "HELD",  "BUILD",	  "RELEASED", "APPROVED AFTER",
					     "CLASS", "SEVERITY", "CVES",     "REASON" };
	_cleanup_(table_freep)
	struct table *table = table_new(heads, ARRAY_SIZE(heads));
	const json_t *held = pick_member(report, "held"), *build;
	size_t i;

	if (json_array_size(held) == 0)
		return;
	json_array_foreach((json_t *)held, i, build)
	{
		table_cell(table, SCREEN_PLAIN, pick_text(build, "reason"));
		table_cell(table, SCREEN_PLAIN, pick_text(build, "title"));
		table_date(table, pick_time(build, "released"));
		table_date(table, pick_time(build, "approve_at"));
		table_cell(table, SCREEN_PLAIN, pick_text(build, "classification"));
		table_cell(table, SCREEN_PLAIN, pick_text(build, "severity"));
		table_cellf(table, "%zu", pick_count(build, "cves"));
		table_cell(table, SCREEN_PLAIN, pick_text(build, "message"));
	}
	screen_put(screen, "\n");
	table_print(table, screen);
}

void view_findings(struct screen *screen, const json_t *report)
{
	static const char *const heads[] = { "FINDING", "CODE", "ABOUT", "MESSAGE" };
	_cleanup_(table_freep)
	struct table *table = table_new(heads, ARRAY_SIZE(heads));
	const json_t *findings = pick_member(report, "findings"), *finding;
	size_t i;

	if (json_array_size(findings) == 0)
		return;
	json_array_foreach((json_t *)findings, i, finding)
	{
		const char *severity = pick_text_or(finding, "severity", "?");

		table_cell(table, screen_style_of(severity), severity);
		table_cell(table, SCREEN_PLAIN, pick_text(finding, "code"));
		table_cell(table, SCREEN_PLAIN, pick_text(finding, "subject"));
		table_cell(table, SCREEN_PLAIN, pick_text(finding, "message"));
	}
	screen_put(screen, "\n");
	table_print(table, screen);
}

/* ---- kernel -------------------------------------------------------------------------------- */

static void show_coverage(struct screen *screen, const json_t *report)
{
	const char *candidate = pick_text(report, "coverage.kernel_candidate");
	size_t needed = pick_count(report, "coverage.needed");
	size_t missing = pick_count(report, "coverage.missing");
	_cleanup_free_ char *list = view_join(pick_member(report, "coverage.missing"), CVES_SHOWN);

	view_field(screen, "Newer kernel", SCREEN_PLAIN, candidate ? candidate : "none approved");
	view_fieldf(screen, "Coverage", "%s",
		    said(report, "coverage.covered", "covered by livepatches",
			 "not covered by livepatches",
			 needed ? "does not count" : "nothing to cover"));
	if (needed > 0)
		view_fieldf(screen, NULL, "CVEs: %zu needed, %zu missing%s%s", needed, missing,
			    missing ? ": " : "", list);
	if (pick_text_or(report, "coverage.reason", NULL))
		view_field(screen, NULL, SCREEN_PLAIN, pick_text(report, "coverage.reason"));
}

/* By which of the two limits the window ends, and the line's own end. */
static void show_line(struct screen *screen, const json_t *report)
{
	const char *series = pick_text_or(report, "live_patching.series", "unknown");
	int64_t until = pick_time(report, "live_patching.supported_until");
	int64_t ends = pick_time(report, "live_patching.line_ends");
	_cleanup_free_ char *text = ends == TIME_UNSET ? NULL : end_text(screen, ends);

	if (until != TIME_UNSET && ends != TIME_UNSET && timex_day(until) == timex_day(ends))
		view_fieldf(screen, NULL, "by the end of the %s line", series);
	else if (until != TIME_UNSET)
		view_field(screen, NULL, SCREEN_PLAIN, "by its build date");
	if (text)
		view_fieldf(screen, "Line", "%s, livepatches %s", series, text);
	else if (until != TIME_UNSET)
		view_fieldf(screen, "Line", "%s, no end of its livepatches is known", series);
}

void view_kernel(struct screen *screen, const json_t *report)
{
	const char *verdict = pick_text_or(report, "compliance.kernel", "UNKNOWN");

	show_node(screen, report);
	show_effective(screen, report, true);
	view_field(screen, "Verdict", screen_style_of(verdict), verdict);
	show_window(screen, report);
	show_line(screen, report);
	show_coverage(screen, report);
	show_reboot(screen, report);
}

static const char *kernel_state(const json_t *kernel)
{
	return pick_true(kernel, "running")	? "running"
	       : pick_true(kernel, "installed") ? "installed"
						: "available";
}

static void add_kernel(struct table *table, const json_t *kernel)
{
	_cleanup_free_ char *name = typed_name(pick_text_or(kernel, "package", "?"));
	int64_t ends = pick_time(kernel, "window_ends");
	bool open = pick_true(kernel, "open"), recommended = pick_true(kernel, "recommended");
	const char *reason = pick_text_or(kernel, "reason", "");
	_cleanup_free_ char *advice = xasprintf("%s%s", recommended ? "recommended: " : "", reason);
	char buf[TIMEX_TEXT_MAX];
	_cleanup_free_ char *until = NULL;

	table_cell(table, SCREEN_PLAIN, name);
	table_cell(table, SCREEN_PLAIN, kernel_state(kernel));
	table_date(table, pick_time(kernel, "built"));
	table_date(table, pick_time(kernel, "released"));
	if (ends != TIME_UNSET)
		until = xasprintf("%s%s", timex_format_date(ends, buf),
				  pick_true(kernel, "window_estimated") ? " at most" : "");
	table_cell(table, open ? SCREEN_PLAIN : SCREEN_WARN, until);
	table_cell(table, recommended ? SCREEN_GOOD : SCREEN_PLAIN, advice);
}

void view_kernels(struct screen *screen, const json_t *report)
{
	static const char *const heads[] = { "KERNEL",	 "STATE",	 "BUILT",
					     "RELEASED", "WINDOW UNTIL", "ADVICE" };
	_cleanup_(table_freep)
	struct table *table = table_new(heads, ARRAY_SIZE(heads));
	const json_t *kernels = pick_member(report, "kernels"), *kernel;
	const char *next = pick_text(report, "next_boot.kernel");
	const char *reason = pick_text(report, "next_boot.reason");
	size_t i;

	json_array_foreach((json_t *)kernels, i, kernel) add_kernel(table, kernel);
	if (i > 0) {
		screen_put(screen, "\n");
		table_print(table, screen);
	}
	if (reason && screen->legend) {
		_cleanup_free_ char *name = next ? typed_name(next) : xstrdup("none to recommend");

		screen_put(screen, "\n");
		view_fieldf(screen, "Next reboot", "%s: %s", name, reason);
	}
}
