// SPDX-License-Identifier: Apache-2.0
#include "fetch/download.h"

#include "base/lockdown.h"
#include "base/loop.h"
#include "fetch/clock.h"
#include "fetch/config.h"

#include <errno.h>

#define MSEC ((int64_t)1000)

struct run {
	struct fetch *fetch;
	const struct request *request;
	const volatile sig_atomic_t *stopped;
	struct arena *arena;
	struct package_store store;
	/* by package */
	const struct repoconf_section **sections;
	bool *missing;
	struct err first; /* what went wrong first */
	size_t n_failed;
};

/* ---- what is asked for ------------------------------------------------------------------------*/

static int find_section(const struct run *run, const struct repoconf *conf, const struct package *p,
			const struct repoconf_section **ret, struct err *err)
{
	for (size_t i = 0; i < conf->n_sections; i++) {
		const struct repoconf_section *s = &conf->sections[i];

		if (!streq(s->id, p->repository))
			continue;
		*ret = s;
		return config_is_enabled(run->request, s)
			       ? 0
			       : err_set(err, EXIT_STATUS_CONFIG,
					 "repository %s, which has %s, is disabled in /%s; "
					 "enable it",
					 s->id, p->label, s->file);
	}
	return err_set(err, EXIT_STATUS_CONFIG,
		       "repository %s, which has %s, is not configured on this node; scan again",
		       p->repository, p->label);
}

static int find_sections(struct run *run, struct err *err)
{
	const struct request *request = run->request;
	struct findings findings = { .arena = run->arena };
	const struct repoconf *conf = config_read(run->fetch->root, request, &findings);

	run->sections = arena_alloc(run->arena, request->n_packages * sizeof(struct repoconf *));
	run->missing = arena_alloc(run->arena, request->n_packages * sizeof(bool));
	for (size_t i = 0; i < request->n_packages; i++) {
		const struct package *p = &request->packages[i];

		if (p->size > request->max_package_bytes)
			return err_set(err, EXIT_STATUS_DATA,
				       "%s of repository %s has %lld bytes, more than the %lld "
				       "that are allowed for a package",
				       p->label, p->repository, (long long)p->size,
				       (long long)request->max_package_bytes);
		if (find_section(run, conf, p, &run->sections[i], err) < 0)
			return -1;
	}
	return 0;
}

/* Signatures are checked by a program, gpg. */
static bool wants_signatures(const struct run *run)
{
	for (size_t i = 0; i < run->request->n_packages; i++)
		if (run->sections[i]->repo_gpgcheck)
			return true;
	return false;
}

/* Which of them must come, and is there room for them? */
static int find_missing(struct run *run, struct err *err)
{
	const struct request *request = run->request;
	int64_t bytes = 0;

	for (size_t i = 0; i < request->n_packages; i++) {
		const struct package *p = &request->packages[i];

		run->missing[i] = !package_is_there(&run->store, p);
		if (run->missing[i] &&
		    __builtin_add_overflow(bytes, package_bytes_left(&run->store, p), &bytes))
			bytes = INT64_MAX;
	}
	return bytes ? package_check_room(&run->store, bytes, err) : 0;
}

/* ---- trouble ----------------------------------------------------------------------------------*/

/* What to do; the other sentences say it themselves. */
static const char *advice(int status)
{
	switch (status) {
	case EXIT_STATUS_DATA:
		return "; tell who runs it, or use another mirror";
	case EXIT_STATUS_UNAVAILABLE:
		return "; check its URL, the network and the proxy, or scan again if the "
		       "repository has changed";
	case EXIT_STATUS_TEMPFAIL:
		return "; check the network and try again: what came is kept";
	default:
		return "";
	}
}

static void note(struct run *run, const struct package *p, const struct err *why)
{
	if (run->n_failed++ == 0)
		err_set(&run->first, why->status, "%s cannot be had from repository %s: %s%s",
			p->label, p->repository, why->message, advice(why->status));
}

static int conclude(struct run *run, struct err *err)
{
	size_t others = run->n_failed ? run->n_failed - 1 : 0;

	if (*run->stopped)
		return err_set(err, EXIT_STATUS_TEMPFAIL,
			       "the download was stopped; what came is kept for the next try");
	if (run->n_failed == 0)
		return 0;
	if (others == 0)
		return err_set(err, run->first.status, "%s", run->first.message);
	return err_set(err, run->first.status, "%s; %zu other package%s could not be had either",
		       run->first.message, others, others == 1 ? "" : "s");
}

/* ---- one repository ---------------------------------------------------------------------------*/

struct source {
	struct run *run;
	const char *repository;
};

static void on_progress(const char *file, int64_t done, int64_t total, void *userdata)
{
	const struct source *source = userdata;
	const struct fetch *fetch = source->run->fetch;

	fetch->on_progress(source->repository, file, done, total, fetch->userdata);
}

static bool is_over(const struct run *run)
{
	return *run->stopped || run->first.status == EXIT_STATUS_IO ||
	       run->first.status == EXIT_STATUS_TEMPFAIL;
}

/* All that is missing from the repository of package @first. */
static void bring(struct run *run, size_t first)
{
	const struct package *packages = run->request->packages;
	struct source source = { run, packages[first].repository };
	struct transfer_spec spec = {
		.section = run->sections[first],
		.root = run->fetch->root,
		.folder = arena_printf(run->arena, "%s/tmp-XXXXXX", run->fetch->cache_path),
		.on_progress = on_progress,
		.userdata = &source,
	};
	_cleanup_(transfer_freep)
	struct transfer *transfer = NULL;
	struct transfer_count count;
	struct err why = ERR_INIT;

	if (!mkdtemp((char *)spec.folder))
		err_set_errno(&why, EXIT_STATUS_IO, errno, "the cache cannot be written to");
	else if (transfer_open(&spec, &transfer, &why) < 0)
		transfer = NULL;
	for (size_t i = first; i < run->request->n_packages && !is_over(run); i++) {
		const struct package *p = &packages[i];

		if (!run->missing[i] || !streq(p->repository, source.repository))
			continue;
		run->missing[i] = false;
		if (transfer && package_is_there(&run->store, p))
			continue; /* it was asked for twice */
		if (!transfer || package_fetch(transfer, &run->store, p, &why) < 0)
			note(run, p, &why);
	}
	err_clear(&why);
	if (!transfer)
		return;
	count = transfer_count(transfer);
	run->fetch->count.bytes += count.bytes;
	run->fetch->count.files += count.files;
}

/* ---- all of it --------------------------------------------------------------------------------*/

static int bring_all(struct run *run, int64_t deadline, struct err *err)
{
	if (find_missing(run, err) < 0)
		return -1;
	clock_start(deadline - loop_now());
	for (size_t i = 0; i < run->request->n_packages && !is_over(run); i++)
		if (run->missing[i])
			bring(run, i);
	clock_stop();
	return conclude(run, err);
}

int download(struct fetch *fetch, const struct request *request,
	     const volatile sig_atomic_t *stopped, struct err *err)
{
	int64_t deadline = loop_now() + request->timeout * MSEC;
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();
	struct run run = {
		.fetch = fetch,
		.request = request,
		.stopped = stopped,
		.arena = arena,
		.store = { -1, arena_printf(arena, "%s/" PACKAGE_FOLDER, fetch->cache_path) },
	};
	_cleanup_close_ int lock = -1, folder = -1;
	int r;

	if (find_sections(&run, err) < 0 ||
	    (!wants_signatures(&run) && lockdown_forbid_programs(err) < 0))
		return -1;
	lock = cache_lock(fetch->cache, request->timeout * MSEC, err);
	if (lock < 0)
		return -1;
	folder = cache_open_folder(fetch->cache, PACKAGE_FOLDER, err);
	if (folder < 0 || fetch_make_scratch(fetch->cache_path, err) < 0)
		return -1;
	run.store.folder = folder;
	r = bring_all(&run, deadline, err);
	package_prune(&run.store, request->packages, request->n_packages, request->now);
	cache_prune(fetch->cache, NULL);
	err_clear(&run.first);
	return r;
}
