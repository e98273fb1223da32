// SPDX-License-Identifier: Apache-2.0
#include "fetch/refresh.h"

#include "base/lockdown.h"
#include "base/loop.h"
#include "core/match.h"
#include "fetch/clock.h"
#include "fetch/config.h"

#include <errno.h>

#define MSEC ((int64_t)1000)

/* Sections that hold nothing to install; their names end so everywhere. */
static const char *const other_kinds[] = { "-source", "-debuginfo", "-debug", "-debug-rpms" };

struct pick {
	const struct repoconf_section *section;
	enum repo_role role;
};

struct run {
	struct fetch *fetch;
	const struct request *request;
	struct cache_state *last, *state;
	const struct repoconf *conf;
	bool config_changed;
	struct pick *picks; /* enabled sections that have a role */
	size_t n_picks;
	int64_t deadline; /* of loop_now() */
};

/* ---- which sections ---------------------------------------------------------------------------*/

static bool is_other_kind(const char *id)
{
	for (size_t i = 0; i < ARRAY_SIZE(other_kinds); i++)
		if (ends_with(id, other_kinds[i]))
			return true;
	return false;
}

/* A section has one role: the first whose patterns it fits, livepatch before kernel. */
static bool is_taken(const struct run *run, const char *id)
{
	for (size_t i = 0; i < run->n_picks; i++)
		if (streq(run->picks[i].section->id, id))
			return true;
	return cache_entry_find(run->state, id) != NULL;
}

/* Nothing to fetch, only to remember that it is so. */
static void add_status(struct run *run, const char *id, const char *file, enum repo_role role,
		       enum repo_status status)
{
	struct cache_entry *e;

	if (cache_entry_find(run->state, id))
		return;
	e = cache_entry_add(run->state, id, role);
	e->status = status;
	e->file = file;
	e->expires = CACHE_EXPIRES_NEVER; /* the configuration's signature tells of a change */
}

static void pick_sections(struct run *run, enum repo_role role, const char *glob)
{
	const struct repoconf *conf = run->conf;
	bool enabled = false, present = false;

	for (size_t i = 0; i < conf->n_sections; i++) {
		const struct repoconf_section *s = &conf->sections[i];
		struct pick *pick;

		if (!match_glob(glob, s->id) || is_other_kind(s->id))
			continue;
		present = true;
		enabled = enabled || config_is_enabled(run->request, s);
		if (!config_is_enabled(run->request, s) || is_taken(run, s->id))
			continue;
		pick = ARENA_PUSH(run->state->arena, run->picks, run->n_picks);
		*pick = (struct pick){ .section = s, .role = role };
	}
	for (size_t i = 0; i < conf->n_sections && present && !enabled; i++)
		if (match_glob(glob, conf->sections[i].id) && !is_other_kind(conf->sections[i].id))
			add_status(run, conf->sections[i].id, conf->sections[i].file, role,
				   REPO_DISABLED);
	if (!present)
		add_status(run, glob, NULL, role, conf->unread ? REPO_UNREAD : REPO_ABSENT);
}

/* ---- which of them must be fetched ------------------------------------------------------------*/

static bool is_usable(const struct run *run, const struct cache_entry *last, enum repo_role role)
{
	if (run->request->refresh || run->config_changed || !last || last->status != REPO_OK ||
	    last->role != role || last->expires <= run->request->now ||
	    last->fetched > run->request->now || !fetch_has_all(run->fetch, last))
		return false;
	for (size_t i = 0; i < last->n_files; i++) {
		_cleanup_close_ int fd = cache_open_file(run->fetch->cache, &last->files[i]);

		if (fd < 0)
			return false;
	}
	return true;
}

/* Each repository gets its share of the time that is left; what it does not use is the others'. */
static void start_clock(const struct run *run, size_t left)
{
	transfer_resume();
	clock_start((run->deadline - loop_now()) / (int64_t)left);
}

static void bring(struct run *run, const struct pick *pick, size_t left)
{
	const struct cache_entry *last = cache_entry_find(run->last, pick->section->id);
	struct cache_entry *entry = cache_entry_add(run->state, pick->section->id, pick->role);

	entry->file = pick->section->file;
	entry->prospective = !pick->section->enabled;
	if (is_usable(run, last, pick->role)) {
		fetch_keep(last, entry);
		return;
	}
	/* A copy that was made for another role may lack a file. */
	if (last && last->role != pick->role)
		last = NULL;
	start_clock(run, left);
	fetch_repository(run->fetch, pick->section, last, entry);
	clock_stop();
}

/* ---- all of it --------------------------------------------------------------------------------*/

static void read_configuration(struct run *run)
{
	const struct request *request = run->request;
	struct cache_state *state = run->state;
	_cleanup_free_ char *signature = NULL;

	run->conf = config_read(run->fetch->root, request, &state->findings);
	state->inputs = run->conf->inputs.items;
	state->n_inputs = run->conf->inputs.n;
	/* Taken before anything is fetched: a change meanwhile is seen by the next run. */
	signature = cache_signature(run->fetch->root, (const char *const *)state->inputs,
				    state->n_inputs);
	state->signature = arena_strdup(state->arena, signature);
	run->config_changed = !streq_null(state->signature, run->last->signature);
	for (size_t role = 0; role < REQUEST_ROLES; role++)
		for (size_t i = 0; i < request->roles[role].n; i++)
			pick_sections(run, (enum repo_role)role, request->roles[role].globs[i]);
}

/* Signatures are checked by a program, gpg. */
static bool wants_signatures(const struct run *run)
{
	for (size_t i = 0; i < run->n_picks; i++)
		if (run->picks[i].section->repo_gpgcheck)
			return true;
	return false;
}

int refresh(struct fetch *fetch, const struct request *request,
	    const volatile sig_atomic_t *stopped, struct err *err)
{
	struct run run = { .fetch = fetch,
			   .request = request,
			   .deadline = loop_now() + request->timeout * MSEC };
	_cleanup_close_ int lock = cache_lock(fetch->cache, request->timeout * MSEC, err);
	_cleanup_(cache_state_freep)
	struct cache_state *last = NULL, *state = cache_state_new();
	int r = 0;

	if (lock < 0 || fetch_make_scratch(fetch->cache_path, err) < 0)
		return -1;
	if (cache_read(fetch->cache, &last, NULL) < 0)
		last = cache_state_new(); /* damaged: nothing in it is believed */
	run.last = last;
	run.state = state;
	read_configuration(&run);
	if (!wants_signatures(&run) && lockdown_forbid_programs(err) < 0)
		return -1;
	for (size_t i = 0; i < run.n_picks && !*stopped; i++)
		bring(&run, &run.picks[i], run.n_picks - i);
	if (*stopped)
		r = err_set(err, EXIT_STATUS_TEMPFAIL,
			    "fetching was stopped; the metadata cache is as it was");
	else
		r = cache_write(fetch->cache, state, err);
	cache_prune(fetch->cache, r < 0 ? last : state);
	return r;
}
