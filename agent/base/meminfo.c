// SPDX-License-Identifier: Apache-2.0
#include "base/meminfo.h"

#include <errno.h>

#define KEY "MemAvailable:"
#define KIB ((int64_t)1024)
#define MIB (1024 * KIB)

int64_t meminfo_available(const char *text)
{
	const char *line = text;
	long long value;
	char *end;

	while (line && !starts_with(line, KEY)) {
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	if (!line)
		return -1;
	line += strlen(KEY);
	errno = 0;
	value = strtoll(line, &end, 10);
	if (end == line || errno || !starts_with(end, " kB\n") || value < 0 ||
	    value > INT64_MAX / KIB)
		return -1;
	return value * KIB;
}

int meminfo_check(const char *text, const char *program, int64_t floor, struct err *err)
{
	int64_t available = meminfo_available(text);

	if (available < 0 || available >= floor)
		return 0;
	return err_set(err, EXIT_STATUS_TEMPFAIL,
		       "%s starts only where %lld MiB of memory are available, so that it takes "
		       "none from the node's own work, and %lld MiB are; try again when less is "
		       "running",
		       program, (long long)(floor / MIB), (long long)(available / MIB));
}
