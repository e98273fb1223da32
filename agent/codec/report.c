// SPDX-License-Identifier: Apache-2.0
#include "codec/report.h"
#include "codec/jsonx.h"

#define REPORT_SCHEMA "klpd.report/1"

static void set(json_t *object, const char *key, json_t *value)
{
	json_object_set_new(object, key, value);
}

static void set_text(json_t *object, const char *key, const char *text)
{
	set(object, key, jsonx_text(text));
}

static void set_time(json_t *object, const char *key, int64_t at)
{
	set(object, key, jsonx_time(at));
}

static void set_count(json_t *object, const char *key, size_t n)
{
	set(object, key, json_integer((json_int_t)n));
}

static json_t *node_json(const struct node *node)
{
	json_t *o = json_object();

	set_text(o, "os", node->os_id);
	set_text(o, "release", node->os_version);
	set_text(o, "arch", node->arch);
	set_text(o, "kernel", node->kernel);
	set_time(o, "kernel_build_date", node->kernel_build_date);
	set_text(o, "boot_id", node->boot_id);
	set_time(o, "boot_time", node->boot_time);
	if (node->os_name)
		set_text(o, "os_name", node->os_name);
	if (node->instance_id)
		set_text(o, "instance_id", node->instance_id);
	if (node->region)
		set_text(o, "region", node->region);
	return o;
}

static json_t *baseline_json(const struct baseline *baseline)
{
	json_t *o = json_object();

	set_text(o, "id", baseline->id);
	set_text(o, "name", baseline->name);
	set_text(o, "source", baseline->source);
	set_text(o, "sha256", baseline->sha256);
	return o;
}

static json_t *effective_json(const struct report_effective *e)
{
	json_t *o = json_object();

	set_text(o, "kernel", e->kernel);
	set_text(o, "livepatch", e->livepatch);
	set_text(o, "reason", e->reason);
	return o;
}

static json_t *live_patching_json(const struct report_live_patching *lp)
{
	json_t *o = json_object();
	bool window = lp->supported_until != TIME_UNSET;

	set(o, "enabled", json_boolean(lp->enabled));
	set(o, "marker", json_boolean(lp->marker));
	set(o, "runtime", json_boolean(lp->runtime));
	set(o, "service", jsonx_tristate(lp->service));
	set(o, "repository", jsonx_tristate(lp->repository));
	set_time(o, "supported_until", lp->supported_until);
	set(o, "days_left", window ? json_integer(lp->days_left) : json_null());
	set(o, "in_window", jsonx_tristate(lp->in_window));
	set_text(o, "series", lp->series);
	set_time(o, "line_ends", lp->line_ends);
	set(o, "effective", effective_json(&lp->effective));
	return o;
}

static json_t *compliance_json(const struct report *r)
{
	json_t *o = json_object();

	set_text(o, "overall", verdict_name(r->overall));
	set_text(o, "livepatch", verdict_name(r->livepatch));
	set_text(o, "kernel", verdict_name(r->kernel));
	return o;
}

static json_t *reboot_json(const struct report *r)
{
	json_t *o = json_object();

	set_text(o, "verdict", reboot_verdict_name(r->reboot));
	set(o, "reasons", jsonx_texts(r->reboot_reasons, r->n_reboot_reasons));
	return o;
}

static json_t *summary_json(const struct report_summary *s)
{
	json_t *o = json_object();

	set_count(o, "installed", s->installed);
	set_count(o, "installed_other", s->installed_other);
	set_count(o, "installed_pending_reboot", s->installed_pending_reboot);
	set_count(o, "installed_rejected", s->installed_rejected);
	set_count(o, "missing", s->missing);
	set_count(o, "failed", s->failed);
	set_count(o, "not_applicable", s->not_applicable);
	return o;
}

static json_t *modules_json(const struct patch_module *modules, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++) {
		const struct patch_module *m = &modules[i];
		json_t *o = json_object();

		set_text(o, "name", m->name);
		set(o, "loaded", json_boolean(m->loaded));
		set(o, "enabled", m->enabled < 0 ? json_null() : json_boolean(m->enabled));
		set(o, "transition", m->transition < 0 ? json_null() : json_boolean(m->transition));
		json_array_append_new(list, o);
	}
	return list;
}

/* What a patch and a held build have in common, in the order of DESIGN section 6. */
static json_t *patch_json(const struct patch *p, bool held)
{
	json_t *o = json_object();

	set_text(o, "id", p->id);
	set_text(o, "title", p->title);
	set_text(o, "kind", patch_kind_name(p->kind));
	if (!held) {
		set_text(o, "state", patch_state_name(p->state));
		if (p->kind == PATCH_LIVEPATCH && p->installed) {
			set(o, "active", jsonx_tristate(p->active));
			set(o, "modules", modules_json(p->modules, p->n_modules));
		}
	}
	set_text(o, "classification", p->classification ? p->classification : "");
	set_text(o, "severity", p->severity ? p->severity : "");
	set_text(o, "compliance_level", compliance_level_name(p->level));
	set(o, "advisories", jsonx_texts(p->advisories, p->n_advisories));
	set(o, "cves", jsonx_texts(p->cves, p->n_cves));
	set_text(o, "installed", p->installed);
	set_text(o, "candidate", p->candidate);
	set_time(o, "installed_time", p->installed_time);
	set_time(o, "released", p->released);
	set_time(o, "approve_at", p->approve_at);
	set_text(o, "rule", p->rule);
	if (held)
		set_text(o, "reason", hold_reason_name(p->hold));
	set_text(o, held ? "message" : "reason", p->reason ? p->reason : "");
	return o;
}

static json_t *patches_json(const struct patch *patches, size_t n, bool held)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, patch_json(&patches[i], held));
	return list;
}

static json_t *coverage_json(const struct report_coverage *c)
{
	json_t *o = json_object();

	set_text(o, "kernel_candidate", c->kernel_candidate);
	set(o, "needed", jsonx_texts(c->needed, c->n_needed));
	set(o, "missing", jsonx_texts(c->missing, c->n_missing));
	set_text(o, "policy", coverage_policy_name(c->policy));
	set(o, "covered", c->evaluated ? json_boolean(c->covered) : json_null());
	set_text(o, "reason", c->reason ? c->reason : "");
	return o;
}

static json_t *title_json(const struct nevra *nevra)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();

	return jsonx_text(nevra_title(arena, nevra));
}

static json_t *kernels_json(const struct kernel_choice *kernels, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++) {
		const struct kernel_choice *k = &kernels[i];
		json_t *o = json_object();

		set(o, "package", title_json(&k->nevra));
		set_text(o, "series", k->series);
		set(o, "installed", json_boolean(k->installed));
		set(o, "running", json_boolean(k->running));
		set_time(o, "built", k->built);
		set_time(o, "released", k->released);
		set_time(o, "window_ends", k->window_ends);
		set(o, "window_estimated", json_boolean(k->window_estimated));
		set(o, "livepatches", json_boolean(k->livepatches));
		set(o, "open", jsonx_tristate(k->open));
		set(o, "recommended", json_boolean(k->recommended));
		set_text(o, "reason", k->reason);
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *next_boot_json(const struct report *r)
{
	json_t *o = json_object(), *kernel = json_null();

	for (size_t i = 0; i < r->n_kernels; i++)
		if (r->kernels[i].recommended)
			kernel = title_json(&r->kernels[i].nevra);
	set(o, "kernel", kernel);
	set_text(o, "reason", r->next_boot);
	return o;
}

static json_t *repositories_json(const struct catalogue *catalogue, int64_t as_of)
{
	json_t *list = json_array();

	for (size_t i = 0; i < catalogue->n_repositories; i++) {
		const struct repository *r = &catalogue->repositories[i];
		json_t *o = json_object();
		bool dated = r->fetched != TIME_UNSET;

		set_text(o, "id", r->id);
		set_text(o, "role", repo_role_name(r->role));
		set_text(o, "revision", r->revision);
		set_time(o, "fetched", r->fetched);
		set(o, "age_seconds", dated ? json_integer(as_of - r->fetched) : json_null());
		set_text(o, "checksum", r->checksum);
		set_text(o, "status", repo_status_name(repository_status(r)));
		json_array_append_new(list, o);
	}
	return list;
}

static void append_finding(json_t *list, const struct finding *f)
{
	json_t *o = json_object();

	set_text(o, "code", f->code);
	set_text(o, "severity", finding_severity_name(f->severity));
	set_text(o, "subject", f->subject);
	set_text(o, "message", f->message);
	json_array_append_new(list, o);
}

static json_t *findings_json(const struct findings *findings)
{
	json_t *list = json_array();

	for (size_t i = 0; i < findings->n; i++)
		append_finding(list, &findings->items[i]);
	if (findings->dropped > 0) {
		_cleanup_free_ char *message = xasprintf("%zu more findings were met and are not "
							 "listed here. Mend the ones that are "
							 "listed and scan again.",
							 findings->dropped);
		struct finding f = { "findings-dropped", FINDING_WARNING, "findings", message };

		append_finding(list, &f);
	}
	return list;
}

json_t *codec_report_to_json(const struct report *r)
{
	json_t *o;

	jsonx_init();
	o = json_object();
	set_text(o, "schema", REPORT_SCHEMA);
	if (r->id)
		set_text(o, "id", r->id);
	set_text(o, "operation", operation_name(r->operation));
	set_text(o, "reboot_option", reboot_option_name(r->reboot_option));
	set_text(o, "trigger", r->trigger);
	if (r->started != TIME_UNSET)
		set_time(o, "started", r->started);
	if (r->finished != TIME_UNSET)
		set_time(o, "finished", r->finished);
	set_time(o, "as_of", r->as_of);
	set(o, "node", node_json(r->node));
	set(o, "baseline", baseline_json(r->baseline));
	set(o, "live_patching", live_patching_json(&r->live_patching));
	set(o, "compliance", compliance_json(r));
	set(o, "reboot", reboot_json(r));
	set(o, "summary", summary_json(&r->summary));
	set(o, "patches", patches_json(r->patches, r->n_patches, false));
	set(o, "held", patches_json(r->held, r->n_held, true));
	set(o, "coverage", coverage_json(&r->coverage));
	set(o, "kernels", kernels_json(r->kernels, r->n_kernels));
	set(o, "next_boot", next_boot_json(r));
	set(o, "repositories", repositories_json(r->catalogue, r->as_of));
	set(o, "findings", findings_json(&r->findings));
	return o;
}
