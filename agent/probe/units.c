// SPDX-License-Identifier: Apache-2.0
#include "probe/probe.h"

#include "base/fsx.h"

#include <fcntl.h>
#include <sys/stat.h>

/*
 * Is a unit enabled? Read from its links, without asking systemd: the root may be an image. A unit
 * is enabled when some NAME.wants or NAME.requires directory links it, and it is not masked.
 */
static const char *const unit_dirs[] = {
	"etc/systemd/system",
	"run/systemd/system",
	"usr/lib/systemd/system",
	"lib/systemd/system",
};

static bool is_link(int root, const char *path)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *parent = xstrndup(path, (size_t)(slash - path));
	_cleanup_close_ int dir = fsx_open_at(root, parent, O_PATH | O_DIRECTORY);
	struct stat st;

	return dir >= 0 && fstatat(dir, slash + 1, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISLNK(st.st_mode);
}

static bool is_masked(int root, const char *dir, const char *unit)
{
	_cleanup_close_ int fd = fsx_open_at(root, dir, O_PATH | O_DIRECTORY);
	char target[sizeof("/dev/null")];
	ssize_t n;

	if (fd < 0)
		return false;
	n = readlinkat(fd, unit, target, sizeof(target));
	return n == (ssize_t)strlen("/dev/null") && memcmp(target, "/dev/null", (size_t)n) == 0;
}

static bool is_wanted(int root, const char *dir, const char *unit)
{
	_cleanup_(fsx_names_freep)
	struct fsx_names *names = NULL;

	if (fsx_list_at(root, dir, NULL, &names) < 0)
		return false;
	for (size_t i = 0; i < names->n; i++) {
		_cleanup_free_ char *path = xasprintf("%s/%s/%s", dir, names->items[i], unit);

		if ((ends_with(names->items[i], ".wants") ||
		     ends_with(names->items[i], ".requires")) &&
		    is_link(root, path))
			return true;
	}
	return false;
}

enum tristate probe_unit_enabled(int root, const char *unit)
{
	enum tristate answer = TRISTATE_UNKNOWN;

	for (size_t i = 0; i < ARRAY_SIZE(unit_dirs); i++) {
		if (!fsx_exists_at(root, unit_dirs[i]))
			continue;
		if (is_masked(root, unit_dirs[i], unit))
			return TRISTATE_NO;
		if (is_wanted(root, unit_dirs[i], unit))
			answer = TRISTATE_YES;
		else if (answer == TRISTATE_UNKNOWN)
			answer = TRISTATE_NO;
	}
	return answer;
}

bool probe_unit_present(int root, const char *unit)
{
	for (size_t i = 0; i < ARRAY_SIZE(unit_dirs); i++) {
		_cleanup_free_ char *path = xasprintf("%s/%s", unit_dirs[i], unit);

		if (fsx_exists_at(root, path))
			return true;
	}
	return false;
}
