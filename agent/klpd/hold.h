// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * What keeps klpd from changing the node now
 *
 *   STATE/pause.json   somebody said pause: nobody changes anything until resume, or until a time
 *   STATE/timer.json   when a timer last changed the node: it does so once per window
 *
 * Windows (core/window.h) hold back timers only; a person or a remote command knows what time it
 * is. Looking is never held back.
 */

#include "core/config.h"
#include "klpd/place.h"

#include <jansson.h>

/* @until: TIME_UNSET: until resume. @reason may be NULL. 0, or -1 with @err (IO). */
_must_check_ int hold_pause(const struct place *place, int64_t until, const char *who,
			    const char *reason, struct err *err);
_must_check_ int hold_resume(const struct place *place, struct err *err);
/* {since, until, who, reason} of a pause that is in force, a new reference; else NULL. */
json_t *hold_paused(const struct place *place, int64_t now);

/*
 * Why a change asked for by @trigger (NULL: by a person) must wait, to be freed, with @ret_until
 * (TIME_UNSET: not known); NULL: it need not.
 */
char *hold_reason(const struct place *place, const struct windows *windows, const char *trigger,
		  int64_t now, int64_t *ret_until);
/* The timer's change that began at @started did not fail. */
void hold_timer_done(const struct place *place, int64_t started);
