// SPDX-License-Identifier: Apache-2.0
#include "core/catalogue.h"

static const char *const role_names[] = {
	[REPO_ROLE_LIVEPATCH] = "livepatch",
	[REPO_ROLE_KERNEL] = "kernel",
};

static const char *const status_names[] = {
	[REPO_OK] = "ok",
	[REPO_STALE] = "stale",
	[REPO_UNREACHABLE] = "unreachable",
	[REPO_INVALID] = "invalid",
	[REPO_DISABLED] = "disabled",
	[REPO_ABSENT] = "absent",
	[REPO_UNREAD] = "unread",
};

static int index_of(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (streq(names[i], name))
			return (int)i;
	return -1;
}

const char *repo_role_name(enum repo_role role)
{
	return role_names[role];
}

const char *repo_status_name(enum repo_status status)
{
	return status_names[status];
}

int repo_role_from_name(const char *name)
{
	return index_of(role_names, ARRAY_SIZE(role_names), name);
}

int repo_status_from_name(const char *name)
{
	return index_of(status_names, ARRAY_SIZE(status_names), name);
}

enum repo_status repository_status(const struct repository *repository)
{
	if (!repository->prospective)
		return repository->status;
	return repository->file ? REPO_DISABLED : REPO_ABSENT;
}

enum tristate repository_switched_on(const struct repository *repository)
{
	enum repo_status status = repository_status(repository);

	if (status == REPO_UNREAD)
		return TRISTATE_UNKNOWN;
	return status == REPO_DISABLED || status == REPO_ABSENT ? TRISTATE_NO : TRISTATE_YES;
}

bool repository_usable(const struct repository *repository)
{
	return repository->status == REPO_OK || repository->status == REPO_STALE;
}
