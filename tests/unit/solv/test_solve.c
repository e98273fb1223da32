// SPDX-License-Identifier: Apache-2.0
#include "solv/solve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include <rpm/header.h>
#include <rpm/rpmds.h>

#define LP  "kernel-livepatch-5.10.1-1.1"
#define SUM "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

#define HEAD                                                                                       \
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<metadata "                                   \
	"xmlns=\"http://linux.duke.edu/metadata/common\" "                                         \
	"xmlns:rpm=\"http://linux.duke.edu/metadata/rpm\" packages=\"1\">"
/* One of Amazon's, whose sizes and checksum are always the same. */
#define PACKAGE_ARCH(name, ver, rel, arch, format)                                                 \
	"<package type=\"rpm\"><name>" name "</name><arch>" arch                                   \
	"</arch><version epoch=\"0\" ver=\"" ver "\" rel=\"" rel                                   \
	"\"/><checksum type=\"sha256\" pkgid=\"YES\">" SUM                                         \
	"</checksum><time file=\"5\" build=\"1700000000\"/>"                                       \
	"<size package=\"1234\" installed=\"56789\" archive=\"60000\"/>"                           \
	"<location href=\"Packages/" name "-" ver "-" rel "." arch ".rpm\"/>"                      \
	"<format><rpm:vendor>Amazon Linux</rpm:vendor>" format "</format></package>"
#define PACKAGE(name, ver, rel, format) PACKAGE_ARCH(name, ver, rel, "x86_64", format)
#define DEPS(kind, name)		"<rpm:" kind "><rpm:entry name=\"" name "\"/></rpm:" kind ">"
#define NEEDS_KPATCH			DEPS("requires", "kpatch")
#define RUNTIME(ver, rel, format)                                                                  \
	PACKAGE_ARCH("kpatch-runtime", ver, rel, "noarch", DEPS("provides", "kpatch") format)

/* ---- a node, its repositories and its goals -------------------------------------------------- */

static const char *const runtimes[] = { "kpatch-runtime" };
static const char *const kernel_names[] = { "kernel" };
static struct platform_kernel lines[] = {
	{ .series = "*", .packages = kernel_names, .n_packages = 1, .livepatch = true }
};
static const struct platform platform = { .livepatch_prefix = "kernel-livepatch-",
					  .runtime = runtimes,
					  .n_runtime = 1,
					  .kernels = lines,
					  .n_kernels = 1 };

struct machine {
	struct solve *solve;
	struct plan *plan;
};

static struct machine machine_new(void)
{
	struct arena *arena = arena_new();
	struct machine m = { solve_new("x86_64"), arena_alloc(arena, sizeof(struct plan)) };

	m.plan->arena = arena;
	return m;
}

static void machine_done(struct machine *m)
{
	solve_free(m->solve);
	arena_free(m->plan->arena); /* the plan lies in it */
}

static void put_dep(Header h, rpmTag names, rpmTag versions, rpmTag flags, const char *name,
		    const char *version)
{
	uint32_t sense = version[0] ? RPMSENSE_EQUAL : RPMSENSE_ANY;

	headerPutString(h, names, name);
	headerPutString(h, versions, version);
	headerPutUint32(h, flags, &sense, 1);
}

/* What else an installed package may say of itself. */
struct installing {
	const char *arch, *vendor, *requires, *version_required, *conflicts;
	bool shell; /* has /bin/sh */
};

static void install_as(struct machine *m, const char *name, const char *version,
		       const char *release, const struct installing *how)
{
	Header h = headerNew();
	uint32_t folder = 0;
	char *evr = xasprintf("%s-%s", version, release);

	headerPutString(h, RPMTAG_NAME, name);
	headerPutString(h, RPMTAG_VERSION, version);
	headerPutString(h, RPMTAG_RELEASE, release);
	headerPutString(h, RPMTAG_ARCH, how->arch ? how->arch : "x86_64");
	headerPutString(h, RPMTAG_VENDOR, how->vendor ? how->vendor : "Amazon Linux");
	headerPutString(h, RPMTAG_SOURCERPM, "x.src.rpm");
	put_dep(h, RPMTAG_PROVIDENAME, RPMTAG_PROVIDEVERSION, RPMTAG_PROVIDEFLAGS, name, evr);
	if (how->requires)
		put_dep(h, RPMTAG_REQUIRENAME, RPMTAG_REQUIREVERSION, RPMTAG_REQUIREFLAGS,
			how->requires, how->version_required ? how->version_required : "");
	if (how->conflicts)
		put_dep(h, RPMTAG_CONFLICTNAME, RPMTAG_CONFLICTVERSION, RPMTAG_CONFLICTFLAGS,
			how->conflicts, "");
	if (how->shell) {
		headerPutString(h, RPMTAG_DIRNAMES, "/bin/");
		headerPutString(h, RPMTAG_BASENAMES, "sh");
		headerPutUint32(h, RPMTAG_DIRINDEXES, &folder, 1);
	}
	solve_add_installed(m->solve, h);
	headerFree(h);
	free(evr);
}

static void install(struct machine *m, const char *name, const char *version, const char *release)
{
	install_as(m, name, version, release, &(struct installing){ 0 });
}

static bool may_install(void *userdata _unused_, const char *name)
{
	return starts_with(name, "k");
}

static int read_repository(struct machine *m, const char *id, const char *packages,
			   const char *exclude, struct err *err)
{
	static const struct wanted wanted = { may_install, NULL };
	_cleanup_(stream_closep)
	struct stream *s = NULL;
	FILE *file = tmpfile();

	assert_non_null(file);
	fputs(packages, file);
	fflush(file);
	assert_int_equal(stream_open(fileno(file), "primary.xml", 1 << 20, -1, &s, NULL), 0);
	fclose(file);
	return solve_add_repository(m->solve, id, &wanted, &exclude, exclude ? 1 : 0, s, err);
}

#define OFFER_BUT(m, id, exclude, packages)                                                        \
	assert_int_equal(read_repository((m), (id), HEAD packages "</metadata>", (exclude), NULL), \
			 0)
#define OFFER(m, id, packages) OFFER_BUT(m, id, NULL, packages)

static void want(struct machine *m, enum plan_kind kind, const char *name, const char *version,
		 const char *release)
{
	*ARENA_PUSH(m->plan->arena, m->plan->goals, m->plan->n_goals) = (struct plan_goal){
		.nevra = { .name = name, .arch = "x86_64", .evr = { 0, version, release } },
		.kind = kind,
		.why = "a test",
	};
}

static void run(struct machine *m)
{
	assert_int_equal(solve_run(m->solve, m->plan, &platform, NULL), 0);
}

/* Runs, and expects these steps, "ACTION TITLE, ...", and no refusal. */
static void expect_steps(struct machine *m, const char *expected)
{
	const struct plan *plan = m->plan;
	char *text = arena_strdup(plan->arena, "");

	run(m);
	if (plan->n_refusals)
		fail_msg("refused: %s", plan->refusals[0].message);
	for (size_t i = 0; i < plan->n_steps; i++)
		text = arena_printf(plan->arena, "%s%s%s %s", text, i ? ", " : "",
				    plan_action_name(plan->steps[i].action),
				    nevra_text(plan->arena, &plan->steps[i].nevra));
	assert_string_equal(text, expected);
}

/* Runs, and expects one refusal and no step. */
static void expect_refusal(struct machine *m, const char *code, const char *message)
{
	run(m);
	assert_int_equal(m->plan->n_steps, 0);
	assert_int_equal(m->plan->n_refusals, 1);
	assert_string_equal(m->plan->refusals[0].message, message);
	assert_string_equal(m->plan->refusals[0].code, code);
}

/* ---- goals that can be reached --------------------------------------------------------------- */

static void test_new_livepatch(void **state _unused_)
{
	struct machine m = machine_new();
	const struct plan_step *step;

	install_as(&m, "bash", "4.2", "1", &(struct installing){ .shell = true });
	install(&m, "kpatch", "1", "1");
	install(&m, "gpg-pubkey", "1", "1");
	OFFER(&m, "livepatch",
	      PACKAGE(LP, "1.0", "1", "")
		      PACKAGE(LP, "1.0", "2",
			      "<rpm:requires><rpm:entry name=\"kpatch\"/><rpm:entry "
			      "name=\"/bin/sh\"/><rpm:entry name=\"rpmlib(X)\" "
			      "flags=\"LE\" epoch=\"0\" ver=\"1\"/></rpm:requires>"));
	want(&m, PLAN_LIVEPATCH, LP, "1.0", "2");
	expect_steps(&m, "install " LP "-1.0-2.x86_64");
	step = m.plan->steps;
	assert_int_equal(step->kind, PLAN_LIVEPATCH);
	assert_null(step->replaces);
	assert_string_equal(step->repository, "livepatch");
	assert_string_equal(step->location, "Packages/" LP "-1.0-2.x86_64.rpm");
	assert_string_equal(step->checksum_type, "sha256");
	assert_string_equal(step->checksum, SUM);
	assert_int_equal(step->size, 1234);
	assert_int_equal(step->installed_size, 56789);
	assert_false(step->provides_kernel);
	assert_false(step->writes_boot);
	machine_done(&m);
}

static void test_exact_upgrade(void **state _unused_)
{
	struct machine m = machine_new();

	install(&m, LP, "1.0", "1");
	OFFER(&m, "livepatch",
	      PACKAGE(LP, "1.0", "4", "") PACKAGE(LP, "1.0", "3", "") PACKAGE(LP, "1.0", "1", ""));
	want(&m, PLAN_LIVEPATCH, LP, "1.0", "3");
	expect_steps(&m, "upgrade " LP "-1.0-3.x86_64");
	assert_string_equal(nevra_text(m.plan->arena, m.plan->steps->replaces), LP "-1.0-1.x86_64");
	machine_done(&m);
}

static void test_runtime_is_pulled_in(void **state _unused_)
{
	struct machine m = machine_new();

	OFFER(&m, "livepatch", PACKAGE(LP, "1.0", "1", NEEDS_KPATCH));
	OFFER(&m, "core", RUNTIME("0.9", "1", "") RUNTIME("0.9", "2", ""));
	want(&m, PLAN_LIVEPATCH, LP, "1.0", "1");
	expect_steps(&m, "install kpatch-runtime-0.9-2.noarch, install " LP "-1.0-1.x86_64");
	assert_int_equal(m.plan->steps[0].kind, PLAN_RUNTIME);
	assert_string_equal(m.plan->steps[0].repository, "core");
	assert_string_equal(m.plan->steps[1].repository, "livepatch");
	machine_done(&m);
}

/* What a dependency asks for may be there in an older build. */
static void test_runtime_is_upgraded(void **state _unused_)
{
	struct machine m = machine_new();

	install_as(&m, "kpatch-runtime", "0.8", "1", &(struct installing){ .arch = "noarch" });
	OFFER(&m, "livepatch",
	      PACKAGE(LP, "1.0", "1",
		      "<rpm:requires><rpm:entry name=\"kpatch-runtime\" flags=\"GE\" "
		      "epoch=\"0\" ver=\"0.9\"/></rpm:requires>"));
	OFFER(&m, "core", RUNTIME("0.9", "1", ""));
	want(&m, PLAN_LIVEPATCH, LP, "1.0", "1");
	expect_steps(&m, "upgrade kpatch-runtime-0.9-1.noarch, install " LP "-1.0-1.x86_64");
	machine_done(&m);
}

static void test_any_version(void **state _unused_)
{
	static const struct {
		const char *name, *installed, *steps;
	} rows[] = {
		{ "nothing installed", NULL, "install kpatch-runtime-0.9-10.noarch" },
		{ "an older one", "9", "upgrade kpatch-runtime-0.9-10.noarch" },
		{ "the same", "10", "" },
		{ "a newer one", "11", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct machine m = machine_new();

		print_message("# %s\n", rows[i].name);
		if (rows[i].installed)
			install_as(&m, "kpatch-runtime", "0.9", rows[i].installed,
				   &(struct installing){ .arch = "noarch" });
		OFFER(&m, "core",
		      RUNTIME("0.9", "9", "") RUNTIME("0.9", "10", "")
			      PACKAGE_ARCH("kpatch-runtime", "0.9", "12", "aarch64", ""));
		want(&m, PLAN_RUNTIME, "kpatch-runtime", NULL, NULL);
		expect_steps(&m, rows[i].steps);
		machine_done(&m);
	}
}

static void test_installed_already(void **state _unused_)
{
	struct machine m = machine_new();

	install(&m, LP, "1.0", "1");
	install_as(&m, "kpatch-runtime", "0.9", "1", &(struct installing){ .arch = "noarch" });
	OFFER(&m, "livepatch", PACKAGE(LP, "1.0", "1", "") PACKAGE(LP, "1.0", "2", ""));
	want(&m, PLAN_LIVEPATCH, LP, "1.0", "1");
	want(&m, PLAN_RUNTIME, "kpatch-runtime", NULL, NULL);
	expect_steps(&m, "");
	machine_done(&m);
}

static void test_kernel_beside_kernel(void **state _unused_)
{
	struct machine m = machine_new();

	install(&m, "kernel", "5.10.1", "1");
	OFFER(&m, "core",
	      PACKAGE("kernel", "5.10.2", "1",
		      DEPS("provides", "kernel-uname-r") "<file>/boot/vmlinuz</file>"
							 "<file>/etc/x</file>"));
	want(&m, PLAN_KERNEL, "kernel", "5.10.2", "1");
	expect_steps(&m, "install kernel-5.10.2-1.x86_64");
	assert_int_equal(m.plan->steps->kind, PLAN_KERNEL);
	assert_null(m.plan->steps->replaces);
	assert_true(m.plan->steps->provides_kernel);
	assert_true(m.plan->steps->writes_boot);
	machine_done(&m);
}

static void test_weak_dependencies(void **state _unused_)
{
	struct machine m = machine_new();

	OFFER(&m, "livepatch",
	      PACKAGE(LP, "1.0", "1", DEPS("recommends", "kother") DEPS("suggests", "kother"))
		      PACKAGE("kother", "1", "1", DEPS("supplements", LP)));
	want(&m, PLAN_LIVEPATCH, LP, "1.0", "1");
	expect_steps(&m, "install " LP "-1.0-1.x86_64");
	machine_done(&m);
}

/* A build that two repositories offer is taken from the first. */
static void test_two_repositories(void **state _unused_)
{
	struct machine m = machine_new();

	OFFER_BUT(&m, "hidden", "kernel*", PACKAGE(LP, "1.0", "1", ""));
	OFFER(&m, "first", PACKAGE(LP, "1.0", "1", ""));
	OFFER(&m, "second", PACKAGE(LP, "1.0", "1", ""));
	want(&m, PLAN_LIVEPATCH, LP, "1.0", "1");
	expect_steps(&m, "install " LP "-1.0-1.x86_64");
	assert_string_equal(m.plan->steps->repository, "first");
	machine_done(&m);
}

/* What primary.xml may say of a package file, or not say. */
static void test_file(void **state _unused_)
{
	static const struct {
		const char *name, *text, *location, *type;
		int64_t size;
	} rows[] = {
		{ "Amazon's blobstore",
		  "<checksum type=\"sha512\" pkgid=\"YES\">" SUM SUM "</checksum>"
		  "<size package=\"5000000000\"/><location href=\"../../blobstore/ab/k.rpm\"/>",
		  "../../blobstore/ab/k.rpm", "sha512", 5000000000 },
		{ "the architecture as folder",
		  "<checksum type=\"sha\" pkgid=\"YES\">0011223344556677889900112233445566778899"
		  "</checksum><location href=\"x86_64/k-1-1.x86_64.rpm\"/>",
		  "x86_64/k-1-1.x86_64.rpm", "sha1", -1 },
		{ "no folder", "<location href=\"k-1-1.x86_64.rpm\"/><size package=\"0\"/>",
		  "k-1-1.x86_64.rpm", NULL, 0 },
		{ "another place", "<location xml:base=\"http://example.com/b\" href=\"a/k.rpm\"/>",
		  "http://example.com/b/a/k.rpm", NULL, -1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct machine m = machine_new();
		_cleanup_free_ char *text = xasprintf(
			HEAD "<package type=\"rpm\"><name>k</name><arch>x86_64</arch><version "
			     "epoch=\"0\" ver=\"1\" rel=\"1\"/>%s</package></metadata>",
			rows[i].text);
		const struct plan_step *step;

		print_message("# %s\n", rows[i].name);
		assert_int_equal(read_repository(&m, "r", text, NULL, NULL), 0);
		want(&m, PLAN_DEPENDENCY, "k", "1", "1");
		expect_steps(&m, "install k-1-1.x86_64");
		step = m.plan->steps;
		assert_int_equal(step->kind, PLAN_DEPENDENCY);
		assert_string_equal(step->location, rows[i].location);
		assert_true(streq_null(step->checksum_type, rows[i].type));
		assert_int_equal(!step->checksum, !rows[i].type);
		assert_true(step->size == rows[i].size);
		assert_true(step->installed_size == -1);
		machine_done(&m);
	}
}

/* ---- goals that cannot ----------------------------------------------------------------------- */

#define NOT_THERE                                                                                  \
	"; it is not installed, and no repository that can be used offers it among what klpd may " \
	"install; install it with the system's package manager"

static void test_runtime_is_missing(void **state _unused_)
{
	struct machine m = machine_new();

	OFFER(&m, "livepatch", PACKAGE(LP, "1.0", "1", NEEDS_KPATCH));
	/* offered, but under a name that klpd does not install */
	OFFER(&m, "core", PACKAGE("xpatch", "1", "1", DEPS("provides", "kpatch")));
	want(&m, PLAN_LIVEPATCH, LP, "1.0", "1");
	expect_refusal(&m, "dependency", LP "-1.0-1.x86_64 needs kpatch" NOT_THERE);
	assert_string_equal(m.plan->refusals->package, LP ".x86_64:0:1.0-1");
	machine_done(&m);
}

static void test_missing_behind_runtime(void **state _unused_)
{
	struct machine m = machine_new();

	OFFER(&m, "livepatch", PACKAGE(LP, "1.0", "1", NEEDS_KPATCH));
	OFFER(&m, "core", RUNTIME("0.9", "1", DEPS("requires", "/usr/bin/gcc")));
	want(&m, PLAN_LIVEPATCH, LP, "1.0", "1");
	want(&m, PLAN_RUNTIME, "kpatch-runtime", NULL, NULL);
	expect_refusal(&m, "dependency",
		       "kpatch-runtime-0.9-1.noarch needs /usr/bin/gcc" NOT_THERE);
	machine_done(&m);
}

static void test_not_offered(void **state _unused_)
{
	struct machine m = machine_new();

	install(&m, LP, "1.0", "1");
	OFFER(&m, "livepatch", PACKAGE(LP, "1.0", "2", ""));
	want(&m, PLAN_LIVEPATCH, LP, "1.0", "3");
	expect_refusal(&m, "not-offered",
		       LP "-1.0-3.x86_64 is offered by no repository that can be used");
	assert_string_equal(m.plan->refusals->package, LP ".x86_64:0:1.0-3");
	machine_done(&m);
}

static void test_any_not_offered(void **state _unused_)
{
	struct machine m = machine_new();

	OFFER(&m, "core", PACKAGE_ARCH("kpatch-runtime", "0.9", "1", "aarch64", ""));
	want(&m, PLAN_RUNTIME, "kpatch-runtime", NULL, NULL);
	expect_refusal(&m, "not-offered",
		       "kpatch-runtime is offered by no repository that can be used");
	assert_string_equal(m.plan->refusals->package, "");
	machine_done(&m);
}

static void test_excluded(void **state _unused_)
{
	static const char *const excludes[] = { "kernel*", LP, LP "-1.0-1", "*-1.0-1.x86_64" };

	for (size_t i = 0; i < ARRAY_SIZE(excludes); i++) {
		struct machine m = machine_new();

		OFFER_BUT(&m, "livepatch", excludes[i], PACKAGE(LP, "1.0", "1", ""));
		want(&m, PLAN_LIVEPATCH, LP, "1.0", "1");
		expect_refusal(&m, "not-offered",
			       LP "-1.0-1.x86_64 is hidden by an exclude of repository livepatch");
		machine_done(&m);
	}
}

static void test_excluded_runtime(void **state _unused_)
{
	struct machine m = machine_new();

	OFFER(&m, "livepatch", PACKAGE(LP, "1.0", "1", NEEDS_KPATCH));
	OFFER_BUT(&m, "core", "kpatch*", RUNTIME("0.9", "1", ""));
	want(&m, PLAN_LIVEPATCH, LP, "1.0", "1");
	expect_refusal(&m, "dependency",
		       LP "-1.0-1.x86_64 needs kpatch; kpatch-runtime-0.9-1.noarch of repository "
			  "core offers it, but an exclude hides that package");
	machine_done(&m);
}

/* Whoever of the two says so. */
static void test_conflict(void **state _unused_)
{
	struct machine m = machine_new();

	install(&m, "tuned", "2.8", "1");
	OFFER(&m, "livepatch", PACKAGE(LP, "1.0", "1", DEPS("conflicts", "tuned")));
	want(&m, PLAN_LIVEPATCH, LP, "1.0", "1");
	expect_refusal(&m, "dependency",
		       LP "-1.0-1.x86_64 conflicts with tuned, and that is the installed "
			  "tuned-2.8-1.x86_64");
	machine_done(&m);

	m = machine_new();
	install_as(&m, "tuned", "2.8", "1", &(struct installing){ .conflicts = LP });
	OFFER(&m, "livepatch", PACKAGE(LP, "1.0", "1", ""));
	want(&m, PLAN_LIVEPATCH, LP, "1.0", "1");
	expect_refusal(&m, "dependency",
		       "the installed tuned-2.8-1.x86_64 conflicts with " LP ", and that is " LP
		       "-1.0-1.x86_64");
	assert_string_equal(m.plan->refusals->package, LP ".x86_64:0:1.0-1");
	machine_done(&m);
}

static void test_obsoletes(void **state _unused_)
{
	struct machine m = machine_new();

	install(&m, "tuned", "2.8", "1");
	OFFER(&m, "livepatch", PACKAGE(LP, "1.0", "1", DEPS("obsoletes", "tuned")));
	want(&m, PLAN_LIVEPATCH, LP, "1.0", "1");
	expect_refusal(&m, "dependency",
		       LP "-1.0-1.x86_64 takes the place of the installed tuned-2.8-1.x86_64; klpd "
			  "removes nothing");
	machine_done(&m);
}

/* An upgrade that would leave another package without what it needs. */
static void test_needed_as_it_is(void **state _unused_)
{
	struct machine m = machine_new();

	install(&m, LP, "1.0", "1");
	install_as(&m, "pinned", "1", "1",
		   &(struct installing){ .requires = LP, .version_required = "1.0-1" });
	OFFER(&m, "livepatch", PACKAGE(LP, "1.0", "2", ""));
	want(&m, PLAN_LIVEPATCH, LP, "1.0", "2");
	expect_refusal(&m, "dependency",
		       "the installed pinned-1-1.x86_64 needs " LP " = 1.0-1, and nothing that "
		       "offers it can be there together with what shall be installed");
	machine_done(&m);
}

static void test_vendor_change(void **state _unused_)
{
	struct machine m = machine_new();

	install_as(&m, LP, "1.0", "1", &(struct installing){ .vendor = "Somebody else" });
	OFFER(&m, "livepatch", PACKAGE(LP, "1.0", "2", ""));
	want(&m, PLAN_LIVEPATCH, LP, "1.0", "2");
	expect_refusal(&m, "dependency",
		       LP "-1.0-2.x86_64 cannot replace the installed " LP
			  "-1.0-1.x86_64, which is from another vendor");
	machine_done(&m);
}

static void test_downgrade(void **state _unused_)
{
	struct machine m = machine_new();

	install(&m, LP, "1.0", "2");
	OFFER(&m, "livepatch", PACKAGE(LP, "1.0", "1", ""));
	want(&m, PLAN_LIVEPATCH, LP, "1.0", "1");
	expect_refusal(&m, "downgrade",
		       LP "-1.0-1.x86_64 is older than the installed " LP
			  "-1.0-2.x86_64; klpd never goes back");
	machine_done(&m);
}

/* Nor does a dependency take an installed package back. */
static void test_downgrade_by_dependency(void **state _unused_)
{
	struct machine m = machine_new();

	install_as(&m, "kpatch-runtime", "0.9", "2", &(struct installing){ .arch = "noarch" });
	OFFER(&m, "livepatch",
	      PACKAGE(LP, "1.0", "1",
		      "<rpm:requires><rpm:entry name=\"kpatch-runtime\" flags=\"EQ\" "
		      "epoch=\"0\" ver=\"0.9\" rel=\"1\"/></rpm:requires>"));
	OFFER(&m, "core", RUNTIME("0.9", "1", ""));
	want(&m, PLAN_LIVEPATCH, LP, "1.0", "1");
	expect_refusal(&m, "dependency",
		       "kpatch-runtime-0.9-1.noarch cannot replace the installed "
		       "kpatch-runtime-0.9-2.noarch, which is newer");
	machine_done(&m);
}

static void test_other_architecture(void **state _unused_)
{
	struct machine m = machine_new();

	OFFER(&m, "livepatch", PACKAGE_ARCH(LP, "1.0", "1", "aarch64", ""));
	want(&m, PLAN_LIVEPATCH, LP, "1.0", "1");
	m.plan->goals->nevra.arch = "aarch64";
	expect_refusal(&m, "dependency",
		       LP "-1.0-1.aarch64 is for another architecture than this machine's");
	machine_done(&m);
}

static void test_all_refusals(void **state _unused_)
{
	struct machine m = machine_new();

	OFFER(&m, "livepatch", PACKAGE(LP, "1.0", "1", NEEDS_KPATCH));
	OFFER(&m, "core", PACKAGE("kernel", "5.10.2", "1", DEPS("requires", "linux-firmware")));
	want(&m, PLAN_LIVEPATCH, LP, "1.0", "1");
	want(&m, PLAN_KERNEL, "kernel", "5.10.2", "1");
	run(&m);
	assert_int_equal(m.plan->n_steps, 0);
	assert_int_equal(m.plan->n_refusals, 2);
	machine_done(&m);
}

/* ---- lists ----------------------------------------------------------------------------------- */

static void test_broken_list(void **state _unused_)
{
	struct machine m = machine_new();
	struct err err = ERR_INIT;

	assert_int_equal(read_repository(&m, "r", "<html/>", NULL, &err), -1);
	assert_int_equal(err.status, EXIT_STATUS_DATA);
	assert_non_null(strstr(err.message, "primary.xml: not a list of packages"));
	err_clear(&err);
	machine_done(&m);
}

/* A list that cannot be filtered gives no more than one that can. */
static void test_unusual_list(void **state _unused_)
{
	struct machine m = machine_new();

	OFFER(&m, "livepatch",
	      "<package><name>k<!-- --></name><arch>x86_64</arch><version ver=\"1\" rel=\"1\"/>"
	      "</package>" PACKAGE(LP, "1.0", "1", NEEDS_KPATCH)
		      PACKAGE("xpatch", "1", "1", DEPS("provides", "kpatch")));
	want(&m, PLAN_LIVEPATCH, LP, "1.0", "1");
	expect_refusal(&m, "dependency", LP "-1.0-1.x86_64 needs kpatch" NOT_THERE);
	machine_done(&m);
}

/* A version that could not be one is no package. */
static void test_broken_package(void **state _unused_)
{
	struct machine m = machine_new();

	OFFER(&m, "livepatch", PACKAGE(LP, "1/0", "1", "") PACKAGE(LP, "1.0", "1", ""));
	want(&m, PLAN_LIVEPATCH, LP, NULL, NULL);
	expect_steps(&m, "install " LP "-1.0-1.x86_64");
	machine_done(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_new_livepatch),
		cmocka_unit_test(test_exact_upgrade),
		cmocka_unit_test(test_runtime_is_pulled_in),
		cmocka_unit_test(test_runtime_is_upgraded),
		cmocka_unit_test(test_any_version),
		cmocka_unit_test(test_installed_already),
		cmocka_unit_test(test_kernel_beside_kernel),
		cmocka_unit_test(test_weak_dependencies),
		cmocka_unit_test(test_two_repositories),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_runtime_is_missing),
		cmocka_unit_test(test_missing_behind_runtime),
		cmocka_unit_test(test_not_offered),
		cmocka_unit_test(test_any_not_offered),
		cmocka_unit_test(test_excluded),
		cmocka_unit_test(test_excluded_runtime),
		cmocka_unit_test(test_conflict),
		cmocka_unit_test(test_obsoletes),
		cmocka_unit_test(test_needed_as_it_is),
		cmocka_unit_test(test_vendor_change),
		cmocka_unit_test(test_downgrade),
		cmocka_unit_test(test_downgrade_by_dependency),
		cmocka_unit_test(test_other_architecture),
		cmocka_unit_test(test_all_refusals),
		cmocka_unit_test(test_broken_list),
		cmocka_unit_test(test_unusual_list),
		cmocka_unit_test(test_broken_package),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
