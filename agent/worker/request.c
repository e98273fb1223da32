// SPDX-License-Identifier: Apache-2.0
#include "worker/request.h"

#include "base/timex.h"

#include <jansson.h>

struct raw {
	const char *root, *cache, *config, *baseline, *kernel, *snapshot, *explain, *cve, *trigger;
	const char *as_of, *operation, *reboot_option, *overrides;
	const char *baseline_text, *overrides_text, *configure;
	const json_t *quarantine, *wait;
};

static int member_error(struct err *err, const char *key, const char *what)
{
	return err_set(err, EXIT_STATUS_USAGE, "request: %s: %s", key, what);
}

static int read_members(json_t *object, struct raw *raw, struct request *ret, struct err *err)
{
	const struct {
		const char *key;
		const char **text;
		bool *flag;
		const json_t **other;
	} members[] = {
		{ "root", &raw->root, NULL },
		{ "cache", &raw->cache, NULL },
		{ "config", &raw->config, NULL },
		{ "baseline", &raw->baseline, NULL },
		{ "kernel", &raw->kernel, NULL },
		{ "snapshot", &raw->snapshot, NULL },
		{ "explain", &raw->explain, NULL },
		{ "cve", &raw->cve, NULL },
		{ "trigger", &raw->trigger, NULL },
		{ "as_of", &raw->as_of, NULL },
		{ "operation", &raw->operation, NULL },
		{ "reboot_option", &raw->reboot_option, NULL },
		{ "overrides", &raw->overrides, NULL },
		{ "baseline_text", &raw->baseline_text, NULL },
		{ "overrides_text", &raw->overrides_text, NULL },
		{ "configure", &raw->configure, NULL },
		{ "unload", NULL, &ret->unload },
		{ "running_system", NULL, &ret->running_system },
		{ "with_kernel", NULL, &ret->with_kernel },
		{ "retry_quarantined", NULL, &ret->retry_quarantined },
		{ "quarantine", .other = &raw->quarantine },
		{ "wait", .other = &raw->wait },
	};
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value)
	{
		size_t i = 0;

		while (i < ARRAY_SIZE(members) && !streq(members[i].key, key))
			i++;
		if (i == ARRAY_SIZE(members))
			return member_error(err, key, "no such member");
		if (json_is_null(value))
			continue;
		if (members[i].flag && json_is_boolean(value))
			*members[i].flag = json_is_true(value);
		else if (members[i].text && json_is_string(value))
			*members[i].text = json_string_value(value);
		else if (members[i].other)
			*members[i].other = value;
		else
			return member_error(err, key, "not of the expected type");
	}
	return 0;
}

/* [{"package": title, "reason": sentence}] */
static int read_quarantine(const json_t *list, struct arena *arena, struct request *ret,
			   struct err *err)
{
	const json_t *row;
	size_t i;

	if (list && !json_is_array(list))
		return member_error(err, "quarantine", "not of the expected type");
	json_array_foreach((json_t *)list, i, row)
	{
		const char *package = json_string_value(json_object_get(row, "package"));
		const char *reason = json_string_value(json_object_get(row, "reason"));

		if (!package || !reason)
			return member_error(err, "quarantine", "a package and a reason are needed");
		*ARENA_PUSH(arena, ret->bans, ret->n_bans) = (struct plan_ban){
			.package = arena_strdup(arena, package),
			.reason = arena_strdup(arena, reason),
			.quarantine = true,
		};
	}
	return 0;
}

static int read_wait(const json_t *value, struct request *ret, struct err *err)
{
	if (!value)
		return 0;
	if (!json_is_integer(value) || json_integer_value(value) < 0 ||
	    json_integer_value(value) > REQUEST_WAIT_MAX)
		return member_error(err, "wait", "a number of seconds is expected");
	ret->wait = json_integer_value(value);
	return 0;
}

static int read_words(const struct raw *raw, struct request *ret, struct err *err)
{
	ret->now = timex_now();
	ret->as_of_given = raw->as_of != NULL;
	if (raw->as_of && timex_parse(raw->as_of, &ret->now) < 0)
		return member_error(err, "as_of", "not a date such as 2025-11-16T18:00:00Z");

	ret->operation = OPERATION_SCAN;
	if (raw->operation && streq(raw->operation, operation_name(OPERATION_INSTALL)))
		ret->operation = OPERATION_INSTALL;
	else if (raw->operation && streq(raw->operation, operation_name(OPERATION_CONFIGURE)))
		ret->operation = OPERATION_CONFIGURE;
	else if (raw->operation && !streq(raw->operation, operation_name(OPERATION_SCAN)))
		return member_error(err, "operation", "Scan, Install or Configure is expected");

	if (raw->configure)
		ret->configure = plan_configure_from_name(raw->configure);
	if (raw->configure && ret->configure == PLAN_CONFIGURE_NONE)
		return member_error(err, "configure", "enable, disable or clean is expected");

	ret->reboot_option = REBOOT_OPTION_NO_REBOOT;
	if (raw->reboot_option && streq(raw->reboot_option, "RebootIfNeeded"))
		ret->reboot_option = REBOOT_OPTION_IF_NEEDED;
	else if (raw->reboot_option && !streq(raw->reboot_option, "NoReboot"))
		return member_error(err, "reboot_option", "NoReboot or RebootIfNeeded is expected");
	return 0;
}

int request_parse(const char *text, size_t len, struct arena *arena, struct request *ret,
		  struct err *err)
{
	json_auto_t *object = NULL;
	struct raw raw = { 0 };
	json_error_t error;

	*ret = (struct request){ 0 };
	object = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (!json_is_object(object))
		return err_set(err, EXIT_STATUS_USAGE, "request: %s",
			       object ? "not an object" : error.text);
	if (read_members(object, &raw, ret, err) < 0 || read_words(&raw, ret, err) < 0 ||
	    read_quarantine(raw.quarantine, arena, ret, err) < 0 ||
	    read_wait(raw.wait, ret, err) < 0)
		return -1;

	ret->root = arena_strdup(arena, raw.root ? raw.root : "/");
	ret->cache = arena_strdup(arena, raw.cache);
	ret->config = arena_strdup(arena, raw.config);
	ret->baseline = arena_strdup(arena, raw.baseline);
	ret->kernel = arena_strdup(arena, raw.kernel);
	ret->snapshot = arena_strdup(arena, raw.snapshot);
	ret->explain = arena_strdup(arena, raw.explain);
	ret->cve = arena_strdup(arena, raw.cve);
	ret->overrides = arena_strdup(arena, raw.overrides);
	ret->baseline_text = arena_strdup(arena, raw.baseline_text);
	ret->overrides_text = arena_strdup(arena, raw.overrides_text);
	ret->trigger = arena_strdup(arena, raw.trigger ? raw.trigger : "manual");
	return 0;
}
