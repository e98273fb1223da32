// SPDX-License-Identifier: Apache-2.0
#include "worker/verb.h"

#include "base/fsx.h"
#include "codec/jsonx.h"
#include "core/doctor.h"
#include "core/openpgp.h"
#include "probe/checkup.h"
#include "probe/rpmdb.h"
#include "repo/cache.h"
#include "rpm/lock.h"
#include "solv/digest.h"
#include "worker/gather.h"
#include "worker/wishes.h"

#include <fcntl.h>

#define OWN_KEYS "etc/klpd/keys.d" /* klpd-apply trusts these too */
#define RPM_KEYS "the rpm database"
#define FILE_URL "file://"

/* The facts that doctor_examine() wants, while they are collected. */
struct checkup {
	struct session *s;
	struct arena *arena;
	struct diagnosis d;
	struct doctor_repository *repositories;
	struct doctor_key *trusted, *named;
};

static bool none(const char *name, void *userdata)
{
	(void)name;
	(void)userdata;
	return false;
}

/* ---- keys -------------------------------------------------------------------------------------*/

static const char *fingerprint_of(const struct openpgp_key *key, struct arena *arena)
{
	return key->version == 4 ? digest_sha1_hex(arena, key->hashed, key->n_hashed)
				 : digest_sha256_hex(arena, key->hashed, key->n_hashed);
}

static void add_keys(struct checkup *c, const char *where, const char *text, size_t len,
		     struct doctor_key **list, size_t *n)
{
	struct openpgp_keys keys = openpgp_read(text, len, c->arena);

	for (size_t i = 0; i < keys.n; i++)
		*ARENA_PUSH(c->arena, *list, *n) =
			(struct doctor_key){ where, fingerprint_of(&keys.items[i], c->arena) };
	if (keys.n == 0)
		*ARENA_PUSH(c->arena, *list, *n) = (struct doctor_key){ where, NULL };
}

static void read_trusted_keys(struct checkup *c)
{
	_cleanup_(fsx_names_freep)
	struct fsx_names *names = NULL;
	struct session *s = c->s;
	struct rpmdb_query query = { .arena = c->arena, .wanted = none, .want_keys = true };
	struct err err = ERR_INIT;

	c->d.newest_install = TIME_UNSET;
	if (rpmdb_read(s->root, s->request.root, &query, &err) == 0)
		c->d.newest_install = query.newest_install;
	c->d.rpmdb_trouble = arena_strdup(c->arena, err.message);
	err_clear(&err);
	for (size_t i = 0; i < query.n_keys; i++)
		add_keys(c, RPM_KEYS, query.keys[i], strlen(query.keys[i]), &c->trusted,
			 &c->d.n_trusted);
	if (fsx_list_at(s->root, OWN_KEYS, NULL, &names) < 0)
		return;
	for (size_t i = 0; i < names->n; i++) {
		const char *path = arena_printf(c->arena, "%s/%s", OWN_KEYS, names->items[i]);
		_cleanup_free_ char *text = NULL;
		size_t len;

		if (fsx_read_at(s->root, path, OPENPGP_BYTES_MAX, &text, &len) == 0)
			add_keys(c, path, text, len, &c->trusted, &c->d.n_trusted);
	}
}

/* A key at a URL elsewhere is nothing that this node has. */
static void read_named_key(struct checkup *c, const char *url)
{
	_cleanup_free_ char *text = NULL;
	const char *path;
	size_t len = 0;

	if (!starts_with(url, FILE_URL "/"))
		return;
	path = arena_strdup(c->arena, url + strlen(FILE_URL "/"));
	for (size_t i = 0; i < c->d.n_named; i++)
		if (streq(c->named[i].where, path))
			return;
	if (fsx_read_at(c->s->root, path, OPENPGP_BYTES_MAX, &text, &len) < 0)
		len = 0;
	add_keys(c, path, text, len, &c->named, &c->d.n_named);
}

/* ---- repositories -----------------------------------------------------------------------------*/

/* What was an error or a warning when it was last asked. */
static const char *trouble_with(const struct cache_entry *e, struct arena *arena)
{
	for (size_t i = 0; i < e->findings.n; i++)
		if (e->findings.items[i].severity != FINDING_INFO)
			return arena_strdup(arena, e->findings.items[i].message);
	return NULL;
}

static void read_repositories(struct checkup *c)
{
	_cleanup_close_ int cache =
		c->s->request.cache ? open(c->s->request.cache, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
				    : -1;
	_cleanup_(cache_state_freep)
	struct cache_state *state = NULL;

	if (cache < 0 || cache_read(cache, &state, NULL) < 0)
		return; /* the next fetch makes it anew */
	for (size_t i = 0; i < state->n_entries; i++) {
		const struct cache_entry *e = &state->entries[i];

		*ARENA_PUSH(c->arena, c->repositories, c->d.n_repositories) =
			(struct doctor_repository){
				.id = arena_strdup(c->arena, e->id),
				.status = e->status,
				.fetched = e->fetched,
				.trouble = trouble_with(e, c->arena),
			};
		for (size_t k = 0; k < e->n_gpgkeys; k++)
			read_named_key(c, e->gpgkeys[k]);
	}
}

/* ---- the answer -------------------------------------------------------------------------------*/

static bool has_livepatches(const struct session *s)
{
	const struct node *node = &s->snapshot->node;

	for (size_t i = 0; s->platform && i < node->n_installed; i++)
		if (platform_is_livepatch(s->platform, node->installed[i].nevra.name))
			return true;
	return false;
}

static void collect(struct checkup *c)
{
	struct session *s = c->s;
	const struct node *node = &s->snapshot->node;
	struct plan_limits limits = wishes_limits(s);
	_cleanup_free_ char *holder = lock_holder(s->root);

	c->d = (struct diagnosis){
		.now = s->request.now,
		.platform_known = s->platform != NULL,
		.has_livepatches = has_livepatches(s),
		.stale_after = s->config.stale_after,
		.kernel_build_date = node->kernel_build_date,
		.disk_free = limits.disk_free,
		.memory_free = limits.memory_free,
		.lock_holder = arena_strdup(c->arena, holder),
		.service = s->platform ? s->platform->service : NULL,
		.service_enabled = node->kpatch_service_enabled,
	};
	read_trusted_keys(c);
	read_repositories(c);
	c->d.repositories = c->repositories;
	c->d.trusted = c->trusted;
	c->d.named = c->named;
	checkup_read(s->root, node, s->platform, c->arena, &c->d);
}

int verb_doctor(struct session *s, json_t **ret, struct err *err)
{
	struct checkup c = { .s = s, .arena = s->arena };
	json_t *list = json_array();
	struct doctor_check *checks;
	size_t n;

	if (session_identify(s, err) < 0) {
		json_decref(list);
		return -1;
	}
	gather_node(s);
	collect(&c);
	checks = doctor_examine(&c.d, c.arena, &n);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_pack("{s:s,s:s,s:o,s:o}", "name", checks[i].name,
						      "state", doctor_state_name(checks[i].state),
						      "text", jsonx_text(checks[i].text), "remedy",
						      jsonx_text(checks[i].remedy)));
	*ret = json_pack("{s:o}", "checks", list);
	return 0;
}
