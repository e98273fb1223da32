// SPDX-License-Identifier: Apache-2.0
#include "klpd/plugincheck.h"

#include "base/alloc.h"
#include "klpd/plugin.h"
#include "klpd/state.h"

#define CHECK_SEC ((int64_t)10)

struct plugincheck {
	struct plugincheck **owner; /* who is told that it is over */
	struct loop *loop;
	const struct place *place;
	json_t *todo; /* {NAME: {key: text}}, a copy: the settings may change meanwhile */
	json_t *done; /* [{name, result, message}] */
	struct varlink_call *call;
	struct loop_timer *turn;
	struct tool *tool;
};

static void note(struct plugincheck *c, const char *result, const char *message)
{
	const char *name = json_object_iter_key(json_object_iter(c->todo));

	json_array_append_new(c->done, json_pack("{s:s,s:s,s:s}", "name", name, "result", result,
						 "message", message));
	json_object_del(c->todo, name);
	loop_timer_set(c->turn, 0);
}

static void on_done(json_t *answer, const struct err *err, const struct tool_usage *usage _unused_,
		    void *userdata)
{
	struct plugincheck *c = userdata;
	json_t *published = json_object_get(answer, "published");

	if (err)
		note(c, "wrong", err->message);
	else
		note(c, state_text(published, "result"), state_text(published, "message"));
}

/* Asks the first that is left, or answers. */
static void on_turn(void *userdata)
{
	struct plugincheck *c = userdata;
	void *first = json_object_iter(c->todo);
	struct tool_spec spec;
	struct err err = ERR_INIT;

	tool_free(TAKE_PTR(c->tool));
	if (!first) {
		varlink_call_reply(TAKE_PTR(c->call), json_pack("{s:O}", "plugins", c->done));
		plugincheck_free(c);
		return;
	}
	if (plugin_tool(c->place,
			&(struct plugin_call){ .plugin = json_object_iter_key(first),
					       .settings = json_object_iter_value(first),
					       .timeout = CHECK_SEC },
			&spec, &err) == 0) {
		spec.on_done = on_done;
		spec.userdata = c;
		(void)!tool_start(c->loop, &spec, &c->tool, &err);
	}
	if (err.message)
		note(c, "wrong", err.message);
	err_clear(&err);
}

void plugincheck_start(struct plugincheck **check, struct loop *loop, const struct place *place,
		       const struct settings *settings, struct varlink_call *call)
{
	struct plugincheck *c = xcalloc(1, sizeof(*c));

	*check = c;
	*c = (struct plugincheck){ .owner = check,
				   .loop = loop,
				   .place = place,
				   .todo = json_object(),
				   .done = json_array(),
				   .call = call };
	if (settings->config.plugins) {
		DOC_FOREACH(plugin, settings->config.plugins)
			json_object_set_new(c->todo, plugin->key, plugin_settings(plugin));
	}
	c->turn = loop_timer_new(loop, on_turn, c);
	loop_timer_set(c->turn, 0);
}

void plugincheck_free(struct plugincheck *check)
{
	if (!check)
		return;
	*check->owner = NULL;
	tool_free(check->tool);
	loop_timer_free(check->turn);
	if (check->call)
		varlink_call_drop(check->call);
	json_decref(check->todo);
	json_decref(check->done);
	free(check);
}
