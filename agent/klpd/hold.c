// SPDX-License-Identifier: Apache-2.0
#include "klpd/hold.h"

#include "base/log.h"
#include "klpd/state.h"

#include <errno.h>
#include <unistd.h>

#define PAUSE "pause.json"
#define TIMER "timer.json"

int hold_pause(const struct place *place, int64_t until, const char *who, const char *reason,
	       struct err *err)
{
	json_auto_t *pause = json_pack("{s:o,s:o,s:s,s:s?}", "since", state_time(timex_now()),
				       "until", state_time(until), "who", who, "reason", reason);
	int r = state_write(place, PAUSE, pause);

	return r < 0 ? err_set_errno(err, EXIT_STATUS_IO, -r, "the pause cannot be written down")
		     : 0;
}

int hold_resume(const struct place *place, struct err *err)
{
	if (unlinkat(place->state_fd, PAUSE, 0) < 0 && errno != ENOENT)
		return err_set_errno(err, EXIT_STATUS_IO, errno, "the pause cannot be ended");
	return 0;
}

json_t *hold_paused(const struct place *place, int64_t now)
{
	json_auto_t *pause = state_read(place, PAUSE);
	int64_t until;

	if (!pause)
		return NULL;
	until = state_time_of(pause, "until");
	return until != TIME_UNSET && until <= now ? NULL : TAKE_PTR(pause);
}

static char *paused(const struct place *place, int64_t now, int64_t *ret_until)
{
	json_auto_t *pause = hold_paused(place, now);
	const char *reason = state_text(pause, "reason"), *until = state_text(pause, "until");

	if (!pause)
		return NULL;
	*ret_until = state_time_of(pause, "until");
	return xasprintf("changes are paused since %s by %s%s%s%s%s; end it with: klpctl resume",
			 state_text(pause, "since"), state_text(pause, "who"),
			 *until ? " until " : "", until, *reason ? ": " : "", reason);
}

char *hold_reason(const struct place *place, const struct windows *windows, const char *trigger,
		  int64_t now, int64_t *ret_until)
{
	char buf[TIMEX_TEXT_MAX], *text = paused(place, now, ret_until);
	struct window_state window;
	json_auto_t *timer = NULL;
	int64_t last;

	if (text || !trigger || !streq(trigger, "timer"))
		return text;
	window = window_state(windows, now, timex_zone_offset(now));
	*ret_until = window.next;
	if (!window.open && window.next == TIME_UNSET)
		return xstrdup("no maintenance window ever opens; look at the setting 'windows'");
	if (!window.open)
		return xasprintf("outside the maintenance windows; the next one opens %s",
				 timex_format(window.next, buf));
	timer = state_read(place, TIMER);
	last = state_time_of(timer, "started");
	if (last == TIME_UNSET || last < window.since || last > now)
		return NULL;
	*ret_until = TIME_UNSET;
	return xasprintf("the timer has done its work of this %s at %s",
			 windows->n ? "maintenance window" : "day", timex_format(last, buf));
}

void hold_timer_done(const struct place *place, int64_t started)
{
	json_auto_t *timer = json_pack("{s:o}", "started", state_time(started));

	if (state_write(place, TIMER, timer) < 0)
		log_warning("that the timer has done its work cannot be written down");
}
