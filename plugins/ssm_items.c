// SPDX-License-Identifier: Apache-2.0
#include "ssm_items.h"

#include "aws_sign.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define SCHEMA	  "1.0"
#define TEXT_SIZE sizeof("2024-01-01T00:00:00Z")

/* In the order in which AWS's own report has them. NotApplicable is a number only. */
static const struct state {
	const char *name, *count; /* of PatchSummary */
	bool compliant, installed, uploaded;
} states[] = {
	{ "Installed", "InstalledCount", true, true, true },
	{ "InstalledOther", "InstalledOtherCount", true, true, true },
	{ "InstalledRejected", "InstalledRejectedCount", false, true, true },
	{ "InstalledPendingReboot", "InstalledPendingRebootCount", false, true, true },
	{ "Missing", "MissingCount", false, false, true },
	{ "Failed", "FailedCount", false, false, true },
	{ "NotApplicable", "NotApplicableCount", true, false, false },
};
#define N_STATES (sizeof(states) / sizeof(states[0]))

/* From the highest. */
static const char *const levels[] = { "CRITICAL",      "HIGH",	      "MEDIUM", "LOW",
				      "INFORMATIONAL", "UNSPECIFIED", NULL };
#define LEVEL_FLOOR 4 /* what a summary calls the lowest */

struct row {
	const struct klpd_patch *patch;
	const struct state *state;
};

struct rows {
	struct row *list;
	size_t n;
};

/* ---- what is told of each ---------------------------------------------------------------------*/

static const struct state *state_of(const struct klpd_patch *p)
{
	for (size_t i = 0; i < N_STATES; i++)
		if (strcmp(states[i].name, p->state) == 0)
			return &states[i];
	return NULL; /* of a newer klpd: nothing that AWS knows */
}

static size_t level_of(const struct klpd_patch *p)
{
	size_t i = 0;

	while (levels[i + 1] && strcmp(levels[i], p->compliance_level) != 0)
		i++;
	return i;
}

/* What is installed and the kernel does not run fixes nothing. */
static bool is_compliant(const struct row *row)
{
	return row->state->compliant && row->patch->active != 0;
}

/* The names of two ids, "name.arch". */
static int compare_names(const char *a, const char *b)
{
	size_t x = strlen(a) - strlen(strrchr(a, '.') ? strrchr(a, '.') : "");
	size_t y = strlen(b) - strlen(strrchr(b, '.') ? strrchr(b, '.') : "");
	int order = strncmp(a, b, x < y ? x : y);

	return order ? order : (x > y) - (x < y);
}

static int by_state_and_name(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int order = (x->state > y->state) - (x->state < y->state);

	if (!order)
		order = compare_names(x->patch->id, y->patch->id);
	return order ? order : strcmp(x->patch->title, y->patch->title);
}

static struct rows rows_of(const struct klpd_report *r)
{
	struct rows rows = { .list = calloc(r->n_patches + 1, sizeof(*rows.list)) };
	const struct klpd_patch *p = r->patches;

	for (size_t i = 0; rows.list && i < r->n_patches; i++, p = KLPD_NEXT(p, r->patch_size))
		if (state_of(p))
			rows.list[rows.n++] = (struct row){ p, state_of(p) };
	if (rows.n)
		qsort(rows.list, rows.n, sizeof(*rows.list), by_state_and_name);
	return rows;
}

static void set(json_t *object, const char *key, const char *value)
{
	json_object_set_new(object, key, json_string(value));
}

static void set_number(json_t *object, const char *key, size_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%zu", value);
	set(object, key, text);
}

static void time_text(int64_t when, char text[TEXT_SIZE])
{
	time_t t = (time_t)when;
	struct tm tm;

	text[0] = '\0';
	if (when != KLPD_NO_TIME && gmtime_r(&t, &tm))
		strftime(text, TEXT_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static void set_time(json_t *object, const char *key, int64_t when)
{
	char text[TEXT_SIZE];

	time_text(when, text);
	set(object, key, text);
}

/* At most @max bytes, and no half of a character. */
static void set_cut(json_t *object, const char *key, const char *value, size_t max)
{
	size_t len = strlen(value);

	if (len > max)
		for (len = max; len && ((unsigned char)value[len] & 0xc0) == 0x80; len--)
			;
	json_object_set_new(object, key, json_stringn(value, len));
}

/* As many of them as one value holds; what was left out is said. */
static void set_cves(json_t *object, const struct klpd_patch *p, bool without)
{
	char text[ITEMS_VALUE_MAX + 1] = "";
	size_t n = 0, len = 0;

	while (!without && n < p->n_cves) {
		size_t more = strlen(p->cves[n]) + (n ? 1 : 0);

		if (len + more > ITEMS_VALUE_MAX)
			break;
		len += (size_t)sprintf(text + len, "%s%s", n ? "," : "", p->cves[n]);
		n++;
	}
	if (n)
		set(object, "CVEIds", text);
	if (n < p->n_cves) {
		char note[128];

		snprintf(note, sizeof(note),
			 "%zu of %zu CVEs are listed: more are too long for AWS Systems Manager", n,
			 p->n_cves);
		set(object, "DetailedText", note);
	}
}

/* The first that is known: AWS wants a UUID, and so one of the node's own making will do. */
static const char *one_of(const char *given, const char *own)
{
	return *given ? given : own;
}

static json_t *details(const struct row *row, bool without_cves)
{
	const struct klpd_patch *p = row->patch;
	json_t *o = json_object();

	set(o, "PatchState", p->state);
	set(o, "Classification", p->classification);
	set(o, "PatchSeverity", p->severity);
	if (row->state->installed)
		set_time(o, "InstalledTime", p->installed_time);
	else if (p->n_cves)
		set_cves(o, p, without_cves);
	return o;
}

/* ---- PutComplianceItems -----------------------------------------------------------------------*/

static json_t *custom_item(const struct row *row, bool without_cves)
{
	const struct klpd_patch *p = row->patch;
	json_t *item = json_object(), *more = details(row, without_cves);

	set(item, "Id", p->id);
	set_cut(item, "Title", p->title, ITEMS_TITLE_MAX);
	set(item, "Severity", levels[level_of(p)]);
	set(item, "Status", is_compliant(row) ? "COMPLIANT" : "NON_COMPLIANT");
	if (p->active >= 0)
		set(more, "Active", p->active ? "true" : "false");
	if (!json_object_get(more, "DetailedText"))
		set_cut(more, "DetailedText", p->reason, ITEMS_VALUE_MAX);
	json_object_set_new(item, "Details", more);
	return item;
}

/* Where klpd could not judge, nothing that it saw stands for the whole. */
static json_t *unknown_item(const struct klpd_report *r)
{
	const struct klpd_finding *f = r->findings;
	const char *why = "klpd could not judge this node";
	json_t *item = json_object(), *more = json_object();

	for (size_t i = 0; i < r->n_findings; i++, f = KLPD_NEXT(f, r->finding_size)) {
		if (strcmp(f->severity, "error") == 0) {
			why = f->message;
			break;
		}
	}
	set(item, "Id", "klpd");
	set(item, "Title", "whether livepatches are missing is not known");
	set(item, "Severity", "UNSPECIFIED");
	set(item, "Status", "NON_COMPLIANT");
	set_cut(more, "DetailedText", why, ITEMS_VALUE_MAX);
	json_object_set_new(item, "Details", more);
	return item;
}

static void hash_of(const json_t *content, char hash[ITEMS_HASH_SIZE])
{
	char *text = json_dumps(content, JSON_COMPACT | JSON_SORT_KEYS);

	aws_sha256_hex(text ? text : "", text ? strlen(text) : 0, hash);
	free(text);
}

/* Takes over @body. */
static char *text_of(json_t *body)
{
	char *text = json_dumps(body, JSON_COMPACT);

	json_decref(body);
	return text;
}

char *items_compliance(const struct klpd_report *r, const struct items_wanted *w,
		       char hash[ITEMS_HASH_SIZE])
{
	struct rows rows = rows_of(r);
	json_t *items = json_array();

	for (size_t i = 0; i < rows.n; i++)
		if (rows.list[i].state->uploaded)
			json_array_append_new(items, custom_item(&rows.list[i], w->without_cves));
	if (strcmp(r->overall, "UNKNOWN") == 0)
		json_array_append_new(items, unknown_item(r));
	free(rows.list);
	hash_of(items, hash);
	return text_of(json_pack("{s:s,s:s,s:s,s:{s:I,s:s,s:s},s:o,s:s}", "ResourceId",
				 w->instance_id, "ResourceType", "ManagedInstance",
				 "ComplianceType", w->compliance_type, "ExecutionSummary",
				 "ExecutionTime", (json_int_t)r->started, "ExecutionId",
				 one_of(r->command_id, r->id), "ExecutionType", "Command", "Items",
				 items, "ItemContentHash", hash));
}

/* ---- PutInventory -----------------------------------------------------------------------------*/

static json_t *patch_item(const struct klpd_report *r, const struct items_wanted *w,
			  const struct row *row)
{
	const struct klpd_patch *p = row->patch;
	json_t *o = details(row, w->without_cves);

	set(o, "Id", p->id);
	set_cut(o, "Title", p->title, ITEMS_VALUE_MAX);
	set(o, "Status", is_compliant(row) ? "COMPLIANT" : "NON_COMPLIANT");
	set(o, "Severity", levels[level_of(p)]);
	set(o, "PatchBaselineId", r->baseline_id);
	set(o, "PatchGroup", w->patch_group);
	if (*r->overrides)
		set_cut(o, "InstallOverrideList", r->overrides, ITEMS_LIST_MAX);
	set(o, "DocumentName", "");
	set(o, "DocumentVersion", "");
	return o;
}

static json_t *item_of(const struct klpd_report *r, const char *type, const char *hash)
{
	json_t *item = json_object();

	set(item, "TypeName", type);
	set(item, "SchemaVersion", SCHEMA);
	set_time(item, "CaptureTime", r->finished);
	set(item, "ContentHash", hash);
	return item;
}

static json_t *compliance_item(const struct klpd_report *r, const struct items_wanted *w,
			       const struct rows *rows, char hash[ITEMS_HASH_SIZE])
{
	json_t *content = json_array(), *context = json_object(), *item;

	for (size_t i = 0; i < rows->n; i++)
		if (rows->list[i].state->uploaded)
			json_array_append_new(content, patch_item(r, w, &rows->list[i]));
	hash_of(content, hash);
	item = item_of(r, "AWS:ComplianceItem", hash);
	set(context, "ComplianceType", "Patch");
	set(context, "ExecutionId", one_of(r->snapshot_id, r->id));
	set(context, "ExecutionType", "Command");
	set_time(context, "ExecutionTime", r->started);
	json_object_set_new(item, "Context", context);
	if (!w->by_hash)
		json_object_set(item, "Content", content);
	json_decref(content);
	return item;
}

static void count_states(json_t *o, const struct rows *rows)
{
	for (size_t s = 0; s < N_STATES; s++) {
		size_t n = 0;

		for (size_t i = 0; i < rows->n; i++)
			n += rows->list[i].state == &states[s];
		set_number(o, states[s].count, n);
	}
}

static void count_noncompliant(json_t *o, const struct rows *rows)
{
	size_t critical = 0, security = 0, other = 0, highest = LEVEL_FLOOR;
	bool any = false;

	for (size_t i = 0; i < rows->n; i++) {
		const struct klpd_patch *p = rows->list[i].patch;
		bool is_critical = level_of(p) == 0;
		bool is_security = strcasecmp(p->classification, "Security") == 0;

		if (is_compliant(&rows->list[i]))
			continue;
		any = true;
		critical += is_critical;
		security += is_security;
		other += !is_critical && !is_security;
		if (level_of(p) < highest)
			highest = level_of(p);
	}
	set_number(o, "CriticalNonCompliantCount", critical);
	set_number(o, "SecurityNonCompliantCount", security);
	set_number(o, "OtherNonCompliantCount", other);
	if (any)
		set(o, "NonCompliantSeverity", levels[highest]);
}

static json_t *summary_item(const struct klpd_report *r, const struct items_wanted *w,
			    const struct rows *rows)
{
	json_t *o = json_object(), *content = json_array(), *item;
	char hash[ITEMS_HASH_SIZE];

	set(o, "BaselineId", r->baseline_id);
	set(o, "PatchGroup", w->patch_group);
	set(o, "SnapshotId", one_of(r->snapshot_id, r->id));
	set(o, "ExecutionId", one_of(r->command_id, r->id));
	if (*r->overrides)
		set_cut(o, "InstallOverrideList", r->overrides, ITEMS_LIST_MAX);
	count_states(o, rows);
	count_noncompliant(o, rows);
	set(o, "OperationType", strcmp(r->operation, "Scan") == 0 ? "Scan" : "Install");
	set_time(o, "OperationStartTime", r->started);
	set_time(o, "OperationEndTime", r->finished);
	set(o, "RebootOption", r->reboot_option);
	json_array_append_new(content, o);
	hash_of(content, hash);
	item = item_of(r, "AWS:PatchSummary", hash);
	json_object_set_new(item, "Content", content);
	return item;
}

char *items_inventory(const struct klpd_report *r, const struct items_wanted *w,
		      char hash[ITEMS_HASH_SIZE])
{
	struct rows rows = rows_of(r);
	json_t *items = json_array();

	json_array_append_new(items, summary_item(r, w, &rows));
	json_array_append_new(items, compliance_item(r, w, &rows, hash));
	free(rows.list);
	return text_of(json_pack("{s:s,s:o}", "InstanceId", w->instance_id, "Items", items));
}
