// SPDX-License-Identifier: Apache-2.0
/*
 * klpd-apply: the only part of klpd that changes the node, and the only one that runs as root
 *
 * Why it is safe to let an unprivileged process ask:
 *
 *   1. It speaks no network, reads no XML, YAML or JSON, and takes one message of fixed size.
 *   2. What it looks at are copies without a name, in nobody's reach but its own. The checksum is
 *      taken of the copy, the signature is verified on the copy, the copy is installed.
 *   3. Only packages signed by a key that the node trusts pass; an unsigned one passes only where
 *      the unit file says --allow-unsigned.
 *   4. A signed package passes only under a name that the unit file allows, for the kernel that
 *      runs, for this architecture, and if no newer build is installed. Kernels, /boot and
 *      /lib/modules are out of reach unless the unit file has --allow-kernel.
 *   5. The transaction installs exactly these packages. It is refused as a whole if it would remove
 *      any other, or if rpm's own test finds a problem. No check of rpm's is filtered.
 *   6. Removed are livepatches only, by names that the unit file allows, and none that another
 *      package needs. Of repositories and units only those that the unit file names are switched;
 *      a repository that is made has our own text. Unloading asks the kernel and takes no for an
 *      answer.
 *   7. Nothing here reboots, forces a transition, or runs a program that a request names.
 *
 * So the worst that a compromised asker achieves is a genuine, vendor-signed livepatch for the
 * running kernel, or that the node is without livepatches. The steps before it (stage, verify,
 * lock, guard, test) change nothing; after them rpm's transaction is not interrupted by us,
 * whatever becomes of the asker.
 */
#include "apply/channel.h"
#include "apply/guard.h"
#include "apply/load.h"
#include "apply/output.h"
#include "apply/repository.h"
#include "apply/service.h"
#include "apply/stage.h"
#include "apply/trace.h"
#include "base/alloc.h"
#include "base/fsx.h"
#include "base/log.h"
#include "rpm/lock.h"
#include "rpm/messages.h"
#include "rpm/transaction.h"
#include "rpm/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#include <rpm/header.h>
#include <rpm/rpmdb.h>
#include <rpm/rpmlib.h>
#include <rpm/rpmlog.h>
#include <rpm/rpmmacro.h>

struct apply {
	struct options options;
	struct arena *arena;
	struct channel channel;
	struct apply_request request;
	int fds[APPLY_PACKAGES_MAX];	/* as handed over */
	int staged[APPLY_PACKAGES_MAX]; /* the copies */
	Header headers[APPLY_PACKAGES_MAX];
	size_t n_headers;
	struct guard guard;
	int root;
	rpmts ts;
};

static const char *title(const struct apply *a, size_t i)
{
	return a->request.packages[i].title;
}

/* ---- before anything changes ------------------------------------------------------------------*/

static int stage_all(struct apply *a, struct err *err)
{
	channel_step(&a->channel, APPLY_STEP_STAGE);
	for (size_t i = 0; i < a->request.n_packages; i++) {
		a->staged[i] = stage_copy(a->root, a->fds[i], &a->request.packages[i], err);
		closep(&a->fds[i]);
		a->fds[i] = -1;
		if (a->staged[i] < 0)
			return -1;
	}
	return 0;
}

static int verify_all(struct apply *a, struct err *err)
{
	channel_step(&a->channel, APPLY_STEP_VERIFY);
	if (verify_load_keys(a->ts, a->root, a->options.keys, err) < 0)
		return -1;
	for (size_t i = 0; i < a->request.n_packages; i++) {
		if (verify_package(a->ts, a->staged[i], title(a, i), a->options.allow_unsigned,
				   &a->headers[i], err) < 0)
			return -1;
		a->n_headers++;
	}
	return 0;
}

/* Packages that are installed already are left out; @ret_n may be 0. */
static int guard_all(struct apply *a, struct transaction_package *ret, size_t *ret_n,
		     struct err *err)
{
	*ret_n = 0;
	channel_step(&a->channel, APPLY_STEP_GUARD);
	for (size_t i = 0; i < a->request.n_packages; i++) {
		bool kernel = false;
		int r = guard_package(&a->guard, a->ts, a->headers[i], title(a, i), &kernel, err);

		if (r < 0)
			return -1;
		if (r == 0)
			ret[(*ret_n)++] = (struct transaction_package){
				.header = a->headers[i],
				.fd = a->staged[i],
				.label = title(a, i),
				.beside = kernel,
			};
	}
	return 0;
}

static void on_wait(const char *holder, void *userdata)
{
	struct apply *a = userdata;

	channel_tell(&a->channel, APPLY_WAITING, "", 0, holder);
}

static int wait_for_others(struct apply *a, struct err *err)
{
	channel_step(&a->channel, APPLY_STEP_LOCK);
	return lock_wait(a->root, a->options.lock_wait, on_wait, a, err);
}

/* ---- the change -------------------------------------------------------------------------------*/

struct listener {
	struct apply *apply;
	const struct transaction_package *packages;
};

static void on_progress(size_t package, uint64_t done, uint64_t total, void *userdata)
{
	struct listener *l = userdata;

	channel_progress(&l->apply->channel, l->packages[package].label, done, total);
}

static int install(struct apply *a, const struct transaction_package *packages, size_t n,
		   struct err *err)
{
	struct listener listener = { a, packages };
	const struct transaction_events events = { on_progress, &listener };
	_cleanup_close_ int output = stage_scratch(a->root, err);
	_cleanup_free_ char *said = NULL;
	int r;

	if (output < 0)
		return -1;
	channel_step(&a->channel, APPLY_STEP_TEST);
	if (transaction_test(a->ts, packages, n, err) < 0)
		return -1;
	channel_step(&a->channel, APPLY_STEP_INSTALL);
	r = transaction_run(a->ts, packages, n, &events, output, err);
	said = output_tell(&a->channel, output);
	for (size_t i = 0; r == 0 && i < n; i++)
		channel_tell(&a->channel, APPLY_INSTALLED, packages[i].label, 0, "");
	return r;
}

/* Only if something will be loaded. A directory that stands for a node has no kernel. */
static int look_at_tracing(struct apply *a, struct err *err)
{
	bool any = false;

	for (size_t i = 0; i < a->n_headers; i++)
		any = any || load_has_modules(&a->guard, a->headers[i]);
	return any && streq(a->options.root, "/")
		       ? trace_look(&a->channel, a->root, a->request.tracing, err)
		       : 0;
}

/* Only into the kernel that runs: a directory that stands for a node has none. */
static int load_all(struct apply *a, struct err *err)
{
	int failed = 0;

	if (!streq(a->options.root, "/"))
		return 0;
	channel_step(&a->channel, APPLY_STEP_LOAD);
	for (size_t i = 0; i < a->n_headers; i++) {
		int r;

		if (!guard_allows(&a->guard, headerGetString(a->headers[i], RPMTAG_NAME)))
			continue; /* a kernel */
		r = load_package(&a->channel, &a->guard, a->root, a->headers[i], err);
		if (r < 0)
			return -1;
		failed += r;
	}
	return failed ? err_set(err, EXIT_STATUS_FAILED,
				"%d of the modules could not be loaded; each is told with its "
				"reason",
				failed)
		      : 0;
}

/* ---- the verbs --------------------------------------------------------------------------------*/

static int apply_install(struct apply *a, struct err *err)
{
	struct transaction_package packages[APPLY_PACKAGES_MAX];
	size_t n;

	/* the guard comes after the waiting: others may have changed what is installed */
	if (stage_all(a, err) < 0 || verify_all(a, err) < 0 || wait_for_others(a, err) < 0 ||
	    guard_all(a, packages, &n, err) < 0 || look_at_tracing(a, err) < 0)
		return -1;
	if (n && install(a, packages, n, err) < 0)
		return -1;
	return load_all(a, err);
}

/* The header of an installed package, which stands in the rpm database: root's; or NULL. */
static Header find_installed(struct apply *a, const char *wanted)
{
	rpmdbMatchIterator it = rpmtsInitIterator(a->ts, RPMDBI_PACKAGES, NULL, 0);
	Header h, found = NULL;

	while (!found && (h = rpmdbNextIterator(it))) {
		_cleanup_free_ char *is = guard_title(h);

		if (streq(is, wanted))
			found = headerLink(h);
	}
	rpmdbFreeIterator(it);
	return found;
}

/* The installed livepatches of the running kernel that the request names. */
static int find_livepatches(struct apply *a, struct err *err)
{
	channel_step(&a->channel, APPLY_STEP_GUARD);
	for (size_t i = 0; i < a->request.n_packages; i++) {
		Header h = find_installed(a, title(a, i));

		if (!h)
			return err_set(err, EXIT_STATUS_DATA, "%s: it is not installed",
				       title(a, i));
		a->headers[a->n_headers++] = h;
		if (!guard_allows(&a->guard, headerGetString(h, RPMTAG_NAME)))
			return err_set(err, EXIT_STATUS_DATA,
				       "%s: it is no livepatch for the running kernel %s",
				       title(a, i), a->guard.release);
	}
	return 0;
}

static int apply_load(struct apply *a, struct err *err)
{
	return find_livepatches(a, err) < 0 || look_at_tracing(a, err) < 0 ? -1 : load_all(a, err);
}

static int apply_unload(struct apply *a, struct err *err)
{
	int failed;

	if (find_livepatches(a, err) < 0)
		return -1;
	if (!streq(a->options.root, "/"))
		return 0;
	channel_step(&a->channel, APPLY_STEP_UNLOAD);
	failed = load_unload_packages(&a->channel, &a->guard, a->root, a->headers, a->n_headers,
				      err);
	if (failed < 0)
		return -1;
	return failed ? err_set(err, EXIT_STATUS_FAILED,
				"%d of the modules could not be unloaded; each is told with its "
				"reason",
				failed)
		      : 0;
}

/* What is gone already is gone. */
static int apply_erase(struct apply *a, struct err *err)
{
	_cleanup_close_ int output = stage_scratch(a->root, err);
	_cleanup_free_ char *said = NULL;
	int r;

	if (output < 0 || wait_for_others(a, err) < 0)
		return -1;
	channel_step(&a->channel, APPLY_STEP_GUARD);
	for (size_t i = 0; i < a->request.n_packages; i++) {
		Header h = find_installed(a, title(a, i));

		if (!h)
			continue;
		a->headers[a->n_headers++] = h;
		if (guard_removal(&a->guard, h, title(a, i), err) < 0)
			return -1;
	}
	if (!a->n_headers)
		return 0;
	channel_step(&a->channel, APPLY_STEP_TEST);
	if (transaction_erase_test(a->ts, a->headers, a->n_headers, err) < 0)
		return -1;
	channel_step(&a->channel, APPLY_STEP_ERASE);
	r = transaction_erase(a->ts, output, err);
	said = output_tell(&a->channel, output);
	for (size_t i = 0; r == 0 && i < a->n_headers; i++) {
		_cleanup_free_ char *gone = guard_title(a->headers[i]);

		channel_tell(&a->channel, APPLY_ERASED, gone, 0, "");
	}
	return r;
}

static int apply_service(struct apply *a, struct err *err)
{
	return service_switch(&a->channel, &a->options, a->root, a->request.subject, a->request.on,
			      err);
}

static int apply_repository(struct apply *a, struct err *err)
{
	return repository_switch(&a->channel, &a->options, a->root, a->request.subject,
				 a->request.file, a->request.on, err);
}

static const struct {
	int (*run)(struct apply *a, struct err *err);
	bool rpm; /* it needs rpm's database */
} verbs[] = {
	[APPLY_INSTALL] = { apply_install, true },
	[APPLY_LOAD] = { apply_load, true },
	[APPLY_UNLOAD] = { apply_unload, true },
	[APPLY_ERASE] = { apply_erase, true },
	[APPLY_SERVICE] = { apply_service, false },
	[APPLY_REPOSITORY] = { apply_repository, false },
};
_Static_assert(ARRAY_SIZE(verbs) == APPLY_VERB_COUNT, "one row per verb");

/* ---- around them ------------------------------------------------------------------------------*/

/* rpm reads its own files and macros, then the database of the root. */
static int open_rpm(struct apply *a, struct err *err)
{
	static const char *const folders[] = { "/usr/lib/sysimage/rpm", "/var/lib/rpm" };
	const char *path = folders[1];
	_cleanup_free_ char *macro = NULL;

	if (fsx_exists_at(a->root, "usr/lib/sysimage/rpm/rpmdb.sqlite"))
		path = folders[0];
	messages_begin();
	if (rpmReadConfigFiles(NULL, NULL) != 0)
		return err_set(err, EXIT_STATUS_SOFTWARE, "rpm's configuration cannot be read: %s",
			       messages_take());
	macro = xasprintf("_dbpath %s", path);
	rpmDefineMacro(NULL, macro, RMIL_CMDLINE);
	/* files reach the disk before the database has them (rpm 4.14): else a power cut leaves an
	   installed livepatch whose module is empty */
	rpmDefineMacro(NULL, "_flush_io 1", RMIL_CMDLINE);
	a->ts = rpmtsCreate();
	if (rpmtsSetRootDir(a->ts, a->options.root) != 0 || rpmtsOpenDB(a->ts, O_RDWR) != 0)
		return err_set(err, EXIT_STATUS_DATA,
			       "the rpm database below %s cannot be opened: %s", a->options.root,
			       messages_take());
	return 0;
}

static int serve(struct apply *a, int argc, char *argv[], struct err *err)
{
	const struct apply_request *q = &a->request;

	if (channel_receive(&a->channel, &a->request, a->fds, err) < 0 ||
	    options_parse(argc, argv, &a->options, err) < 0)
		return -1;
	a->root = open(a->options.root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (a->root < 0)
		return err_set_errno(err, EXIT_STATUS_USAGE, errno, "root directory %s",
				     a->options.root);
	if (guard_enabled(a->root, err) < 0 ||
	    guard_open(&a->guard, a->root, &a->options, a->arena, err) < 0)
		return -1;
	if (!streq(q->kernel, a->guard.release))
		return err_set(err, EXIT_STATUS_DATA,
			       "the plan was made for kernel %s, but %s runs; make a new one",
			       q->kernel, a->guard.release);
	if (verbs[q->verb].rpm && open_rpm(a, err) < 0)
		return -1;
	return verbs[q->verb].run(a, err);
}

static void release(struct apply *a)
{
	for (size_t i = 0; i < APPLY_PACKAGES_MAX; i++) {
		closep(&a->fds[i]);
		closep(&a->staged[i]);
		headerFree(a->headers[i]);
	}
	rpmtsFree(a->ts);
	rpmFreeMacros(NULL);
	rpmFreeRpmrc();
	closep(&a->root);
	arena_free(a->arena);
}

/* Nothing of the asker's environment reaches librpm, scriptlets or the loader. */
static void set_environment(void)
{
	clearenv();
	setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
	setenv("LANG", "C", 1);
	umask(022);
	(void)!chdir("/");
}

/* Whoever asked may go; what was begun is finished. */
static void set_signals(void)
{
	static const int ignored[] = { SIGPIPE, SIGHUP, SIGINT, SIGTERM };
	sigset_t set;

	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
		signal(ignored[i], SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

int main(int argc, char *argv[])
{
	struct apply a = { .arena = arena_new(), .channel = { STDIN_FILENO }, .root = -1 };
	struct err err = ERR_INIT;
	int status = EXIT_STATUS_OK;

	for (size_t i = 0; i < APPLY_PACKAGES_MAX; i++)
		a.fds[i] = a.staged[i] = -1;
	log_init("klpd-apply", LOG_LEVEL_INFO);
	set_signals();
	set_environment();
	if (serve(&a, argc, argv, &err) < 0)
		status = log_err(&err);
	channel_done(&a.channel, status, err.message ? err.message : "");
	err_clear(&err);
	release(&a);
	return status;
}
