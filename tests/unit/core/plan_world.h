// SPDX-License-Identifier: Apache-2.0
#pragma once

/* A node that runs KERNEL, two repositories and a baseline, judged; for test_plan*. */

#include "base/yaml.h"
#include "core/builtin.h"
#include "core/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define NAME   "kernel-livepatch-5.10.102-99.473"
#define OTHER  "kernel-livepatch-5.10.103-1"
#define KERNEL "5.10.102-99.473.amzn2"
#define NOW    ((int64_t)100000)
#define SHA256 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/*
 * What the repositories tell:
 *
 *   1.0-0  marker, offered
 *   1.0-1  offered, notice A (important)
 *   1.0-2  offered, notice B (important): the candidate
 *   1.0-3  offered, notice C (low): held
 *   1.0-4  notice D (important), in no repository
 *   kernel 5.10.103-1  notice E (important), 5.10.104-1  notice F (low): held
 */
enum module {
	MODULE_ABSENT,
	MODULE_ACTIVE,
	MODULE_OFF,
	MODULE_MOVING,
};

struct situation {
	const char *what;
	const char *livepatch; /* installed release; NULL: none, not even the marker */
	enum module module;
	bool no_runtime, no_service, no_kernel, new_kernel, image;
	const char *rejected;
	bool listed; /* there is an override list: */
	struct override_entry entries[2];
	struct plan_ban ban;
	bool with_kernel, retry;
	const char *expected;
};

struct world {
	struct arena *arena;
	struct snapshot snapshot;
	struct installed installed[4], more[6]; /* the latter: test_plan_configure.c */
	const char *modules[1];
	struct livepatch_module loaded;
	struct repository repositories[2];
	struct available packages[4];
	struct advisory advisories[6];
	struct nevra noticed[6];
	struct baseline_filter filter;
	struct baseline_rule rule;
	struct baseline baseline;
	struct config config;
	struct evaluation in;
	struct judge judge;
	struct report *report;
	struct override_list overrides;
	struct plan_wishes wishes;
};

static inline struct nevra build(const char *name, const char *version, const char *release)
{
	return (struct nevra){ name, { 0, version, release }, "x86_64" };
}

static inline const struct platform *amzn2(struct arena *arena)
{
	const struct platform *platform = NULL;
	const struct builtin_text *texts;
	const struct doc *doc;
	struct err err = ERR_INIT;
	size_t n;

	texts = builtin_platforms(&n);
	for (size_t i = 0; i < n; i++)
		if (streq(texts[i].name, "amzn2") &&
		    (yaml_parse(texts[i].text, texts[i].len, "amzn2", arena, &doc, &err) < 0 ||
		     platform_from_doc(doc, arena, &platform, &err) < 0))
			fail_msg("%s", err.message);
	assert_non_null(platform);
	return platform;
}

static inline void set_up_node(struct world *w, const struct situation *s)
{
	struct node *node = &w->snapshot.node;

	*node = (struct node){
		.os_id = "amzn",
		.os_version = "2",
		.kernel = KERNEL ".x86_64",
		.arch = "x86_64",
		.kernel_build_date = NOW - 10,
		.boot_time = NOW - 5,
		.is_running_system = !s->image,
		.installed = w->installed,
		.rpmdb_read = true,
		.livepatch_sysfs = true,
		.kpatch_service_enabled = s->no_service ? TRISTATE_NO : TRISTATE_YES,
	};
	if (s->livepatch) {
		struct installed *p = &w->installed[node->n_installed++];

		p->nevra = build(NAME, "1.0", s->livepatch);
		p->modules = w->modules;
		p->n_modules = 1;
	}
	if (!s->no_runtime) {
		w->installed[node->n_installed].nevra = build("kpatch-runtime", "0.9", "1.amzn2");
		w->installed[node->n_installed++].nevra.arch = "noarch";
	}
	if (!s->no_kernel)
		w->installed[node->n_installed++].nevra =
			build("kernel", "5.10.102", "99.473.amzn2");
	if (s->new_kernel)
		w->installed[node->n_installed++].nevra = build("kernel", "5.10.103", "1.amzn2");
	w->modules[0] = "klp_a";
	w->loaded = (struct livepatch_module){ "klp_a", s->module != MODULE_OFF,
					       s->module == MODULE_MOVING, 1 };
	node->modules = &w->loaded;
	node->n_modules = s->module != MODULE_ABSENT;
}

static inline void set_up_catalogue(struct world *w)
{
	static const struct {
		const char *id, *severity, *name, *version, *release;
	} rows[] = {
		{ "A", "important", NAME, "1.0", "1.amzn2" },
		{ "B", "important", NAME, "1.0", "2.amzn2" },
		{ "C", "low", NAME, "1.0", "3.amzn2" },
		{ "D", "important", NAME, "1.0", "4.amzn2" },
		{ "E", "important", "kernel", "5.10.103", "1.amzn2" },
		{ "F", "low", "kernel", "5.10.104", "1.amzn2" },
	};
	static const char *const offered[] = { "0.amzn2", "1.amzn2", "2.amzn2", "3.amzn2" };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		w->noticed[i] = build(rows[i].name, rows[i].version, rows[i].release);
		w->advisories[i] = (struct advisory){ .id = rows[i].id,
						      .type = "security",
						      .severity = rows[i].severity,
						      .updated = { NOTICE_DATE_VALID, 1000 },
						      .packages = &w->noticed[i],
						      .n_packages = 1,
						      .repo = streq(rows[i].name, "kernel") };
	}
	for (size_t i = 0; i < ARRAY_SIZE(offered); i++)
		w->packages[i].nevra = build(NAME, "1.0", offered[i]);
	w->repositories[0] = (struct repository){ .id = "amzn2extra-livepatch",
						  .role = REPO_ROLE_LIVEPATCH,
						  .fetched = NOW,
						  .updateinfo_read = true,
						  .primary_read = true };
	w->repositories[1] = (struct repository){ .id = "amzn2-core",
						  .role = REPO_ROLE_KERNEL,
						  .fetched = NOW,
						  .updateinfo_read = true };
	w->snapshot.catalogue =
		(struct catalogue){ w->repositories, 2, w->advisories, 6, w->packages, 4 };
}

static inline void judge_situation(struct world *w, const struct situation *s)
{
	static const char *const important[] = { "Important" };
	struct err err = ERR_INIT;

	set_up_node(w, s);
	set_up_catalogue(w);
	w->filter = (struct baseline_filter){ FILTER_SEVERITY, important, 1 };
	w->rule = (struct baseline_rule){ .filters = &w->filter,
					  .n_filters = 1,
					  .approve_until = TIME_UNSET };
	w->baseline = (struct baseline){ .rules = &w->rule,
					 .n_rules = 1,
					 .rejected = &s->rejected,
					 .n_rejected = s->rejected != NULL };
	if (config_from_doc(NULL, &w->config, &err) < 0)
		fail_msg("%s", err.message);
	w->in = (struct evaluation){ .snapshot = &w->snapshot,
				     .platform = amzn2(w->arena),
				     .baseline = &w->baseline,
				     .config = &w->config,
				     .trigger = "manual",
				     .now = NOW };
	w->report = evaluate_judge(&w->in, &w->judge);
}

static inline struct world *world_new(const struct situation *s)
{
	struct world *w = xcalloc(1, sizeof(*w));

	w->arena = arena_new();
	w->snapshot.findings.arena = w->arena;
	judge_situation(w, s);
	w->overrides.entries = (struct override_entry *)s->entries;
	while (w->overrides.n_entries < 2 && s->entries[w->overrides.n_entries].id)
		w->overrides.n_entries++;
	w->wishes = (struct plan_wishes){ .running_system = !s->image,
					  .overrides = s->listed ? &w->overrides : NULL,
					  .bans = &s->ban,
					  .n_bans = s->ban.reason != NULL,
					  .with_kernel = s->with_kernel,
					  .retry_quarantined = s->retry };
	return w;
}

static inline void world_free(struct world *w)
{
	report_free(w->report);
	arena_free(w->arena);
	free(w);
}
DEFINE_CLEANUP(struct world *, world_free);

static inline char *append(struct arena *arena, char *text, const char *more)
{
	return arena_printf(arena, "%s%s%s", text, *text ? " " : "", more);
}
