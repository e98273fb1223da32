// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The node's repository configuration, as yum and dnf see it
 *
 * Read below the root: ROOT/etc/yum.repos.d, ROOT/etc/distro.repos.d and ROOT/etc/yum/repos.d, or
 * what reposdir= names; [main] of ROOT/etc/yum.conf and ROOT/etc/dnf/dnf.conf; variables from
 * ROOT/etc/yum/vars and ROOT/etc/dnf/vars. Nothing is ever written. Trouble with a file is a
 * finding that names file and line; the other files still count.
 */

#include "base/alloc.h"
#include "core/finding.h"

#define REPOCONF_EXPIRE_DEFAULT ((int64_t)172800) /* seconds; librepo's and dnf's */
#define REPOCONF_EXPIRE_NEVER	((int64_t)-1)

struct repoconf_list {
	const char **items;
	size_t n;
};

/* One section; all texts are substituted. NULL or an empty list: not set. */
struct repoconf_section {
	const char *id;
	const char *file; /* where it stands, below the root; NULL: in `repo_text` */
	bool enabled, gpgcheck, repo_gpgcheck, skip_if_unavailable, sslverify;
	struct repoconf_list baseurls, gpgkeys;
	struct repoconf_list excludes; /* of [main] and its own, exclude= and excludepkgs= */
	const char *mirrorlist, *metalink;
	const char *proxy, *proxy_username, *proxy_password;
	const char *username, *password;
	const char *sslcacert, *sslclientcert, *sslclientkey;
	int64_t metadata_expire; /* seconds, or REPOCONF_EXPIRE_NEVER */
	int64_t timeout;	 /* seconds without progress */
	int64_t retries;	 /* 0: as often as there are mirrors */
	const char *unresolved;	 /* a variable in its URLs that has no value, or NULL */
};

struct repoconf {
	struct repoconf_section
		main; /* what [main] says for all; its file is the one that was read */
	struct repoconf_section *sections;
	size_t n_sections;
	bool unread; /* a file was left out, with a finding: there may be sections that are not here
		      */
	struct repoconf_list
		inputs; /* files and directories that were looked at: cache_signature() */
};

struct repoconf_builtin {
	const char *releasever; /* NULL: not known */
	const char *arch;	/* as uname -m; NULL: not known */
	/* A .repo file that counts as if it were there, where no other has that section and all
	 * could be read; NULL */
	const char *repo_id, *repo_text;
};

/* Reads everything below @root. All is in findings->arena. */
_returns_nonnull_ struct repoconf *repoconf_read(int root, const struct repoconf_builtin *builtin,
						 struct findings *findings);
