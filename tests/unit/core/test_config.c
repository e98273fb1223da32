// SPDX-License-Identifier: Apache-2.0
#include "core/config.h"

#include "base/fsx.h"
#include "base/yaml.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define SAMPLE "conf/klpd.yaml"

static int read_text(const char *text, struct config *ret, struct arena *arena, struct err *err)
{
	const struct doc *doc;

	if (yaml_parse(text, strlen(text), "f", arena, &doc, err) < 0)
		return -1;
	return config_from_doc(doc, ret, err);
}

static const struct {
	const char *text, *key, *value;
} accepted[] = {
	{ "", "coverage", "strict" },
	{ "coverage: aws", "coverage", "aws" },
	{ "coverage: APPROVED", "coverage", "approved" },
	{ "scope: livepatch", "scope", "livepatch" },
	{ "release_date: issued", "release_date", "issued" },
	{ "unknown_date: approve", "unknown_date", "approve" },
	{ "honor_excludes: no", "honor_excludes", "false" },
	{ "baseline: /etc/klpd/b.yaml", "baseline", "/etc/klpd/b.yaml" },
	{ "plugins: {ssm: }\nbaseline: plugin:ssm", "baseline", "plugin:ssm" },
	{ "baseline:", "baseline", "" },
	{ "baseline: ~", "baseline", "" },
	{ "stale_after: 60", "stale_after", "1m" },
	{ "stale_after: 90s", "stale_after", "90s" },
	{ "stale_after: 36h", "stale_after", "36h" },
	{ "stale_after: 48h", "stale_after", "2d" },
	{ "stale_after: 2w", "stale_after", "14d" },
	{ "support_warning: 0", "support_warning", "0" },
	{ "windows: 22:00-04:00", "windows", "[\"22:00-04:00\"]" },
	{ "windows: []", "windows", "" },
	{ "windows:\n- Sat 22:00-04:00\n- 01:00-02:00 UTC\n", "windows",
	  "[\"Sat 22:00-04:00\", \"01:00-02:00 UTC\"]" },
	{ "windows: [\"Sat,Sun 22:00-04:00\"]", "windows", "[\"Sat,Sun 22:00-04:00\"]" },
	{ "group: wheel", "group", "wheel" },
	{ "history_age: 30d", "history_age", "30d" },
	{ "history_keep: 1", "history_keep", "1" },
	{ "max_file_size: 1024", "max_file_size", "1KiB" },
	{ "max_file_size: 1500", "max_file_size", "1500" },
	{ "max_file_size: 4GiB", "max_file_size", "4GiB" },
	{ "max_file_size: 1024MiB", "max_file_size", "1GiB" },
	{ "{\"fetch_timeout\": \"10m\"}", "fetch_timeout", "10m" },
};

static void a_setting_is_understood(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(accepted); i++) {
		_cleanup_(arena_freep)
		struct arena *arena = arena_new();
		struct config config;
		struct err err = ERR_INIT;

		if (read_text(accepted[i].text, &config, arena, &err) < 0)
			fail_msg("%s", err.message);
		if (!streq(config_value(&config, accepted[i].key, arena), accepted[i].value))
			fail_msg("'%s': %s", accepted[i].text,
				 config_value(&config, accepted[i].key, arena));
	}
}

static const struct {
	const char *text, *message;
} refused[] = {
	{ "colour: red", "f:1: colour: no such setting; klpctl cat-config lists them" },
	{ "Scope: all", "f:1: Scope: no such setting; klpctl cat-config lists them" },
	{ "scope: all\nscope: all", "f:2: scope: the key stands twice" },
	{ "[scope]", "f:1: a map of keys and values is expected, not a list" },
	{ "baseline: plugin:ssm",
	  "f:1: baseline: 'plugins' has no 'ssm', which is to say what the baseline is" },
	{ "plugins: {file: {path: /x}}\nbaseline: plugin:ssm",
	  "f:2: baseline: 'plugins' has no 'ssm', which is to say what the baseline is" },
	{ "scope: some", "f:1: scope: 'some' is not one of all, livepatch" },
	{ "scope: [all]", "f:1: scope: a single value is expected, not a list" },
	{ "honor_excludes: 1",
	  "f:1: honor_excludes: '1' is not one of false, no, off, true, yes, on" },
	{ "\nstale_after: soon",
	  "f:2: stale_after: 'soon' is not a duration such as 30s, 5m, 12h, 7d or 2w" },
	{ "stale_after: 7 d",
	  "f:1: stale_after: '7 d' is not a duration such as 30s, 5m, 12h, 7d or 2w" },
	{ "stale_after: ''",
	  "f:1: stale_after: '' is not a duration such as 30s, 5m, 12h, 7d or 2w" },
	{ "stale_after: 59s", "f:1: stale_after: '59s' is out of range" },
	{ "stale_after: -1d", "f:1: stale_after: '-1d' is out of range" },
	{ "stale_after: 3651d", "f:1: stale_after: '3651d' is out of range" },
	{ "stale_after: 9223372036854775807d",
	  "f:1: stale_after: '9223372036854775807d' is out of range" },
	{ "max_file_size: 256MB", "f:1: max_file_size: '256MB' is not a size such as 256MiB" },
	{ "max_file_size: 1023", "f:1: max_file_size: '1023' is out of range" },
	{ "max_file_size: 5GiB", "f:1: max_file_size: '5GiB' is out of range" },
	{ "windows: 25:00-26:00",
	  "f:1: windows: '25:00-26:00': it is not like 22:00-04:00, Mon..Fri 01:00-05:00 or "
	  "Tue *-*-8..14 02:00-06:00 UTC" },
	{ "windows:\n- 01:00-01:59\n", "f:2: windows: '01:00-01:59': it is shorter than an hour" },
	{ "windows: {a: b}", "f:1: windows: a list is expected, not a map of keys and values" },
	{ "history_keep: 0", "f:1: history_keep: 0 is not between 1 and 10000" },
};

static void a_wrong_setting_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		_cleanup_(arena_freep)
		struct arena *arena = arena_new();
		struct config config;
		struct err err = ERR_INIT;

		if (read_text(refused[i].text, &config, arena, &err) == 0)
			fail_msg("'%s' is accepted", refused[i].text);
		if (!streq(err.message, refused[i].message) || err.status != EXIT_STATUS_CONFIG)
			fail_msg("'%s': %s", refused[i].text, err.message);
		err_clear(&err);
	}
}

static void every_default_is_a_valid_value(void **state)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();
	struct config fallback;

	(void)state;
	assert_int_equal(config_from_doc(NULL, &fallback, NULL), 0);
	for (const struct config_item *item = config_items(); item->key; item++)
		assert_string_equal(config_value(&fallback, item->key, arena), item->fallback);
	assert_null(config_value(&fallback, "colour", arena));
}

/* What an administrator edits tells the same as what the program knows. */
static void the_sample_has_every_setting(void **state)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();
	_cleanup_free_ char *sample = NULL;
	const char *rest;
	size_t len;

	(void)state;
	if (fsx_read_at(AT_FDCWD, SAMPLE, 65536, &sample, &len) < 0)
		fail_msg("%s cannot be read", SAMPLE);
	rest = sample;
	for (const struct config_item *item = config_items(); item->key; item++) {
		const char *text =
			arena_printf(arena, "\n# %s: %s\n#%s:%s%s\n", item->text, item->values,
				     item->key, *item->fallback ? " " : "", item->fallback);
		const char *at = strstr(rest, text);

		if (!at)
			fail_msg("%s lacks, or not here:%s", SAMPLE, text);
		rest = at + strlen(text) - 1;
	}
	assert_string_equal(rest, "\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_setting_is_understood),
		cmocka_unit_test(a_wrong_setting_is_refused),
		cmocka_unit_test(every_default_is_a_valid_value),
		cmocka_unit_test(the_sample_has_every_setting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
