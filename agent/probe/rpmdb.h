// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The rpm database, read only
 *
 * By its index of names, or one iteration over all headers; the file head of rpmdb.c says when.
 */

#include "base/err.h"
#include "core/node.h"

typedef bool (*rpmdb_name_fn)(const char *name, void *userdata);

struct rpmdb_query {
	struct arena *arena;   /* owns the result */
	rpmdb_name_fn wanted;  /* NULL: every package */
	rpmdb_name_fn modules; /* for which packages to list kernel modules; NULL: none */
	void *userdata;
	const char *provide; /* look for this provide in every package; NULL: none */
	/* NULL, or gets rpm's Header of every package; nonzero ends the reading as failed. */
	int (*visit)(void *header, void *userdata);
	bool want_keys; /* the public keys that packages are verified by */
	/* result */
	struct installed *items;
	size_t n;
	const char *provide_version; /* version of the provide, or NULL */
	int64_t newest_install;	     /* with want_keys: of all packages, wanted or not; TIME_UNSET:
					there is none */
	const char **keys;	     /* armored */
	size_t n_keys;
};

/**
 * rpmdb_read() - list what is installed
 * @root:      directory fd of the root
 * @root_path: its name, for messages
 *
 * Leaves the root exactly as it is: no lock file, no write-ahead log, no index is created.
 * Return: 0, or -1 with @err (DATA) when there is no database or it cannot be read to its end.
 */
_must_check_ int rpmdb_read(int root, const char *root_path, struct rpmdb_query *query,
			    struct err *err);

/* "kpatch-5.10.ko.xz" -> "kpatch_5.10", as the kernel names it; NULL when it is no module. */
const char *rpmdb_module_name(struct arena *arena, const char *file);
