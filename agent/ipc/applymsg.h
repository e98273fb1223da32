// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The root boundary: what klpd may ask of klpd-apply, and what it is told
 *
 * One process serves one request on a SOCK_SEQPACKET socket, its standard input: one message of
 * exactly one struct apply_request, with one file descriptor per package (SCM_RIGHTS, same order)
 * for APPLY_INSTALL and none for APPLY_LOAD. Answers are messages of one struct apply_event each,
 * the last of kind APPLY_DONE. Sizes are fixed, so there is nothing to parse; every text is
 * NUL-terminated within its array, and both sides refuse what is not.
 *
 * Both programs come from the same build: another version is refused, never interpreted.
 */

#include <stdint.h>

#define APPLY_MAGIC	   UINT32_C(0x6b6c7061) /* "klpa" */
#define APPLY_VERSION	   UINT32_C(1)
#define APPLY_PACKAGES_MAX 8
#define APPLY_TITLE_MAX	   256
#define APPLY_TEXT_MAX	   1024

enum apply_verb {
	APPLY_INSTALL = 1, /* install the packages, then load the livepatches among them */
	APPLY_LOAD = 2,	   /* load installed livepatches */
};

struct apply_package {
	char title[APPLY_TITLE_MAX]; /* "name.arch:epoch:version-release" */
	uint8_t sha256[32];	     /* of the file; APPLY_LOAD: zero */
	uint64_t size;		     /* of the file in bytes; APPLY_LOAD: 0 */
};

struct apply_request {
	uint32_t magic, version;
	uint32_t verb;
	uint32_t n_packages;				   /* 1 to APPLY_PACKAGES_MAX */
	char kernel[128];				   /* uname -r that it was planned for */
	struct apply_package packages[APPLY_PACKAGES_MAX]; /* the rest is zero */
};

enum apply_event_kind {
	APPLY_STEP = 1,	 /* `subject` begins: one of the step names below */
	APPLY_PROGRESS,	 /* of the package `subject` in the transaction: `done` of `total` */
	APPLY_OUTPUT,	 /* a line that a scriptlet or the loader wrote */
	APPLY_WAITING,	 /* for a lock: `text` names its holder */
	APPLY_MODULE,	 /* module `subject`: `status` 0 loaded, else not; `text`: what the loader
			    wrote */
	APPLY_INSTALLED, /* package `subject` is in the rpm database now */
	APPLY_DONE,	 /* `status`: exit status (base/err.h); `text`: what failed, or empty;
			    `done`: CPU time in microseconds, `total`: peak RSS in KiB */
};

/* Steps, always in this order. The first five change nothing. */
#define APPLY_STEP_STAGE   "stage"   /* copy out of the asker's reach, check size and checksum */
#define APPLY_STEP_VERIFY  "verify"  /* signatures */
#define APPLY_STEP_LOCK	   "lock"    /* other package managers */
#define APPLY_STEP_GUARD   "guard"   /* what it is and may do */
#define APPLY_STEP_TEST	   "test"    /* dependencies, conflicts, disk space */
#define APPLY_STEP_INSTALL "install" /* the transaction */
#define APPLY_STEP_LOAD	   "load"

struct apply_event {
	uint32_t magic, version;
	uint32_t kind;
	int32_t status;
	uint64_t done, total;
	char subject[APPLY_TITLE_MAX];
	char text[APPLY_TEXT_MAX];
};
