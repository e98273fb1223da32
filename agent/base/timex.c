// SPDX-License-Identifier: Apache-2.0
#include "base/timex.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <time.h>

struct civil {
	int64_t year;
	unsigned int month, day;
};

int64_t timex_now(void)
{
	return (int64_t)time(NULL);
}

int64_t timex_now_msec(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t timex_zone_offset(int64_t t)
{
	time_t then = (time_t)t;
	struct tm tm = { 0 };

	return localtime_r(&then, &tm) ? tm.tm_gmtoff : 0;
}

static unsigned int month_length(int64_t year, unsigned int month)
{
	static const unsigned char days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

/* Era arithmetic: years are counted from 1 March, so that the leap day is the last of a year. */
int64_t timex_days_from_civil(int64_t year, unsigned int month, unsigned int day)
{
	int64_t y = year - (month <= 2);
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

	return era * 146097 + day_of_era - 719468;
}

static struct civil civil_from_days(int64_t days)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;
	unsigned int month = (unsigned int)(mp < 10 ? mp + 3 : mp - 9);

	return (struct civil){
		.year = yoe + era * 400 + (month <= 2),
		.month = month,
		.day = (unsigned int)(doy - (153 * mp + 2) / 5 + 1),
	};
}

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

int64_t timex_day(int64_t t)
{
	return floor_div(t, SEC_PER_DAY);
}

unsigned int timex_day_of_month(int64_t day)
{
	return civil_from_days(day).day;
}

const char *timex_format_date(int64_t t, char buf[static TIMEX_TEXT_MAX])
{
	struct civil c;

	buf[0] = '\0';
	if (t == TIME_UNSET)
		return buf;
	c = civil_from_days(timex_day(t));
	snprintf(buf, TIMEX_TEXT_MAX, "%04lld-%02u-%02u", (long long)c.year, c.month, c.day);
	return buf;
}

const char *timex_format(int64_t t, char buf[static TIMEX_TEXT_MAX])
{
	int64_t rest;
	size_t len;

	timex_format_date(t, buf);
	if (t == TIME_UNSET)
		return buf;
	rest = t - floor_div(t, SEC_PER_DAY) * SEC_PER_DAY;
	len = strlen(buf);
	snprintf(buf + len, TIMEX_TEXT_MAX - len, "T%02d:%02d:%02dZ", (int)(rest / 3600),
		 (int)(rest / 60 % 60), (int)(rest % 60));
	return buf;
}

/* Reads exactly @n digits at *@p. */
static bool digits(const char **p, int n, unsigned int *ret)
{
	unsigned int v = 0;

	for (int i = 0; i < n; i++) {
		if (!isdigit((unsigned char)(*p)[i]))
			return false;
		v = v * 10 + (unsigned int)((*p)[i] - '0');
	}
	*p += n;
	*ret = v;
	return true;
}

int timex_parse(const char *text, int64_t *ret)
{
	unsigned int year, month, day, clock[3] = { 0, 0, 0 };
	const char *p = text;

	if (!digits(&p, 4, &year) || *p++ != '-' || !digits(&p, 2, &month) || *p++ != '-' ||
	    !digits(&p, 2, &day))
		return -EINVAL;
	if (year == 0 || month < 1 || month > 12 || day < 1 || day > month_length(year, month))
		return -EINVAL;
	if (*p == ' ' || *p == 'T') {
		for (int i = 0; i < 3; i++) {
			const char *field = p + 1;

			if (i > 0 && *p != ':')
				break;
			if (!digits(&field, 2, &clock[i]))
				break;
			p = field;
		}
	}
	if (clock[0] > 23 || clock[1] > 59 || clock[2] > 60)
		return -EINVAL;
	*ret = timex_days_from_civil(year, month, day) * SEC_PER_DAY + clock[0] * 3600 +
	       clock[1] * 60 + clock[2];
	return 0;
}

int64_t timex_add_months(int64_t t, int months)
{
	int64_t days = floor_div(t, SEC_PER_DAY), total;
	struct civil c = civil_from_days(days);
	unsigned int length;

	total = c.year * 12 + (c.month - 1) + months;
	c.year = floor_div(total, 12);
	c.month = (unsigned int)(total - c.year * 12) + 1;
	length = month_length(c.year, c.month);
	if (c.day > length)
		c.day = length;
	return timex_days_from_civil(c.year, c.month, c.day) * SEC_PER_DAY +
	       (t - days * SEC_PER_DAY);
}
