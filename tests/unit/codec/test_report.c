// SPDX-License-Identifier: Apache-2.0
#include "codec/report.h"
#include "sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

/* Compares the value at @path ("patches[0].active" as {"patches", "0", "active"}) with JSON text.
 */
static const json_t *at(const json_t *json, const char *path)
{
	_cleanup_free_ char *copy = xstrdup(path);
	char *save = NULL;

	for (char *step = strtok_r(copy, "./", &save); json && step;
	     step = strtok_r(NULL, "./", &save))
		json = json_is_array(json) ? json_array_get(json, (size_t)atoi(step))
					   : json_object_get(json, step);
	return json;
}

static const struct {
	const char *what, *path, *expected; /* NULL: the key is not there */
} rows[] = {
	{ "schema", "schema", "\"klpd.report/1\"" },
	{ "the id is the job's", "id", NULL },
	{ "started is the job's", "started", NULL },
	{ "finished is the job's", "finished", NULL },
	{ "the costs are the job's", "resources", NULL },
	{ "the words of the request", "operation", "\"Scan\"" },
	{ "reboot option", "reboot_option", "\"RebootIfNeeded\"" },
	{ "as of", "as_of", "\"1970-01-02T00:00:00Z\"" },
	{ "node", "node",
	  "{\"os\":\"amzn\",\"release\":\"2\",\"arch\":\"x86_64\",\"kernel\":"
	  "\"5.10.102-99.473.amzn2.x86_64\",\"kernel_build_date\":\"1970-01-01T00:00:01Z\","
	  "\"boot_id\":null,\"boot_time\":null,\"region\":\"eu-west-1\"}" },
	{ "an unknown instance id is absent", "node.instance_id", NULL },
	{ "baseline", "baseline",
	  "{\"id\":null,\"name\":\"B\",\"source\":\"built-in\",\"sha256\":null}" },
	{ "live patching", "live_patching",
	  "{\"enabled\":true,\"marker\":true,\"runtime\":false,\"service\":false,\"repository\":"
	  "null,\"supported_until\":\"1970-01-03T00:00:00Z\",\"days_left\":1,\"in_window\":true,"
	  "\"series\":\"5.10\",\"line_ends\":\"1970-01-04T00:00:00Z\",\"effective\":{\"kernel\":"
	  "\"kernel-5.10.1-1.x86_64\",\"livepatch\":\"1.0-3\",\"reason\":\"known\"}}" },
	{ "compliance", "compliance",
	  "{\"overall\":\"NON_COMPLIANT\",\"livepatch\":\"UNKNOWN\",\"kernel\":\"COMPLIANT\"}" },
	{ "reboot", "reboot", "{\"verdict\":\"no-kernel-covered\",\"reasons\":[\"covered\"]}" },
	{ "summary", "summary",
	  "{\"installed\":1,\"installed_other\":2,\"installed_pending_reboot\":3,"
	  "\"installed_rejected\":4,\"missing\":5,\"failed\":6,\"not_applicable\":7}" },
	{ "an installed livepatch", "patches.0",
	  "{\"id\":\"lp.x86_64\",\"title\":\"lp.x86_64:0:1.0-3\",\"kind\":\"livepatch\",\"state\":"
	  "\"Installed\",\"active\":false,\"modules\":[{\"name\":\"a\",\"loaded\":true,"
	  "\"enabled\":true,\"transition\":null},{\"name\":\"b\",\"loaded\":false,\"enabled\":null,"
	  "\"transition\":null}],\"classification\":\"Security\",\"severity\":\"Important\","
	  "\"compliance_level\":\"HIGH\",\"advisories\":[\"A-1\"],\"cves\":[\"CVE-1\",\"CVE-2\"],"
	  "\"installed\":\"0:1.0-3\",\"candidate\":\"0:1.0-3\",\"installed_time\":"
	  "\"1970-01-01T00:00:05Z\",\"released\":\"1970-01-01T00:00:06Z\",\"approve_at\":"
	  "\"1970-01-01T00:00:07Z\",\"rule\":\"rule 1\",\"reason\":\"because\"}" },
	{ "an installed livepatch of which nothing is known", "patches.1.active", "null" },
	{ "its modules", "patches.1.modules", "[]" },
	{ "a missing livepatch is not active or inactive", "patches.2.active", NULL },
	{ "nor has it modules", "patches.2.modules", NULL },
	{ "no classification is empty", "patches.2.classification", "\"\"" },
	{ "no candidate is null", "patches.2.candidate", "null" },
	{ "no list is empty", "patches.2.cves", "[]" },
	{ "a kernel is not active", "patches.3.active", NULL },
	{ "a kernel has no modules", "patches.3.modules", NULL },
	{ "a held build says why in a word", "held.0.reason", "\"not-yet-approved\"" },
	{ "and in a sentence", "held.0.message", "\"wait\"" },
	{ "a held build has no state", "held.0.state", NULL },
	{ "a held build is never active", "held.0.active", NULL },
	{ "coverage", "coverage",
	  "{\"kernel_candidate\":\"k\",\"needed\":[\"CVE-1\"],\"missing\":[],\"policy\":\"strict\","
	  "\"covered\":true,\"reason\":\"all\"}" },
	{ "a kernel to boot", "kernels.0",
	  "{\"package\":\"kernel.x86_64:0:5.10.2-1\",\"series\":\"5.10\",\"installed\":false,"
	  "\"running\":false,\"built\":null,\"released\":\"1970-01-02T00:00:00Z\",\"window_ends\":"
	  "\"1970-01-03T00:00:00Z\",\"window_estimated\":true,\"livepatches\":true,\"open\":true,"
	  "\"recommended\":true,\"reason\":\"newest\"}" },
	{ "the running kernel", "kernels.1",
	  "{\"package\":\"kernel.x86_64:1:5.10.1-1\",\"series\":\"5.10\",\"installed\":true,"
	  "\"running\":true,\"built\":\"1970-01-01T00:00:05Z\",\"released\":null,\"window_ends\":"
	  "null,\"window_estimated\":false,\"livepatches\":false,\"open\":null,\"recommended\":"
	  "false,\"reason\":\"runs\"}" },
	{ "what to boot next", "next_boot",
	  "{\"kernel\":\"kernel.x86_64:0:5.10.2-1\",\"reason\":\"so\"}" },
	{ "a repository", "repositories.0",
	  "{\"id\":\"live\",\"role\":\"livepatch\",\"revision\":\"17\",\"fetched\":"
	  "\"1970-01-01T23:59:00Z\",\"age_seconds\":60,\"checksum\":\"sha256:ab\",\"status\":"
	  "\"ok\"}" },
	{ "a repository that was never fetched has no age", "repositories.1.age_seconds", "null" },
	{ "a finding", "findings.0",
	  "{\"code\":\"klp\",\"severity\":\"warning\",\"subject\":\"s\",\"message\":\"m\"}" },
	{ "what did not fit is counted", "findings.1",
	  "{\"code\":\"findings-dropped\",\"severity\":\"warning\",\"subject\":\"findings\","
	  "\"message\":\"3 more findings were met and are not listed here. Mend the ones that are "
	  "listed and scan again.\"}" },
};

static void a_report_is_written_as_designed(void **state _unused_)
{
	_cleanup_(json_decrefp)
	json_t *json = codec_report_to_json(sample_report());

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const json_t *value = at(json, rows[i].path);
		_cleanup_free_ char *text =
			value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

		if (!streq_null(text, rows[i].expected))
			fail_msg("%s: %s", rows[i].what, text ? text : "(not there)");
	}
}

static void a_job_adds_its_own(void **state _unused_)
{
	struct report report = *sample_report();
	json_t *json;

	report.id = "01234567-89ab-cdef-0123-456789abcdef";
	report.started = 1;
	report.finished = 2;
	json = codec_report_to_json(&report);
	assert_string_equal(json_string_value(at(json, "id")), report.id);
	assert_string_equal(json_string_value(at(json, "started")), "1970-01-01T00:00:01Z");
	assert_string_equal(json_string_value(at(json, "finished")), "1970-01-01T00:00:02Z");
	json_decref(json);
}

static void nothing_to_cover_is_neither_covered_nor_not(void **state _unused_)
{
	struct report report = *sample_report();
	json_t *json;

	report.coverage = (struct report_coverage){ .policy = COVERAGE_AWS };
	json = codec_report_to_json(&report);
	assert_true(json_is_null(at(json, "coverage.covered")));
	assert_string_equal(json_string_value(at(json, "coverage.reason")), "");
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_report_is_written_as_designed),
		cmocka_unit_test(a_job_adds_its_own),
		cmocka_unit_test(nothing_to_cover_is_neither_covered_nor_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
