// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The root boundary: what klpd may ask of klpd-apply, and what it is told
 *
 * One process serves one request on a SOCK_SEQPACKET socket, its standard input: one message of
 * exactly one struct apply_request, with one file descriptor per package (SCM_RIGHTS, same order)
 * for APPLY_INSTALL and none for the others. Answers are messages of one struct apply_event each,
 * the last of kind APPLY_DONE. Sizes are fixed, so there is nothing to parse; every text is
 * NUL-terminated within its array, and both sides refuse what is not.
 *
 * Both programs come from the same build: another version is refused, never interpreted.
 */

#include <stdint.h>

#define APPLY_MAGIC	   UINT32_C(0x6b6c7061) /* "klpa" */
#define APPLY_VERSION	   UINT32_C(2)
#define APPLY_PACKAGES_MAX 8
#define APPLY_TITLE_MAX	   256
#define APPLY_PATH_MAX	   1024
#define APPLY_TEXT_MAX	   1024

enum apply_verb {
	APPLY_INSTALL = 1,    /* install the packages, then load the livepatches among them */
	APPLY_LOAD = 2,	      /* load installed livepatches */
	APPLY_UNLOAD = 3,     /* take them out of the kernel, the last one loaded first */
	APPLY_ERASE = 4,      /* remove livepatches, of any kernel, from the node's disk */
	APPLY_SERVICE = 5,    /* the unit `subject`: loads livepatches at boot, or no longer */
	APPLY_REPOSITORY = 6, /* the section `subject` of `file`, which "" lets be made */
	APPLY_VERB_COUNT,
};

/* What to do about functions of the kernel that somebody traces, before a livepatch is loaded. */
enum apply_tracing {
	APPLY_TRACING_IGNORE,
	APPLY_TRACING_WARN,
	APPLY_TRACING_DEFER, /* nothing is installed or loaded */
};

struct apply_package {
	char title[APPLY_TITLE_MAX]; /* "name.arch:epoch:version-release" */
	uint8_t sha256[32];	     /* of the file; only for APPLY_INSTALL, else zero */
	uint64_t size;		     /* of the file in bytes; likewise */
};

struct apply_request {
	uint32_t magic, version;
	uint32_t verb;
	uint32_t n_packages; /* 1 to APPLY_PACKAGES_MAX; 0 for APPLY_SERVICE, APPLY_REPOSITORY */
	uint32_t on;	     /* of these two: 1 on, 0 off; else 0 */
	uint32_t tracing;    /* enum apply_tracing; of APPLY_INSTALL and APPLY_LOAD, else 0 */
	char kernel[128];    /* uname -r that it was planned for */
	char subject[APPLY_TITLE_MAX];			   /* or zero */
	char file[APPLY_PATH_MAX];			   /* below the root; or zero */
	struct apply_package packages[APPLY_PACKAGES_MAX]; /* the rest is zero */
};

enum apply_event_kind {
	APPLY_STEP = 1,	 /* `subject` begins: one of the step names below */
	APPLY_PROGRESS,	 /* of the package `subject` in the transaction: `done` of `total` */
	APPLY_OUTPUT,	 /* a line that a scriptlet or the loader wrote */
	APPLY_WAITING,	 /* for a lock: `text` names its holder */
	APPLY_MODULE,	 /* module `subject`: `status` 0 loaded (APPLY_UNLOAD: gone), else not;
			    `text`: what the loader wrote */
	APPLY_INSTALLED, /* package `subject` is in the rpm database now */
	APPLY_ERASED,	 /* it is no longer */
	APPLY_SWITCHED,	 /* unit or section `subject` was changed; `text`: on or off, and where */
	APPLY_TRACED,	 /* function `subject` by `text` (core/tracing.h), one of `status` in all;
			    "": which are traced cannot be told */
	APPLY_DONE,	 /* `status`: exit status (base/err.h); `text`: what failed, or empty;
			    `done`: CPU time in microseconds, `total`: peak RSS in KiB */
};

/* Steps, in this order as far as a verb has them. The first five change nothing. */
#define APPLY_STEP_STAGE      "stage"	/* copy out of the asker's reach, check size and checksum */
#define APPLY_STEP_VERIFY     "verify"	/* signatures */
#define APPLY_STEP_LOCK	      "lock"	/* other package managers */
#define APPLY_STEP_GUARD      "guard"	/* what it is and may do */
#define APPLY_STEP_TEST	      "test"	/* dependencies, conflicts, disk space */
#define APPLY_STEP_INSTALL    "install" /* the transaction */
#define APPLY_STEP_LOAD	      "load"
#define APPLY_STEP_UNLOAD     "unload"
#define APPLY_STEP_ERASE      "erase"
#define APPLY_STEP_SERVICE    "service"
#define APPLY_STEP_REPOSITORY "repository"

struct apply_event {
	uint32_t magic, version;
	uint32_t kind;
	int32_t status;
	uint64_t done, total;
	char subject[APPLY_TITLE_MAX];
	char text[APPLY_TEXT_MAX];
};
