// SPDX-License-Identifier: Apache-2.0
#include "core/doctor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

/* A row is the healthy node, and then what is different. */
#pragma GCC diagnostic ignored "-Woverride-init"

#define NOW	  ((int64_t)1700000000)
#define MIB	  ((int64_t)1024 * 1024)
#define STALE	  (3 * SEC_PER_DAY)
#define KEY	  "etc/pki/rpm-gpg/KEY"
#define OTHER_KEY "etc/pki/rpm-gpg/OTHER"

#define COUNTED(member, type, ...)                                                                 \
	.member = (const type[]){ __VA_ARGS__ },                                                   \
	.n_##member = sizeof((const type[]){ __VA_ARGS__ }) / sizeof(type)
#define REPOS(...)   COUNTED(repositories, struct doctor_repository, __VA_ARGS__)
#define TRUSTED(...) COUNTED(trusted, struct doctor_key, __VA_ARGS__)
#define NAMED(...)   COUNTED(named, struct doctor_key, __VA_ARGS__)
#define LEFT(...)    COUNTED(leftovers, char *const, __VA_ARGS__)

static struct tracing_user users[] = {
	{ "vfs_read", TRACING_KPROBE },
	{ "vfs_open", TRACING_TRAMPOLINE },
	{ "sys_open", TRACING_IPMODIFY },
};

/* That many of users[], and the counts of all. */
#define TRACED(listed, ...) .tracing = { .items = users, .n = (listed), .counts = { __VA_ARGS__ } }

#define HEALTHY                                                                                    \
	.now = NOW, .platform_known = true, .has_livepatches = true, .stale_after = STALE,         \
	REPOS({ "core", REPO_OK, NOW - 60 }, { "live", REPO_OK, NOW - 7200 }),                     \
	TRUSTED({ "the rpm database", "aa11" }, { "etc/klpd/keys.d/own", "bb22" }),                \
	NAMED({ KEY, "aa11" }), .kernel_build_date = NOW - 30 * SEC_PER_DAY,                       \
	.newest_install = NOW - 10, .disk_free = 1000 * MIB, .memory_free = 500 * MIB,             \
	.service = "kpatch.service", .service_enabled = TRISTATE_YES, .lockdown = "none",          \
	.signatures_enforced = TRISTATE_NO, .modules_disabled = TRISTATE_NO,                       \
	.ftrace_enabled = TRISTATE_YES, .functions_read = true, .kprobes_read = true,              \
	.leftovers_read = true, .scan_timer = TRISTATE_YES, .install_timer = TRISTATE_NO,          \
	.ssm_present = true, .ssm_enabled = TRISTATE_YES

/* @text and @remedy: what they contain; @remedy NULL: there is none. */
static const struct {
	const char *name;
	enum doctor_state state;
	const char *text, *remedy;
	struct diagnosis d;
} cases[] = {
	{ "repositories", DOCTOR_OK, "2 of 2 answered", NULL, { HEALTHY } },
	{ "repositories",
	  DOCTOR_UNKNOWN,
	  "no platform profile",
	  "/etc/klpd/platforms",
	  { HEALTHY, .platform_known = false } },
	{ "repositories",
	  DOCTOR_UNKNOWN,
	  "none was asked yet",
	  "klpctl scan",
	  { HEALTHY, .n_repositories = 0 } },
	{ "repositories",
	  DOCTOR_BAD,
	  "live: no mirror answered",
	  "check the network",
	  { HEALTHY, REPOS({ "a", REPO_STALE, NOW }, { "b", REPO_OK, NOW },
			   { "live", REPO_UNREACHABLE, TIME_UNSET, "no mirror answered" }) } },
	{ "repositories",
	  DOCTOR_BAD,
	  "live: it cannot be reached",
	  "check the network",
	  { HEALTHY, REPOS({ "live", REPO_UNREACHABLE, TIME_UNSET }) } },
	{ "repositories",
	  DOCTOR_BAD,
	  "live: what it answers cannot be used",
	  "another mirror",
	  { HEALTHY, REPOS({ "live", REPO_INVALID, TIME_UNSET }) } },
	{ "repositories",
	  DOCTOR_BAD,
	  "live-*: no section of that name",
	  "/etc/yum.repos.d",
	  { HEALTHY, REPOS({ "live-*", REPO_ABSENT, TIME_UNSET }) } },
	{ "repositories",
	  DOCTOR_WARNING,
	  "a: it could not be reached, and an older copy",
	  "check the network",
	  { HEALTHY, REPOS({ "d", REPO_DISABLED, NOW }, { "a", REPO_STALE, NOW }) } },
	{ "repositories",
	  DOCTOR_WARNING,
	  "live: its section is disabled",
	  "klpctl enable",
	  { HEALTHY, REPOS({ "live", REPO_DISABLED, TIME_UNSET }) } },

	{ "metadata-age", DOCTOR_OK, "that of live, is 2 hours old", NULL, { HEALTHY } },
	{ "metadata-age",
	  DOCTOR_OK,
	  "that of live, is 3 days old",
	  NULL,
	  { HEALTHY, REPOS({ "live", REPO_OK, NOW - STALE }) } },
	{ "metadata-age",
	  DOCTOR_BAD,
	  "that of live is 3 days old",
	  "klpctl scan --refresh",
	  { HEALTHY, REPOS({ "core", REPO_OK, NOW }, { "live", REPO_STALE, NOW - STALE - 1 }) } },
	{ "metadata-age",
	  DOCTOR_UNKNOWN,
	  "no metadata is at hand",
	  "klpctl scan",
	  { HEALTHY, REPOS({ "live", REPO_UNREACHABLE, TIME_UNSET }) } },
	{ "metadata-age",
	  DOCTOR_UNKNOWN,
	  "no metadata is at hand",
	  "klpctl scan",
	  { HEALTHY, .n_repositories = 0 } },
	{ "metadata-age",
	  DOCTOR_WARNING,
	  "that of live was fetched 20 minutes from now",
	  "set the clock",
	  { HEALTHY, REPOS({ "live", REPO_OK, NOW + 1200 }) } },
	{ "metadata-age",
	  DOCTOR_OK,
	  "that of live, is 0 seconds old",
	  NULL,
	  { HEALTHY, REPOS({ "live", REPO_OK, NOW + 5 }) } },

	{ "signature-key", DOCTOR_OK, "the key in /" KEY " (aa11) is trusted", NULL, { HEALTHY } },
	{ "signature-key",
	  DOCTOR_OK,
	  "the key in /" KEY " (aa11) is trusted",
	  NULL,
	  { HEALTHY, NAMED({ KEY, "ff00" }, { KEY, "aa11" }) } },
	{ "signature-key",
	  DOCTOR_OK,
	  "the rpm database has aa11",
	  NULL,
	  { HEALTHY, .n_named = 0 } },
	{ "signature-key",
	  DOCTOR_OK,
	  "the rpm database has a key",
	  NULL,
	  { HEALTHY, .n_named = 0, TRUSTED({ "the rpm database", NULL }) } },
	{ "signature-key",
	  DOCTOR_BAD,
	  "the key in /" KEY " (aa11) is not trusted",
	  "rpm --import /" KEY,
	  { HEALTHY, .n_trusted = 0 } },
	{ "signature-key",
	  DOCTOR_BAD,
	  "the key in /" OTHER_KEY " (cc33) is not trusted",
	  "rpm --import /" OTHER_KEY,
	  { HEALTHY, NAMED({ KEY, "aa11" }, { OTHER_KEY, "cc33" }) } },
	{ "signature-key",
	  DOCTOR_BAD,
	  "no key is trusted",
	  "rpm --import FILE",
	  { HEALTHY, .n_trusted = 0, .n_named = 0 } },
	{ "signature-key",
	  DOCTOR_BAD,
	  "no key is trusted",
	  "rpm --import FILE",
	  { HEALTHY, .n_trusted = 0, NAMED({ KEY, NULL }) } },
	{ "signature-key",
	  DOCTOR_WARNING,
	  "/" OTHER_KEY ", which a repository names, is not there",
	  "gpgkey=",
	  { HEALTHY, NAMED({ KEY, "aa11" }, { OTHER_KEY, NULL }) } },
	{ "signature-key",
	  DOCTOR_UNKNOWN,
	  "cannot be told: it does not open",
	  "rpm -q gpg-pubkey",
	  { HEALTHY, .rpmdb_trouble = "it does not open" } },

	{ "clock", DOCTOR_OK, "2023-11-14T22:13:20Z", NULL, { HEALTHY } },
	{ "clock",
	  DOCTOR_OK,
	  "2023-11-14T22:13:20Z",
	  NULL,
	  { HEALTHY, .kernel_build_date = TIME_UNSET } },
	{ "clock",
	  DOCTOR_OK,
	  "2023-11-14T22:13:20Z",
	  NULL,
	  { HEALTHY, .newest_install = NOW + 300 } },
	{ "clock",
	  DOCTOR_BAD,
	  "the last package was installed at 2023-11-14T22:18:21Z",
	  "chronyc",
	  { HEALTHY, .newest_install = NOW + 301 } },
	{ "clock",
	  DOCTOR_BAD,
	  "the running kernel was built at 2023-11-15",
	  "chronyc",
	  { HEALTHY, .kernel_build_date = NOW + SEC_PER_DAY } },
	{ "clock",
	  DOCTOR_UNKNOWN,
	  "nothing to compare",
	  "date -u",
	  { HEALTHY, .kernel_build_date = TIME_UNSET, .newest_install = TIME_UNSET } },

	{ "disk", DOCTOR_OK, "1000 MiB are free below /var and /usr", NULL, { HEALTHY } },
	{ "disk", DOCTOR_OK, "128 MiB", NULL, { HEALTHY, .disk_free = 128 * MIB } },
	{ "disk",
	  DOCTOR_WARNING,
	  "127 MiB are free below /var and /usr, and 128 are needed at times",
	  "make room",
	  { HEALTHY, .disk_free = 128 * MIB - 1 } },
	{ "disk",
	  DOCTOR_BAD,
	  "15 MiB are free below /var and /usr, and 16 are the least",
	  "make room",
	  { HEALTHY, .disk_free = 16 * MIB - 1 } },
	{ "disk", DOCTOR_BAD, "0 MiB", "make room", { HEALTHY, .disk_free = 0 } },
	{ "disk", DOCTOR_UNKNOWN, "cannot be told", "df", { HEALTHY, .disk_free = -1 } },

	{ "memory", DOCTOR_OK, "500 MiB are available", NULL, { HEALTHY } },
	{ "memory",
	  DOCTOR_WARNING,
	  "95 MiB are available, and 96",
	  "less busy",
	  { HEALTHY, .memory_free = 96 * MIB - 1 } },
	{ "memory",
	  DOCTOR_BAD,
	  "47 MiB are available, and 48",
	  "less busy",
	  { HEALTHY, .memory_free = 48 * MIB - 1 } },
	{ "memory", DOCTOR_UNKNOWN, "cannot be told", "free -m", { HEALTHY, .memory_free = -1 } },

	{ "locks", DOCTOR_OK, "no package manager", NULL, { HEALTHY } },
	{ "locks",
	  DOCTOR_WARNING,
	  "yum (pid 7) works",
	  "let it end",
	  { HEALTHY, .lock_holder = "yum (pid 7)" } },

	{ "kpatch-service", DOCTOR_OK, "kpatch.service is enabled", NULL, { HEALTHY } },
	{ "kpatch-service", DOCTOR_OK, "without a service", NULL, { HEALTHY, .service = NULL } },
	{ "kpatch-service",
	  DOCTOR_BAD,
	  "kpatch.service is not enabled",
	  "systemctl enable kpatch.service",
	  { HEALTHY, .service_enabled = TRISTATE_NO } },
	{ "kpatch-service",
	  DOCTOR_WARNING,
	  "kpatch.service is not enabled",
	  "systemctl enable kpatch.service",
	  { HEALTHY, .service_enabled = TRISTATE_NO, .has_livepatches = false } },
	{ "kpatch-service",
	  DOCTOR_BAD,
	  "kpatch.service is not enabled",
	  "systemctl enable kpatch.service",
	  { HEALTHY, .service_enabled = TRISTATE_NO, .has_livepatches = false,
	    .rpmdb_trouble = "x" } },
	{ "kpatch-service",
	  DOCTOR_UNKNOWN,
	  "cannot be told",
	  "systemctl is-enabled kpatch.service",
	  { HEALTHY, .service_enabled = TRISTATE_UNKNOWN } },
	{ "kpatch-service",
	  DOCTOR_UNKNOWN,
	  "no platform profile",
	  "/etc/klpd/platforms",
	  { HEALTHY, .platform_known = false } },

	{ "leftovers", DOCTOR_OK, "nothing that no package", NULL, { HEALTHY } },
	{ "leftovers",
	  DOCTOR_WARNING,
	  ": 5.10/a.ko",
	  "rm /var/lib/kpatch/5.10/a.ko",
	  { HEALTHY, LEFT("5.10/a.ko") } },
	{ "leftovers",
	  DOCTOR_WARNING,
	  ": 5.10/a.ko, 5.10/b.ko, 5.10/c.ko and 1 more",
	  "rm /var/lib/kpatch/5.10/a.ko",
	  { HEALTHY, LEFT("5.10/a.ko", "5.10/b.ko", "5.10/c.ko", "6.1/d.ko") } },
	{ "leftovers",
	  DOCTOR_UNKNOWN,
	  "cannot be told",
	  "rpm -qf",
	  { HEALTHY, .leftovers_read = false } },

	{ "modules", DOCTOR_OK, "signatures are not enforced", NULL, { HEALTHY } },
	{ "modules",
	  DOCTOR_OK,
	  "only signed ones are taken (module signatures enforced)",
	  NULL,
	  { HEALTHY, .signatures_enforced = TRISTATE_YES } },
	{ "modules",
	  DOCTOR_OK,
	  "only signed ones are taken (lockdown integrity)",
	  NULL,
	  { HEALTHY, .lockdown = "integrity" } },
	{ "modules",
	  DOCTOR_OK,
	  "signatures are not enforced",
	  NULL,
	  { HEALTHY, .lockdown = NULL, .signatures_enforced = TRISTATE_UNKNOWN } },
	{ "modules",
	  DOCTOR_BAD,
	  "takes no modules any more",
	  "reboot",
	  { HEALTHY, .modules_disabled = TRISTATE_YES } },
	{ "modules",
	  DOCTOR_UNKNOWN,
	  "cannot be told",
	  "sysctl kernel.modules_disabled",
	  { HEALTHY, .lockdown = NULL, .signatures_enforced = TRISTATE_UNKNOWN,
	    .modules_disabled = TRISTATE_UNKNOWN } },

	{ "tracing",
	  DOCTOR_OK,
	  "0 functions are traced, 0 kprobes; none is redirected",
	  NULL,
	  { HEALTHY } },
	{ "tracing",
	  DOCTOR_OK,
	  "5 functions are traced, 2 kprobes; none",
	  NULL,
	  { HEALTHY, TRACED(1, 5, 2) } },
	{ "tracing", DOCTOR_OK, "0 kprobes at least;", NULL, { HEALTHY, .kprobes_read = false } },
	{ "tracing",
	  DOCTOR_WARNING,
	  "2 functions are redirected by something else: vfs_open, sys_open",
	  "refuse a livepatch",
	  { HEALTHY, TRACED(3, 0, 1, 1, 1) } },
	{ "tracing",
	  DOCTOR_WARNING,
	  "1 function is redirected by something else: vfs_open",
	  "refuse a livepatch",
	  { HEALTHY, TRACED(2, 0, 1, 1) } },
	{ "tracing",
	  DOCTOR_WARNING,
	  ": vfs_open, sys_open and 7 more",
	  "refuse a livepatch",
	  { HEALTHY, TRACED(3, 0, 1, 8, 1) } },
	{ "tracing",
	  DOCTOR_BAD,
	  "kernel.ftrace_enabled is 0",
	  "sysctl kernel.ftrace_enabled=1",
	  { HEALTHY, .ftrace_enabled = TRISTATE_NO } },
	{ "tracing",
	  DOCTOR_UNKNOWN,
	  "only root may read that",
	  "as root: cat /sys/kernel/tracing",
	  { HEALTHY, .functions_read = false, .tracing_forbidden = true } },
	{ "tracing",
	  DOCTOR_UNKNOWN,
	  "lockdown (confidentiality) shows nobody",
	  "end programs that trace",
	  { HEALTHY, .functions_read = false, .tracing_forbidden = true,
	    .lockdown = "confidentiality" } },
	{ "tracing",
	  DOCTOR_UNKNOWN,
	  "tracefs is not mounted",
	  "as root: mount -t tracefs",
	  { HEALTHY, .functions_read = false } },

	{ "timers",
	  DOCTOR_OK,
	  "klpd-scan.timer is enabled, klpd-install.timer is not",
	  NULL,
	  { HEALTHY } },
	{ "timers",
	  DOCTOR_OK,
	  "klpd-scan.timer is enabled, klpd-install.timer is enabled",
	  NULL,
	  { HEALTHY, .install_timer = TRISTATE_YES } },
	{ "timers",
	  DOCTOR_WARNING,
	  "klpd-scan.timer is not enabled",
	  "systemctl enable --now klpd-scan.timer",
	  { HEALTHY, .scan_timer = TRISTATE_NO } },
	{ "timers",
	  DOCTOR_UNKNOWN,
	  "cannot be told",
	  "systemctl is-enabled klpd-scan.timer",
	  { HEALTHY, .scan_timer = TRISTATE_UNKNOWN } },

	{ "ssm-agent", DOCTOR_OK, "is enabled", NULL, { HEALTHY } },
	{ "ssm-agent",
	  DOCTOR_OK,
	  "not installed",
	  NULL,
	  { HEALTHY, .ssm_present = false, .ssm_enabled = TRISTATE_NO } },
	{ "ssm-agent",
	  DOCTOR_WARNING,
	  "installed and not enabled",
	  "systemctl enable --now amazon-ssm-agent.service",
	  { HEALTHY, .ssm_enabled = TRISTATE_NO } },
};

static const struct doctor_check *find(const struct doctor_check *checks, size_t n,
				       const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (streq(checks[i].name, name))
			return &checks[i];
	fail_msg("no check is called %s", name);
	return NULL;
}

static void each_check_in_each_state(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(arena_freep)
		struct arena *arena = arena_new();
		size_t n;
		struct doctor_check *checks = doctor_examine(&cases[i].d, arena, &n);
		const struct doctor_check *c = find(checks, n, cases[i].name);

		print_message("# %s: %s / %s\n", c->name, c->text, c->remedy ? c->remedy : "-");
		assert_string_equal(doctor_state_name(c->state), doctor_state_name(cases[i].state));
		assert_non_null(strstr(c->text, cases[i].text));
		assert_int_equal(c->remedy != NULL, cases[i].remedy != NULL);
		if (c->remedy)
			assert_non_null(strstr(c->remedy, cases[i].remedy));
	}
}

/* Nothing known about a node is no comfort, and each line says what to do. */
static void checks_are_all_there(void **state _unused_)
{
	const struct diagnosis healthy = { HEALTHY };
	static const struct diagnosis nothing = {
		.now = NOW,
		.kernel_build_date = TIME_UNSET,
		.newest_install = TIME_UNSET,
		.rpmdb_trouble = "it is not there",
		.disk_free = -1,
		.memory_free = -1,
		.service_enabled = TRISTATE_UNKNOWN,
		.signatures_enforced = TRISTATE_UNKNOWN,
		.modules_disabled = TRISTATE_UNKNOWN,
		.ftrace_enabled = TRISTATE_UNKNOWN,
		.scan_timer = TRISTATE_UNKNOWN,
		.install_timer = TRISTATE_UNKNOWN,
		.ssm_enabled = TRISTATE_UNKNOWN,
	};
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();
	size_t n, n_blind;
	struct doctor_check *good = doctor_examine(&healthy, arena, &n);
	struct doctor_check *blind = doctor_examine(&nothing, arena, &n_blind);

	assert_int_equal(n, 13);
	assert_int_equal(n_blind, n);
	for (size_t i = 0; i < n; i++) {
		bool absent = streq(blind[i].name, "locks") || streq(blind[i].name, "ssm-agent");

		print_message("# %s\n", good[i].name);
		assert_int_equal(good[i].state, DOCTOR_OK);
		assert_null(good[i].remedy);
		assert_string_equal(blind[i].name, good[i].name);
		assert_int_equal(blind[i].state, absent ? DOCTOR_OK : DOCTOR_UNKNOWN);
		assert_int_equal(blind[i].remedy != NULL, !absent);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_check_in_each_state),
		cmocka_unit_test(checks_are_all_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
