// SPDX-License-Identifier: Apache-2.0
#include "core/platform.h"

#include "base/yaml.h"
#include "core/builtin.h"
#include "core/catalogue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static const struct platform *parse(const char *text, size_t len, const char *file,
				    struct arena *arena)
{
	const struct platform *platform = NULL;
	const struct doc *doc;
	struct err err = ERR_INIT;

	if (yaml_parse(text, len, file, arena, &doc, &err) < 0 ||
	    platform_from_doc(doc, arena, &platform, &err) < 0)
		fail_msg("%s", err.message);
	return platform;
}

static const struct platform *shipped(const char *name, struct arena *arena)
{
	const struct builtin_text *texts;
	size_t n;

	texts = builtin_platforms(&n);
	for (size_t i = 0; i < n; i++)
		if (streq(texts[i].name, name))
			return parse(texts[i].text, texts[i].len, name, arena);
	fail_msg("%s is not shipped", name);
	return NULL;
}

/* What no shipped profile has: a line of all kernels, no markers, a version that does not follow
 * the prefix, and a pattern that fits everything. */
static const char other[] = "name: other\n"
			    "match: {id: other}\n"
			    "livepatch:\n"
			    "  package: \"lp-for-{version}-{release}\"\n"
			    "  prefix: lp-\n"
			    "kernels: [{series: \"*\", packages: [linux]}]\n"
			    "repositories: {livepatch: [\"*live*\"], kernel: [\"*\"]}\n";

static const struct {
	const char *name, *text;
} inlined[] = { { "other", other } };

static const struct platform *profile(const char *name, struct arena *arena)
{
	for (size_t i = 0; i < ARRAY_SIZE(inlined); i++)
		if (streq(inlined[i].name, name))
			return parse(inlined[i].text, strlen(inlined[i].text), name, arena);
	return shipped(name, arena);
}

static struct kernel_release release_of(const char *text, struct arena *arena)
{
	struct kernel_release kernel = { 0 };

	if (kernel_release_parse(text, arena, &kernel) < 0)
		fail_msg("bad release in a test row: %s", text);
	return kernel;
}

static const struct {
	const char *platform, *kernel, *package;
} names[] = {
	{ "amzn2", "5.10.102-99.473.amzn2.x86_64", "kernel-livepatch-5.10.102-99.473" },
	{ "amzn2", "4.14.165-131.185.amzn2.x86_64", "kernel-livepatch-4.14.165-131.185" },
	{ "amzn2", "5.10.75-79.358.amzn2.aarch64", "kernel-livepatch-5.10.75-79.358" },
	{ "amzn2", "5.10.1-1.other.x86_64", "kernel-livepatch-5.10.1-1.other" },
	{ "amzn2", "6.1.1-1.amzn2023.x86_64", "kernel-livepatch-6.1.1-1.amzn2023" },
	{ "amzn2023", "6.1.175-219.359.amzn2023.x86_64", "kernel-livepatch-6.1.175-219.359" },
	{ "amzn2023", "6.18.51-120.163.amzn2023.aarch64", "kernel-livepatch-6.18.51-120.163" },
	{ "rhel", "4.18.0-147.0.2.el8.x86_64", "kpatch-patch-4_18_0-147_0_2" },
	{ "rhel", "4.18.0-147.0.2.el8_1.2.x86_64", "kpatch-patch-4_18_0-147_0_2" },
	{ "rhel", "4.18.0-147.x86_64", "kpatch-patch-4_18_0-147" },
	{ "sles", "5.14.21-150400.24.100-default",
	  "kernel-livepatch-5_14_21-150400_24_100-default" },
	{ "rhel", "4.18.0-553.el8_10.x86_64", "kpatch-patch-4_18_0-553" },
	{ "rhel", "5.14.0-427.40.1.el9_4.x86_64", "kpatch-patch-5_14_0-427_40_1" },
	{ "rhel", "6.12.0-211.16.1.el10_2.x86_64", "kpatch-patch-6_12_0-211_16_1" },
	{ "sles", "4.12.14-23-default", "kernel-livepatch-4_12_14-23-default" },
	{ "sles", "5.14.21-150400.15.79-rt", "kernel-livepatch-5_14_21-150400_15_79-rt" },
	{ "other", "6.1.0-1", "lp-for-6.1.0-1" },
};

static void a_kernel_names_its_livepatch_package(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_(arena_freep)
		struct arena *arena = arena_new();
		const struct platform *p = profile(names[i].platform, arena);
		struct kernel_release kernel = release_of(names[i].kernel, arena);
		const char *got = platform_livepatch_name(p, &kernel, arena);

		if (!streq(got, names[i].package) || !platform_is_livepatch(p, got))
			fail_msg("%s: %s gives %s", names[i].platform, names[i].kernel, got);
	}
}

static const struct {
	const char *what, *replace, *strip, *kernel, *package;
} rewrites[] = {
	{ "nothing to replace", "{}", "[]", "1.2-3.4.x86_64", "p-1.2-3.4" },
	{ "every occurrence", "{\".\": \"_\"}", "[]", "1.2.3-4.5.6.x86_64", "p-1_2_3-4_5_6" },
	{ "what was put in stays", "{\".\": \"_\", \"_\": \"-\"}", "[]", "1.2_3-4.x86_64",
	  "p-1_2-3-4" },
	{ "the first row that fits", "{\"1\": \"a\", \"10\": \"b\"}", "[]", "10-1.x86_64",
	  "p-a0-a" },
	{ "longer texts", "{\"10\": \"ten\"}", "[]", "5.10.10-1.x86_64", "p-5.ten.ten-1" },
	{ "by nothing", "{\".\": \"\"}", "[]", "5.10-1.2.x86_64", "p-510-12" },
	{ "a text that contains itself", "{\".\": \"..\"}", "[]", "5.10-1.x86_64", "p-5..10-1" },
	{ "the first pattern that fits counts", "{}", "[\".b\", \".a*\"]", "1-2.a.b.x86_64",
	  "p-1-2.a" },
	{ "cut at the first place that fits", "{}", "[\".el*\"]", "1-2.el8.el9.x86_64", "p-1-2" },
	{ "a pattern must reach the end", "{}", "[\".el8\"]", "1-2.el8_1.x86_64", "p-1-2.el8_1" },
	{ "a tail that is not there", "{}", "[\".amzn2\"]", "1-2.x86_64", "p-1-2" },
	{ "cut before it is replaced", "{\".\": \"_\"}", "[\".el8\"]", "1-2.3.el8.x86_64",
	  "p-1-2_3" },
};

static void releases_are_cut_and_rewritten(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rewrites); i++) {
		_cleanup_(arena_freep)
		struct arena *arena = arena_new();
		char *text = arena_printf(
			arena,
			"name: x\nmatch: {id: x}\nlivepatch: {package: \"p-{version}-{release}\", "
			"prefix: p-, service: s, replace: %s, release-strip: %s}\n"
			"kernels: []\nrepositories: {livepatch: [], kernel: []}\n",
			rewrites[i].replace, rewrites[i].strip);
		const struct platform *p = parse(text, strlen(text), "x", arena);
		struct kernel_release kernel = release_of(rewrites[i].kernel, arena);
		const char *got = platform_livepatch_name(p, &kernel, arena);

		if (!streq(got, rewrites[i].package))
			fail_msg("%s: %s", rewrites[i].what, got);
	}
}

static const struct {
	const char *platform, *id, *version;
	bool matches;
} systems[] = {
	{ "amzn2", "amzn", "2", true },	       { "amzn2", "amzn", "2023", false },
	{ "amzn2", "amzn", "2018.03", false }, { "amzn2", "amzn", NULL, false },
	{ "amzn2", "amazon", "2", false },     { "amzn2", "AMZN", "2", false },
	{ "amzn2023", "amzn", "2023", true },  { "amzn2023", "amzn", "2", false },
	{ "rhel", "rhel", "8", true },	       { "rhel", "rhel", "8.10", true },
	{ "rhel", "rhel", "80", false },       { "rhel", "centos", "8", true },
	{ "rhel", "rocky", "9.4", true },      { "rhel", "almalinux", "10.1", true },
	{ "rhel", "rhel", "7.9", false },      { "rhel", "fedora", "9", false },
	{ "rhel", "sles", "9", false },	       { "rhel", "rhel", NULL, false },
	{ "sles", "sles", "15", true },	       { "sles", "sles", "15.4", true },
	{ "sles", "sles", "12.5", false },     { "sles", "opensuse-leap", "15.5", false },
	{ "other", "other", NULL, true },
};

static void a_system_has_its_profile(void **state)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(systems); i++)
		if (platform_matches(profile(systems[i].platform, arena), systems[i].id,
				     systems[i].version) != systems[i].matches)
			fail_msg("%s: %s %s", systems[i].platform, systems[i].id,
				 systems[i].version ? systems[i].version : "(none)");
}

static const struct {
	const char *what, *platform, *kernel;
	const char *series; /* NULL: no line */
	bool livepatch, arch;
	const char *minimum, *ends;
} lines[] = {
	{ "AL2 4.14", "amzn2", "4.14.200-1.amzn2.x86_64", "4.14", true, true,
	  "4.14.165-131.185.amzn2", "2025-10-31" },
	{ "AL2 4.14 on ARM has no livepatches", "amzn2", "4.14.200-1.amzn2.aarch64", "4.14", true,
	  false, "4.14.165-131.185.amzn2", "2025-10-31" },
	{ "AL2 5.10", "amzn2", "5.10.102-99.473.amzn2.x86_64", "5.10", true, true,
	  "5.10.50-44.131.amzn2", "2026-06-30" },
	{ "AL2 5.10 on ARM begins later", "amzn2", "5.10.102-99.473.amzn2.aarch64", "5.10", true,
	  true, "5.10.75-79.358.amzn2", "2026-06-30" },
	{ "AL2 5.10 on something else takes the first row", "amzn2", "5.10.102-99.473.s390x",
	  "5.10", true, false, "5.10.50-44.131.amzn2", "2026-06-30" },
	{ "AL2 5.15 has none", "amzn2", "5.15.1-1.amzn2.x86_64", "5.15", false, true, NULL, "" },
	{ "AL2 5.4 has none", "amzn2", "5.4.1-1.amzn2.x86_64", "5.4", false, true, NULL, "" },
	{ "5.1 is not 5.10", "amzn2", "5.1.0-1.amzn2.x86_64", NULL, false, false, NULL, NULL },
	{ "5.100 is not 5.10", "amzn2", "5.100.0-1.amzn2.x86_64", NULL, false, false, NULL, NULL },
	{ "a line nobody named", "amzn2", "6.1.1-1.amzn2.x86_64", NULL, false, false, NULL, NULL },
	{ "AL2023 6.1", "amzn2023", "6.1.175-219.359.amzn2023.aarch64", "6.1", true, true, NULL,
	  "" },
	{ "6.12 is not 6.1", "amzn2023", "6.12.5-1.amzn2023.x86_64", "6.12", true, true, NULL, "" },
	{ "AL2023 6.18 on ARM", "amzn2023", "6.18.51-120.163.amzn2023.aarch64", "6.18", true, true,
	  NULL, "" },
	{ "RHEL 8", "rhel", "4.18.0-147.0.2.el8_1.x86_64", "4.18", true, true, NULL, "" },
	{ "RHEL 9", "rhel", "5.14.0-427.40.1.el9_4.aarch64", "5.14", true, true, NULL, "" },
	{ "RHEL 10 begins with 10.2", "rhel", "6.12.0-55.el10_0.x86_64", "6.12", true, true,
	  "6.12.0-211.16.1.el10_2", "" },
	{ "SLES 15 SP4", "sles", "5.14.21-150400.24.100-default", "5.14", true, true, NULL, "" },
	{ "any line", "other", "5.14.21-150400.24.100-default", "*", true, true, NULL, "" },
};

static void a_kernel_belongs_to_a_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		_cleanup_(arena_freep)
		struct arena *arena = arena_new();
		struct kernel_release kernel = release_of(lines[i].kernel, arena);
		const struct platform_kernel *line =
			platform_kernel_line(profile(lines[i].platform, arena), &kernel);
		char ends[TIMEX_TEXT_MAX];

		if (!line || !lines[i].series) {
			if (line || lines[i].series)
				fail_msg("%s: %s", lines[i].what, line ? line->series : "no line");
			continue;
		}
		if (!streq(line->series, lines[i].series) ||
		    line->livepatch != lines[i].livepatch ||
		    !streq_null(line->minimum, lines[i].minimum) ||
		    !streq(timex_format_date(line->ends, ends), lines[i].ends))
			fail_msg("%s: series %s, livepatch %d, minimum %s, ends %s", lines[i].what,
				 line->series, line->livepatch,
				 line->minimum ? line->minimum : "(none)", ends);
		if (kernel.arch && platform_line_has_arch(line, kernel.arch) != lines[i].arch)
			fail_msg("%s: the architecture %s", lines[i].what, kernel.arch);
	}
}

enum meaning {
	OTHER,
	LIVEPATCH,
	KERNEL,
	RUNTIME,
};

static const struct {
	const char *platform, *name;
	enum meaning meaning;
} packages[] = {
	{ "amzn2", "kernel-livepatch-5.10.102-99.473", LIVEPATCH },
	{ "amzn2", "kernel-livepatch-5.10.102-99.473-debuginfo", OTHER },
	{ "amzn2", "kernel-livepatch", OTHER },
	{ "amzn2", "yum-plugin-kernel-livepatch", OTHER },
	{ "amzn2", "kernel", KERNEL },
	{ "amzn2", "kernel-headers", OTHER },
	{ "amzn2", "Kernel", OTHER },
	{ "amzn2", "kernel6.12", OTHER },
	{ "amzn2", "kpatch-runtime", RUNTIME },
	{ "amzn2", "kpatch", OTHER },
	{ "amzn2023", "kernel6.12", KERNEL },
	{ "amzn2023", "kernel6.1", OTHER },
	{ "rhel", "kpatch-patch-4_18_0-147", LIVEPATCH },
	{ "rhel", "kernel-core", KERNEL },
	{ "rhel", "kpatch", RUNTIME },
	{ "rhel", "kpatch-dnf", OTHER },
	{ "rhel", "kernel-livepatch-1-1", OTHER },
	{ "rhel", "kpatch-patch-4_18_0-147-debugsource", OTHER },
	{ "amzn2023", "kernel-livepatch-repo-s3", OTHER },
	{ "sles", "kernel-livepatch-5_14_21-150400_24_100-default", LIVEPATCH },
	{ "sles", "kernel-livepatch-SLE15-SP4_Update_20-debugsource", OTHER },
	{ "sles", "kernel-livepatch-tools", RUNTIME },
	{ "sles", "kernel-livepatch-tools-devel", OTHER },
	{ "sles", "kernel-default", KERNEL },
	{ "sles", "kernel-default-base", OTHER },
	{ "other", "lp-for-6.1.0-1", LIVEPATCH },
};

static void a_package_name_has_a_meaning(void **state)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(packages); i++) {
		const struct platform *p = profile(packages[i].platform, arena);
		const char *name = packages[i].name;
		enum meaning meaning = packages[i].meaning;

		if (platform_is_livepatch(p, name) != (meaning == LIVEPATCH) ||
		    platform_is_kernel(p, name) != (meaning == KERNEL) ||
		    platform_is_runtime(p, name) != (meaning == RUNTIME) ||
		    platform_tracks(p, name) != (meaning != OTHER))
			fail_msg("%s: %s", packages[i].platform, name);
	}
}

static const struct {
	const char *what, *platform, *name, *version, *release;
	bool marker;
} markers[] = {
	{ "release 0 marks interest", "amzn2", "kernel-livepatch-5.10-1", "1.0", "0.amzn2", true },
	{ "release 1 is a patch", "amzn2", "kernel-livepatch-5.10-1", "1.0", "1.amzn2", false },
	{ "release 10 is a patch", "amzn2", "kernel-livepatch-5.10-1", "1.0", "10.amzn2", false },
	{ "release 0 of another distribution", "amzn2", "kernel-livepatch-5.10-1", "1.0",
	  "0.amzn2023", false },
	{ "release 0 of something else", "amzn2", "kernel", "1.0", "0.amzn2", false },
	{ "AL2023", "amzn2023", "kernel-livepatch-6.1-1", "1.0", "0.amzn2023", true },
	{ "a marker by version", "rhel", "kpatch-patch-4_18_0-147", "0", "0.el8", true },
	{ "a patch by version", "rhel", "kpatch-patch-4_18_0-147", "1", "0.el8", false },
	{ "the tenth patch", "rhel", "kpatch-patch-4_18_0-147", "10", "1.el8", false },
	{ "the build that comes with the kernel", "sles", "kernel-livepatch-5_14_21-1-default", "1",
	  "150400.9.3.3", true },
	{ "the first patch", "sles", "kernel-livepatch-5_14_21-1-default", "2", "150400.2.1",
	  false },
	{ "the eleventh build", "sles", "kernel-livepatch-5_14_21-1-default", "11", "150400.2.1",
	  false },
	{ "a profile without markers has none", "other", "lp-for-5-1", "0", "0", false },
};

static void markers_are_no_patches(void **state)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(markers); i++) {
		struct nevra nevra = { markers[i].name,
				       { 0, markers[i].version, markers[i].release },
				       "x86_64" };

		if (platform_is_marker(profile(markers[i].platform, arena), &nevra) !=
		    markers[i].marker)
			fail_msg("%s", markers[i].what);
	}
}

static const struct {
	const char *platform, *id;
	int role;
} repositories[] = {
	{ "amzn2", "amzn2extra-livepatch", REPO_ROLE_LIVEPATCH },
	{ "amzn2", "amzn2-core", REPO_ROLE_KERNEL },
	{ "amzn2", "amzn2extra-kernel-5.10", REPO_ROLE_KERNEL },
	{ "amzn2", "amzn2-core-debuginfo", -1 },
	{ "amzn2", "amzn2extra-docker", -1 },
	{ "amzn2", "", -1 },
	{ "amzn2023", "kernel-livepatch", REPO_ROLE_LIVEPATCH },
	{ "amzn2023", "amazonlinux", REPO_ROLE_KERNEL },
	{ "amzn2023", "amazonlinux-source", -1 },
	{ "rhel", "rhel-8-for-x86_64-baseos-rpms", REPO_ROLE_LIVEPATCH },
	{ "rhel", "rhel-9-baseos-rhui-rpms", REPO_ROLE_LIVEPATCH },
	{ "rhel", "baseos", REPO_ROLE_LIVEPATCH },
	{ "rhel", "rhel-8-for-x86_64-baseos-debug-rpms", -1 },
	{ "rhel", "rhel-8-for-x86_64-appstream-rpms", -1 },
	{ "sles", "SLE-Module-Live-Patching15-SP4-Updates", REPO_ROLE_LIVEPATCH },
	{ "sles", "Basesystem_Module_x86_64:SLE-Module-Basesystem15-SP4-Pool", REPO_ROLE_KERNEL },
	{ "sles", "SLE-Module-Live-Patching15-SP4-Debuginfo-Updates", -1 },
	{ "other", "livepatches", REPO_ROLE_LIVEPATCH }, /* before the kernel's * */
	{ "other", "anything", REPO_ROLE_KERNEL },
};

static void a_repository_has_a_role(void **state)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(repositories); i++)
		if (platform_repo_role(profile(repositories[i].platform, arena),
				       repositories[i].id) != repositories[i].role)
			fail_msg("%s: %s", repositories[i].platform, repositories[i].id);
}

static const struct {
	const char *platform, *id;
	enum repo_role role;
	bool livepatch, kernel;
} serving[] = {
	{ "amzn2", "amzn2extra-livepatch", REPO_ROLE_LIVEPATCH, true, false },
	{ "amzn2", "amzn2-core", REPO_ROLE_KERNEL, false, true },
	{ "rhel", "rhel-9-for-x86_64-baseos-rpms", REPO_ROLE_LIVEPATCH, true, true },
	{ "rhel", "rhel-*-baseos-rpms", REPO_ROLE_LIVEPATCH, true, true }, /* that is absent */
	{ "other", "anything", REPO_ROLE_KERNEL, false, true },
};

static void a_repository_of_both_lists_serves_both(void **state)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(serving); i++) {
		const struct platform *p = profile(serving[i].platform, arena);
		const struct repository r = { .id = serving[i].id, .role = serving[i].role };

		if (platform_repo_serves(p, &r, REPO_ROLE_LIVEPATCH) != serving[i].livepatch ||
		    platform_repo_serves(p, &r, REPO_ROLE_KERNEL) != serving[i].kernel)
			fail_msg("%s: %s", serving[i].platform, serving[i].id);
	}
}

static const struct {
	const char *platform, *kernel, *version, *release;
	bool same;
} running[] = {
	{ "amzn2", "5.10.1-2.3.amzn2.x86_64", "5.10.1", "2.3.amzn2", true },
	{ "amzn2", "5.10.1-2.3.amzn2.x86_64", "5.10.1", "2.3.amzn2.1", false },
	{ "amzn2", "5.10.1-2.3.amzn2.x86_64", "5.10.2", "2.3.amzn2", false },
	{ "sles", "5.14.21-150400.24.100-default", "5.14.21", "150400.24.100.2", true },
	{ "sles", "5.14.21-150400.24.100-default", "5.14.21", "150400.24.100.12", true },
	{ "sles", "5.14.21-150400.24.100-default", "5.14.21", "150400.24.100", false },
	{ "sles", "5.14.21-150400.24.100-default", "5.14.21", "150400.24.1001", false },
	{ "sles", "5.14.21-150400.24.100-default", "5.14.21", "150400.24.100.", false },
	{ "sles", "5.14.21-150400.24.100-default", "5.14.21", "150400.24.100.2.1", false },
	{ "sles", "5.14.21-150400.24.10-default", "5.14.21", "150400.24.100.2", false },
	{ "sles", "5.14.21-150400.24.100-default", "5.14.22", "150400.24.100.2", false },
};

static void a_package_is_the_running_kernel(void **state)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(running); i++) {
		struct kernel_release kernel = release_of(running[i].kernel, arena);
		const struct platform_kernel *line =
			platform_kernel_line(profile(running[i].platform, arena), &kernel);
		const struct evr evr = { 1, running[i].version, running[i].release };

		if (platform_line_is_build(line, &kernel, &evr) != running[i].same)
			fail_msg("%s and %s-%s", running[i].kernel, evr.version, evr.release);
	}
}

static void what_is_shipped_is_complete(void **state)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();
	const struct builtin_text *texts, *baselines;
	size_t n, n_baselines;

	(void)state;
	texts = builtin_platforms(&n);
	baselines = builtin_baselines(&n_baselines);
	assert_int_equal(n, 4);
	for (size_t i = 0; i < n; i++) {
		const struct platform *p = parse(texts[i].text, texts[i].len, "x", arena);
		bool found = false;

		assert_string_equal(p->name, texts[i].name);
		assert_true(p->n_runtime > 0 && p->n_kernels > 0);
		assert_true(p->marker_version || p->marker_release);
		assert_true(p->n_livepatch_repos > 0 && p->n_kernel_repos > 0);
		if (!p->aws_operating_system)
			continue;
		assert_int_equal(p->support_months, 3);
		assert_string_equal(p->service, "kpatch.service");
		for (size_t k = 0; k < n_baselines; k++)
			found = found || streq(baselines[k].name, p->default_baseline);
		assert_true(found);
	}
}

/* One line of a good profile is replaced by another, or by nothing. */
static const char *const good[] = {
	/* 1 */ "name: x",
	/* 2 */ "match: {id: x, version: \"1\"}",
	/* 3 */ "aws: {operating-system: X, products: [X], default-baseline: b}",
	/* 4 */ "releasever: x-release",
	/* 5 */ "livepatch:",
	/* 6 */ "  package: \"lp-{version}-{release}\"",
	/* 7 */ "  prefix: lp-",
	/* 8 */ "  service: s.service",
	/* 9 */ "  support-months: 3",
	/* 10 */ "  marker: {release: \"0\"}",
	/* 11 */ "kernels:",
	/* 12 */ "  - {series: \"5.10\", packages: [k]}",
	/* 13 */ "repositories: {livepatch: [a], kernel: [b]}",
};

static const struct {
	const char *what;
	size_t line; /* 0: none is replaced */
	const char *instead, *message;
} changed[] = {
	{ "the profile itself", 0, NULL, NULL },
	{ "without aws", 3, "", NULL },
	{ "without releasever", 4, "", NULL },
	{ "without markers", 10, "", NULL },
	{ "120 months", 9, "  support-months: 120", NULL },
	{ "no kernel lines", 12, "  []", NULL },
	{ "several systems", 2, "match: {id: [x, y], version: \"1\"}", NULL },
	{ "without a service", 8, "", NULL },
	{ "packages that have a number more", 12,
	  "  - {series: \"5\", packages: [k], rebuilds: true}", NULL },

	{ "no name", 1, "", "f:2: name is missing" },
	{ "an empty name", 1, "name: ''", "f:1: name: must not be empty" },
	{ "no match", 2, "", "f:1: match is missing" },
	{ "match without id", 2, "match: {version: \"2\"}", "f:2: match: id is missing" },
	{ "systems that are a map", 2, "match: {id: {x: y}}",
	  "f:2: id: a list is expected, not a map of keys and values" },
	{ "match with an unknown key", 2, "match: {id: x, like: y}",
	  "f:2: like: no such key here; known are id, version" },
	{ "match that is no map", 2, "match: x",
	  "f:2: match: a map of keys and values is expected, not a single value" },
	{ "aws without its name", 3, "aws: {products: [X]}",
	  "f:3: aws: operating-system is missing" },
	{ "aws without products", 3, "aws: {operating-system: X}",
	  "f:3: aws: products is missing" },
	{ "an unknown key", 4, "release: 1",
	  "f:4: release: no such key here; known are name, match, aws, releasever, livepatch, "
	  "kernels, repositories" },
	{ "a key twice", 4, "name: y", "f:4: name: the key stands twice" },
	{ "no package", 6, "  runtime: [x]", "f:6: livepatch: package is missing" },
	{ "a template with a misspelt field", 6, "  package: \"lp-{verison}\"",
	  "f:6: package: 'lp-{verison}' has a field other than {version}, {release} and "
	  "{flavour}" },
	{ "a template with an open brace", 6, "  package: \"lp-{version}-{\"",
	  "f:6: package: 'lp-{version}-{' has a field other than {version}, {release} and "
	  "{flavour}" },
	{ "no prefix", 7, "", "f:6: livepatch: prefix is missing" },
	{ "an empty prefix, which every name has", 7, "  prefix: ''",
	  "f:7: prefix: must not be empty" },
	{ "a prefix that the package has not", 7, "  prefix: lp_",
	  "f:7: prefix: 'lp-{version}-{release}' does not begin with 'lp_'" },
	{ "a prefix that reaches into a field", 7, "  prefix: \"lp-{v\"",
	  "f:7: prefix: 'lp-{version}-{release}' does not begin with 'lp-{v'" },
	{ "an empty service", 8, "  service: ''", "f:8: service: must not be empty" },
	{ "months below zero", 9, "  support-months: -1",
	  "f:9: support-months: -1 is not between 0 and 120" },
	{ "too many months", 9, "  support-months: 121",
	  "f:9: support-months: 121 is not between 0 and 120" },
	{ "half a month", 9, "  support-months: 2.5",
	  "f:9: support-months: '2.5' is not a whole number" },
	{ "a marker that is no map", 10, "  marker: \"0\"",
	  "f:10: marker: a map of keys and values is expected, not a single value" },
	{ "a marker by epoch", 10, "  marker: {epoch: 0}",
	  "f:10: epoch: no such key here; known are version, release" },
	{ "replacing nothing", 10, "  replace: {'': x}",
	  "f:10: : an empty text cannot be replaced" },
	{ "replacing by a list", 10, "  replace: {a: [b]}",
	  "f:10: a: a single value is expected, not a list" },
	{ "replacing by too much", 10, "  replace: {a: bbbbbbbbbbbbbbbbb}",
	  "f:10: a: longer than 16 characters" },
	{ "replacements that are no map", 10, "  replace: [a]",
	  "f:10: replace: a map of keys and values is expected, not a list" },
	{ "kernels that are no list", 12, "  series: x",
	  "f:12: kernels: a list is expected, not a map of keys and values" },
	{ "a kernel line that is no map", 12, "  - 5.10",
	  "f:12: kernels: a map of keys and values is expected, not a single value" },
	{ "a kernel line without series", 12, "  - {packages: [k]}",
	  "f:12: kernels: series is missing" },
	{ "a kernel line without packages", 12, "  - {series: \"5\"}",
	  "f:12: kernels: packages is missing" },
	{ "a minimum that is no kernel", 12, "  - {series: \"5\", packages: [k], minimum: 5.10}",
	  "f:12: minimum: '5.10' is not VERSION-RELEASE of a kernel" },
	{ "an end that is no day", 12, "  - {series: \"5\", packages: [k], ends: 2026-06-31}",
	  "f:12: ends: '2026-06-31' is not a day such as 2026-06-30" },
	{ "livepatch that is neither true nor false", 12,
	  "  - {series: \"5\", packages: [k], livepatch: maybe}",
	  "f:12: livepatch: 'maybe' is not one of false, no, off, true, yes, on" },
	{ "a misspelt key of a kernel line", 12,
	  "  - {series: \"5\", packages: [k], rebuild: true}",
	  "f:12: rebuild: no such key here; known are series, packages, arch, livepatch, minimum, "
	  "ends, rebuilds" },
	{ "rebuilds that are neither true nor false", 12,
	  "  - {series: \"5\", packages: [k], rebuilds: 1}",
	  "f:12: rebuilds: '1' is not one of false, no, off, true, yes, on" },
	{ "architectures that are a map", 12, "  - {series: \"5\", packages: [k], arch: {a: b}}",
	  "f:12: arch: a list is expected, not a map of keys and values" },
	{ "no repositories", 13, "", "f:1: repositories is missing" },
	{ "no kernel repositories", 13, "repositories: {livepatch: [a]}",
	  "f:13: repositories: kernel is missing" },
	{ "a repository that is a list", 13, "repositories: {livepatch: [[a]], kernel: [b]}",
	  "f:13: livepatch: a single value is expected, not a list" },
};

static void a_profile_is_read_strictly(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(changed); i++) {
		_cleanup_(arena_freep)
		struct arena *arena = arena_new();
		const struct platform *platform = NULL;
		char *text = arena_strdup(arena, "");
		const struct doc *doc;
		struct err err = ERR_INIT;

		for (size_t k = 0; k < ARRAY_SIZE(good); k++)
			text = arena_printf(arena, "%s%s\n", text,
					    k + 1 == changed[i].line ? changed[i].instead
								     : good[k]);
		if (yaml_parse(text, strlen(text), "f", arena, &doc, &err) == 0 &&
		    platform_from_doc(doc, arena, &platform, &err) == 0)
			assert_non_null(platform);
		if (!streq_null(err.message, changed[i].message))
			fail_msg("%s: %s", changed[i].what, err.message);
		err_clear(&err);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_kernel_names_its_livepatch_package),
		cmocka_unit_test(releases_are_cut_and_rewritten),
		cmocka_unit_test(a_system_has_its_profile),
		cmocka_unit_test(a_kernel_belongs_to_a_line),
		cmocka_unit_test(a_package_name_has_a_meaning),
		cmocka_unit_test(markers_are_no_patches),
		cmocka_unit_test(a_repository_has_a_role),
		cmocka_unit_test(a_repository_of_both_lists_serves_both),
		cmocka_unit_test(a_package_is_the_running_kernel),
		cmocka_unit_test(what_is_shipped_is_complete),
		cmocka_unit_test(a_profile_is_read_strictly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
