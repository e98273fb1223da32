// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Locking a program down, for good: what it may ask of the kernel, and how much it may take
 *
 * For short-lived programs that read what strangers wrote; the tables in the source say what each
 * may do. Whoever calls this links libseccomp.
 */

#include "base/err.h"

/* AddressSanitizer starts a tracer at the end and maps terabytes: both are let pass then. */
#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define LOCKDOWN_RELAXED 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define LOCKDOWN_RELAXED 1
#endif
#ifndef LOCKDOWN_RELAXED
#define LOCKDOWN_RELAXED 0
#endif

enum lockdown_program {
	LOCKDOWN_FETCH,
	LOCKDOWN_WORKER,
	LOCKDOWN_PUBLISH, /* a plugin that writes files */
	LOCKDOWN_UPLOAD,  /* one that has sockets */
	LOCKDOWN_START,	  /* one that starts programs: no list of calls, all else */
};

/**
 * lockdown_enter() - from here on this process can do little
 *
 * To be called before anything is read, while there is one thread. No new privileges, lower limits,
 * the last place in every queue and the first before the out-of-memory killer, no capabilities, and
 * a list of system calls: any other fails with ENOSYS, as on a kernel that does not know it, and
 * one that only an attacker could want ends the process with SIGSYS.
 *
 * Return: 0, or -1 with @err: TEMPFAIL when memory is short, SOFTWARE when the kernel refuses the
 * protection. The program must not go on then.
 */
_must_check_ int lockdown_enter(enum lockdown_program program, struct err *err);

/*
 * For LOCKDOWN_FETCH, which may start programs until then: an attempt to start one ends the
 * process. Threads are not affected. Return: 0, or -1 with @err (SOFTWARE).
 */
_must_check_ int lockdown_forbid_programs(struct err *err);
