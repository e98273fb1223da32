// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The guard: what a verified package is, and whether this node may have it
 *
 * Looks only at headers whose signature was good, at the kernel and at the rpm database. Refuses
 * by default: a name that no option allows is refused, whoever asks.
 */

#include "apply/options.h"
#include "core/kernel.h"

#include <rpm/rpmts.h>

struct guard {
	const struct options *options;
	const char *release; /* uname -r */
	struct kernel_release kernel;
	struct arena *arena;
};

/* Finds out which kernel runs (below @root, or as the options say). 0, or -1 with @err. */
_must_check_ int guard_open(struct guard *guard, int root, const struct options *options,
			    struct arena *arena, struct err *err);
/* No change is wanted on this node: ROOT/etc/klpd/disabled, or klpd.disable on the kernel's command
 * line. 0, or -1 with @err (NOPERM). */
_must_check_ int guard_enabled(int root, struct err *err);

/**
 * guard_package() - may this package be installed?
 * @title:      what was asked for, "name.arch:epoch:version-release"
 * @ret_kernel: it is a kernel, which goes beside the others
 *
 * Return: 0; 1 when exactly this build is installed already; or -1 with @err (DATA) saying why not.
 */
_must_check_ int guard_package(struct guard *guard, rpmts ts, Header h, const char *title,
			       bool *ret_kernel, struct err *err);
/* True for the names that --allow gives, kernels not among them. */
bool guard_allows(const struct guard *guard, const char *name);

/* Finds out whether this installed package, a livepatch of any kernel, may be removed. 0, or -1
 * with
 * @err (DATA). */
_must_check_ int guard_removal(const struct guard *guard, Header h, const char *title,
			       struct err *err);

/* "name.arch:epoch:version-release" of a header; to be freed. */
char *guard_title(Header h);
