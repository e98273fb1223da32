// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * What the repositories offer: repositories, their advisories, and the packages we care about
 *
 * Pure data; everything belongs to one arena. Which repositories have which role comes from the
 * platform profile. `packages` holds only wanted names (livepatches and their runtime), because
 * only the livepatch role's primary metadata is read (DESIGN section 4); `primary_read` says so.
 */

#include "core/advisory.h"
#include "core/finding.h"
#include "core/node.h"

enum repo_role {
	REPO_ROLE_LIVEPATCH,
	REPO_ROLE_KERNEL,
};

enum repo_status {
	REPO_OK,	  /* metadata at hand and fresh enough */
	REPO_STALE,	  /* an older copy had to be used: see findings */
	REPO_UNREACHABLE, /* no copy at hand */
	REPO_INVALID,	  /* metadata at hand is broken */
	REPO_DISABLED,	  /* a section exists and is disabled */
	REPO_ABSENT,	  /* no section matches the platform's pattern */
	REPO_UNREAD,	  /* the same, but not every .repo file could be read: it may be there */
};

struct repository {
	const char *id; /* section id; for REPO_ABSENT and REPO_UNREAD the platform's pattern */
	enum repo_role role;
	enum repo_status status;
	const char *revision; /* repomd revision as text, or NULL */
	const char *checksum; /* "sha256:..." of repomd.xml, or NULL */
	int64_t fetched;      /* when repomd.xml was last confirmed, or TIME_UNSET */
	bool updateinfo_read; /* false: the repository has none (normal), or it is broken */
	bool primary_read;
	const char *const *excludes; /* yum and dnf excludes that apply, as glob patterns */
	size_t n_excludes;
	const char *file; /* in which the section stands, below the root; NULL: in none */
	/* Its section is not enabled: looked at, with its own status, for a plan to enable it. */
	bool prospective;
};

struct available {
	struct nevra nevra;
	size_t repo;
	int64_t build_time; /* TIME_UNSET when unknown */
};

struct catalogue {
	struct repository *repositories;
	size_t n_repositories;
	struct advisory *advisories;
	size_t n_advisories;
	struct available *packages;
	size_t n_packages;
};

const char *repo_role_name(enum repo_role role);       /* "livepatch", "kernel" */
const char *repo_status_name(enum repo_status status); /* "ok", "stale", ... */
int repo_role_from_name(const char *name);	       /* or -1 */
int repo_status_from_name(const char *name);	       /* or -1 */
/* What the node's own configuration makes of it, whatever was looked at for a plan. */
enum repo_status repository_status(const struct repository *repository);
/* Whether its section is there and enabled, whether or not it could be reached. */
enum tristate repository_switched_on(const struct repository *repository);
/* True when metadata of this repository could be looked at. */
bool repository_usable(const struct repository *repository);
