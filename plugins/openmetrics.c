// SPDX-License-Identifier: Apache-2.0
/*
 * openmetrics: a file for node_exporter's textfile collector
 *
 *   path: /var/lib/node_exporter/textfile_collector/klpd.prom
 *
 * Prometheus's text format; conf/prometheus has alert rules and a dashboard for it. What is not
 * known has no sample: a gauge that says 0 would be a claim.
 */
#include "common.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct metrics {
	const struct klpd_host *host;
	const char *path;
};

static const char *const verdicts[] = { "COMPLIANT", "NON_COMPLIANT", "UNKNOWN", "NOT_APPLICABLE",
					NULL };
static const char *const reboots[] = { "no", "no-kernel-covered", "yes", NULL };
static const char *const severities[] = { "Critical", "Important", "Medium", "Low", NULL };
static const char *const states[] = { "Installed",
				      "InstalledOther",
				      "InstalledPendingReboot",
				      "InstalledRejected",
				      "Missing",
				      "Failed",
				      NULL };
static const char *const findings[] = { "info", "warning", "error", NULL };

static int open_metrics(const struct klpd_host *host, const struct klpd_setting *settings, size_t n,
			void **ret)
{
	static const char *const keys[] = { "path", NULL };
	static struct metrics metrics;
	size_t len;

	metrics.host = host;
	metrics.path = common_setting(settings, n, "path", NULL);
	*ret = &metrics;
	if (common_check_keys(host, settings, n, keys) < 0 ||
	    common_check_path(host, "path", metrics.path) < 0)
		return KLPD_WRONG;
	len = strlen(metrics.path);
	if (len < 5 || strcmp(metrics.path + len - 5, ".prom") != 0)
		return common_explain(host, KLPD_WRONG,
				      "path: node_exporter reads only what ends in .prom");
	return KLPD_OK;
}

/* ---- samples ----------------------------------------------------------------------------------*/

static void begin(FILE *out, const char *name, const char *help)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
}

static void put_time(FILE *out, const char *name, const char *help, int64_t t)
{
	if (t == KLPD_NO_TIME)
		return;
	begin(out, name, help);
	fprintf(out, "%s %lld\n", name, (long long)t);
}

/* One sample for each word that may be, 1 for the one that is. */
static void put_words(FILE *out, const char *name, const char *labels, const char *label,
		      const char *const *words, const char *is)
{
	for (size_t i = 0; words[i]; i++)
		fprintf(out, "%s{%s%s=\"%s\"} %d\n", name, labels, label, words[i],
			strcmp(words[i], is) == 0);
}

static void put_verdicts(FILE *out, const struct klpd_report *r)
{
	const struct {
		const char *labels, *is;
	} rows[] = {
		{ "scope=\"overall\",", r->overall },
		{ "scope=\"livepatch\",", r->livepatch },
		{ "scope=\"kernel\",", r->kernel_verdict },
	};

	begin(out, "klpd_compliance", "Verdict by the patch baseline, 1 for the one that holds.");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		put_words(out, "klpd_compliance", rows[i].labels, "verdict", verdicts, rows[i].is);
	begin(out, "klpd_reboot",
	      "Whether compliance needs a reboot, 1 for the answer that holds.");
	put_words(out, "klpd_reboot", "", "verdict", reboots, r->reboot);
}

static const char *severity_of(const struct klpd_patch *p)
{
	for (size_t i = 0; severities[i]; i++)
		if (strcasecmp(severities[i], p->severity) == 0)
			return severities[i];
	return strcasecmp(p->severity, "Moderate") == 0 ? "Medium" : "none";
}

static size_t count(const struct klpd_report *r, const char *kind, const char *state,
		    const char *severity, int active)
{
	const struct klpd_patch *p = r->patches;
	size_t n = 0;

	for (size_t i = 0; i < r->n_patches; i++, p = KLPD_NEXT(p, r->patch_size))
		n += strcmp(p->kind, kind) == 0 && (!state || strcmp(p->state, state) == 0) &&
		     (!severity || strcmp(severity_of(p), severity) == 0) &&
		     (active < 0 || p->active == active);
	return n;
}

static void put_patches(FILE *out, const struct klpd_report *r)
{
	static const char *const kinds[] = { "livepatch", "kernel", NULL };
	static const char *const with_none[] = { "Critical", "Important", "Medium",
						 "Low",	     "none",	  NULL };

	begin(out, "klpd_patches", "Patches by kind, state of AWS Patch Manager and severity.");
	for (size_t k = 0; kinds[k]; k++)
		for (size_t s = 0; states[s]; s++)
			for (size_t v = 0; with_none[v]; v++)
				fprintf(out,
					"klpd_patches{kind=\"%s\",state=\"%s\",severity=\"%s\"} "
					"%zu\n",
					kinds[k], states[s], with_none[v],
					count(r, kinds[k], states[s], with_none[v], -1));
	begin(out, "klpd_livepatches_active",
	      "Installed livepatches by whether the kernel runs them.");
	for (int active = 0; active <= 1; active++)
		fprintf(out, "klpd_livepatches_active{active=\"%s\"} %zu\n", active ? "yes" : "no",
			count(r, "livepatch", NULL, NULL, active));
}

static void put_findings(FILE *out, const struct klpd_report *r)
{
	begin(out, "klpd_findings", "Findings of the latest report by severity.");
	for (size_t s = 0; findings[s]; s++) {
		const struct klpd_finding *f = r->findings;
		size_t n = 0;

		for (size_t i = 0; i < r->n_findings; i++, f = KLPD_NEXT(f, r->finding_size))
			n += strcmp(f->severity, findings[s]) == 0;
		fprintf(out, "klpd_findings{severity=\"%s\"} %zu\n", findings[s], n);
	}
}

/* A label's value: what Prometheus wants escaped, and nothing that is not text. */
static void put_label(FILE *out, const char *name, const char *value, const char *end)
{
	fprintf(out, "%s=\"", name);
	for (; *value; value++)
		if (*value == '\\' || *value == '"')
			fprintf(out, "\\%c", *value);
		else if ((unsigned char)*value >= ' ')
			fputc(*value, out);
	fprintf(out, "\"%s", end);
}

static void put_info(FILE *out, const struct klpd_report *r, const struct klpd_host *host)
{
	begin(out, "klpd_info", "What runs and by what it was judged.");
	fputs("klpd_info{", out);
	put_label(out, "version", host->version, ",");
	put_label(out, "kernel", r->kernel, ",");
	put_label(out, "baseline", r->baseline_name, "} 1\n");
	begin(out, "klpd_live_patching_enabled", "Whether kernel live patching is on.");
	fprintf(out, "klpd_live_patching_enabled %d\n", r->enabled);
}

/* ---- what is remembered -----------------------------------------------------------------------*/

/*
 * A number that not every report has: @now where this one does (not -1), and is kept in the file
 * @name of our own directory; else the one of the last that did, or -1.
 */
static int64_t remember(const struct metrics *m, const char *name, int64_t now)
{
	char *path = NULL, text[32];
	long long value = -1;
	FILE *file;

	if (asprintf(&path, "%s/%s", m->host->directory, name) < 0)
		return now;
	if (now >= 0) {
		snprintf(text, sizeof(text), "%lld\n", (long long)now);
		common_write(m->host, path, text, strlen(text));
		value = now;
	} else if ((file = fopen(path, "re"))) {
		if (fscanf(file, "%lld", &value) != 1)
			value = -1;
		fclose(file);
	}
	free(path);
	return value;
}

/* A look that led to a verdict; else of the last one that did. */
static int64_t last_success(const struct metrics *m, const struct klpd_report *r)
{
	bool known = strcmp(r->overall, "UNKNOWN") != 0;
	int64_t t = remember(m, "last-success", known ? r->finished : -1);

	return t < 0 ? KLPD_NO_TIME : t;
}

static void put_transition(FILE *out, const struct metrics *m, const struct klpd_report *r)
{
	static const char name[] = "klpd_transition_seconds";
	int64_t msec =
		remember(m, "transition", KLPD_HAS(r, transition_msec) ? r->transition_msec : -1);

	if (msec < 0)
		return;
	begin(out, name, "How long the kernel took to run the livepatch that was loaded last.");
	fprintf(out, "%s %lld.%03lld\n", name, (long long)(msec / 1000), (long long)(msec % 1000));
}

static int publish(void *state, const struct klpd_report *report)
{
	const struct metrics *m = state;
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	int r;

	if (!out)
		return common_explain(m->host, KLPD_RETRY, "out of memory");
	put_info(out, report, m->host);
	put_verdicts(out, report);
	put_patches(out, report);
	put_findings(out, report);
	put_transition(out, m, report);
	put_time(out, "klpd_support_end_timestamp_seconds",
		 "Last day on which the running kernel gets livepatches.", report->supported_until);
	put_time(out, "klpd_last_report_timestamp_seconds", "When the latest report was made.",
		 report->finished);
	put_time(out, "klpd_last_success_timestamp_seconds",
		 "When a report last came to a verdict other than UNKNOWN.",
		 last_success(m, report));
	fclose(out);
	r = common_write(m->host, m->path, text, len);
	free(text);
	return r;
}

const struct klpd_plugin klpd_plugin = {
	.abi = KLPD_PLUGIN_ABI,
	.size = sizeof(klpd_plugin),
	.text = "metrics for Prometheus, by node_exporter's textfile collector",
	.open = open_metrics,
	.publish = publish,
};
