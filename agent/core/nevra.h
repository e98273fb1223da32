// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Package identity: name, epoch, version, release, architecture
 *
 * Pure. Spellings used by AWS Patch Manager (semantics 4.2): Id "name.arch", Title
 * "name.arch:epoch:version-release".
 */

#include "base/alloc.h"
#include "core/evr.h"

struct nevra {
	const char *name;
	struct evr evr;
	const char *arch;
};

/* Names with control characters, blanks or '/' never came from an rpm; they are refused. */
bool nevra_is_sane(const struct nevra *nevra);
bool nevra_same_name_arch(const struct nevra *a, const struct nevra *b);
bool nevra_equal(const struct nevra *a, const struct nevra *b);
/* By name, then arch, then EVR. */
int nevra_compare(const struct nevra *a, const struct nevra *b);

/* "name.arch" */
char *nevra_id(struct arena *arena, const struct nevra *nevra);
/* "name.arch:epoch:version-release" */
char *nevra_title(struct arena *arena, const struct nevra *nevra);
/* "name-version-release.arch", with "epoch:" before the version unless it is 0: what people type */
char *nevra_text(struct arena *arena, const struct nevra *nevra);

/* Copies all strings into @arena. */
struct nevra nevra_dup(struct arena *arena, const struct nevra *nevra);
