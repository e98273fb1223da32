// SPDX-License-Identifier: Apache-2.0
#include "core/kernel.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

static const char *const arches[] = { "x86_64", "aarch64", "ppc64le", "s390x",
				      "i686",	"armv7l",  "riscv64" };

/* The part after the last dot, if it is an architecture. */
static const char *arch_suffix(const char *text)
{
	const char *dot = strrchr(text, '.');

	for (size_t i = 0; dot && i < ARRAY_SIZE(arches); i++)
		if (streq(dot + 1, arches[i]))
			return dot + 1;
	return NULL;
}

static bool is_plain(const char *text)
{
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && !strchr(".-_+~^", *text))
			return false;
	return true;
}

int kernel_release_parse(const char *text, struct arena *arena, struct kernel_release *ret)
{
	const char *dash = strchr(text, '-'), *release, *arch, *flavour = NULL, *end;

	if (!dash || dash == text || !isdigit((unsigned char)text[0]) || !is_plain(text))
		return -EINVAL;
	release = dash + 1;
	end = release + strlen(release);
	arch = arch_suffix(release);
	if (arch) {
		end = arch - 1;
	} else {
		const char *last = strrchr(release, '-');

		if (last && last[1] && !isdigit((unsigned char)last[1])) {
			flavour = last + 1;
			end = last;
		}
	}
	if (end <= release)
		return -EINVAL;
	*ret = (struct kernel_release){
		.version = arena_strndup(arena, text, (size_t)(dash - text)),
		.release = arena_strndup(arena, release, (size_t)(end - release)),
		.arch = arena_strdup(arena, arch),
		.flavour = arena_strdup(arena, flavour),
	};
	return 0;
}

char *kernel_series(struct arena *arena, const char *version)
{
	size_t len = strcspn(version, ".");

	if (version[len] == '.')
		len += 1 + strcspn(version + len + 1, ".");
	return arena_strndup(arena, version, len);
}

static int month_number(const char *word)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	const char *p = strlen(word) == 3 ? strstr(names, word) : NULL;

	return p && (p - names) % 3 == 0 ? (int)(p - names) / 3 + 1 : 0;
}

/* Offset of a zone word in seconds; 0 for letters and for offsets that no zone has. */
static int zone_offset(const char *zone)
{
	unsigned int hours, minutes;
	char sign;

	if (sscanf(zone, "%c%2u%2u", &sign, &hours, &minutes) != 3 &&
	    sscanf(zone, "%c%2u:%2u", &sign, &hours, &minutes) != 3)
		return 0;
	if ((sign != '+' && sign != '-') || hours > 14 || minutes > 59)
		return 0;
	return (sign == '-' ? -1 : 1) * (int)(hours * 3600 + minutes * 60);
}

static int build_date(int year, int month, int day, const int clock[static 3], const char *zone,
		      int64_t *ret)
{
	char text[64];
	int64_t t;

	/* sscanf() takes signs, and timex_parse() what looks like no clock for none */
	if (year < 1970 || clock[0] < 0 || clock[1] < 0 || clock[2] < 0)
		return -EINVAL;
	snprintf(text, sizeof(text), "%04d-%02d-%02d %02d:%02d:%02d", year, month, day, clock[0],
		 clock[1], clock[2]);
	if (timex_parse(text, &t) < 0)
		return -EINVAL;
	*ret = t - zone_offset(zone);
	return 0;
}

/* "Feb 9 00:21:30 UTC 2020" (date(1)) and "01 Oct 2024 12:00:00 +0000" (RFC 5322) at @p. */
static int parse_at(const char *p, int64_t *ret)
{
	char word[4], zone[8] = "";
	int day, year, clock[3];

	if (sscanf(p, "%3[A-Za-z] %2d %2d:%2d:%2d %7s %4d", word, &day, &clock[0], &clock[1],
		   &clock[2], zone, &year) == 7 &&
	    month_number(word))
		return build_date(year, month_number(word), day, clock, zone, ret);
	if (sscanf(p, "%2d %3[A-Za-z] %4d %2d:%2d:%2d %7s", &day, word, &year, &clock[0], &clock[1],
		   &clock[2], zone) >= 6 &&
	    month_number(word))
		return build_date(year, month_number(word), day, clock, zone, ret);
	return -EINVAL;
}

int kernel_build_date(const char *uname_v, int64_t *ret)
{
	const char *paren;

	for (const char *p = uname_v; *p; p++)
		if ((p == uname_v || p[-1] == ' ') && parse_at(p, ret) == 0)
			return 0;
	/* Debian: "#1 SMP PREEMPT_DYNAMIC Debian 6.1.76-1 (2024-02-01)" */
	paren = strrchr(uname_v, '(');
	return paren ? timex_parse(paren + 1, ret) : -EINVAL;
}
