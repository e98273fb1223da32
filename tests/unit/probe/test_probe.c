// SPDX-License-Identifier: Apache-2.0
#include "probe/probe.h"

#include "tests/unit/probe/tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/utsname.h>
#include <cmocka.h>

struct fixture {
	struct tree tree;
	struct snapshot *snapshot;
	struct probe_request request;
};

static int set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	tree_make(&f->tree);
	f->snapshot = snapshot_new();
	f->request = (struct probe_request){ .root = f->tree.fd, .root_path = f->tree.path };
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	snapshot_free(f->snapshot);
	tree_remove(&f->tree);
	free(f);
	return 0;
}

/* ---- os-release ----------------------------------------------------------------------------- */

static const struct {
	const char *what, *text, *id, *version, *name;
} releases[] = {
	{ "Amazon Linux 2",
	  "NAME=\"Amazon Linux\"\nVERSION=\"2\"\nID=\"amzn\"\nVERSION_ID=\"2\"\n"
	  "PRETTY_NAME=\"Amazon Linux 2\"\n",
	  "amzn", "2", "Amazon Linux 2" },
	{ "unquoted values and no newline at the end", "ID=sles\nVERSION_ID=15.5", "sles", "15.5",
	  NULL },
	{ "single quotes keep backslashes", "ID='a\\b'\n", "a\\b", NULL, NULL },
	{ "double quotes take them as escapes", "ID=\"a\\\"b\"\n", "a\"b", NULL, NULL },
	{ "comments and look-alikes are passed over",
	  "# ID=no\nXID=no\nID_LIKE=\"rhel\"\nID=amzn\n", "amzn", NULL, NULL },
	{ "an empty value is an empty text", "ID=\nVERSION_ID=\"\"\n", "", "", NULL },
};

static void check_text(const char *what, const char *got, const char *expected)
{
	if (!streq_null(got, expected))
		fail_msg("%s: got %s, expected %s", what, got ? got : "(null)",
			 expected ? expected : "(null)");
}

static void os_release(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(releases); i++) {
		struct node node = { 0 };
		struct err err = ERR_INIT;

		tree_write(&f->tree, "etc/os-release", releases[i].text);
		assert_int_equal(probe_os(f->tree.fd, f->snapshot->arena, &node, &err), 0);
		check_text(releases[i].what, node.os_id, releases[i].id);
		check_text(releases[i].what, node.os_version, releases[i].version);
		check_text(releases[i].what, node.os_name, releases[i].name);
	}
}

static void os_release_of_the_vendor_and_none(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;
	struct node node = { 0 };

	assert_int_equal(probe_os(f->tree.fd, f->snapshot->arena, &node, &err), -1);
	assert_int_equal(err.status, EXIT_STATUS_DATA);
	assert_non_null(strstr(err.message, "os-release"));
	err_clear(&err);

	tree_write(&f->tree, "usr/lib/os-release", "ID=amzn\n");
	assert_int_equal(probe_os(f->tree.fd, f->snapshot->arena, &node, &err), 0);
	assert_string_equal(node.os_id, "amzn");
}

/* An absolute link of an image stays inside the image. */
static void os_release_behind_an_absolute_link(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;
	struct node node = { 0 };

	tree_write(&f->tree, "usr/lib/os-release", "ID=inside\n");
	tree_link(&f->tree, "etc/os-release", "/../usr/lib/os-release");
	assert_int_equal(probe_os(f->tree.fd, f->snapshot->arena, &node, &err), 0);
	assert_string_equal(node.os_id, "inside");
}

/* ---- kernel --------------------------------------------------------------------------------- */

#define RELEASE "5.10.233-223.887.amzn2.x86_64"

static void write_proc(struct fixture *f)
{
	tree_write(&f->tree, "proc/sys/kernel/osrelease", RELEASE "\n");
	tree_write(&f->tree, "proc/sys/kernel/version", "#1 SMP Sun Feb 9 00:21:30 UTC 2025\n");
	tree_write(&f->tree, "proc/sys/kernel/random/boot_id", "0d3c\n");
	tree_write(&f->tree, "proc/stat", "cpu 1 2 3\nintr 0\nbtime 1739100000\nprocesses 1\n");
}

static void a_running_kernel(void **state)
{
	struct fixture *f = *state;
	struct node *node = &f->snapshot->node;

	write_proc(f);
	probe_kernel(&f->request, node, f->snapshot->arena);
	assert_string_equal(node->kernel, RELEASE);
	assert_string_equal(node->arch, "x86_64");
	assert_string_equal(node->boot_id, "0d3c");
	assert_true(node->boot_time == 1739100000);
	assert_true(node->kernel_build_date == 1739060490);
	assert_true(node->is_running_system);
}

/* As SUSE's: the architecture is not in its name. */
static void a_kernel_that_does_not_say_for_what(void **state)
{
	struct fixture *f = *state;
	struct node *node = &f->snapshot->node;
	struct utsname u;

	assert_int_equal(uname(&u), 0);
	tree_write(&f->tree, "proc/sys/kernel/osrelease", u.release);
	probe_kernel(&f->request, node, f->snapshot->arena);
	assert_string_equal(node->arch, u.machine);
	tree_write(&f->tree, "proc/sys/kernel/osrelease", "5.14.21-150400.24.100-default\n");
	probe_kernel(&f->request, node, f->snapshot->arena);
	assert_null(node->arch); /* another machine's: not ours to guess */
}

static void a_kernel_that_is_named_is_not_running(void **state)
{
	struct fixture *f = *state;
	struct node *node = &f->snapshot->node;

	write_proc(f);
	f->request.kernel = "5.10.240-1.1.amzn2.aarch64";
	probe_kernel(&f->request, node, f->snapshot->arena);
	assert_string_equal(node->kernel, "5.10.240-1.1.amzn2.aarch64");
	assert_string_equal(node->arch, "aarch64");
	assert_false(node->is_running_system);
	assert_null(node->boot_id);
	assert_true(node->boot_time == TIME_UNSET);
	assert_true(node->kernel_build_date == TIME_UNSET);
}

static void no_kernel_at_all(void **state)
{
	struct fixture *f = *state;
	struct node *node = &f->snapshot->node;

	probe_kernel(&f->request, node, f->snapshot->arena);
	assert_null(node->kernel);
	assert_null(node->arch);
	assert_false(node->is_running_system);
}

/* ---- livepatch ------------------------------------------------------------------------------ */

static void loaded_livepatches(void **state)
{
	struct fixture *f = *state;
	struct node *node = &f->snapshot->node;

	tree_write(&f->tree, "sys/kernel/livepatch/lp_b/enabled", "1\n");
	tree_write(&f->tree, "sys/kernel/livepatch/lp_b/transition", "0\n");
	tree_write(&f->tree, "sys/kernel/livepatch/lp_a/enabled", "0\n");
	tree_write(&f->tree, "sys/kernel/livepatch/lp_a/transition", "1\n");
	tree_write(&f->tree, "sys/kernel/livepatch/lp_a/replace", "x\n");
	probe_livepatch(f->tree.fd, node, f->snapshot->arena);
	assert_true(node->livepatch_sysfs);
	assert_int_equal(node->n_modules, 2);
	assert_string_equal(node->modules[0].name, "lp_a");
	assert_int_equal(node->modules[0].enabled, 0);
	assert_int_equal(node->modules[0].transition, 1);
	assert_int_equal(node->modules[0].replace, -1); /* not 0 or 1 */
	assert_int_equal(node->modules[1].enabled, 1);
	assert_int_equal(node->modules[1].replace, -1); /* absent */
}

static void no_sysfs_is_not_the_same_as_nothing_loaded(void **state)
{
	struct fixture *f = *state;
	struct node *node = &f->snapshot->node;

	probe_livepatch(f->tree.fd, node, f->snapshot->arena);
	assert_false(node->livepatch_sysfs);
	tree_parents(&f->tree, "sys/kernel/x");
	probe_livepatch(f->tree.fd, node, f->snapshot->arena);
	assert_true(node->livepatch_sysfs);
	assert_int_equal(node->n_modules, 0);
}

/* ---- units ---------------------------------------------------------------------------------- */

static void unit_enablement(void **state)
{
	static const char unit[] = "kpatch.service";
	static const char wants[] = "etc/systemd/system/multi-user.target.wants/kpatch.service";
	struct fixture *f = *state;

	assert_int_equal(probe_unit_enabled(f->tree.fd, unit), TRISTATE_UNKNOWN);
	tree_write(&f->tree, "usr/lib/systemd/system/kpatch.service", "[Unit]\n");
	assert_int_equal(probe_unit_enabled(f->tree.fd, unit), TRISTATE_NO);
	tree_link(&f->tree, wants, "/usr/lib/systemd/system/kpatch.service");
	assert_int_equal(probe_unit_enabled(f->tree.fd, unit), TRISTATE_YES);
	assert_int_equal(probe_unit_enabled(f->tree.fd, "other.service"), TRISTATE_NO);
	tree_link(&f->tree, "etc/systemd/system/kpatch.service", "/dev/null");
	assert_int_equal(probe_unit_enabled(f->tree.fd, unit), TRISTATE_NO);
}

static void a_link_counts_although_its_target_is_gone(void **state)
{
	struct fixture *f = *state;

	tree_link(&f->tree, "etc/systemd/system/x.target.requires/kpatch.service", "/nowhere");
	assert_int_equal(probe_unit_enabled(f->tree.fd, "kpatch.service"), TRISTATE_YES);
}

/* ---- together ------------------------------------------------------------------------------- */

static void a_missing_package_database_is_a_finding(void **state)
{
	static const struct platform platform = { .name = "test",
						  .livepatch_prefix = "kernel-livepatch-",
						  .service = "kpatch.service" };
	struct fixture *f = *state;

	write_proc(f);
	probe_node(&f->request, &platform, f->snapshot);
	assert_false(f->snapshot->node.rpmdb_read);
	assert_true(findings_have(&f->snapshot->findings, "rpmdb-unreadable"));
	assert_string_equal(f->snapshot->node.kernel, RELEASE);
}

static void the_instance_id(void **state)
{
	struct fixture *f = *state;

	tree_write(&f->tree, "var/lib/cloud/data/instance-id", "i-0123456789abcdef0\n");
	probe_node(&f->request, NULL, f->snapshot);
	assert_string_equal(f->snapshot->node.instance_id, "i-0123456789abcdef0");
	f->snapshot->node.instance_id = NULL;
	tree_write(&f->tree, "var/lib/cloud/data/instance-id", "iid-datasource-none\n");
	probe_node(&f->request, NULL, f->snapshot);
	assert_null(f->snapshot->node.instance_id);
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FIXTURE(os_release),
		WITH_FIXTURE(os_release_of_the_vendor_and_none),
		WITH_FIXTURE(os_release_behind_an_absolute_link),
		WITH_FIXTURE(a_running_kernel),
		WITH_FIXTURE(a_kernel_that_does_not_say_for_what),
		WITH_FIXTURE(a_kernel_that_is_named_is_not_running),
		WITH_FIXTURE(no_kernel_at_all),
		WITH_FIXTURE(loaded_livepatches),
		WITH_FIXTURE(no_sysfs_is_not_the_same_as_nothing_loaded),
		WITH_FIXTURE(unit_enablement),
		WITH_FIXTURE(a_link_counts_although_its_target_is_gone),
		WITH_FIXTURE(a_missing_package_database_is_a_finding),
		WITH_FIXTURE(the_instance_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
