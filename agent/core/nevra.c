// SPDX-License-Identifier: Apache-2.0
#include "core/nevra.h"

static bool is_sane_text(const char *s)
{
	if (!s || !*s)
		return false;
	for (; *s; s++)
		if ((unsigned char)*s <= ' ' || *s == '/' || *s == 0x7f)
			return false;
	return true;
}

bool nevra_is_sane(const struct nevra *nevra)
{
	return is_sane_text(nevra->name) && is_sane_text(nevra->evr.version) &&
	       is_sane_text(nevra->evr.release) && is_sane_text(nevra->arch);
}

bool nevra_same_name_arch(const struct nevra *a, const struct nevra *b)
{
	return streq(a->name, b->name) && streq(a->arch, b->arch);
}

bool nevra_equal(const struct nevra *a, const struct nevra *b)
{
	return nevra_same_name_arch(a, b) && a->evr.epoch == b->evr.epoch &&
	       streq(a->evr.version, b->evr.version) && streq(a->evr.release, b->evr.release);
}

int nevra_compare(const struct nevra *a, const struct nevra *b)
{
	int r = strcmp(a->name, b->name);

	if (!r)
		r = strcmp(a->arch, b->arch);
	return r ? r : evr_compare(&a->evr, &b->evr);
}

char *nevra_id(struct arena *arena, const struct nevra *nevra)
{
	return arena_printf(arena, "%s.%s", nevra->name, nevra->arch);
}

char *nevra_title(struct arena *arena, const struct nevra *nevra)
{
	return arena_printf(arena, "%s.%s:%u:%s-%s", nevra->name, nevra->arch, nevra->evr.epoch,
			    nevra->evr.version, nevra->evr.release);
}

char *nevra_text(struct arena *arena, const struct nevra *nevra)
{
	if (nevra->evr.epoch)
		return arena_printf(arena, "%s-%u:%s-%s.%s", nevra->name, nevra->evr.epoch,
				    nevra->evr.version, nevra->evr.release, nevra->arch);
	return arena_printf(arena, "%s-%s-%s.%s", nevra->name, nevra->evr.version,
			    nevra->evr.release, nevra->arch);
}

struct nevra nevra_dup(struct arena *arena, const struct nevra *nevra)
{
	return (struct nevra){
		.name = arena_strdup(arena, nevra->name),
		.evr = { nevra->evr.epoch, arena_strdup(arena, nevra->evr.version),
			 arena_strdup(arena, nevra->evr.release) },
		.arch = arena_strdup(arena, nevra->arch),
	};
}
