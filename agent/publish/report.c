// SPDX-License-Identifier: Apache-2.0
#include "publish/report.h"

#include "base/timex.h"

#define SCHEMA "klpd.report/1"

/* "a.b" */
static json_t *find(json_t *json, const char *path)
{
	const char *dot = strchr(path, '.');
	_cleanup_free_ char *first = NULL;

	if (!dot)
		return json_object_get(json, path);
	first = xstrndup(path, (size_t)(dot - path));
	return find(json_object_get(json, first), dot + 1);
}

static const char *text(json_t *json, const char *path)
{
	const char *value = json_string_value(find(json, path));

	return value ? value : "";
}

static int64_t when(json_t *json, const char *path)
{
	int64_t t;

	return timex_parse(text(json, path), &t) == 0 ? t : KLPD_NO_TIME;
}

static int yes_or_no(json_t *json, const char *path)
{
	const json_t *value = find(json, path);

	return json_is_boolean(value) ? json_is_true(value) : -1;
}

static const char *const *texts(json_t *list, struct arena *arena, size_t *ret_n)
{
	const char **all = NULL;
	json_t *item;
	size_t i;

	*ret_n = 0;
	json_array_foreach(list, i, item)
	{
		if (json_is_string(item))
			*ARENA_PUSH(arena, all, *ret_n) = json_string_value(item);
	}
	return all;
}

static void view_patches(json_t *json, struct arena *arena, struct klpd_report *r)
{
	struct klpd_patch *all = NULL;
	json_t *row;
	size_t i;

	json_array_foreach(find(json, "patches"), i, row)
	{
		struct klpd_patch *p = ARENA_PUSH(arena, all, r->n_patches);

		*p = (struct klpd_patch){
			.id = text(row, "id"),
			.title = text(row, "title"),
			.kind = text(row, "kind"),
			.state = text(row, "state"),
			.classification = text(row, "classification"),
			.severity = text(row, "severity"),
			.compliance_level = text(row, "compliance_level"),
			.reason = text(row, "reason"),
			.installed_time = when(row, "installed_time"),
			.active = yes_or_no(row, "active"),
		};
		p->cves = texts(find(row, "cves"), arena, &p->n_cves);
	}
	r->patches = all;
	r->patch_size = sizeof(*all);
}

static void view_findings(json_t *json, struct arena *arena, struct klpd_report *r)
{
	struct klpd_finding *all = NULL;
	json_t *row;
	size_t i;

	json_array_foreach(find(json, "findings"), i, row)
	{
		*ARENA_PUSH(arena, all, r->n_findings) = (struct klpd_finding){
			.code = text(row, "code"),
			.severity = text(row, "severity"),
			.subject = text(row, "subject"),
			.message = text(row, "message"),
		};
	}
	r->findings = all;
	r->finding_size = sizeof(*all);
}

int report_view(json_t *json, struct arena *arena, struct klpd_report *ret, struct err *err)
{
	_cleanup_free_ char *dumped = NULL;

	if (!streq(text(json, "schema"), SCHEMA))
		return err_set(err, EXIT_STATUS_DATA,
			       "what was handed over is no report of " SCHEMA);
	dumped = json_dumps(json, JSON_COMPACT | JSON_PRESERVE_ORDER);
	*ret = (struct klpd_report){
		.size = sizeof(*ret),
		.json = arena_strdup(arena, dumped),
		.json_len = strlen(dumped),
		.id = text(json, "id"),
		.operation = text(json, "operation"),
		.reboot_option = text(json, "reboot_option"),
		.started = when(json, "started"),
		.finished = when(json, "finished"),
		.as_of = when(json, "as_of"),
		.os = text(json, "node.os"),
		.os_version = text(json, "node.release"),
		.arch = text(json, "node.arch"),
		.kernel = text(json, "node.kernel"),
		.instance_id = text(json, "node.instance_id"),
		.region = text(json, "node.region"),
		.baseline_id = text(json, "baseline.id"),
		.baseline_name = text(json, "baseline.name"),
		.overall = text(json, "compliance.overall"),
		.livepatch = text(json, "compliance.livepatch"),
		.kernel_verdict = text(json, "compliance.kernel"),
		.reboot = text(json, "reboot.verdict"),
		.enabled = yes_or_no(json, "live_patching.enabled") == 1,
		.supported_until = when(json, "live_patching.supported_until"),
		.command_id = text(json, "origin.command_id"),
		.snapshot_id = text(json, "origin.snapshot_id"),
		.overrides = text(json, "origin.overrides"),
	};
	ret->transition_msec = json_is_integer(find(json, "outcome.activation_msec"))
				       ? json_integer_value(find(json, "outcome.activation_msec"))
				       : -1;
	view_patches(json, arena, ret);
	view_findings(json, arena, ret);
	return 0;
}
