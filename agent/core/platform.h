// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Platform profiles: what a distribution calls its livepatches, as data
 *
 * A profile is a YAML file (conf/platforms/NAME.yaml, embedded; /etc/klpd/platforms/NAME.yaml takes
 * its place). Adding a platform needs no C. Pure: interprets a doc tree.
 *
 * Example:
 *
 *   name: amzn2
 *   match: {id: amzn, version: "2"}    # of os-release; both may be lists
 *   aws: {operating-system: AMAZON_LINUX_2, products: [AmazonLinux2, AmazonLinux2.0]}
 *   releasever: "system-release(releasever)"
 *   livepatch:
 *     package: "kernel-livepatch-{version}-{release}"
 *     prefix: kernel-livepatch-
 *     release-strip: [.amzn2]
 *     replace: {}                # e.g. {".": "_"} for kpatch-patch-4_18_0-147_0_2
 *     marker: {release: 0}       # or {version: 0}
 *     runtime: [kpatch-runtime]
 *     tools: [binutils]          # what the runtime uses besides, and its package may not ask for
 *     service: kpatch.service    # loads them at boot; left out where no unit does that
 *     support-months: 3
 *   kernels:                     # first line that matches the running kernel counts
 *     - {series: "5.10", packages: [kernel], arch: [x86_64], minimum: 5.10.50-44.131,
 *        ends: 2026-06-30}
 *     - {series: "5.15", packages: [kernel], livepatch: false}
 *     # rebuilds: true             # the package's release is uname's and one more number (SUSE)
 *   repositories:                # one that both lists name holds livepatches and kernels
 *     livepatch: [amzn2extra-livepatch]
 *     kernel: [amzn2-core, "amzn2extra-kernel-*"]
 */

#include "base/doc.h"
#include "base/timex.h"
#include "core/catalogue.h"
#include "core/kernel.h"
#include "core/nevra.h"

struct platform_kernel {
	const char *series;	     /* "5.10"; "*" = any */
	const char *const *packages; /* names of the kernel package of this line */
	size_t n_packages;
	const char *const *arches; /* with livepatches; empty = all */
	size_t n_arches;
	bool livepatch;	     /* false: this line gets none */
	bool rebuilds;	     /* packages: RELEASE.NUMBER, where uname says RELEASE */
	const char *minimum; /* VERSION-RELEASE of the first patchable kernel, or NULL */
	int64_t ends;	     /* last day of livepatches for the line (00:00Z), or TIME_UNSET */
};

/* The text is gone through once: what was put in is not looked at again. */
struct platform_replace {
	const char *from, *to;
};

struct platform {
	const char *name;
	const char *const *os_ids;
	size_t n_os_ids;
	const char *const *os_versions; /* globs; empty = any */
	size_t n_os_versions;
	const char *aws_operating_system; /* NULL: not an AWS platform */
	const char *const *aws_products;
	size_t n_aws_products;
	const char *default_baseline;
	const char *releasever_provide; /* NULL: os-release VERSION_ID */

	const char *livepatch_package; /* template, see above */
	const char *livepatch_prefix;  /* the template begins with it */
	bool version_follows_prefix;   /* ... and goes on with {version} */
	const char *const *release_strip;
	size_t n_release_strip;
	struct platform_replace *replace; /* applied to {version} and {release} */
	size_t n_replace;
	const char *marker_version, *marker_release; /* globs; NULL: not looked at */
	const char *const *runtime;
	size_t n_runtime;
	const char *const *tools;
	size_t n_tools;
	const char *service; /* NULL: none that is known */
	int support_months;  /* 0: no window */

	struct platform_kernel *kernels;
	size_t n_kernels;
	const char *const *livepatch_repos; /* globs over section ids */
	size_t n_livepatch_repos;
	const char *const *kernel_repos;
	size_t n_kernel_repos;
};

/* Interprets a profile. Unknown keys are errors with their line. Everything lives in @arena. */
_must_check_ int platform_from_doc(const struct doc *doc, struct arena *arena,
				   const struct platform **ret, struct err *err);

bool platform_matches(const struct platform *platform, const char *os_id, const char *os_version);

/* Name of the livepatch package for a kernel. */
char *platform_livepatch_name(const struct platform *platform, const struct kernel_release *kernel,
			      struct arena *arena);
/* The kernel line a release belongs to, or NULL. */
const struct platform_kernel *platform_kernel_line(const struct platform *platform,
						   const struct kernel_release *kernel);
bool platform_line_has_arch(const struct platform_kernel *line, const char *arch);
/* True if the kernel is older than the first one of its line that gets livepatches. */
bool platform_line_is_before(const struct platform_kernel *line,
			     const struct kernel_release *kernel, struct arena *arena);
/* True if a package of this version and release is the kernel that calls itself @kernel. */
bool platform_line_is_build(const struct platform_kernel *line, const struct kernel_release *kernel,
			    const struct evr *evr);

/* What a package name means here. */
bool platform_is_livepatch(const struct platform *platform, const char *name); /* any kernel's */
bool platform_is_marker(const struct platform *platform, const struct nevra *nevra);
bool platform_is_kernel(const struct platform *platform, const char *name);
bool platform_is_runtime(const struct platform *platform, const char *name);
bool platform_is_tool(const struct platform *platform, const char *name);
/* True for each of the above: the names that a node's inventory and the catalogue keep. */
bool platform_tracks(const struct platform *platform, const char *name);
/*
 * The section that enabling and disabling switch: the first that is named in full and holds nothing
 * but livepatches; NULL when there is none.
 */
const char *platform_switchable_repo(const struct platform *platform);
/* -1 when no role wants this repository. What both roles want has the one that more is read of. */
int platform_repo_role(const struct platform *platform, const char *repo_id);
/* True if what is looked for in repositories of @role may stand in this one. */
bool platform_repo_serves(const struct platform *platform, const struct repository *repository,
			  enum repo_role role);
