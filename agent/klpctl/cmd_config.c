// SPDX-License-Identifier: Apache-2.0
#include "base/alloc.h"
#include "klpctl/command.h"
#include "klpctl/pick.h"
#include "klpctl/shared.h"

static int get(struct command_call *call, json_t **ret, struct err *err)
{
	return shared_ask(call, "GetConfig", NULL, "settings", false, ret, err);
}

/* A value comes as text, or as the JSON that the setting is. */
static char *value_text(const json_t *setting)
{
	const json_t *value = pick_member(setting, "value");
	_cleanup_free_ char *json = NULL;

	if (json_is_string(value))
		return screen_clean(json_string_value(value));
	if (!value || json_is_null(value))
		return xstrdup("");
	json = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
	return screen_clean(json);
}

/* As a file that could be read again: what is a default is commented out. */
static void show_setting(struct screen *screen, const json_t *setting)
{
	_cleanup_free_ char *key = screen_clean(pick_text_or(setting, "key", "?"));
	_cleanup_free_ char *text = screen_clean(pick_text_or(setting, "text", ""));
	_cleanup_free_ char *origin = screen_clean(pick_text_or(setting, "origin", "?"));
	_cleanup_free_ char *value = value_text(setting);
	bool fallback = pick_true(setting, "default");
	_cleanup_free_ char *line =
		xasprintf("%s%s:%s%s", fallback ? "#" : "", key, *value ? " " : "", value);
	_cleanup_free_ char *comment = xasprintf("# %s (%s)", text, origin);

	if (screen->legend) {
		screen_put_styled(screen, SCREEN_DIM, comment);
		screen_put(screen, "\n");
	}
	screen_put_styled(screen, fallback ? SCREEN_DIM : SCREEN_PLAIN, line);
	screen_put(screen, "\n");
}

int cmd_cat_config(struct command_call *call, struct err *err)
{
	json_auto_t *settings = NULL;
	json_t *setting;
	size_t i;

	if (get(call, &settings, err) < 0)
		return -1;
	if (call->options->json != JSON_MODE_OFF) {
		screen_put_json(call->screen, settings, call->options->json);
		return EXIT_STATUS_OK;
	}
	json_array_foreach(settings, i, setting) show_setting(call->screen, setting);
	return EXIT_STATUS_OK;
}

static size_t count_own(const json_t *settings, const char **ret_origin)
{
	const json_t *setting;
	size_t i, n = 0;

	json_array_foreach((json_t *)settings, i, setting)
	{
		if (pick_true(setting, "default"))
			continue;
		*ret_origin = pick_text_or(setting, "origin", "?");
		n++;
	}
	return n;
}

/* 0, or -1 with the first that is wrong. */
static int check_plugins(struct command_call *call, struct err *err)
{
	json_auto_t *plugins = NULL;
	json_t *plugin;
	size_t i;

	if (shared_ask(call, "CheckPlugins", NULL, "plugins", false, &plugins, err) < 0)
		return -1;
	json_array_foreach(plugins, i, plugin)
	{
		if (!streq(pick_text_or(plugin, "result", ""), "ok"))
			return err_set(err, EXIT_STATUS_CONFIG, "plugins: %s: %s",
				       pick_text_or(plugin, "name", "?"),
				       pick_text_or(plugin, "message", "?"));
	}
	return 0;
}

/* FILE, or what is in use. A wrong one is an error of the agent, with file and line. */
int cmd_check_config(struct command_call *call, struct err *err)
{
	_cleanup_free_ char *file = NULL, *clean = NULL;
	json_auto_t *settings = NULL;
	const char *origin = "no file, the defaults";
	size_t n;

	if (call->n_args > 0) {
		file = client_absolute_path(call->args[0]);
		client_use_config(call->client, file);
	}
	if (get(call, &settings, err) < 0 || check_plugins(call, err) < 0)
		return -1;
	if (call->options->json != JSON_MODE_OFF) {
		screen_put_json(call->screen, settings, call->options->json);
		return EXIT_STATUS_OK;
	}
	n = count_own(settings, &origin);
	clean = screen_clean(file ? file : origin);
	if (!call->options->quiet)
		screen_put(call->screen, "%s: valid, %zu of %zu settings are not the default\n",
			   clean, n, json_array_size(settings));
	return EXIT_STATUS_OK;
}
