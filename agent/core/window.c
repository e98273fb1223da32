// SPDX-License-Identifier: Apache-2.0
#include "core/window.h"

#include <errno.h>
#include <stdio.h>
#include <strings.h>

#define ALL_WEEKDAYS UINT32_C(0x7f)
#define ALL_DAYS     UINT32_C(0xfffffffe)
/* Every day of the month falls on every weekday within this many days (29 February: not counted).
 */
#define AHEAD 400

static const char *const weekday_names[] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };

/* One word of @text, up to the next blank. Returns its length; *text is moved beyond the blanks. */
static size_t next_word(const char **text, const char **ret)
{
	size_t len;

	*text += strspn(*text, " ");
	*ret = *text;
	len = strcspn(*text, " ");
	*text += len;
	*text += strspn(*text, " ");
	return len;
}

static int read_weekday(const char **text, const char *end)
{
	for (size_t i = 0; i < ARRAY_SIZE(weekday_names); i++)
		if (end - *text >= 3 && strncasecmp(*text, weekday_names[i], 3) == 0) {
			*text += 3;
			return (int)i;
		}
	return -1;
}

static int read_day(const char **text, const char *end)
{
	int day = 0, digits = 0;

	for (; *text < end && **text >= '0' && **text <= '9' && digits < 2; (*text)++, digits++)
		day = day * 10 + (**text - '0');
	return digits && day >= 1 && day <= 31 ? day : -1;
}

/* "A", "A..B", "A,B..C": false when it is nothing of the kind. */
static bool read_set(const char *text, const char *end,
		     int (*read)(const char **text, const char *end), uint32_t *ret)
{
	uint32_t set = 0;

	for (;;) {
		int first = read(&text, end), last = first;

		if (end - text >= 2 && text[0] == '.' && text[1] == '.') {
			text += 2;
			last = read(&text, end);
		}
		if (first < 0 || last < first)
			return false;
		for (int i = first; i <= last; i++)
			set |= UINT32_C(1) << i;
		if (text == end)
			break;
		if (*text++ != ',')
			return false;
	}
	*ret = set;
	return true;
}

/* "02:00-06:00"; 24:00 is the end of a day. */
static bool read_times(const char *text, size_t len, struct window *w)
{
	char copy[16], left;
	int h1, m1, h2, m2;

	if (len >= sizeof(copy) || strspn(text, "0123456789:-") < len)
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (sscanf(copy, "%2d:%2d-%2d:%2d%c", &h1, &m1, &h2, &m2, &left) != 4)
		return false;
	if (h1 < 0 || h1 > 23 || h2 < 0 || m1 < 0 || m1 > 59 || m2 < 0 || m2 > 59 ||
	    h2 > (m2 ? 23 : 24))
		return false;
	w->from = h1 * 3600 + m1 * 60;
	w->until = h2 * 3600 + m2 * 60;
	if (w->until <= w->from)
		w->until += SEC_PER_DAY;
	return true;
}

static int refuse(const char **ret_why, const char *why)
{
	*ret_why = why;
	return -EINVAL;
}

int window_parse(const char *text, struct window *ret, const char **ret_why)
{
	struct window w = { .text = text, .weekdays = ALL_WEEKDAYS, .days = ALL_DAYS };
	const char *word;
	size_t len = next_word(&text, &word);

	if (len && read_set(word, word + len, read_weekday, &w.weekdays))
		len = next_word(&text, &word);
	if (len > 4 && strncmp(word, "*-*-", 4) == 0) {
		if (!read_set(word + 4, word + len, read_day, &w.days))
			return refuse(ret_why, "its days of the month are not like *-*-8..14");
		len = next_word(&text, &word);
	}
	if (!read_times(word, len, &w))
		return refuse(ret_why, "it is not like 22:00-04:00, Mon..Fri 01:00-05:00 or "
				       "Tue *-*-8..14 02:00-06:00 UTC");
	if (w.until - w.from < WINDOW_MIN)
		return refuse(ret_why, "it is shorter than an hour");
	len = next_word(&text, &word);
	w.utc = len == 3 && strncasecmp(word, "UTC", 3) == 0;
	if ((len && !w.utc) || *text)
		return refuse(ret_why, "only UTC may follow its times");
	*ret = w;
	return 0;
}

/* 1970-01-01 was a Thursday. */
static bool falls_on(const struct window *w, int64_t day)
{
	int weekday = (int)(((day + 3) % 7 + 7) % 7);

	return (w->weekdays >> weekday & 1) && (w->days >> timex_day_of_month(day) & 1);
}

static void look_at(const struct window *w, int64_t now, int64_t offset, struct window_state *state)
{
	int64_t shift = w->utc ? 0 : offset, local = now + shift;
	int64_t today = timex_day(local);

	for (int64_t day = today - 1; day <= today + AHEAD; day++) {
		int64_t from = day * SEC_PER_DAY + w->from, until = day * SEC_PER_DAY + w->until;

		if (!falls_on(w, day) || local >= until)
			continue;
		if (local < from) {
			if (state->next == TIME_UNSET || from - shift < state->next)
				state->next = from - shift;
			return;
		}
		if (!state->open || from - shift < state->since)
			state->since = from - shift;
		state->open = true;
		return;
	}
}

struct window_state window_state(const struct windows *windows, int64_t now, int64_t offset)
{
	struct window_state state = { .since = TIME_UNSET, .next = TIME_UNSET };

	if (windows->n == 0)
		return (struct window_state){ .open = true,
					      .since = timex_day(now) * SEC_PER_DAY,
					      .next = TIME_UNSET };
	for (size_t i = 0; i < windows->n; i++)
		look_at(&windows->items[i], now, offset, &state);
	return state;
}
