// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Kernel release strings
 *
 * Pure. uname -r of an rpm kernel is VERSION-RELEASE.ARCH (5.10.102-99.473.amzn2.x86_64) or, on
 * SUSE, VERSION-RELEASE-FLAVOUR (5.14.21-150400.24.100-default).
 */

#include "base/alloc.h"
#include "base/timex.h"
#include "core/evr.h"

struct kernel_release {
	const char *version; /* "5.10.102" */
	const char *release; /* "99.473.amzn2" */
	const char *arch;    /* "x86_64"; NULL when the string has none */
	const char *flavour; /* "default" (SUSE); NULL when the string has none */
};

/* Return: 0, or -EINVAL when @text is no such string. Strings live in @arena. */
_must_check_ int kernel_release_parse(const char *text, struct arena *arena,
				      struct kernel_release *ret);

/* "5.10" of "5.10.102": the line a kernel belongs to (its first two numbers). */
char *kernel_series(struct arena *arena, const char *version);

/*
 * Build date out of uname -v ("#1 SMP Sun Feb 9 00:21:30 UTC 2020"); a "SMP PREEMPT_DYNAMIC Tue, 01
 * Oct 2024 12:00:00 +0000" form and an ISO date in parentheses (Debian) are understood too. An
 * offset such as +0530 counts. Every zone in letters is taken as UTC: distributions build in UTC,
 * the letters of one zone may be those of another, and the error is hours in a window of months.
 * What has no whole date, clock and year is refused: then the date is unknown, not guessed.
 * Return: 0, or -EINVAL.
 */
_must_check_ int kernel_build_date(const char *uname_v, int64_t *ret);
