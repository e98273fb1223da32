// SPDX-License-Identifier: Apache-2.0
#include "klpd/finish.h"

#include "base/timex.h"

#include <stdio.h>
#include <sys/random.h>

const char *finish_id(char buf[static FINISH_ID_MAX])
{
	int64_t msec = timex_now_msec();
	unsigned char b[16];
	int n = 0;

	while (getrandom(b, sizeof(b), 0) != (ssize_t)sizeof(b))
		;
	for (int i = 0; i < 6; i++)
		b[i] = (unsigned char)(msec >> (40 - 8 * i));
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x70); /* version */
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80); /* variant */
	for (size_t i = 0; i < sizeof(b); i++)
		n += snprintf(buf + n, FINISH_ID_MAX - (size_t)n, "%s%02x",
			      i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", b[i]);
	return buf;
}

static void set_time(json_t *object, const char *key, int64_t t)
{
	char buf[TIMEX_TEXT_MAX];

	json_object_set_new(object, key, json_string(timex_format(t, buf)));
}

json_t *finish_report(json_t *report, const struct finish *finish)
{
	static const char *const head[] = { "operation", "reboot_option", "trigger" };
	json_t *complete = json_object(), *resources = json_object();

	json_object_set(complete, "schema", json_object_get(report, "schema"));
	json_object_set_new(complete, "id", json_string(finish->id));
	for (size_t i = 0; i < ARRAY_SIZE(head); i++)
		json_object_set(complete, head[i], json_object_get(report, head[i]));
	set_time(complete, "started", finish->started);
	set_time(complete, "finished", finish->finished);
	json_object_update_missing(complete, report);
	json_object_set_new(resources, "cpu_ms", json_integer(finish->cpu_usec / 1000));
	json_object_set_new(resources, "peak_rss_kib", json_integer(finish->peak_rss_kib));
	json_object_set_new(resources, "bytes_fetched", json_integer(finish->bytes_fetched));
	json_object_set_new(complete, "resources", resources);
	return complete;
}
