// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * What is known of the machine
 *
 * Pure data, filled by probe/ from a root directory or by codec/ from a capture; everything
 * belongs to one arena. Absent facts are explicit: NULL, TIME_UNSET or TRISTATE_UNKNOWN.
 */

#include "core/finding.h"
#include "core/nevra.h"
#include "base/timex.h"

enum tristate {
	TRISTATE_UNKNOWN = -1,
	TRISTATE_NO = 0,
	TRISTATE_YES = 1,
};

struct installed {
	struct nevra nevra;
	int64_t build_time, install_time;
	/* Kernel modules (*.ko, *.ko.xz, ...) in its file list as the kernel names them: no
	 * directory, no suffix, '-' turned into '_'. Read for livepatch packages only. */
	const char **modules;
	size_t n_modules;
};

/* One directory of /sys/kernel/livepatch. -1 = attribute absent (older kernels) or unreadable. */
struct livepatch_module {
	const char *name;
	int enabled;
	int transition;
	int replace;
};

struct node {
	const char *os_id;	/* os-release ID */
	const char *os_version; /* os-release VERSION_ID */
	const char *os_name;	/* os-release PRETTY_NAME */
	const char *releasever; /* value of the distribution's releasever provide, or NULL */
	const char *arch;	/* from the kernel release, else uname -m; NULL unknown */

	const char *kernel;	    /* uname -r, or --kernel=; NULL unknown */
	const char *kernel_version; /* uname -v; NULL unknown */
	int64_t kernel_build_date;  /* from uname -v; TIME_UNSET */
	const char *boot_id;	    /* NULL unknown */
	int64_t boot_time;	    /* TIME_UNSET */
	bool is_running_system;	    /* false: an image, whose kernel was named or is not known */

	struct installed *installed; /* tracked names only, see platform_tracks() */
	size_t n_installed;
	bool rpmdb_read; /* false: the list above says nothing */

	/* false: there is no /sys/kernel, so nothing is known about what is loaded */
	bool livepatch_sysfs;
	struct livepatch_module *modules;
	size_t n_modules;
	enum tristate kpatch_service_enabled;

	const char *instance_id, *region; /* NULL unknown */
};
