// SPDX-License-Identifier: Apache-2.0
#include "fetch/clock.h"

#include <stddef.h>
#include <sys/time.h>

#define MSEC ((int64_t)1000)

void clock_start(int64_t msec)
{
	struct itimerval timer = { 0 };

	if (msec < 1)
		msec = 1;
	timer.it_value.tv_sec = msec / MSEC;
	timer.it_value.tv_usec = msec % MSEC * MSEC;
	setitimer(ITIMER_REAL, &timer, NULL);
}

void clock_stop(void)
{
	struct itimerval off = { 0 };

	setitimer(ITIMER_REAL, &off, NULL);
}
