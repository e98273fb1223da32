// SPDX-License-Identifier: Apache-2.0
#include "core/doctor.h"

#define MIB ((int64_t)1024 * 1024)

/* Behind the kernel's own build by less than that: somebody built it with a clock that was ahead.
 */
#define CLOCK_SLACK 300
/* klpd-fetch keeps 16 MiB free; package lists of kernels alone have some 100. */
#define DISK_FLOOR   (16 * MIB)
#define DISK_COMFORT (128 * MIB)
/* What klpd-fetch and klpd-worker start with; a transaction and the loader take some 40 at once. */
#define MEMORY_FLOOR   (48 * MIB)
#define MEMORY_COMFORT (96 * MIB)
#define NAMED_IN_TEXT  3

static const char *const state_names[] = {
	[DOCTOR_OK] = "ok",
	[DOCTOR_WARNING] = "warning",
	[DOCTOR_BAD] = "bad",
	[DOCTOR_UNKNOWN] = "unknown",
};

/* One check while it is made. */
struct look {
	const struct diagnosis *d;
	struct arena *arena;
	struct doctor_check *check;
};

static void look_repositories(struct look *l);
static void look_metadata(struct look *l);
static void look_key(struct look *l);
static void look_clock(struct look *l);
static void look_disk(struct look *l);
static void look_memory(struct look *l);
static void look_locks(struct look *l);
static void look_service(struct look *l);
static void look_leftovers(struct look *l);
static void look_modules(struct look *l);
static void look_tracing(struct look *l);
static void look_timers(struct look *l);
static void look_ssm(struct look *l);

static const struct {
	const char *name;
	void (*look)(struct look *l);
} rows[] = {
	{ "repositories", look_repositories },
	{ "metadata-age", look_metadata },
	{ "signature-key", look_key },
	{ "clock", look_clock },
	{ "disk", look_disk },
	{ "memory", look_memory },
	{ "locks", look_locks },
	{ "kpatch-service", look_service },
	{ "leftovers", look_leftovers },
	{ "modules", look_modules },
	{ "tracing", look_tracing },
	{ "timers", look_timers },
	{ "ssm-agent", look_ssm },
};

/* ---- saying it --------------------------------------------------------------------------------*/

_printf_(2, 0) static const char *format(struct look *l, const char *fmt, va_list ap)
{
	_cleanup_free_ char *text = xvasprintf(fmt, ap);

	return arena_strdup(l->arena, text);
}

_printf_(3, 4) static void found(struct look *l, enum doctor_state state, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	l->check->state = state;
	l->check->text = format(l, fmt, ap);
	va_end(ap);
}

_printf_(2, 3) static void advise(struct look *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	l->check->remedy = format(l, fmt, ap);
	va_end(ap);
}

/* "5 minutes", "3 days" */
static const char *span(struct look *l, int64_t seconds)
{
	static const struct {
		int64_t from, unit;
		const char *name;
	} units[] = {
		{ 2 * SEC_PER_DAY, SEC_PER_DAY, "days" },
		{ 2 * 3600, 3600, "hours" },
		{ 120, 60, "minutes" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (seconds >= units[i].from)
			return arena_printf(l->arena, "%lld %s",
					    (long long)(seconds / units[i].unit), units[i].name);
	return arena_printf(l->arena, "%lld seconds", (long long)seconds);
}

/* "a, b, c and 4 more"; @n is how many of @total there are names of. */
static const char *names_text(struct look *l, const char *const *names, size_t n, size_t total)
{
	const char *text = "";
	size_t shown = n < NAMED_IN_TEXT ? n : NAMED_IN_TEXT;

	for (size_t i = 0; i < shown; i++)
		text = arena_printf(l->arena, "%s%s%s", text, i ? ", " : "", names[i]);
	return total > shown ? arena_printf(l->arena, "%s and %zu more", text, total - shown)
			     : text;
}

/* ---- repositories and their metadata ----------------------------------------------------------*/

/* The first row that some repository is in counts. */
static const struct {
	enum repo_status status;
	enum doctor_state state;
	const char *text, *remedy;
} repo_rows[] = {
	{ REPO_UNREACHABLE, DOCTOR_BAD, "it cannot be reached",
	  "check the network, the proxy and the repository's URLs, then: klpctl scan --refresh" },
	{ REPO_INVALID, DOCTOR_BAD, "what it answers cannot be used",
	  "try again later or use another mirror: klpctl scan --refresh" },
	{ REPO_ABSENT, DOCTOR_BAD, "no section of that name is configured",
	  "add its .repo file to /etc/yum.repos.d" },
	{ REPO_UNREAD, DOCTOR_BAD,
	  "a file of repositories could not be read, so whether it is configured is not known",
	  "correct the file that klpctl status names, then: klpctl scan" },
	{ REPO_STALE, DOCTOR_WARNING, "it could not be reached, and an older copy is used",
	  "check the network, the proxy and the repository's URLs, then: klpctl scan --refresh" },
	{ REPO_DISABLED, DOCTOR_WARNING, "its section is disabled",
	  "where live patching is wanted: klpctl enable" },
};

static void look_repositories(struct look *l)
{
	const struct diagnosis *d = l->d;

	if (!d->platform_known) {
		found(l, DOCTOR_UNKNOWN,
		      "no platform profile fits this system, so which repositories it needs is "
		      "not known");
		advise(l, "add a profile below /etc/klpd/platforms");
		return;
	}
	if (d->n_repositories == 0) {
		found(l, DOCTOR_UNKNOWN, "none was asked yet");
		advise(l, "klpctl scan");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(repo_rows); i++)
		for (size_t k = 0; k < d->n_repositories; k++) {
			const struct doctor_repository *r = &d->repositories[k];

			if (r->status != repo_rows[i].status)
				continue;
			found(l, repo_rows[i].state, "%s: %s", r->id,
			      r->trouble ? r->trouble : repo_rows[i].text);
			advise(l, "%s", repo_rows[i].remedy);
			return;
		}
	found(l, DOCTOR_OK, "%zu of %zu answered", d->n_repositories, d->n_repositories);
}

static void look_metadata(struct look *l)
{
	const struct diagnosis *d = l->d;
	const struct doctor_repository *oldest = NULL;

	for (size_t i = 0; i < d->n_repositories; i++) {
		const struct doctor_repository *r = &d->repositories[i];

		if (r->fetched != TIME_UNSET && (!oldest || r->fetched < oldest->fetched))
			oldest = r;
	}
	if (!oldest) {
		found(l, DOCTOR_UNKNOWN, "no metadata is at hand");
		advise(l, "klpctl scan");
		return;
	}
	if (oldest->fetched > d->now + CLOCK_SLACK) {
		found(l, DOCTOR_WARNING, "that of %s was fetched %s from now", oldest->id,
		      span(l, oldest->fetched - d->now));
		advise(l, "set the clock, then: klpctl scan --refresh");
	} else if (d->now - oldest->fetched > d->stale_after) {
		found(l, DOCTOR_BAD, "that of %s is %s old, and from %s on nothing is judged by it",
		      oldest->id, span(l, d->now - oldest->fetched), span(l, d->stale_after));
		advise(l, "klpctl scan --refresh; see whether klpd-scan.timer runs");
	} else {
		found(l, DOCTOR_OK, "the oldest, that of %s, is %s old", oldest->id,
		      span(l, d->now > oldest->fetched ? d->now - oldest->fetched : 0));
	}
}

/* ---- keys -------------------------------------------------------------------------------------*/

static bool is_trusted(const struct diagnosis *d, const struct doctor_key *key)
{
	for (size_t i = 0; key->fingerprint && i < d->n_trusted; i++)
		if (streq_null(d->trusted[i].fingerprint, key->fingerprint))
			return true;
	return false;
}

/* A file may hold several keys, of which one is enough: the first key of @file, or of any, that is
 * trusted. */
static const struct doctor_key *first_trusted(const struct diagnosis *d, const char *file)
{
	for (size_t i = 0; i < d->n_named; i++)
		if ((!file || streq(d->named[i].where, file)) && is_trusted(d, &d->named[i]))
			return &d->named[i];
	return NULL;
}

/* The first file that holds a key, or does not, none of whose keys is trusted. */
static const struct doctor_key *first_untrusted(const struct diagnosis *d, bool with_key)
{
	for (size_t i = 0; i < d->n_named; i++)
		if ((d->named[i].fingerprint != NULL) == with_key &&
		    !first_trusted(d, d->named[i].where))
			return &d->named[i];
	return NULL;
}

static void look_key(struct look *l)
{
	const struct diagnosis *d = l->d;
	const struct doctor_key *untrusted = first_untrusted(d, true);
	const struct doctor_key *missing = first_untrusted(d, false);
	const struct doctor_key *trusted = first_trusted(d, NULL);

	if (d->rpmdb_trouble) {
		found(l, DOCTOR_UNKNOWN, "which keys are trusted cannot be told: %s",
		      d->rpmdb_trouble);
		advise(l, "as root: rpm -q gpg-pubkey, and mend the database if that fails");
	} else if (untrusted) {
		found(l, DOCTOR_BAD,
		      "the key in /%s (%s) is not trusted, so nothing signed by it is installed",
		      untrusted->where, untrusted->fingerprint);
		advise(l, "compare the fingerprint with the vendor's, then: rpm --import /%s",
		       untrusted->where);
	} else if (d->n_trusted == 0) {
		found(l, DOCTOR_BAD, "no key is trusted, so no package is installed");
		advise(l, "rpm --import FILE, with the key of the vendor");
	} else if (missing) {
		found(l, DOCTOR_WARNING, "/%s, which a repository names, is not there or no key",
		      missing->where);
		advise(l, "install the package that has it, or mend gpgkey= of the repository");
	} else if (trusted) {
		found(l, DOCTOR_OK, "the key in /%s (%s) is trusted", trusted->where,
		      trusted->fingerprint);
	} else {
		found(l, DOCTOR_OK, "%s has %s", d->trusted[0].where,
		      d->trusted[0].fingerprint ? d->trusted[0].fingerprint : "a key");
	}
}

/* ---- what the machine has ---------------------------------------------------------------------*/

static void look_clock(struct look *l)
{
	const struct diagnosis *d = l->d;
	const struct {
		int64_t at;
		const char *what;
	} earlier[] = {
		{ d->kernel_build_date, "the running kernel was built" },
		{ d->newest_install, "the last package was installed" },
	};
	char now[TIMEX_TEXT_MAX], at[TIMEX_TEXT_MAX];
	bool known = false;

	for (size_t i = 0; i < ARRAY_SIZE(earlier); i++) {
		if (earlier[i].at == TIME_UNSET)
			continue;
		known = true;
		if (d->now >= earlier[i].at - CLOCK_SLACK)
			continue;
		found(l, DOCTOR_BAD, "it says %s, and %s at %s", timex_format(d->now, now),
		      earlier[i].what, timex_format(earlier[i].at, at));
		advise(l, "set it: chronyc makestep, or timedatectl set-ntp yes");
		return;
	}
	if (known) {
		found(l, DOCTOR_OK, "%s", timex_format(d->now, now));
		return;
	}
	found(l, DOCTOR_UNKNOWN, "it says %s, and there is nothing to compare that with",
	      timex_format(d->now, now));
	advise(l, "compare it with: date -u");
}

/* @what: "below /var and /usr ... are free" around the number of MiB. */
static void look_amount(struct look *l, int64_t bytes, int64_t floor, int64_t comfort,
			const char *what)
{
	enum doctor_state state = bytes < 0	    ? DOCTOR_UNKNOWN
				  : bytes < floor   ? DOCTOR_BAD
				  : bytes < comfort ? DOCTOR_WARNING
						    : DOCTOR_OK;

	if (state == DOCTOR_UNKNOWN)
		found(l, state, "how much is %s cannot be told", what);
	else if (state == DOCTOR_OK)
		found(l, state, "%lld MiB are %s", (long long)(bytes / MIB), what);
	else
		found(l, state, "%lld MiB are %s, and %lld are %s", (long long)(bytes / MIB), what,
		      (long long)((state == DOCTOR_BAD ? floor : comfort) / MIB),
		      state == DOCTOR_BAD ? "the least that is needed" : "needed at times");
}

static void look_disk(struct look *l)
{
	look_amount(l, l->d->disk_free, DISK_FLOOR, DISK_COMFORT, "free below /var and /usr");
	if (l->check->state == DOCTOR_UNKNOWN)
		advise(l, "df /var /usr");
	else if (l->check->state != DOCTOR_OK)
		advise(l, "make room: yum clean all, journalctl --vacuum-size=100M, old kernels");
}

static void look_memory(struct look *l)
{
	look_amount(l, l->d->memory_free, MEMORY_FLOOR, MEMORY_COMFORT, "available");
	if (l->check->state == DOCTOR_UNKNOWN)
		advise(l, "free -m");
	else if (l->check->state != DOCTOR_OK)
		advise(l, "run it when the node is less busy, or give the node more memory");
}

static void look_locks(struct look *l)
{
	if (!l->d->lock_holder) {
		found(l, DOCTOR_OK, "no package manager is at work");
		return;
	}
	found(l, DOCTOR_WARNING, "%s works on the packages of this node", l->d->lock_holder);
	advise(l, "let it end; klpctl install waits for it");
}

/* ---- loading livepatches ----------------------------------------------------------------------*/

static void look_service(struct look *l)
{
	const struct diagnosis *d = l->d;

	if (!d->platform_known) {
		found(l, DOCTOR_UNKNOWN,
		      "no platform profile fits this system, so what loads "
		      "livepatches at boot is not known");
		advise(l, "add a profile below /etc/klpd/platforms");
	} else if (!d->service) {
		found(l, DOCTOR_OK,
		      "livepatches are loaded at boot without a service of their own");
	} else if (d->service_enabled == TRISTATE_YES) {
		found(l, DOCTOR_OK, "%s is enabled", d->service);
	} else if (d->service_enabled == TRISTATE_UNKNOWN) {
		found(l, DOCTOR_UNKNOWN, "whether %s is enabled cannot be told", d->service);
		advise(l, "systemctl is-enabled %s", d->service);
	} else {
		found(l, d->has_livepatches || d->rpmdb_trouble ? DOCTOR_BAD : DOCTOR_WARNING,
		      "%s is not enabled, so no livepatch is loaded after a boot", d->service);
		advise(l, "systemctl enable %s", d->service);
	}
}

static void look_leftovers(struct look *l)
{
	const struct diagnosis *d = l->d;

	if (!d->leftovers_read) {
		found(l, DOCTOR_UNKNOWN,
		      "whether each file in /var/lib/kpatch is part of a "
		      "package cannot be told");
		advise(l, "as root: find /var/lib/kpatch -type f | xargs rpm -qf");
		return;
	}
	if (d->n_leftovers == 0) {
		found(l, DOCTOR_OK, "/var/lib/kpatch has nothing that no package put there");
		return;
	}
	found(l, DOCTOR_WARNING,
	      "/var/lib/kpatch has what no installed livepatch put there, and "
	      "kpatch does not install a module of the same name: %s",
	      names_text(l, d->leftovers, d->n_leftovers, d->n_leftovers));
	advise(l, "where nobody put it there on purpose: rm /var/lib/kpatch/%s", d->leftovers[0]);
}

static void look_modules(struct look *l)
{
	const struct diagnosis *d = l->d;
	bool locked = d->lockdown && !streq(d->lockdown, "none");

	if (d->modules_disabled == TRISTATE_YES) {
		found(l, DOCTOR_BAD,
		      "the kernel takes no modules any more (kernel.modules_disabled)");
		advise(l, "take kernel.modules_disabled out of /etc/sysctl.d and reboot");
	} else if (locked || d->signatures_enforced == TRISTATE_YES) {
		found(l, DOCTOR_OK, "only signed ones are taken (%s%s), as the vendor's are",
		      locked ? "lockdown " : "module signatures enforced",
		      locked ? d->lockdown : "");
	} else if (!d->lockdown && d->signatures_enforced == TRISTATE_UNKNOWN &&
		   d->modules_disabled == TRISTATE_UNKNOWN) {
		found(l, DOCTOR_UNKNOWN, "whether the kernel takes modules cannot be told");
		advise(l, "on the running node: sysctl kernel.modules_disabled");
	} else {
		found(l, DOCTOR_OK, "the kernel takes them; signatures are not enforced");
	}
}

/* The names of those that redirect a function, in the order in which they were found. */
static const char *redirected(struct look *l, size_t total)
{
	const struct tracing *t = &l->d->tracing;
	const char *names[NAMED_IN_TEXT];
	size_t n = 0;

	for (size_t i = 0; i < t->n && n < NAMED_IN_TEXT; i++)
		if (t->items[i].kind == TRACING_IPMODIFY || t->items[i].kind == TRACING_TRAMPOLINE)
			names[n++] = t->items[i].function;
	return names_text(l, names, n, total);
}

static void look_tracing(struct look *l)
{
	const struct diagnosis *d = l->d;
	const size_t *counts = d->tracing.counts;
	size_t redirects = counts[TRACING_IPMODIFY] + counts[TRACING_TRAMPOLINE];

	if (d->ftrace_enabled == TRISTATE_NO) {
		found(l, DOCTOR_BAD,
		      "kernel.ftrace_enabled is 0, and without ftrace no livepatch works");
		advise(l,
		       "sysctl kernel.ftrace_enabled=1, and take the other out of /etc/sysctl.d");
	} else if (!d->functions_read && streq_null(d->lockdown, "confidentiality")) {
		found(l, DOCTOR_UNKNOWN,
		      "a kernel in lockdown (confidentiality) shows nobody who "
		      "traces or redirects its functions");
		advise(l, "if an installation fails, end programs that trace the kernel and try "
			  "again");
	} else if (!d->functions_read) {
		found(l, DOCTOR_UNKNOWN,
		      "who traces or redirects the kernel's functions cannot be told: %s",
		      d->tracing_forbidden ? "only root may read that, and klpd looks without "
					     "root's rights"
					   : "tracefs is not mounted");
		advise(l, "as root: %scat /sys/kernel/tracing/enabled_functions",
		       d->tracing_forbidden ? ""
					    : "mount -t tracefs tracefs /sys/kernel/tracing; ");
	} else if (redirects) {
		found(l, DOCTOR_WARNING, "%zu %s redirected by something else: %s", redirects,
		      redirects == 1 ? "function is" : "functions are", redirected(l, redirects));
		advise(l, "while that lasts the kernel may refuse a livepatch for them (a BPF "
			  "program's: before Linux 6.0); if it does, end who does it and run "
			  "klpctl install again");
	} else {
		found(l, DOCTOR_OK, "%zu functions are traced, %zu kprobes%s; none is redirected",
		      counts[TRACING_FTRACE], counts[TRACING_KPROBE],
		      d->kprobes_read ? "" : " at least");
	}
}

/* ---- who starts klpd --------------------------------------------------------------------------*/

static void look_timers(struct look *l)
{
	const struct diagnosis *d = l->d;
	const char *install = d->install_timer == TRISTATE_YES ? "klpd-install.timer is enabled"
							       : "klpd-install.timer is not";

	if (d->scan_timer == TRISTATE_YES) {
		found(l, DOCTOR_OK, "klpd-scan.timer is enabled, %s", install);
	} else if (d->scan_timer == TRISTATE_UNKNOWN) {
		found(l, DOCTOR_UNKNOWN, "whether klpd-scan.timer is enabled cannot be told");
		advise(l, "systemctl is-enabled klpd-scan.timer");
	} else {
		found(l, DOCTOR_WARNING,
		      "klpd-scan.timer is not enabled, so nobody looks unasked; %s", install);
		advise(l, "systemctl enable --now klpd-scan.timer");
	}
}

static void look_ssm(struct look *l)
{
	const struct diagnosis *d = l->d;

	if (!d->ssm_present) {
		found(l, DOCTOR_OK, "not installed; only AWS Systems Manager needs it");
	} else if (d->ssm_enabled == TRISTATE_YES) {
		found(l, DOCTOR_OK, "amazon-ssm-agent.service is enabled");
	} else {
		found(l, DOCTOR_WARNING,
		      "amazon-ssm-agent.service is installed and not enabled, so "
		      "AWS Systems Manager does not reach this node");
		advise(l, "where it shall: systemctl enable --now amazon-ssm-agent.service");
	}
}

/* ---- all of them ------------------------------------------------------------------------------*/

struct doctor_check *doctor_examine(const struct diagnosis *diagnosis, struct arena *arena,
				    size_t *ret_n)
{
	struct doctor_check *checks = arena_alloc(arena, sizeof(*checks) * ARRAY_SIZE(rows));

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct look look = { .d = diagnosis, .arena = arena, .check = &checks[i] };

		checks[i].name = rows[i].name;
		rows[i].look(&look);
	}
	*ret_n = ARRAY_SIZE(rows);
	return checks;
}

const char *doctor_state_name(enum doctor_state state)
{
	return state_names[state];
}
