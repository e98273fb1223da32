// SPDX-License-Identifier: Apache-2.0
#include "core/config.h"

#include <errno.h>

enum kind {
	KIND_TEXT,
	KIND_WORD,
	KIND_BOOL,
	KIND_NUMBER,
	KIND_DURATION,
	KIND_SIZE,
	KIND_WINDOWS,
	KIND_PLUGINS,
};

static const char *const scopes[] = { "all", "livepatch", NULL };
static const char *const policies[] = { "strict", "approved", "aws", NULL };
static const char *const release_dates[] = { "updated", "issued", NULL };
static const char *const tracing_policies[] = { "warn", "defer", "ignore", NULL };
static const char *const unknown_dates[] = { "hold", "approve", NULL };

/* What config_items() does not tell: how a row is read and where it goes. Same order. */
struct row {
	enum kind kind;
	size_t offset;
	const char *const *words;
	int64_t min, max;
};

#define AT(member) offsetof(struct config, member)
#define DAYS(n)	   ((n) * (int64_t)86400)
#define MIB	   ((int64_t)1024 * 1024)

static const struct config_item items[] = {
	{ "baseline", "", "a file, a name, plugin:NAME",
	  "patch baseline; without it, the platform's predefined one" },
	{ "scope", "all", "all, livepatch",
	  "judge livepatches and the kernel, or livepatches only" },
	{ "coverage", "strict", "strict, approved, aws",
	  "when an active livepatch stands in for a newer kernel" },
	{ "release_date", "updated", "updated, issued",
	  "which date of a notice the approval delay counts from" },
	{ "unknown_date", "hold", "hold, approve",
	  "what to do with a notice without a usable date" },
	{ "honor_excludes", "true", "true, false",
	  "heed exclude= of yum's and dnf's configuration" },
	{ "stale_after", "7d", "a duration", "metadata older than this cannot prove compliance" },
	{ "support_warning", "14d", "a duration",
	  "warn this long before livepatches for the running kernel end" },
	{ "reboot_after_livepatch", "false", "true, false",
	  "RebootIfNeeded reboots after a livepatch, as AWS does" },
	{ "pending_external", "true", "true, false",
	  "a newer kernel that someone else installed is pending too" },
	{ "activation_timeout", "90s", "a duration",
	  "how long the kernel may take to switch to a livepatch" },
	{ "tracing", "warn", "warn, defer, ignore",
	  "what to do while functions of the kernel are traced" },
	{ "windows", "", "a list of times",
	  "when a timer may change the node; without them, always" },
	{ "group", "", "a name", "whose members may change the node, beside root" },
	{ "history_keep", "50", "a number", "how many reports of each operation to keep" },
	{ "history_age", "400d", "a duration", "remove reports that are older; 0: never" },
	{ "plugins", "", "names, each with its settings", "where reports go" },
	{ "publish_timeout", "1m", "a duration", "time for handing one report to a plugin" },
	{ "hook_timeout", "1m", "a duration", "time for each of the operator's hooks" },
	{ "fetch_timeout", "5m", "a duration", "time for fetching all metadata" },
	{ "max_file_size", "256MiB", "a size", "largest single download" },
	{ NULL, NULL, NULL, NULL },
};

static const struct row rows[] = {
	{ KIND_TEXT, AT(baseline), NULL, 0, 0 },
	{ KIND_WORD, AT(scope), scopes, 0, 0 },
	{ KIND_WORD, AT(coverage), policies, 0, 0 },
	{ KIND_WORD, AT(release_date), release_dates, 0, 0 },
	{ KIND_WORD, AT(unknown_date), unknown_dates, 0, 0 },
	{ KIND_BOOL, AT(honor_excludes), NULL, 0, 0 },
	{ KIND_DURATION, AT(stale_after), NULL, 60, DAYS(3650) },
	{ KIND_DURATION, AT(support_warning), NULL, 0, DAYS(366) },
	{ KIND_BOOL, AT(reboot_after_livepatch), NULL, 0, 0 },
	{ KIND_BOOL, AT(pending_external), NULL, 0, 0 },
	{ KIND_DURATION, AT(activation_timeout), NULL, 0, 600 },
	{ KIND_WORD, AT(tracing), tracing_policies, 0, 0 },
	{ KIND_WINDOWS, AT(windows), NULL, 0, 0 },
	{ KIND_TEXT, AT(group), NULL, 0, 0 },
	{ KIND_NUMBER, AT(history_keep), NULL, 1, 10000 },
	{ KIND_DURATION, AT(history_age), NULL, 0, DAYS(3650) },
	{ KIND_PLUGINS, AT(plugins), NULL, 0, 0 },
	{ KIND_DURATION, AT(publish_timeout), NULL, 1, 600 },
	{ KIND_DURATION, AT(hook_timeout), NULL, 1, 600 },
	{ KIND_DURATION, AT(fetch_timeout), NULL, 1, DAYS(1) },
	{ KIND_SIZE, AT(max_file_size), NULL, 1024, 4096 * MIB },
};

_Static_assert(ARRAY_SIZE(rows) + 1 == ARRAY_SIZE(items), "one row per item");

struct unit {
	const char *suffix;
	int64_t factor;
};

/* Largest first, the order in which a value is written; weeks are only read. */
static const struct unit durations[] = {
	{ "d", DAYS(1) }, { "h", 3600 }, { "m", 60 }, { "s", 1 }, { "", 1 }, { "w", DAYS(7) },
};
static const struct unit sizes[] = {
	{ "GiB", 1024 * MIB },
	{ "MiB", MIB },
	{ "KiB", 1024 },
	{ "", 1 },
};

const struct config_item *config_items(void)
{
	return items;
}

static bool is_empty(const struct doc *scalar)
{
	return scalar->is_null || !*scalar->text;
}

static int read_scaled(const struct doc *doc, const struct row *row, const struct unit *units,
		       size_t n, int64_t *ret, struct err *err)
{
	const char *text;
	long long v;
	char *end;

	if (doc_text(doc, &text, err) < 0)
		return -1;
	errno = 0;
	v = strtoll(text, &end, 10);
	for (size_t i = 0; i < n && end != text && !errno; i++) {
		if (!streq(end, units[i].suffix))
			continue;
		if (v < 0 || v > row->max / units[i].factor || v * units[i].factor < row->min)
			return doc_err(err, doc, "'%s' is out of range", text);
		*ret = v * units[i].factor;
		return 0;
	}
	return doc_err(err, doc, "'%s' is not %s", text,
		       row->kind == KIND_SIZE ? "a size such as 256MiB"
					      : "a duration such as 30s, 5m, 12h, 7d or 2w");
}

static int read_window(const struct doc *doc, struct windows *into, struct err *err)
{
	const char *text, *why;

	if (doc_text(doc, &text, err) < 0)
		return -1;
	if (into->n == WINDOW_MAX)
		return doc_err(err, doc, "there are more than %d windows", WINDOW_MAX);
	if (window_parse(text, &into->items[into->n], &why) < 0)
		return doc_err(err, doc, "'%s': %s", text, why);
	into->n++;
	return 0;
}

/* A list, or a single one. */
static int read_windows(const struct doc *doc, struct windows *ret, struct err *err)
{
	struct windows windows = { .n = 0 };

	if (doc->kind == DOC_SCALAR && !is_empty(doc) && read_window(doc, &windows, err) < 0)
		return -1;
	if (doc->kind == DOC_MAP)
		return doc_expect(doc, DOC_LIST, err);
	DOC_FOREACH(item, doc)
		if (read_window(item, &windows, err) < 0)
			return -1;
	*ret = windows;
	return 0;
}

/* What a plugin's settings mean only it knows; here they are texts. */
static int check_plugin(const struct doc *plugin, struct err *err)
{
	size_t len = strspn(plugin->key, "abcdefghijklmnopqrstuvwxyz0123456789-");

	if (!len || plugin->key[len])
		return doc_err(err, plugin, "a plugin's name has small letters, digits and dashes");
	if (plugin->kind == DOC_SCALAR && is_empty(plugin))
		return 0;
	if (doc_expect(plugin, DOC_MAP, err) < 0)
		return -1;
	DOC_FOREACH(setting, plugin)
		if (doc_expect(setting, DOC_SCALAR, err) < 0)
			return -1;
	return 0;
}

static int read_plugins(const struct doc *doc, const struct doc **ret, struct err *err)
{
	if (doc->kind == DOC_SCALAR && is_empty(doc)) {
		*ret = NULL;
		return 0;
	}
	if (doc_expect(doc, DOC_MAP, err) < 0)
		return -1;
	DOC_FOREACH(plugin, doc)
		if (check_plugin(plugin, err) < 0)
			return -1;
	*ret = doc;
	return 0;
}

static int read_value(const struct doc *doc, const struct row *row, struct config *into,
		      struct err *err)
{
	void *member = (char *)into + row->offset;
	int word;

	switch (row->kind) {
	case KIND_TEXT:
		if (doc->kind == DOC_SCALAR && is_empty(doc)) {
			*(const char **)member = NULL;
			return 0;
		}
		return doc_text(doc, member, err);
	case KIND_WORD:
		if (doc_word(doc, row->words, &word, err) < 0)
			return -1;
		*(int *)member = word;
		return 0;
	case KIND_BOOL:
		return doc_bool(doc, member, err);
	case KIND_NUMBER:
		return doc_int(doc, row->min, row->max, member, err);
	case KIND_DURATION:
		return read_scaled(doc, row, durations, ARRAY_SIZE(durations), member, err);
	case KIND_SIZE:
		return read_scaled(doc, row, sizes, ARRAY_SIZE(sizes), member, err);
	case KIND_WINDOWS:
		return read_windows(doc, member, err);
	case KIND_PLUGINS:
		return read_plugins(doc, member, err);
	}
	return -1;
}

static size_t find_item(const char *key)
{
	size_t i = 0;

	while (items[i].key && !streq(items[i].key, key))
		i++;
	return i;
}

static int check_baseline(const struct doc *doc, const struct config *config, struct err *err)
{
	const char *name = config->baseline;

	if (!name || !starts_with(name, CONFIG_PLUGIN))
		return 0;
	name += strlen(CONFIG_PLUGIN);
	return config->plugins && doc_get(config->plugins, name)
		       ? 0
		       : doc_err(err, doc_get(doc, "baseline"),
				 "'plugins' has no '%s', which is to say what the baseline is",
				 name);
}

int config_from_doc(const struct doc *doc, struct config *ret, struct err *err)
{
	struct config config = { 0 };

	for (size_t i = 0; items[i].key; i++) {
		struct doc fallback = { .kind = DOC_SCALAR,
					.file = "built-in",
					.key = items[i].key,
					.text = items[i].fallback };

		if (read_value(&fallback, &rows[i], &config, err) < 0)
			return -1;
	}
	if (doc) {
		if (doc_expect(doc, DOC_MAP, err) < 0)
			return -1;
		DOC_FOREACH(member, doc) {
			size_t i = find_item(member->key);

			if (!items[i].key)
				return doc_err(err, member,
					       "no such setting; klpctl cat-config lists them");
			if (read_value(member, &rows[i], &config, err) < 0)
				return -1;
		}
		if (check_baseline(doc, &config, err) < 0)
			return -1;
	}
	*ret = config;
	return 0;
}

static const char *scaled(int64_t v, const struct unit *units, struct arena *arena)
{
	if (v == 0)
		return "0";
	while (v % units->factor)
		units++;
	return arena_printf(arena, "%lld%s", (long long)(v / units->factor), units->suffix);
}

/* As a list of quoted texts: no window has a quotation mark in it. */
static const char *window_texts(const struct windows *windows, struct arena *arena)
{
	const char *text = "";

	for (size_t i = 0; i < windows->n; i++)
		text = arena_printf(arena, "%s%s\"%s\"", text, *text ? ", " : "",
				    windows->items[i].text);
	return *text ? arena_printf(arena, "[%s]", text) : "";
}

/* Between quotation marks, as YAML and JSON write a text. */
static const char *quoted(const char *text, struct arena *arena)
{
	char *made = arena_alloc(arena, 2 * strlen(text) + 3), *to = made;

	*to++ = '"';
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			*to++ = '\\';
		*to++ = *text;
	}
	*to++ = '"';
	*to = '\0';
	return made;
}

/* As YAML on one line. */
static const char *plugin_texts(const struct doc *plugins, struct arena *arena)
{
	const char *text = "";

	if (!plugins)
		return text;
	DOC_FOREACH(plugin, plugins) {
		const char *own = "";

		DOC_FOREACH(setting, plugin)
			own = arena_printf(arena, "%s%s%s: %s", own, *own ? ", " : "", setting->key,
					   quoted(setting->text, arena));
		text = arena_printf(arena, "%s%s%s: {%s}", text, *text ? ", " : "", plugin->key,
				    own);
	}
	return arena_printf(arena, "{%s}", text);
}

const char *config_value(const struct config *config, const char *key, struct arena *arena)
{
	size_t i = find_item(key);
	const struct row *row = &rows[i];
	const void *member;

	if (!items[i].key)
		return NULL;
	member = (const char *)config + row->offset;
	switch (row->kind) {
	case KIND_TEXT:
		return *(const char *const *)member ? *(const char *const *)member : "";
	case KIND_WORD:
		return row->words[*(const int *)member];
	case KIND_BOOL:
		return *(const bool *)member ? "true" : "false";
	case KIND_NUMBER:
		return arena_printf(arena, "%lld", (long long)*(const int64_t *)member);
	case KIND_DURATION:
		return scaled(*(const int64_t *)member, durations, arena);
	case KIND_SIZE:
		return scaled(*(const int64_t *)member, sizes, arena);
	case KIND_WINDOWS:
		return window_texts(member, arena);
	case KIND_PLUGINS:
		return plugin_texts(*(const struct doc *const *)member, arena);
	}
	return NULL;
}
