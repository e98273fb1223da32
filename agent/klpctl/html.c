// SPDX-License-Identifier: Apache-2.0
#include "klpctl/html.h"

#include "base/alloc.h"
#include "klpctl/pick.h"

#include <stdio.h>
#include <strings.h>

#define SOON_DAYS 14

static const char style_sheet[] =
#include "report_css.inc"
	;

/* What a word of a report means to whoever reads: the class of its mark. */
static const struct {
	const char *word, *class;
} classes[] = {
	{ "COMPLIANT", "good" },
	{ "NON_COMPLIANT", "bad" },
	{ "UNKNOWN", "warn" },
	{ "Installed", "good" },
	{ "InstalledPendingReboot", "warn" },
	{ "InstalledRejected", "bad" },
	{ "Missing", "bad" },
	{ "Failed", "bad" },
	{ "yes", "bad" },
	{ "no-kernel-covered", "good" },
	{ "no", "good" },
	{ "error", "bad" },
	{ "warning", "warn" },
};

static const char *const verdicts[] = { "COMPLIANT", "NON_COMPLIANT", "UNKNOWN", "NOT_APPLICABLE" };

enum severity { CRITICAL, IMPORTANT, MEDIUM, LOW, OTHER, SEVERITY_COUNT };

static const struct {
	const char *word;
	enum severity severity;
} severities[] = {
	{ "Critical", CRITICAL }, { "Important", IMPORTANT },
	{ "Medium", MEDIUM },	  { "Moderate", MEDIUM },
	{ "Low", LOW },
};
static const char *const severity_names[] = { "critical", "important", "medium", "low", "other" };

/* ---- text -------------------------------------------------------------------------------------*/

static void put(FILE *out, const char *text)
{
	for (; *text; text++)
		switch (*text) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		case '\'':
			fputs("&#39;", out);
			break;
		default:
			fputc((unsigned char)*text < ' ' || *text == 0x7f ? ' ' : *text, out);
		}
}

static void put_mark(FILE *out, const char *word)
{
	const char *class = "none";

	for (size_t i = 0; i < ARRAY_SIZE(classes); i++)
		if (streq(classes[i].word, word))
			class = classes[i].class;
	fprintf(out, "<mark class=\"%s\">", class);
	put(out, *word ? word : "?");
	fputs("</mark>", out);
}

static void put_date(FILE *out, int64_t t)
{
	char buf[TIMEX_TEXT_MAX];

	timex_format_date(t, buf);
	fputs(t == TIME_UNSET ? "-" : buf, out);
}

static void cell(FILE *out, const char *class, const char *text)
{
	fprintf(out, "<td%s%s%s>", class ? " class=\"" : "", class ? class : "", class ? "\"" : "");
	put(out, text);
	fputs("</td>", out);
}

static void cell_mark(FILE *out, const char *word)
{
	fputs("<td>", out);
	put_mark(out, word);
	fputs("</td>", out);
}

static void cell_date(FILE *out, int64_t t)
{
	fputs("<td class=\"date\">", out);
	put_date(out, t);
	fputs("</td>", out);
}

static void begin_table(FILE *out, const char *caption, const char *const *heads)
{
	fputs("<div class=\"scroll\"><table><caption>", out);
	put(out, caption);
	fputs("</caption><thead><tr>", out);
	for (size_t i = 0; heads[i]; i++)
		fprintf(out, "<th scope=\"col\">%s</th>", heads[i]);
	fputs("</tr></thead><tbody>\n", out);
}

static void end_table(FILE *out)
{
	fputs("</tbody></table></div>\n", out);
}

/* ---- what a report says -----------------------------------------------------------------------*/

static const char *name_of(const struct html_report *r)
{
	return pick_text_or(r->json, "node.instance_id", r->name);
}

static enum severity severity_of(const json_t *patch)
{
	const char *word = pick_text_or(patch, "severity", "");

	for (size_t i = 0; i < ARRAY_SIZE(severities); i++)
		if (strcasecmp(severities[i].word, word) == 0)
			return severities[i].severity;
	return OTHER;
}

static void count_missing(const json_t *report, size_t counts[SEVERITY_COUNT])
{
	json_t *list = pick_member(report, "patches"), *patch;
	size_t i;

	json_array_foreach(list, i, patch)
	{
		const char *state = pick_text_or(patch, "state", "");

		if (streq(state, "Missing") || streq(state, "Failed"))
			counts[severity_of(patch)]++;
	}
}

/* "1 critical, 2 low"; "none". To be freed. */
static char *missing_text(const size_t counts[SEVERITY_COUNT])
{
	char *text = xstrdup("");

	for (size_t i = 0; i < SEVERITY_COUNT; i++) {
		char *longer;

		if (!counts[i])
			continue;
		longer = xasprintf("%s%s%zu %s", text, *text ? ", " : "", counts[i],
				   severity_names[i]);
		free(text);
		text = longer;
	}
	if (!*text) {
		free(text);
		text = xstrdup("none");
	}
	return text;
}

static int64_t days_left(const json_t *report, int64_t now)
{
	int64_t until = pick_time(report, "live_patching.supported_until");

	return timex_day(until) - timex_day(now); /* the last day counts as a whole */
}

/* "12 days left", "ended 3 days ago", "". To be freed. */
static char *window_text(const json_t *report, int64_t now)
{
	int64_t days;

	if (pick_time(report, "live_patching.supported_until") == TIME_UNSET)
		return xstrdup("");
	days = days_left(report, now);
	return days < 0 ? xasprintf("ended %lld days ago", -(long long)days)
			: xasprintf("%lld days left", (long long)days);
}

/* ---- the fleet --------------------------------------------------------------------------------*/

static void put_tile(FILE *out, size_t number, const char *text)
{
	fprintf(out, "<li><b>%zu</b><span>%s</span></li>\n", number, text);
}

static void put_summary(FILE *out, const struct html_report *reports, size_t n, int64_t now)
{
	size_t by_verdict[ARRAY_SIZE(verdicts)] = { 0 }, missing[SEVERITY_COUNT] = { 0 };
	size_t soon = 0, ended = 0, reboots = 0;

	for (size_t i = 0; i < n; i++) {
		const json_t *r = reports[i].json;

		for (size_t v = 0; v < ARRAY_SIZE(verdicts); v++)
			by_verdict[v] +=
				streq(pick_text_or(r, "compliance.overall", ""), verdicts[v]);
		count_missing(r, missing);
		reboots += streq(pick_text_or(r, "reboot.verdict", ""), "yes");
		if (pick_time(r, "live_patching.supported_until") == TIME_UNSET)
			continue;
		ended += days_left(r, now) < 0;
		soon += days_left(r, now) >= 0 && days_left(r, now) <= SOON_DAYS;
	}
	fputs("<ul class=\"tiles\">\n", out);
	for (size_t v = 0; v < ARRAY_SIZE(verdicts); v++) {
		fprintf(out, "<li><b>%zu</b>", by_verdict[v]);
		put_mark(out, verdicts[v]);
		fputs("</li>\n", out);
	}
	for (size_t s = 0; s < SEVERITY_COUNT; s++) {
		_cleanup_free_ char *text = xasprintf("missing, %s", severity_names[s]);

		if (missing[s])
			put_tile(out, missing[s], text);
	}
	put_tile(out, reboots, "reboots due");
	put_tile(out, soon, "kernels with livepatches for two weeks at most");
	put_tile(out, ended, "kernels that get none any more");
	fputs("</ul>\n", out);
}

static void put_fleet_row(FILE *out, const struct html_report *r, size_t number, int64_t now)
{
	size_t counts[SEVERITY_COUNT] = { 0 };
	_cleanup_free_ char *missing = NULL, *window = window_text(r->json, now);

	count_missing(r->json, counts);
	missing = missing_text(counts);
	fprintf(out, "<tr><th scope=\"row\"><a href=\"#node%zu\">", number);
	put(out, name_of(r));
	fputs("</a></th>", out);
	cell(out, "name", pick_text_or(r->json, "node.kernel", "?"));
	cell_mark(out, pick_text_or(r->json, "compliance.overall", ""));
	cell_mark(out, pick_text_or(r->json, "compliance.livepatch", ""));
	cell_mark(out, pick_text_or(r->json, "compliance.kernel", ""));
	cell(out, NULL, missing);
	fputs("<td class=\"date\">", out);
	put_date(out, pick_time(r->json, "live_patching.supported_until"));
	fprintf(out, "<br>%s</td>", window);
	cell_mark(out, pick_text_or(r->json, "reboot.verdict", ""));
	cell_date(out, pick_time(r->json, "as_of"));
	fputs("</tr>\n", out);
}

static void put_fleet(FILE *out, const struct html_report *reports, size_t n, int64_t now)
{
	static const char *const heads[] = {
		"Node",		"Kernel",  "Verdict",		"Livepatch",
		"Newer kernel", "Missing", "Livepatches until", "Reboot",
		"Looked at",	NULL
	};

	begin_table(out, "All nodes", heads);
	for (size_t i = 0; i < n; i++)
		put_fleet_row(out, &reports[i], i + 1, now);
	end_table(out);
}

/* ---- one node ---------------------------------------------------------------------------------*/

static void put_fact(FILE *out, const char *term, const char *text)
{
	if (!*text)
		return;
	fprintf(out, "<dt>%s</dt><dd>", term);
	put(out, text);
	fputs("</dd>\n", out);
}

static void put_patches(FILE *out, const json_t *report)
{
	static const char *const heads[] = { "State",	 "Package", "Installed", "Candidate",
					     "Severity", "CVEs",    "Reason",	 NULL };
	json_t *list = pick_member(report, "patches"), *patch;
	size_t i;

	if (pick_count(report, "patches") == 0)
		return;
	fputs("<h3>Patches</h3>", out);
	begin_table(out, "Patches", heads);
	json_array_foreach(list, i, patch)
	{
		_cleanup_free_ char *cves = xasprintf("%zu", pick_count(patch, "cves"));

		fputs("<tr>", out);
		cell_mark(out, pick_text_or(patch, "state", ""));
		cell(out, "name", pick_text_or(patch, "id", "?"));
		cell(out, NULL, pick_text_or(patch, "installed", "-"));
		cell(out, NULL, pick_text_or(patch, "candidate", "-"));
		cell(out, NULL, pick_text_or(patch, "severity", "-"));
		cell(out, "number", cves);
		cell(out, "wide", pick_text_or(patch, "reason", ""));
		fputs("</tr>\n", out);
	}
	end_table(out);
}

static void put_held(FILE *out, const json_t *report)
{
	static const char *const heads[] = { "Held",	       "Build", "Released",
					     "Approved after", "Why",	NULL };
	json_t *list = pick_member(report, "held"), *build;
	size_t i;

	if (pick_count(report, "held") == 0)
		return;
	fputs("<h3>Not approved yet, or not at all</h3>", out);
	begin_table(out, "Held builds", heads);
	json_array_foreach(list, i, build)
	{
		fputs("<tr>", out);
		cell_mark(out, pick_text_or(build, "reason", ""));
		cell(out, "name", pick_text_or(build, "title", "?"));
		cell_date(out, pick_time(build, "released"));
		cell_date(out, pick_time(build, "approve_at"));
		cell(out, "wide", pick_text_or(build, "message", ""));
		fputs("</tr>\n", out);
	}
	end_table(out);
}

static void put_findings(FILE *out, const json_t *report)
{
	static const char *const heads[] = { "Finding", "About", "Message", NULL };
	json_t *list = pick_member(report, "findings"), *finding;
	size_t i;

	if (pick_count(report, "findings") == 0)
		return;
	fputs("<h3>Findings</h3>", out);
	begin_table(out, "Findings", heads);
	json_array_foreach(list, i, finding)
	{
		fputs("<tr>", out);
		cell_mark(out, pick_text_or(finding, "severity", ""));
		cell(out, "name", pick_text_or(finding, "subject", ""));
		cell(out, "wide", pick_text_or(finding, "message", ""));
		fputs("</tr>\n", out);
	}
	end_table(out);
}

static void put_node(FILE *out, const struct html_report *r, size_t number, int64_t now)
{
	_cleanup_free_ char *window = window_text(r->json, now);

	fprintf(out, "<section id=\"node%zu\"><h2>", number);
	put(out, name_of(r));
	fputs("</h2>", out);
	put_mark(out, pick_text_or(r->json, "compliance.overall", ""));
	fputs("<dl>\n", out);
	put_fact(out, "System", pick_text_or(r->json, "node.os_name", ""));
	put_fact(out, "Kernel", pick_text_or(r->json, "node.kernel", ""));
	put_fact(out, "Patched up to", pick_text_or(r->json, "live_patching.effective.kernel", ""));
	put_fact(out, "Livepatches", window);
	put_fact(out, "Newer kernel", pick_text_or(r->json, "coverage.kernel_candidate", ""));
	put_fact(out, "Coverage", pick_text_or(r->json, "coverage.reason", ""));
	put_fact(out, "Next reboot", pick_text_or(r->json, "next_boot.reason", ""));
	put_fact(out, "Baseline", pick_text_or(r->json, "baseline.name", ""));
	put_fact(out, "Report", pick_text_or(r->json, "id", ""));
	fputs("</dl>\n", out);
	put_patches(out, r->json);
	put_held(out, r->json);
	put_findings(out, r->json);
	fputs("</section>\n", out);
}

/* ---- the page ---------------------------------------------------------------------------------*/

char *html_page(const struct html_report *reports, size_t n, int64_t now, size_t *ret_len)
{
	char *text = NULL, buf[TIMEX_TEXT_MAX];
	FILE *out = open_memstream(&text, ret_len);

	if (!out)
		abort(); /* out of memory, as xmalloc() has it */
	fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	      "<meta name=\"generator\" content=\"klpctl " KLPD_VERSION "\">\n"
	      "<title>Kernel live patching</title>\n<style>\n",
	      out);
	fputs(style_sheet, out);
	fprintf(out,
		"</style>\n</head>\n<body>\n<h1>Kernel live patching</h1>\n"
		"<p class=\"sub\">%zu %s, days as of %s</p>\n<main>\n",
		n, n == 1 ? "node" : "nodes", timex_format(now, buf));
	put_summary(out, reports, n, now);
	put_fleet(out, reports, n, now);
	for (size_t i = 0; i < n; i++)
		put_node(out, &reports[i], i + 1, now);
	fputs("</main>\n</body>\n</html>\n", out);
	fclose(out);
	return text;
}
