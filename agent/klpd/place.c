// SPDX-License-Identifier: Apache-2.0
#include "klpd/place.h"

#include "base/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#define SYSTEM_MODE  0755
#define PRIVATE_MODE 0700

char *place_escape(const char *path)
{
	char *name = xmalloc(4 * strlen(path) + 2), *to = name;

	for (const char *p = path + (path[0] == '/' && path[1]); *p; p++) {
		bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
			     (*p >= '0' && *p <= '9') || *p == '_' || (*p == '.' && p > path + 1);

		if (*p == '/')
			*to++ = '-';
		else if (plain)
			*to++ = *p;
		else
			to += sprintf(to, "\\x%02x", (unsigned int)(unsigned char)*p);
	}
	*to = '\0';
	return name;
}

/*
 * Opens the directory @path below @dir, making what is missing: a descriptor or -errno. @ret_made
 * tells whether the last of them was missing.
 */
static int make_directories(int dir, const char *path, mode_t mode, int link_flag, bool *ret_made)
{
	_cleanup_free_ char *copy = xstrdup(path);
	_cleanup_close_ int at = fcntl(dir, F_DUPFD_CLOEXEC, 0);
	char *rest = copy, *name;

	while ((name = strsep(&rest, "/"))) {
		int next, made;

		if (!*name)
			continue;
		made = mkdirat(at, name, mode) == 0 ? 0 : -errno;
		*ret_made = made == 0;
		if (made < 0 && made != -EEXIST && made != -EROFS && made != -EACCES)
			return made;
		next = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | link_flag);
		if (next < 0) /* that it is missing matters less than why it could not be made */
			return errno == ENOENT && made < 0 && made != -EEXIST ? made : -errno;
		close(at);
		at = next;
	}
	return TAKE_FD(at);
}

/* As above, refused also when nothing can be written there. */
static int open_writable(int dir, const char *path, mode_t mode, int link_flag, bool *ret_made)
{
	_cleanup_close_ int fd = make_directories(dir, path, mode, link_flag, ret_made);

	if (fd < 0)
		return TAKE_FD(fd);
	if (faccessat(fd, ".", W_OK | X_OK, AT_EACCESS) < 0)
		return -errno;
	return TAKE_FD(fd);
}

static int open_named(const char *path, char **ret_path, int *ret_fd, bool *ret_made,
		      struct err *err)
{
	_cleanup_close_ int top = open(path[0] == '/' ? "/" : ".", O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int fd = open_writable(top, path, SYSTEM_MODE, 0, ret_made);

	if (fd < 0)
		return err_set_errno(err, EXIT_STATUS_IO, -fd, "cannot write to directory %s",
				     path);
	*ret_path = realpath(path, NULL);
	if (!*ret_path)
		return err_set_errno(err, EXIT_STATUS_IO, errno, "directory %s", path);
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static bool is_ours(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_uid == geteuid();
}

static int open_below_root(struct place *place, const char *path, char **ret_path, int *ret_fd,
			   bool *ret_made)
{
	int fd = open_writable(place->root_fd, path, SYSTEM_MODE,
			       place->running_system ? 0 : O_NOFOLLOW, ret_made);

	if (fd < 0)
		return fd;
	if (!place->running_system && !is_ours(fd)) {
		close(fd);
		return -EACCES;
	}
	*ret_path = xasprintf("%s/%s", place->running_system ? "" : place->root, path);
	*ret_fd = fd;
	return 0;
}

static int open_private(const struct place *place, const char *which, char **ret_path, int *ret_fd,
			bool *ret_made, struct err *err)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	_cleanup_free_ char *name = place_escape(place->root);
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int top = open("/", O_RDONLY | O_CLOEXEC), fd = -1;

	if (cache && cache[0] == '/')
		path = xasprintf("%s/klpd/%s/%s", cache, name, which);
	else if (home && home[0] == '/')
		path = xasprintf("%s/.cache/klpd/%s/%s", home, name, which);
	if (!path || strlen(name) > NAME_MAX)
		return err_set(err, EXIT_STATUS_USAGE,
			       "no place for the cache and reports of %s: it cannot be written to "
			       "and there is no %s; name --cache-dir and --state-dir",
			       place->root, path ? "file name for it" : "home directory");
	fd = open_writable(top, path, PRIVATE_MODE, 0, ret_made);
	if (fd < 0)
		return err_set_errno(err, EXIT_STATUS_IO, -fd,
				     "cannot write to %s; name --cache-dir and --state-dir", path);
	*ret_path = TAKE_PTR(path);
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static int open_root(const char *root, struct place *place, struct err *err)
{
	struct stat here, ours;

	place->root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (place->root_fd < 0)
		return err_set_errno(err, EXIT_STATUS_USAGE, errno, "root directory %s", root);
	place->root = realpath(root, NULL);
	if (!place->root || fstat(place->root_fd, &here) < 0 || stat("/", &ours) < 0)
		return err_set_errno(err, EXIT_STATUS_USAGE, errno, "root directory %s", root);
	place->running_system = here.st_dev == ours.st_dev && here.st_ino == ours.st_ino;
	return 0;
}

/* One directory: as named, else below the root, else the caller's own. */
static int open_directory(struct place *place, const char *named, const char *below,
			  const char *which, char **ret_path, int *ret_fd, bool *ret_made,
			  struct err *err)
{
	if (named)
		return open_named(named, ret_path, ret_fd, ret_made, err);
	if (open_below_root(place, below, ret_path, ret_fd, ret_made) == 0)
		return 0;
	return open_private(place, which, ret_path, ret_fd, ret_made, err);
}

int place_open(const struct options *options, struct place *ret, struct err *err)
{
	struct place place = PLACE_INIT;
	struct stat st;

	if (open_root(options->root, &place, err) < 0 ||
	    open_directory(&place, options->cache_dir, "var/cache/klpd", "cache", &place.cache,
			   &place.cache_fd, &place.cache_made, err) < 0 ||
	    open_directory(&place, options->state_dir, "var/lib/klpd", "state", &place.state,
			   &place.state_fd, &place.state_made, err) < 0) {
		place_close(&place);
		return -1;
	}
	if (fstat(place.cache_fd, &st) == 0) {
		place.owner = st.st_uid;
		place.owner_group = st.st_gid;
	}
	*ret = place;
	return 0;
}

void place_close(struct place *place)
{
	/* rmdir() refuses what is not empty */
	if (place->cache_made)
		(void)rmdir(place->cache);
	if (place->state_made)
		(void)rmdir(place->state);
	closep(&place->root_fd);
	closep(&place->cache_fd);
	closep(&place->state_fd);
	free(place->root);
	free(place->cache);
	free(place->state);
	*place = PLACE_INIT;
}
