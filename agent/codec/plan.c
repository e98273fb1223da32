// SPDX-License-Identifier: Apache-2.0
#include "codec/plan.h"
#include "codec/jsonx.h"

#define PLAN_SCHEMA "klpd.plan/1"

static void set(json_t *object, const char *key, json_t *value)
{
	json_object_set_new(object, key, value);
}

static void set_text(json_t *object, const char *key, const char *text)
{
	set(object, key, jsonx_text(text));
}

static void set_title(json_t *object, const char *key, const struct nevra *nevra)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();

	set_text(object, key, nevra ? plan_title(arena, nevra) : NULL);
}

static void set_bytes(json_t *object, const char *key, int64_t bytes)
{
	set(object, key, bytes < 0 ? json_null() : json_integer(bytes));
}

static json_t *goals_json(const struct plan *plan)
{
	json_t *list = json_array();

	for (size_t i = 0; i < plan->n_goals; i++) {
		const struct plan_goal *g = &plan->goals[i];
		json_t *o = json_object();

		set_title(o, "package", &g->nevra);
		set_text(o, "kind", plan_kind_name(g->kind));
		set_text(o, "why", g->why ? g->why : "");
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *steps_json(const struct plan *plan)
{
	json_t *list = json_array();

	for (size_t i = 0; i < plan->n_steps; i++) {
		const struct plan_step *s = &plan->steps[i];
		bool erase = s->action == PLAN_ERASE;
		json_t *o = json_object();

		set_title(o, "package", &s->nevra);
		set_text(o, "kind", plan_kind_name(s->kind));
		set_text(o, "action", plan_action_name(s->action));
		set_title(o, "replaces", s->replaces);
		set_text(o, "repository", s->repository);
		set_text(o, "location", s->location);
		set_text(o, "checksum_type", s->checksum_type);
		set_text(o, "checksum", s->checksum);
		set_bytes(o, "size", erase ? -1 : s->size);
		set_bytes(o, "installed_size", erase ? -1 : s->installed_size);
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *loads_json(const struct plan_load *loads, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++) {
		const struct plan_load *l = &loads[i];
		json_t *o = json_object();

		set_title(o, "package", &l->nevra);
		set(o, "modules", jsonx_texts(l->modules, l->n_modules));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *switches_json(const struct plan *plan)
{
	json_t *list = json_array();

	for (size_t i = 0; i < plan->n_switches; i++) {
		const struct plan_switch *s = &plan->switches[i];
		json_t *o = json_object();

		set_text(o, "kind", s->kind);
		set_text(o, "name", s->name);
		set_text(o, "file", s->file);
		set(o, "on", json_boolean(s->on));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *removals_json(const struct plan *plan)
{
	json_t *list = json_array();

	for (size_t i = 0; i < plan->n_removals; i++) {
		json_t *o = json_object();

		set_title(o, "package", &plan->removals[i].nevra);
		set_text(o, "why", plan->removals[i].why);
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *refusals_json(const struct plan *plan)
{
	json_t *list = json_array();

	for (size_t i = 0; i < plan->n_refusals; i++) {
		const struct plan_refusal *r = &plan->refusals[i];
		json_t *o = json_object();

		set_text(o, "package", r->package);
		set_text(o, "code", r->code);
		set_text(o, "message", r->message);
		json_array_append_new(list, o);
	}
	return list;
}

json_t *codec_plan_to_json(const struct plan *plan)
{
	json_t *o;

	jsonx_init();
	o = json_object();
	set_text(o, "schema", PLAN_SCHEMA);
	set_text(o, "id", plan->id);
	set_text(o, "kernel", plan->kernel);
	set_text(o, "boot", plan->boot);
	set(o, "goals", goals_json(plan));
	set(o, "steps", steps_json(plan));
	set(o, "loads", loads_json(plan->loads, plan->n_loads));
	set(o, "switches", switches_json(plan));
	set(o, "removals", removals_json(plan));
	set(o, "unloads", loads_json(plan->unloads, plan->n_unloads));
	set(o, "refusals", refusals_json(plan));
	set_bytes(o, "download_bytes", plan_download_bytes(plan));
	set_bytes(o, "installed_bytes", plan_installed_bytes(plan));
	return o;
}
