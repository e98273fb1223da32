// SPDX-License-Identifier: Apache-2.0
#include "common.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *common_setting(const struct klpd_setting *settings, size_t n, const char *key,
			   const char *fallback)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(settings[i].key, key) == 0)
			return settings[i].value;
	return fallback;
}

int common_explain(const struct klpd_host *host, int result, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	host->explain(text);
	return result;
}

int common_check_keys(const struct klpd_host *host, const struct klpd_setting *settings, size_t n,
		      const char *const *known)
{
	for (size_t i = 0; i < n; i++) {
		size_t k = 0;

		while (known[k] && strcmp(known[k], settings[i].key) != 0)
			k++;
		if (!known[k])
			return common_explain(host, KLPD_WRONG, "%s: no such setting",
					      settings[i].key);
	}
	return KLPD_OK;
}

int common_check_path(const struct klpd_host *host, const char *key, const char *path)
{
	return path && path[0] == '/'
		       ? KLPD_OK
		       : common_explain(host, KLPD_WRONG, "%s: an absolute path is needed", key);
}

static int write_all(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		text += n;
		len -= (size_t)n;
	}
	return fsync(fd);
}

/* A file system that cannot is no reason to fail: the file is there. */
static void sync_folder(const char *path)
{
	char *folder = strdup(path);
	int fd;

	if (!folder)
		return;
	strrchr(folder, '/')[1] = '\0';
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		(void)!fsync(fd);
		close(fd);
	}
	free(folder);
}

int common_write(const struct klpd_host *host, const char *path, const char *text, size_t len)
{
	const char *slash = strrchr(path, '/');
	char *temp = NULL;
	int fd, r = 0;

	/* a hidden name: node_exporter and others read what ends in their suffix */
	if (asprintf(&temp, "%.*s/.%s.%ld", (int)(slash - path), path, slash + 1, (long)getpid()) <
	    0)
		return common_explain(host, KLPD_RETRY, "%s: out of memory", path);
	fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0 || write_all(fd, text, len) < 0 || rename(temp, path) < 0)
		r = common_explain(host, KLPD_RETRY, "%s cannot be written: %s", path,
				   strerror(errno));
	if (fd >= 0)
		close(fd);
	if (r < 0)
		unlink(temp);
	else
		sync_folder(path);
	free(temp);
	return r;
}
