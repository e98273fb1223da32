// SPDX-License-Identifier: Apache-2.0
#include "klpd/state.h"

#include "base/fsx.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#define MODE	  0644
#define BYTES_MAX ((size_t)1024 * 1024)

json_t *state_read(const struct place *place, const char *name)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (fsx_read_at(place->state_fd, name, BYTES_MAX, &text, &len) < 0)
		return NULL;
	return json_loadb(text, len, 0, NULL);
}

int state_write(const struct place *place, const char *name, json_t *json)
{
	_cleanup_free_ char *text = json_dumps(json, JSON_INDENT(1));

	return fsx_write_atomic_at(place->state_fd, name, text, strlen(text), MODE);
}

void state_adopt(int state_fd, int fd)
{
	struct stat st;

	if (geteuid() == 0 && fstat(state_fd, &st) == 0 && st.st_uid != 0)
		(void)!fchown(fd, st.st_uid, st.st_gid);
}

int state_folder(int dir, const char *name)
{
	int fd;

	if (mkdirat(dir, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	state_adopt(dir, fd);
	return fd;
}

const char *state_text(json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

int64_t state_time_of(json_t *object, const char *key)
{
	int64_t t;

	return timex_parse(state_text(object, key), &t) < 0 ? TIME_UNSET : t;
}

json_t *state_time(int64_t t)
{
	char buf[TIMEX_TEXT_MAX];

	return t == TIME_UNSET ? json_null() : json_string(timex_format(t, buf));
}

json_t *state_printf(const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	return json_string(text);
}
