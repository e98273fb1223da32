// SPDX-License-Identifier: Apache-2.0
#include "core/plan.h"

#include "core/match.h"

#include <stdarg.h>
#include <strings.h>

/* ---- the value --------------------------------------------------------------------------------*/

void plan_free(struct plan *plan)
{
	if (!plan)
		return;
	arena_free(plan->arena);
	free(plan);
}

char *plan_title(struct arena *arena, const struct nevra *nevra)
{
	return nevra->evr.version ? nevra_title(arena, nevra) : arena_strdup(arena, nevra->name);
}

void plan_refuse(struct plan *plan, const struct nevra *nevra, const char *code, const char *fmt,
		 ...)
{
	_cleanup_free_ char *message = NULL;
	struct plan_refusal *refusal;
	va_list ap;

	va_start(ap, fmt);
	message = xvasprintf(fmt, ap);
	va_end(ap);

	refusal = ARENA_PUSH(plan->arena, plan->refusals, plan->n_refusals);
	refusal->package = nevra ? plan_title(plan->arena, nevra) : "";
	refusal->code = arena_strdup(plan->arena, code);
	refusal->message = arena_strdup(plan->arena, message);
}

bool plan_is_empty(const struct plan *plan)
{
	return plan->n_steps + plan->n_loads + plan->n_switches + plan->n_removals +
		       plan->n_unloads ==
	       0;
}

/* Sizes come from the repositories: a sum never wraps. */
int64_t plan_add_bytes(int64_t a, int64_t b)
{
	int64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

int64_t plan_download_bytes(const struct plan *plan)
{
	int64_t sum = 0;

	for (size_t i = 0; i < plan->n_steps; i++) {
		if (plan->steps[i].action == PLAN_ERASE)
			continue;
		if (plan->steps[i].size < 0)
			return -1;
		sum = plan_add_bytes(sum, plan->steps[i].size);
	}
	return sum;
}

int64_t plan_installed_bytes(const struct plan *plan)
{
	int64_t sum = 0;

	for (size_t i = 0; i < plan->n_steps; i++) {
		if (plan->steps[i].action == PLAN_ERASE)
			continue;
		if (plan->steps[i].installed_size < 0)
			return -1;
		sum = plan_add_bytes(sum, plan->steps[i].installed_size);
	}
	return sum;
}

enum plan_configure plan_configure_from_name(const char *name)
{
	static const char *const names[] = {
		[PLAN_CONFIGURE_ENABLE] = "enable",
		[PLAN_CONFIGURE_DISABLE] = "disable",
		[PLAN_CONFIGURE_CLEAN] = "clean",
	};

	for (size_t i = PLAN_CONFIGURE_NONE + 1; i < ARRAY_SIZE(names); i++)
		if (streq(names[i], name))
			return (enum plan_configure)i;
	return PLAN_CONFIGURE_NONE;
}

const char *plan_kind_name(enum plan_kind kind)
{
	static const char *const names[] = {
		[PLAN_LIVEPATCH] = "livepatch",	  [PLAN_MARKER] = "marker",
		[PLAN_RUNTIME] = "runtime",	  [PLAN_KERNEL] = "kernel",
		[PLAN_DEPENDENCY] = "dependency",
	};

	return names[kind];
}

const char *plan_action_name(enum plan_action action)
{
	static const char *const names[] = {
		[PLAN_INSTALL] = "install",	[PLAN_UPGRADE] = "upgrade",
		[PLAN_DOWNGRADE] = "downgrade", [PLAN_REINSTALL] = "reinstall",
		[PLAN_ERASE] = "erase",
	};

	return names[action];
}

/* ---- bans -------------------------------------------------------------------------------------*/

/* @sha256: of the package file, or NULL when it is not known. */
static const struct plan_ban *find_ban(const struct plan_wishes *wishes, const struct nevra *nevra,
				       const char *sha256)
{
	for (size_t i = 0; i < wishes->n_bans; i++) {
		const struct plan_ban *ban = &wishes->bans[i];

		if (ban->quarantine && wishes->retry_quarantined)
			continue;
		if (ban->package && match_nevra(ban->package, nevra))
			return ban;
		if (ban->sha256 && sha256 && strcasecmp(ban->sha256, sha256) == 0)
			return ban;
	}
	return NULL;
}

bool plan_refuse_banned(struct plan *plan, const struct plan_wishes *wishes,
			const struct nevra *nevra, const char *sha256)
{
	const struct plan_ban *ban = find_ban(wishes, nevra, sha256);

	if (!ban)
		return false;
	if (ban->quarantine)
		plan_refuse(plan, nevra, "quarantined",
			    "%s is in quarantine: %s; klpctl install --retry-quarantined tries it "
			    "again",
			    plan_title(plan->arena, nevra), ban->reason);
	else
		plan_refuse(plan, nevra, "recalled",
			    "%s must not be installed or loaded: %s; only taking it off the recall "
			    "list allows it",
			    plan_title(plan->arena, nevra), ban->reason);
	return true;
}
