// SPDX-License-Identifier: Apache-2.0
#include "codec/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

/* One plan with something in every field. */
static const struct plan *sample(void)
{
	static const struct nevra old = { "lp", { 0, "1.0", "1" }, "x86_64" };
	static const char *modules[] = { "klp_a", "klp_b" };
	static struct plan_goal goals[] = {
		{ { "lp", { 0, "1.0", "2" }, "x86_64" }, PLAN_LIVEPATCH, "approved by rule 1" },
		{ { "kpatch-runtime", { 0, NULL, NULL }, "x86_64" }, PLAN_RUNTIME, NULL },
	};
	static struct plan_step steps[] = {
		{ { "kpatch-runtime", { 1, "0.9", "1" }, "noarch" },
		  PLAN_RUNTIME,
		  PLAN_INSTALL,
		  NULL,
		  "core",
		  "a.rpm",
		  "sha256",
		  "ab",
		  10,
		  20 },
		{ { "lp", { 0, "1.0", "2" }, "x86_64" },
		  PLAN_LIVEPATCH,
		  PLAN_UPGRADE,
		  &old,
		  "live",
		  "b.rpm",
		  "sha512",
		  "cd",
		  5,
		  -1 },
		{ { "bash", { 0, "1", "1" }, "x86_64" }, PLAN_DEPENDENCY, PLAN_ERASE },
	};
	static struct plan_load loads[] = {
		{ { "lq", { 0, "1.0", "1" }, "x86_64" }, modules, 2 },
	};
	static struct plan_switch switches[] = {
		{ PLAN_SWITCH_REPOSITORY, "live", "etc/yum.repos.d/a.repo", true },
		{ PLAN_SWITCH_SERVICE, "kpatch.service", NULL, false },
	};
	static struct plan_removal removals[] = {
		{ { "lp", { 0, "1.0", "1" }, "x86_64" }, "off" },
	};
	static struct plan_refusal refusals[] = {
		{ "bash.x86_64:0:1-1", "erase", "no" },
		{ "", "too-many", "no" },
	};
	static const struct plan plan = {
		.id = "0123456789abcdef",
		.kernel = "5.10.1-1.x86_64",
		.boot = "kernel.x86_64:0:5.10.2-1",
		.goals = goals,
		.n_goals = 2,
		.steps = steps,
		.n_steps = 3,
		.loads = loads,
		.n_loads = 1,
		.switches = switches,
		.n_switches = 2,
		.removals = removals,
		.n_removals = 1,
		.unloads = loads,
		.n_unloads = 1,
		.refusals = refusals,
		.n_refusals = 2,
	};

	return &plan;
}

static const struct {
	const char *key, *expected;
} members[] = {
	{ "schema", "\"klpd.plan/1\"" },
	{ "id", "\"0123456789abcdef\"" },
	{ "kernel", "\"5.10.1-1.x86_64\"" },
	{ "boot", "\"kernel.x86_64:0:5.10.2-1\"" },
	{ "goals", "[{\"package\":\"lp.x86_64:0:1.0-2\",\"kind\":\"livepatch\",\"why\":"
		   "\"approved by rule 1\"},"
		   "{\"package\":\"kpatch-runtime\",\"kind\":\"runtime\",\"why\":\"\"}]" },
	{ "steps", "[{\"package\":\"kpatch-runtime.noarch:1:0.9-1\",\"kind\":\"runtime\","
		   "\"action\":\"install\",\"replaces\":null,\"repository\":\"core\",\"location\":"
		   "\"a.rpm\",\"checksum_type\":\"sha256\",\"checksum\":\"ab\",\"size\":10,"
		   "\"installed_size\":20},"
		   "{\"package\":\"lp.x86_64:0:1.0-2\",\"kind\":\"livepatch\",\"action\":"
		   "\"upgrade\",\"replaces\":\"lp.x86_64:0:1.0-1\",\"repository\":\"live\","
		   "\"location\":\"b.rpm\",\"checksum_type\":\"sha512\",\"checksum\":\"cd\","
		   "\"size\":5,\"installed_size\":null},"
		   "{\"package\":\"bash.x86_64:0:1-1\",\"kind\":\"dependency\",\"action\":"
		   "\"erase\",\"replaces\":null,\"repository\":null,\"location\":null,"
		   "\"checksum_type\":null,\"checksum\":null,\"size\":null,\"installed_size\":"
		   "null}]" },
	{ "loads", "[{\"package\":\"lq.x86_64:0:1.0-1\",\"modules\":[\"klp_a\",\"klp_b\"]}]" },
	{ "switches", "[{\"kind\":\"repository\",\"name\":\"live\",\"file\":"
		      "\"etc/yum.repos.d/a.repo\",\"on\":true},{\"kind\":\"service\","
		      "\"name\":\"kpatch.service\",\"file\":null,\"on\":false}]" },
	{ "removals", "[{\"package\":\"lp.x86_64:0:1.0-1\",\"why\":\"off\"}]" },
	{ "unloads", "[{\"package\":\"lq.x86_64:0:1.0-1\",\"modules\":[\"klp_a\",\"klp_b\"]}]" },
	{ "refusals", "[{\"package\":\"bash.x86_64:0:1-1\",\"code\":\"erase\",\"message\":\"no\"},"
		      "{\"package\":\"\",\"code\":\"too-many\",\"message\":\"no\"}]" },
	{ "download_bytes", "15" },
	{ "installed_bytes", "null" },
};

static void a_plan_is_written_as_designed(void **state _unused_)
{
	json_t *json = codec_plan_to_json(sample());

	assert_int_equal(json_object_size(json), ARRAY_SIZE(members));
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		const json_t *value = json_object_get(json, members[i].key);
		_cleanup_free_ char *text =
			value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

		if (!streq_null(text, members[i].expected))
			fail_msg("%s: %s", members[i].key, text ? text : "(not there)");
	}
	json_decref(json);
}

static void an_empty_plan_has_every_list(void **state _unused_)
{
	static const struct plan empty = { .id = "cbf29ce484222325" };
	json_t *json = codec_plan_to_json(&empty);
	_cleanup_free_ char *text = json_dumps(json, JSON_COMPACT);

	assert_string_equal(text,
			    "{\"schema\":\"klpd.plan/1\",\"id\":\"cbf29ce484222325\","
			    "\"kernel\":null,\"boot\":null,\"goals\":[],\"steps\":[],\"loads\":[],"
			    "\"switches\":[],\"removals\":[],\"unloads\":[],"
			    "\"refusals\":[],\"download_bytes\":0,\"installed_bytes\":0}");
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plan_is_written_as_designed),
		cmocka_unit_test(an_empty_plan_has_every_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
