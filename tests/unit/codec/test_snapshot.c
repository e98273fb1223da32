// SPDX-License-Identifier: Apache-2.0
#include "codec/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#define LP "kernel-livepatch-5.10.102-99.473"

static const char *const excludes[] = { "kernel*", "foo" };
static const char *modules[] = { "livepatch_a", "livepatch_b" };
static struct livepatch_module loaded[] = {
	{ "livepatch_a", 1, 0, -1 },
	{ "livepatch_b", 0, 1, 1 },
	{ "livepatch_c", -1, -1, 0 },
};
static struct installed packages[] = {
	{ { LP, { 0, "1.0", "3.amzn2" }, "x86_64" }, 1000, 2000, modules, 2 },
	{ { "kernel6.12", { 4294967295, "6.12.5", "1.2.amzn2023" }, "aarch64" },
	  TIME_UNSET,
	  TIME_UNSET,
	  NULL,
	  0 },
};
static struct repository repositories[] = {
	{ "live", REPO_ROLE_LIVEPATCH, REPO_STALE, "17", "sha256:ab", 3000, true, true, excludes,
	  2 },
	{ "core", REPO_ROLE_KERNEL, REPO_DISABLED, NULL, NULL, TIME_UNSET, false, false, NULL, 0 },
};
static struct advisory_ref refs[] = { { "cve", "CVE-2024-1" }, { "bugzilla", "17" }, { "", "x" } };
static struct nevra listed[] = {
	{ LP, { 0, "1.0", "3.amzn2" }, "x86_64" },
	{ "a.b-c+d~e", { 7, "2^x", "3" }, "noarch" },
};
static struct advisory advisories[] = {
	{ "ALAS-1",
	  "security",
	  "important",
	  "final",
	  "a \"title\"\n",
	  { NOTICE_DATE_VALID, 4000 },
	  { NOTICE_DATE_INVALID, TIME_UNSET },
	  refs,
	  3,
	  listed,
	  2,
	  0 },
	{ "ALAS-2",
	  NULL,
	  NULL,
	  NULL,
	  NULL,
	  { NOTICE_DATE_ABSENT, TIME_UNSET },
	  { NOTICE_DATE_VALID, -1 },
	  NULL,
	  0,
	  NULL,
	  0,
	  1 },
};
static struct available available[] = {
	{ { LP, { 0, "1.0", "4.amzn2" }, "x86_64" }, 1, 5000 },
};

static struct snapshot *full(void)
{
	struct snapshot *s = snapshot_new();

	s->captured = 6000;
	s->node = (struct node){
		.os_id = "amzn",
		.os_version = "2",
		.os_name = "Amazon Linux 2",
		.releasever = "2",
		.arch = "x86_64",
		.kernel = "5.10.102-99.473.amzn2.x86_64",
		.kernel_version = "#1 SMP",
		.kernel_build_date = 7000,
		.boot_id = "b",
		.boot_time = 8000,
		.is_running_system = true,
		.installed = packages,
		.n_installed = 2,
		.rpmdb_read = true,
		.livepatch_sysfs = true,
		.modules = loaded,
		.n_modules = 3,
		.kpatch_service_enabled = TRISTATE_NO,
		.instance_id = "i-0",
		.region = "eu-west-1",
	};
	s->catalogue = (struct catalogue){ repositories, 2, advisories, 2, available, 1 };
	finding_add(&s->findings, FINDING_WARNING, "repository-stale", "live", "old by %d", 5);
	return s;
}

static struct snapshot *again(const struct snapshot *s)
{
	_cleanup_(json_decrefp)
	json_t *json = codec_snapshot_to_json(s);
	_cleanup_free_ char *text = json_dumps(json, JSON_COMPACT);
	struct snapshot *copy = NULL;
	struct err err = ERR_INIT;

	if (codec_snapshot_parse(text, strlen(text), "capture", &copy, &err) < 0)
		fail_msg("%s", err.message);
	return copy;
}

static void same_text(const char *a, const char *b)
{
	if (!streq_null(a, b))
		fail_msg("%s became %s", a ? a : "(null)", b ? b : "(null)");
}

static void same_node(const struct node *a, const struct node *b)
{
	same_text(a->os_id, b->os_id);
	same_text(a->os_version, b->os_version);
	same_text(a->os_name, b->os_name);
	same_text(a->releasever, b->releasever);
	same_text(a->arch, b->arch);
	same_text(a->kernel, b->kernel);
	same_text(a->kernel_version, b->kernel_version);
	same_text(a->boot_id, b->boot_id);
	same_text(a->instance_id, b->instance_id);
	same_text(a->region, b->region);
	assert_true(a->kernel_build_date == b->kernel_build_date);
	assert_true(a->boot_time == b->boot_time);
	assert_int_equal(a->is_running_system, b->is_running_system);
	assert_int_equal(a->rpmdb_read, b->rpmdb_read);
	assert_int_equal(a->livepatch_sysfs, b->livepatch_sysfs);
	assert_int_equal(a->kpatch_service_enabled, b->kpatch_service_enabled);
	assert_int_equal(a->n_modules, b->n_modules);
	for (size_t i = 0; i < a->n_modules; i++) {
		same_text(a->modules[i].name, b->modules[i].name);
		assert_int_equal(a->modules[i].enabled, b->modules[i].enabled);
		assert_int_equal(a->modules[i].transition, b->modules[i].transition);
		assert_int_equal(a->modules[i].replace, b->modules[i].replace);
	}
}

static void same_installed(const struct node *a, const struct node *b)
{
	assert_int_equal(a->n_installed, b->n_installed);
	for (size_t i = 0; i < a->n_installed; i++) {
		const struct installed *x = &a->installed[i], *y = &b->installed[i];

		assert_true(nevra_equal(&x->nevra, &y->nevra));
		assert_true(x->build_time == y->build_time);
		assert_true(x->install_time == y->install_time);
		assert_int_equal(x->n_modules, y->n_modules);
		for (size_t k = 0; k < x->n_modules; k++)
			same_text(x->modules[k], y->modules[k]);
	}
}

static void same_repositories(const struct catalogue *a, const struct catalogue *b)
{
	assert_int_equal(a->n_repositories, b->n_repositories);
	for (size_t i = 0; i < a->n_repositories; i++) {
		const struct repository *x = &a->repositories[i], *y = &b->repositories[i];

		same_text(x->id, y->id);
		same_text(x->revision, y->revision);
		same_text(x->checksum, y->checksum);
		assert_int_equal(x->role, y->role);
		assert_int_equal(x->status, y->status);
		assert_true(x->fetched == y->fetched);
		assert_int_equal(x->updateinfo_read, y->updateinfo_read);
		assert_int_equal(x->primary_read, y->primary_read);
		assert_int_equal(x->n_excludes, y->n_excludes);
		for (size_t k = 0; k < x->n_excludes; k++)
			same_text(x->excludes[k], y->excludes[k]);
	}
	assert_int_equal(a->n_packages, b->n_packages);
	for (size_t i = 0; i < a->n_packages; i++) {
		assert_true(nevra_equal(&a->packages[i].nevra, &b->packages[i].nevra));
		assert_int_equal(a->packages[i].repo, b->packages[i].repo);
		assert_true(a->packages[i].build_time == b->packages[i].build_time);
	}
}

static void same_advisories(const struct catalogue *a, const struct catalogue *b)
{
	assert_int_equal(a->n_advisories, b->n_advisories);
	for (size_t i = 0; i < a->n_advisories; i++) {
		const struct advisory *x = &a->advisories[i], *y = &b->advisories[i];

		same_text(x->id, y->id);
		same_text(x->type, y->type);
		same_text(x->severity, y->severity);
		same_text(x->status, y->status);
		same_text(x->title, y->title);
		assert_int_equal(x->repo, y->repo);
		assert_int_equal(x->issued.state, y->issued.state);
		assert_int_equal(x->updated.state, y->updated.state);
		assert_true(x->issued.at == y->issued.at && x->updated.at == y->updated.at);
		assert_int_equal(x->n_refs, y->n_refs);
		for (size_t k = 0; k < x->n_refs; k++) {
			same_text(x->refs[k].type, y->refs[k].type);
			same_text(x->refs[k].id, y->refs[k].id);
		}
		assert_int_equal(x->n_packages, y->n_packages);
		for (size_t k = 0; k < x->n_packages; k++)
			assert_true(nevra_equal(&x->packages[k], &y->packages[k]));
	}
}

static void same_snapshot(const struct snapshot *a, const struct snapshot *b)
{
	assert_true(a->captured == b->captured);
	same_node(&a->node, &b->node);
	same_installed(&a->node, &b->node);
	same_repositories(&a->catalogue, &b->catalogue);
	same_advisories(&a->catalogue, &b->catalogue);
	assert_int_equal(a->findings.n, b->findings.n);
	for (size_t i = 0; i < a->findings.n; i++) {
		same_text(a->findings.items[i].code, b->findings.items[i].code);
		same_text(a->findings.items[i].subject, b->findings.items[i].subject);
		same_text(a->findings.items[i].message, b->findings.items[i].message);
		assert_int_equal(a->findings.items[i].severity, b->findings.items[i].severity);
	}
}

static void every_field_survives_a_round_trip(void **state _unused_)
{
	_cleanup_(snapshot_freep)
	struct snapshot *s = full(), *copy = again(s);

	same_snapshot(s, copy);
}

static void an_empty_snapshot_survives_a_round_trip(void **state _unused_)
{
	_cleanup_(snapshot_freep)
	struct snapshot *s = snapshot_new(), *copy = again(s);

	same_snapshot(s, copy);
}

/* Findings go on being added to what was read. */
static void a_snapshot_that_was_read_can_grow(void **state _unused_)
{
	_cleanup_(snapshot_freep)
	struct snapshot *s = full(), *copy = NULL;

	for (int i = 0; i < 6; i++)
		finding_add(&s->findings, FINDING_INFO, "more", "x", "%d", i);
	copy = again(s);
	for (int i = 0; i < 20; i++)
		finding_add(&copy->findings, FINDING_INFO, "still-more", "x", "%d", i);
	assert_int_equal(copy->findings.n, 27);
	same_text(copy->findings.items[0].code, "repository-stale");
	same_text(copy->findings.items[26].message, "19");
}

#define HEAD "{\"schema\": \"klpd.snapshot/1\""

static void what_is_left_out_has_its_default(void **state _unused_)
{
	static const char text[] = HEAD
		", \"node\": {\"modules\": [{\"name\": \"m\"}]}, "
		"\"repositories\": [{\"id\": \"r\", \"role\": \"kernel\"}], "
		"\"advisories\": [{\"id\": \"A\", \"repository\": \"r\", \"refs\": [\"CVE-1\"]}]}";
	_cleanup_(snapshot_freep)
	struct snapshot *s = NULL;

	assert_int_equal(codec_snapshot_parse(text, strlen(text), "f", &s, NULL), 0);
	assert_true(s->node.is_running_system && s->node.rpmdb_read && s->node.livepatch_sysfs);
	assert_int_equal(s->node.kpatch_service_enabled, TRISTATE_UNKNOWN);
	assert_true(s->node.boot_time == TIME_UNSET);
	assert_int_equal(s->node.modules[0].enabled, 1);
	assert_int_equal(s->node.modules[0].transition, 0);
	assert_int_equal(s->catalogue.repositories[0].status, REPO_OK);
	assert_true(s->catalogue.repositories[0].updateinfo_read);
	assert_int_equal(s->catalogue.advisories[0].issued.state, NOTICE_DATE_ABSENT);
	assert_true(s->catalogue.advisories[0].issued.at == TIME_UNSET);
	assert_string_equal(s->catalogue.advisories[0].refs[0].type, "cve");
}

static void a_snapshot_without_node_has_its_defaults(void **state _unused_)
{
	_cleanup_(snapshot_freep)
	struct snapshot *s = NULL;

	assert_int_equal(codec_snapshot_parse(HEAD "}", strlen(HEAD "}"), "f", &s, NULL), 0);
	assert_true(s->captured == TIME_UNSET);
	assert_true(s->node.rpmdb_read);
	assert_true(s->node.boot_time == TIME_UNSET);
}

#define REPO ", \"repositories\": [{\"id\": \"r\", \"role\": \"kernel\"}]"
#define NOTICE(member)                                                                             \
	HEAD REPO ", \"advisories\": [{\"id\": \"A\", \"repository\": \"r\", " member "}]}"
#define PACKAGE(title) HEAD ", \"node\": {\"installed\": [{\"package\": \"" title "\"}]}}"
#define BAD_PACKAGE                                                                                \
	"f: node.installed[0].package: must be a package as \"name.arch:epoch:version-release\""

static const struct {
	const char *what, *text, *message;
} refused[] = {
	{ "no bytes at all", "", "f:1: not a JSON document: '[' or '{' expected near end of file" },
	{ "half a document", HEAD, "f:1: not a JSON document: '}' expected near end of file" },
	{ "a key twice", "{\"a\": 1, \"a\": 2}",
	  "f:1: not a JSON document: duplicate object key near '\"a\"'" },
	{ "no schema", "{}", "f: document: lacks \"schema\"" },
	{ "the schema of a report", "{\"schema\": \"klpd.report/1\"}",
	  "f: schema: must be \"klpd.snapshot/1\"" },
	{ "a misspelt key", HEAD ", \"nodes\": {}}", "f: document: has an unknown key \"nodes\"" },
	{ "a notice in a repository that is not there",
	  HEAD ", \"advisories\": [{\"id\": \"A\", \"repository\": \"r\"}]}",
	  "f: advisories[0].repository: must be the id of one of the repositories above" },
	{ "two repositories of one id",
	  HEAD ", \"repositories\": [{\"id\": \"r\", \"role\": \"kernel\"}, "
	       "{\"id\": \"r\", \"role\": \"livepatch\"}]}",
	  "f: repositories[1].id: \"r\" is there twice" },
	{ "a role that does not exist",
	  HEAD ", \"repositories\": [{\"id\": \"r\", \"role\": \"core\"}]}",
	  "f: repositories[0].role: must be \"livepatch\" or \"kernel\"" },
	{ "a status that does not exist",
	  HEAD ", \"repositories\": [{\"id\": \"r\", \"role\": \"kernel\", \"status\": \"on\"}]}",
	  "f: repositories[0].status: must be one of ok, stale, unreachable, invalid, disabled and "
	  "absent" },
	{ "a severity that does not exist",
	  HEAD ", \"findings\": [{\"code\": \"c\", \"severity\": \"fatal\"}]}",
	  "f: findings[0].severity: must be one of info, warning and error" },
	{ "a date in the publisher's format", NOTICE("\"issued\": \"2020-03-03 02:24\""),
	  "f: advisories[0].issued: must be a time like 2025-01-31T12:00:00Z" },
	{ "a date that is a number", NOTICE("\"updated\": 1"),
	  "f: advisories[0].updated: must be a time like 2025-01-31T12:00:00Z" },
	{ "a reference without id", NOTICE("\"refs\": [{\"type\": \"cve\"}]"),
	  "f: advisories[0].refs[0]: lacks \"id\"" },
	{ "a reference that is a number", NOTICE("\"refs\": [\"CVE-1\", 2]"),
	  "f: advisories[0].refs[1]: must be an object" },
	{ "a package without epoch", PACKAGE("kernel.x86_64:5.10.1-1"), BAD_PACKAGE },
	{ "a package without release", PACKAGE("kernel.x86_64:0:5.10.1"), BAD_PACKAGE },
	{ "a package without architecture", PACKAGE("kernel:0:5.10.1-1"), BAD_PACKAGE },
	{ "a package with a dash in its version", PACKAGE("kernel.x86_64:0:1-2-3"), BAD_PACKAGE },
	{ "an epoch beyond 32 bits", PACKAGE("kernel.x86_64:4294967296:1-1"), BAD_PACKAGE },
	{ "a negative epoch", PACKAGE("kernel.x86_64:-1:1-1"), BAD_PACKAGE },
	{ "an empty epoch", PACKAGE("kernel.x86_64::1-1"), BAD_PACKAGE },
	{ "a package name with a newline", PACKAGE("ker\\nnel.x86_64:0:1-1"), BAD_PACKAGE },
	{ "a NUL inside a string", HEAD ", \"node\": {\"kernel\": \"a\\u0000b\"}}",
	  "f:1: not a JSON document: \\u0000 is not allowed without JSON_ALLOW_NUL" },
};

static void a_refusal_names_file_and_field(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct snapshot *s = NULL;
		struct err err = ERR_INIT;
		const char *text = refused[i].text;

		if (codec_snapshot_parse(text, strlen(text), "f", &s, &err) == 0)
			fail_msg("%s: accepted", refused[i].what);
		assert_null(s);
		assert_int_equal(err.status, EXIT_STATUS_DATA);
		/* Old and new jansson word syntax errors differently behind our part. */
		if (strncmp(err.message, refused[i].message, 27) != 0 ||
		    (!strstr(err.message, "JSON") && !streq(err.message, refused[i].message)))
			fail_msg("%s: %s", refused[i].what, err.message);
		err_clear(&err);
	}
}

static char *repeated(const char *head, const char *part, size_t n)
{
	size_t len = strlen(head), step = strlen(part);
	char *text = xmalloc(len + n * step + 1);

	memcpy(text, head, len);
	for (size_t i = 0; i < n; i++)
		memcpy(text + len + i * step, part, step);
	text[len + n * step] = '\0';
	return text;
}

static const struct {
	const char *what, *head, *part;
	size_t n;
	const char *message;
} too_much[] = {
	{ "nesting", "", "[", 100, "f: nested deeper than the limit of 16 levels" },
	{ "nesting of objects", "", "{\"a\":", 17, "f: nested deeper than the limit of 16 levels" },
	{ "empty lists by the million", "[", "[],", 1000001,
	  "f: more than the limit of 2000000 values" },
	{ "bytes", "", "        ", SNAPSHOT_BYTES_MAX / 8 + 1,
	  "f: larger than the limit of 64 MiB" },
};

static void limits_hold(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(too_much); i++) {
		_cleanup_free_ char *text =
			repeated(too_much[i].head, too_much[i].part, too_much[i].n);
		struct snapshot *s = NULL;
		struct err err = ERR_INIT;

		assert_int_equal(codec_snapshot_parse(text, strlen(text), "f", &s, &err), -1);
		if (!streq(err.message, too_much[i].message))
			fail_msg("%s: %s", too_much[i].what, err.message);
		err_clear(&err);
	}
}

/* Brackets and commas inside strings are text. */
static void limits_do_not_count_strings(void **state _unused_)
{
	_cleanup_free_ char *inside = repeated(HEAD ", \"node\": {\"os_name\": \"\\\"", "[{,", 100);
	_cleanup_free_ char *text = xasprintf("%s\"}}", inside);
	_cleanup_(snapshot_freep)
	struct snapshot *s = NULL;

	assert_int_equal(codec_snapshot_parse(text, strlen(text), "f", &s, NULL), 0);
	assert_int_equal(strlen(s->node.os_name), 301);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_survives_a_round_trip),
		cmocka_unit_test(an_empty_snapshot_survives_a_round_trip),
		cmocka_unit_test(a_snapshot_that_was_read_can_grow),
		cmocka_unit_test(what_is_left_out_has_its_default),
		cmocka_unit_test(a_snapshot_without_node_has_its_defaults),
		cmocka_unit_test(a_refusal_names_file_and_field),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(limits_do_not_count_strings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
