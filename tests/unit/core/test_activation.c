// SPDX-License-Identifier: Apache-2.0
#include "core/activation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define NAME   "kernel-livepatch-5.10.233-223.887"
#define KERNEL "5.10.233-223.887.amzn2.x86_64"
#define NO     (-1)

static const char *strip[] = { ".amzn2" };
static const struct platform platform = {
	.name = "test",
	.livepatch_package = "kernel-livepatch-{version}-{release}",
	.livepatch_prefix = "kernel-livepatch-",
	.release_strip = strip,
	.n_release_strip = ARRAY_SIZE(strip),
	.marker_release = "0.*",
};

#define PACKAGES_MAX 3
#define MODULES_MAX  3

struct row {
	const char *what;
	struct {
		const char *release;
		const char *modules[MODULES_MAX];
	} packages[PACKAGES_MAX];
	struct livepatch_module loaded[MODULES_MAX];
	const char *expected; /* of the modules of each package, in brackets the package's */
	bool complete, settled;
};

static const struct row rows[] = {
	{ .what = "nothing is installed", .expected = "", .complete = true, .settled = true },
	{ .what = "the marker is no patch",
	  .packages = { { "0.amzn2", { "a" } } },
	  .expected = "",
	  .complete = true,
	  .settled = true },
	{ .what = "active",
	  .packages = { { "1.amzn2", { "a" } } },
	  .loaded = { { "a", 1, 0, 1 } },
	  .expected = "active [active]",
	  .complete = true,
	  .settled = true },
	{ .what = "an old kernel has no transition",
	  .packages = { { "1.amzn2", { "a" } } },
	  .loaded = { { "a", 1, NO, NO } },
	  .expected = "active [active]",
	  .complete = true,
	  .settled = true },
	{ .what = "not loaded",
	  .packages = { { "1.amzn2", { "a" } } },
	  .loaded = { { "other", 1, 0, 1 } },
	  .expected = "installed [installed]",
	  .settled = true },
	{ .what = "in transition",
	  .packages = { { "1.amzn2", { "a" } } },
	  .loaded = { { "a", 1, 1, 0 } },
	  .expected = "transitioning [transitioning]" },
	{ .what = "being disabled",
	  .packages = { { "1.amzn2", { "a" } } },
	  .loaded = { { "a", 0, 1, 0 } },
	  .expected = "disabled [disabled]",
	  .settled = true },
	{ .what = "disabled",
	  .packages = { { "1.amzn2", { "a" } } },
	  .loaded = { { "a", 0, 0, 0 } },
	  .expected = "disabled [disabled]",
	  .settled = true },
	{ .what = "enabled or not is unknown",
	  .packages = { { "1.amzn2", { "a" } } },
	  .loaded = { { "a", NO, 0, 0 } },
	  .expected = "loading [loading]" },
	{ .what = "nothing is known but the transition",
	  .packages = { { "1.amzn2", { "a" } } },
	  .loaded = { { "a", NO, 1, NO } },
	  .expected = "transitioning [transitioning]" },
	{ .what = "no module in the package",
	  .packages = { { "1.amzn2", { NULL } } },
	  .expected = "[installed]",
	  .settled = true },
	{ .what = "the worst module decides: one is not loaded",
	  .packages = { { "1.amzn2", { "a", "b" } } },
	  .loaded = { { "b", 1, 0, 0 } },
	  .expected = "installed active [installed]",
	  .settled = true },
	{ .what = "the worst module decides: one is disabled",
	  .packages = { { "1.amzn2", { "a", "b", "c" } } },
	  .loaded = { { "a", 1, 1, 0 }, { "b", 0, 0, 0 } },
	  .expected = "transitioning disabled installed [disabled]" },
	{ .what = "a newer livepatch replaces",
	  .packages = { { "1.amzn2", { "a", "b" } }, { "2.amzn2", { "c" } } },
	  .loaded = { { "b", 0, 0, 0 }, { "c", 1, 0, 1 } },
	  .expected = "superseded superseded [superseded] active [active]",
	  .complete = true,
	  .settled = true },
	{ .what = "in whatever order they are",
	  .packages = { { "10.amzn2", { "c" } }, { "9.amzn2", { "a" } } },
	  .loaded = { { "c", 1, 0, 1 } },
	  .expected = "active [active] superseded [superseded]",
	  .complete = true,
	  .settled = true },
	{ .what = "a module that still runs is not superseded",
	  .packages = { { "1.amzn2", { "a" } }, { "2.amzn2", { "c" } } },
	  .loaded = { { "a", 1, 0, 0 }, { "c", 1, 0, 1 } },
	  .expected = "active [active] active [active]",
	  .complete = true,
	  .settled = true },
	{ .what = "one that does not replace supersedes nothing",
	  .packages = { { "1.amzn2", { "a" } }, { "2.amzn2", { "c" } } },
	  .loaded = { { "c", 1, 0, 0 } },
	  .expected = "installed [installed] active [active]",
	  .settled = true },
	{ .what = "nor one of which that is not known",
	  .packages = { { "1.amzn2", { "a" } }, { "2.amzn2", { "c" } } },
	  .loaded = { { "c", 1, 0, NO } },
	  .expected = "installed [installed] active [active]",
	  .settled = true },
	{ .what = "nor one in transition",
	  .packages = { { "1.amzn2", { "a" } }, { "2.amzn2", { "c" } } },
	  .loaded = { { "c", 1, 1, 1 } },
	  .expected = "installed [installed] transitioning [transitioning]" },
	{ .what = "nor an older one",
	  .packages = { { "3.amzn2", { "a" } }, { "2.amzn2", { "c" } } },
	  .loaded = { { "c", 1, 0, 1 } },
	  .expected = "installed [installed] active [active]",
	  .settled = true },
	{ .what = "nor one that no package has",
	  .packages = { { "3.amzn2", { "a" } } },
	  .loaded = { { "c", 1, 0, 1 } },
	  .expected = "installed [installed]",
	  .settled = true },
};

static void add_package(struct node *node, const char *name, const char *release, const char *arch,
			const char *const *modules, struct arena *arena)
{
	struct installed *p = ARENA_PUSH(arena, node->installed, node->n_installed);

	p->nevra = (struct nevra){ name, { 0, "1.0", release }, arch };
	for (size_t i = 0; modules && i < MODULES_MAX && modules[i]; i++)
		*ARENA_PUSH(arena, p->modules, p->n_modules) = modules[i];
}

static void load(struct node *node, struct livepatch_module module, struct arena *arena)
{
	*ARENA_PUSH(arena, node->modules, node->n_modules) = module;
}

static const char *text_of(const struct activation_list *list, struct arena *arena)
{
	const char *text = "";

	for (size_t i = 0; i < list->n; i++) {
		const struct activation_package *p = &list->items[i];

		for (size_t k = 0; k < p->n_modules; k++)
			text = arena_printf(arena, "%s%s%s", text, *text ? " " : "",
					    activation_name(p->modules[k].state));
		text = arena_printf(arena, "%s%s[%s]", text, *text ? " " : "",
				    activation_name(p->state));
	}
	return text;
}

static struct node make_node(void)
{
	return (struct node){ .kernel = KERNEL, .arch = "x86_64", .livepatch_sysfs = true };
}

static void states_of_packages(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(arena_freep)
		struct arena *arena = arena_new();
		struct node node = make_node();
		const struct row *row = &rows[i];
		struct activation_list list;

		for (size_t k = 0; k < PACKAGES_MAX && row->packages[k].release; k++)
			add_package(&node, NAME, row->packages[k].release, "x86_64",
				    row->packages[k].modules, arena);
		for (size_t k = 0; k < MODULES_MAX && row->loaded[k].name; k++)
			load(&node, row->loaded[k], arena);
		list = activation_of(&node, &platform, NULL, arena);
		if (!streq(text_of(&list, arena), row->expected) ||
		    activation_is_complete(&list) != row->complete ||
		    activation_is_settled(&list) != row->settled)
			fail_msg("%s: %s, complete %d, settled %d", row->what,
				 text_of(&list, arena), activation_is_complete(&list),
				 activation_is_settled(&list));
		for (size_t k = 0; k < list.n; k++)
			assert_true(*activation_message(&list.items[k], &node, arena));
	}
}

static void only_the_running_kernels_livepatches_count(void **state)
{
	static const char *const modules[] = { "a", NULL };
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();
	struct node node = make_node();
	struct activation_list list;

	(void)state;
	add_package(&node, "kernel-livepatch-5.10.230-1.1", "1.amzn2", "x86_64", modules, arena);
	add_package(&node, NAME, "1.amzn2", "aarch64", modules, arena);
	add_package(&node, "kernel", "223.887.amzn2", "x86_64", NULL, arena);
	load(&node, (struct livepatch_module){ "a", 1, 0, 1 }, arena);
	assert_int_equal(activation_of(&node, &platform, NULL, arena).n, 0);
	add_package(&node, NAME, "1.amzn2", "x86_64", modules, arena);
	list = activation_of(&node, &platform, NULL, arena);
	assert_int_equal(list.n, 1);
	assert_int_equal(activation_find(&list, &node.installed[3].nevra), ACTIVATION_ACTIVE);
	assert_int_equal(activation_find(&list, &node.installed[1].nevra), ACTIVATION_ABSENT);

	assert_int_equal(activation_of(&node, NULL, NULL, arena).n, 0);
	node.kernel = NULL;
	assert_int_equal(activation_of(&node, &platform, NULL, arena).n, 0);
}

/* kpatch takes a module out again when its transition does not end. */
static const struct {
	const char *what;
	struct livepatch_module first, second, third;
	const char *expected;
} courses[] = {
	{ "it comes through", { "a", NO, NO, NO }, { "a", 1, 1, 0 }, { "a", 1, 0, 0 }, "active" },
	{ "it is taken out", { "a", 1, 1, 0 }, { NULL }, { NULL }, "failed" },
	{ "it is reversed and taken out", { "a", 1, 1, 0 }, { "a", 0, 1, 0 }, { NULL }, "failed" },
	{ "another attempt", { "a", 1, 1, 0 }, { NULL }, { "a", 1, 1, 0 }, "transitioning" },
	{ "somebody unloads what was active", { "a", 1, 0, 0 }, { NULL }, { NULL }, "installed" },
	{ "somebody loads it", { NULL }, { "a", 1, 1, 0 }, { "a", 1, 0, 0 }, "active" },
};

static void what_was_on_its_way_has_failed(void **state)
{
	static const char *const modules[] = { "a", NULL };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(courses); i++) {
		const struct livepatch_module *steps[] = { &courses[i].first, &courses[i].second,
							   &courses[i].third };
		_cleanup_(arena_freep)
		struct arena *arena = arena_new();
		struct node node = make_node();
		struct activation_list list = { 0 };

		add_package(&node, NAME, "1.amzn2", "x86_64", modules, arena);
		for (size_t k = 0; k < ARRAY_SIZE(steps); k++) {
			node.n_modules = 0;
			if (steps[k]->name)
				load(&node, *steps[k], arena);
			list = activation_of(&node, &platform, &list, arena);
		}
		if (!streq(activation_name(list.items[0].state), courses[i].expected))
			fail_msg("%s: %s", courses[i].what, activation_name(list.items[0].state));
	}
}

static void a_root_without_sysfs_says_so(void **state)
{
	static const char *const modules[] = { "a", NULL };
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();
	struct node node = make_node();
	struct activation_list list;

	(void)state;
	node.livepatch_sysfs = false;
	add_package(&node, NAME, "1.amzn2", "x86_64", modules, arena);
	list = activation_of(&node, &platform, NULL, arena);
	assert_int_equal(list.items[0].state, ACTIVATION_INSTALLED);
	assert_non_null(strstr(activation_message(&list.items[0], &node, arena), "no /sys/kernel"));
}

/* ---- what a loader says ------------------------------------------------------------------------
 */

static const struct {
	const char *output, *part;
} outputs[] = {
	{ "insmod: ERROR: could not insert module x.ko: Required key not available\n",
	  "signature" },
	{ "insmod: ERROR: could not insert module x.ko: Key was rejected by service\n",
	  "signature" },
	{ "x: module verification failed: signature and/or required key missing - tainting "
	  "kernel\nkpatch: failed to load module x",
	  "signature" },
	{ "Lockdown: insmod: unsigned module loading is restricted; see man "
	  "kernel_lockdown.7\ninsmod: ERROR: could not insert module x.ko: Operation not permitted",
	  "locked down" },
	{ "insmod: ERROR: could not insert module x.ko: Operation not permitted", "as root" },
	{ "x: version magic '5.10.1 SMP' should be '5.10.2 SMP'", "another kernel" },
	{ "x: module verification failed: signature missing\ninsmod: ERROR: could not insert "
	  "module x.ko: Invalid module format",
	  "another kernel" },
	{ "/usr/sbin/insmod: Exec format error", "architecture" },
	{ "echo: write error: Device or resource busy", "busy" },
	{ "insmod: ERROR: could not insert module x.ko: File exists", "already" },
	{ "insmod: ERROR: could not insert module x.ko: Unknown symbol in module", "a symbol" },
	{ "insmod: ERROR: could not insert module x.ko: Invalid parameters", "kernel log" },
	{ "insmod: ERROR: could not insert module x.ko: Cannot allocate memory", "memory" },
	{ "/usr/sbin/kpatch cannot be started: No such file or directory", "reinstall" },
	{ "waiting (up to 15 seconds) for patch transition to complete...\n"
	  "patch transition has stalled!\nkpatch: error: failed to load module x (TRANSITION "
	  "STALLED)\n",
	  "did not leave the old code" },
	{ "/usr/sbin/kpatch was stopped after 120 s", "did not leave the old code" },
	{ "loading patch module: x.ko\nLIVEPATCH: TRANSITION FAILED", "did not leave" },
	{ "first\n  something else \n\n \n", "something else" },
	{ "a bell \a and \033[2J", "a bell ? and ?[2J" },
	{ "", "did not say why" },
	{ " \n", "did not say why" },
	{ NULL, "did not say why" },
};

static void explanations(void **state)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(outputs); i++) {
		const char *text = activation_explain(outputs[i].output, arena);

		if (!strstr(text, outputs[i].part) || strchr(text, '\n'))
			fail_msg("%s: %s", outputs[i].output ? outputs[i].output : "(null)", text);
	}
	assert_string_equal(activation_explain("first\n  last \n", arena), "last");
}

static void a_long_line_is_cut(void **state)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();
	char *text = arena_alloc(arena, 5001);

	(void)state;
	memset(text, 'x', 5000);
	assert_int_equal(strlen(activation_explain(text, arena)), 300);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(states_of_packages),
		cmocka_unit_test(only_the_running_kernels_livepatches_count),
		cmocka_unit_test(what_was_on_its_way_has_failed),
		cmocka_unit_test(a_root_without_sysfs_says_so),
		cmocka_unit_test(explanations),
		cmocka_unit_test(a_long_line_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
