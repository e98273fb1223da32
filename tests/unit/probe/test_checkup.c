// SPDX-License-Identifier: Apache-2.0
#include "probe/checkup.h"

#include "base/yaml.h"
#include "tests/unit/probe/tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define KERNEL "5.10.233-223.887.amzn2.x86_64"
#define NOBODY 65534

static const char profile[] = "name: test\nmatch: {id: amzn}\n"
			      "livepatch: {package: 'kernel-livepatch-{version}-{release}', "
			      "prefix: kernel-livepatch-, release-strip: [.amzn2]}\n"
			      "kernels: [{series: '*', packages: [kernel]}]\n"
			      "repositories: {livepatch: [live], kernel: [core]}\n";

struct fixture {
	struct tree tree;
	struct arena *arena;
	const struct platform *platform;
	struct node node;
	struct diagnosis d;
};

static int set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	const struct doc *doc;
	struct err err = ERR_INIT;

	tree_make(&f->tree);
	f->arena = arena_new();
	f->node.kernel = KERNEL;
	f->node.rpmdb_read = true;
	if (yaml_parse(profile, strlen(profile), "f", f->arena, &doc, &err) < 0 ||
	    platform_from_doc(doc, f->arena, &f->platform, &err) < 0)
		fail_msg("%s", err.message);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	arena_free(f->arena);
	tree_remove(&f->tree);
	free(f);
	return 0;
}

static const struct diagnosis *look(struct fixture *f)
{
	f->d = (struct diagnosis){ 0 };
	checkup_read(f->tree.fd, &f->node, f->platform, f->arena, &f->d);
	return &f->d;
}

static void nothing_is_there(void **state)
{
	const struct diagnosis *d = look(*state);

	assert_int_equal(d->signatures_enforced, TRISTATE_UNKNOWN);
	assert_int_equal(d->modules_disabled, TRISTATE_UNKNOWN);
	assert_int_equal(d->ftrace_enabled, TRISTATE_UNKNOWN);
	assert_null(d->lockdown);
	assert_false(d->functions_read || d->kprobes_read || d->tracing_forbidden);
	assert_true(d->leftovers_read); /* kpatch was never installed */
	assert_int_equal(d->n_leftovers, 0);
	assert_int_equal(d->scan_timer, TRISTATE_UNKNOWN);
	assert_false(d->ssm_present);
}

/* ---- modules ----------------------------------------------------------------------------------*/

static void what_the_kernel_takes(void **state)
{
	struct fixture *f = *state;
	const struct diagnosis *d;

	tree_write(&f->tree, "sys/module/module/parameters/sig_enforce", "Y\n");
	tree_write(&f->tree, "proc/sys/kernel/modules_disabled", "0\n");
	tree_write(&f->tree, "proc/sys/kernel/ftrace_enabled", "1\n");
	tree_write(&f->tree, "sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
	d = look(f);
	assert_int_equal(d->signatures_enforced, TRISTATE_YES);
	assert_int_equal(d->modules_disabled, TRISTATE_NO);
	assert_int_equal(d->ftrace_enabled, TRISTATE_YES);
	assert_string_equal(d->lockdown, "integrity");

	tree_write(&f->tree, "sys/module/module/parameters/sig_enforce", "N\n");
	tree_write(&f->tree, "proc/sys/kernel/modules_disabled", "1\n");
	tree_write(&f->tree, "proc/sys/kernel/ftrace_enabled", "?\n");
	tree_write(&f->tree, "sys/kernel/security/lockdown", "none [integrity\n");
	tree_write(&f->tree, "boot/config-" KERNEL, "#\nCONFIG_MODULE_SIG_FORCE=y\n");
	d = look(f);
	assert_int_equal(d->signatures_enforced, TRISTATE_NO); /* what it says itself counts */
	assert_int_equal(d->modules_disabled, TRISTATE_YES);
	assert_int_equal(d->ftrace_enabled, TRISTATE_UNKNOWN);
	assert_null(d->lockdown);
}

static void an_image_has_only_the_configuration(void **state)
{
	struct fixture *f = *state;

	tree_write(&f->tree, "boot/config-" KERNEL,
		   "CONFIG_MODULE_SIG=y\n# CONFIG_MODULE_SIG_FORCE is not set\n");
	assert_int_equal(look(f)->signatures_enforced, TRISTATE_NO);
	tree_write(&f->tree, "boot/config-" KERNEL,
		   "CONFIG_MODULE_SIG=y\nCONFIG_MODULE_SIG_FORCE=y\n");
	assert_int_equal(look(f)->signatures_enforced, TRISTATE_YES);
	f->node.kernel = NULL;
	assert_int_equal(look(f)->signatures_enforced, TRISTATE_UNKNOWN);
}

/* ---- tracing ----------------------------------------------------------------------------------*/

static void what_livepatches_do_is_theirs(void **state)
{
	static struct livepatch_module modules[] = { { .name = "lp" }, { .name = "gone" } };
	struct fixture *f = *state;
	const struct diagnosis *d;

	f->node.modules = modules;
	f->node.n_modules = ARRAY_SIZE(modules);
	tree_write(&f->tree, "sys/kernel/livepatch/lp/enabled", "1\n");
	tree_write(&f->tree, "sys/kernel/livepatch/lp/vmlinux/patched", "1\n");
	tree_parents(&f->tree, "sys/kernel/livepatch/lp/vmlinux/vfs_read,1/x");
	tree_parents(&f->tree, "sys/kernel/livepatch/lp/xfs/xfs_read,1/x");
	tree_write(&f->tree, "sys/kernel/debug/tracing/enabled_functions",
		   "vfs_read (1) R I\t->x\nxfs_read [xfs] (1) R I\t->x\nvfs_open (1) R I\t->x\n");
	tree_write(&f->tree, "sys/kernel/debug/kprobes/list", "ffff  k  vfs_write+0x0\n");
	d = look(f);
	assert_true(d->functions_read && d->kprobes_read);
	assert_int_equal(tracing_total(&d->tracing), 2);
	assert_string_equal(d->tracing.items[0].function, "vfs_open");
	assert_string_equal(d->tracing.items[1].function, "vfs_write");

	tree_write(&f->tree, "sys/kernel/tracing/enabled_functions", ""); /* the newer place */
	assert_int_equal(tracing_total(&look(f)->tracing), 1);
}

static void what_may_not_be_read_is_forbidden(void **state)
{
	struct fixture *f = *state;

	tree_write(&f->tree, "sys/kernel/tracing/enabled_functions", "");
	assert_int_equal(fchmodat(f->tree.fd, "sys/kernel/tracing", 0, 0), 0);
	assert_int_equal(fchmod(f->tree.fd, 0755), 0);
	if (geteuid() == 0)
		assert_int_equal(seteuid(NOBODY), 0);
	look(f);
	if (getuid() == 0)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(fchmodat(f->tree.fd, "sys/kernel/tracing", 0700, 0), 0);
	assert_false(f->d.functions_read);
	assert_true(f->d.tracing_forbidden);
}

/* ---- leftovers --------------------------------------------------------------------------------*/

static void modules_without_a_package(void **state)
{
	static const char *modules[] = { "lp_1" };
	static struct installed installed[] = {
		{ .nevra = { .name = "kernel-livepatch-5.10.233-223.887" },
		  .modules = modules,
		  .n_modules = 1 },
	};
	struct fixture *f = *state;
	const struct diagnosis *d;

	f->node.installed = installed;
	f->node.n_installed = ARRAY_SIZE(installed);
	tree_write(&f->tree, "var/lib/kpatch/" KERNEL "/lp-1.ko", "x");
	tree_write(&f->tree, "var/lib/kpatch/" KERNEL "/lp-2.ko.xz", "x");
	tree_write(&f->tree, "var/lib/kpatch/" KERNEL "/README", "x");
	tree_write(&f->tree, "var/lib/kpatch/notes.ko", "a file, where folders are");
	/* of the same name, in the folder of another kernel, for which nothing is installed */
	tree_write(&f->tree, "var/lib/kpatch/5.10.1-1.amzn2.x86_64/lp-1.ko", "x");
	d = look(f);
	assert_true(d->leftovers_read);
	assert_int_equal(d->n_leftovers, 2);
	assert_string_equal(d->leftovers[0], "5.10.1-1.amzn2.x86_64/lp-1.ko");
	assert_string_equal(d->leftovers[1], KERNEL "/lp-2.ko.xz");
	f->node.rpmdb_read = false;
	assert_false(look(f)->leftovers_read);
}

/* ---- units ------------------------------------------------------------------------------------*/

static void units(void **state)
{
	struct fixture *f = *state;
	const struct diagnosis *d;

	tree_write(&f->tree, "usr/lib/systemd/system/amazon-ssm-agent.service", "[Unit]\n");
	tree_link(&f->tree, "etc/systemd/system/timers.target.wants/klpd-scan.timer", "/x");
	d = look(f);
	assert_int_equal(d->scan_timer, TRISTATE_YES);
	assert_int_equal(d->install_timer, TRISTATE_NO);
	assert_true(d->ssm_present);
	assert_int_equal(d->ssm_enabled, TRISTATE_NO);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_there),
		TEST(what_the_kernel_takes),
		TEST(an_image_has_only_the_configuration),
		TEST(what_livepatches_do_is_theirs),
		TEST(what_may_not_be_read_is_forbidden),
		TEST(modules_without_a_package),
		TEST(units),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
