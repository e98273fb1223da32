// SPDX-License-Identifier: Apache-2.0
#include "base/fsx.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define READ_FIRST    ((size_t)4096)
#define ATTRIBUTE_MAX 4096
#define ACCESS	      0777 /* of a mode: never set-user-ID and its like */

/*
 * Resolution walks one component at a time with O_NOFOLLOW, keeping the textual path from the root:
 * ".." drops its last component and can therefore never climb above the root, and a link's target
 * is put in front of what is left to walk. openat2(RESOLVE_IN_ROOT) does this in newer kernels.
 */
struct walk {
	int root;
	char done[PATH_MAX]; /* resolved so far, relative to the root; "" is the root itself */
	char todo[PATH_MAX]; /* what is left */
	int links;
};

static bool next_component(struct walk *w, char name[static NAME_MAX + 1], int *error)
{
	const char *start = w->todo + strspn(w->todo, "/");
	size_t len = strcspn(start, "/");

	if (len == 0)
		return false;
	if (len > NAME_MAX) {
		*error = -ENAMETOOLONG;
		return false;
	}
	memcpy(name, start, len);
	name[len] = '\0';
	memmove(w->todo, start + len, strlen(start + len) + 1);
	return true;
}

static int append(char path[static PATH_MAX], const char *name)
{
	size_t have = strlen(path), more = strlen(name);

	if (have + 1 + more >= PATH_MAX)
		return -ENAMETOOLONG;
	if (have)
		path[have++] = '/';
	memcpy(path + have, name, more + 1);
	return 0;
}

static void drop_last(char *path)
{
	char *slash = strrchr(path, '/');

	*(slash ? slash : path) = '\0';
}

/* If done/name is a link, puts its target before what is left to walk: 1. Not a link: 0. */
static int follow(struct walk *w, const char *name)
{
	char path[PATH_MAX], target[PATH_MAX], rest[PATH_MAX];
	ssize_t n;

	memcpy(path, w->done, sizeof(path));
	if (append(path, name) < 0)
		return -ENAMETOOLONG;
	n = readlinkat(w->root, path, target, sizeof(target) - 1);
	if (n < 0)
		return errno == EINVAL ? 0 : -errno;
	target[n] = '\0';
	if (++w->links > FSX_LINKS_MAX)
		return -ELOOP;
	if (target[0] == '/')
		w->done[0] = '\0';
	memcpy(rest, w->todo, sizeof(rest));
	if ((size_t)snprintf(w->todo, sizeof(w->todo), "%s/%s", target, rest) >= sizeof(w->todo))
		return -ENAMETOOLONG;
	return 1;
}

static int resolve(struct walk *w)
{
	char name[NAME_MAX + 1];
	int r = 0;

	while (next_component(w, name, &r)) {
		if (streq(name, "."))
			continue;
		if (streq(name, "..")) {
			drop_last(w->done);
			continue;
		}
		r = follow(w, name);
		if (r < 0)
			return r;
		if (r == 0 && append(w->done, name) < 0)
			return -ENAMETOOLONG;
		r = 0;
	}
	return r;
}

int fsx_open_at(int root, const char *path, int flags)
{
	struct walk w = { .root = root };
	int fd, r;

	if (strlen(path) >= sizeof(w.todo))
		return -ENAMETOOLONG;
	strcpy(w.todo, path);
	r = resolve(&w);
	if (r < 0)
		return r;
	fd = openat(root, w.done[0] ? w.done : ".", flags | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

int fsx_read_all(int fd, size_t max, char **ret, size_t *ret_len)
{
	_cleanup_free_ char *data = NULL;
	size_t size = 0, len = 0;

	for (;;) {
		ssize_t n;

		if (len == size) {
			size = size ? 2 * size : READ_FIRST;
			if (size > max + 1)
				size = max + 1;
			data = xreallocarray(data, size + 1, 1);
		}
		n = read(fd, data + len, size - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
		if (len > max)
			return -EFBIG;
	}
	data[len] = '\0';
	*ret = TAKE_PTR(data);
	*ret_len = len;
	return 0;
}

int fsx_read_at(int root, const char *path, size_t max, char **ret, size_t *ret_len)
{
	_cleanup_close_ int fd = -1;
	const int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY;
	struct stat st;

	fd = root == AT_FDCWD ? open(path, flags | O_CLOEXEC) : fsx_open_at(root, path, flags);
	if (fd < 0)
		return root == AT_FDCWD ? -errno : fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	return fsx_read_all(fd, max, ret, ret_len);
}

bool fsx_exists_at(int root, const char *path)
{
	_cleanup_close_ int fd = fsx_open_at(root, path, O_PATH);

	return fd >= 0;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int fsx_list_at(int root, const char *path, const char *suffix, struct fsx_names **ret)
{
	_cleanup_(fsx_names_freep)
	struct fsx_names *names = xcalloc(1, sizeof(*names));
	int fd = fsx_open_at(root, path, O_RDONLY | O_DIRECTORY);
	struct dirent *entry;
	DIR *dir;

	if (fd < 0)
		return fd;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return -errno;
	}
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || (suffix && !ends_with(entry->d_name, suffix)))
			continue;
		names->items = xreallocarray(names->items, names->n + 1, sizeof(*names->items));
		names->items[names->n++] = xstrdup(entry->d_name);
	}
	closedir(dir);
	if (names->n)
		qsort(names->items, names->n, sizeof(*names->items), by_bytes);
	*ret = TAKE_PTR(names);
	return 0;
}

void fsx_names_free(struct fsx_names *names)
{
	if (!names)
		return;
	for (size_t i = 0; i < names->n; i++)
		free(names->items[i]);
	free(names->items);
	free(names);
}

int fsx_write_all(int fd, const void *data, size_t len)
{
	const char *bytes = data;

	while (len) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes += n;
		len -= (size_t)n;
	}
	return 0;
}

int fsx_scratch_at(int dir)
{
	_cleanup_free_ char *name = NULL;
	int fd = openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0)
		return fd;
	if (errno != EOPNOTSUPP && errno != EISDIR)
		return -errno;
	/* Some file systems (overlayfs before 6.1) make none without a name: it loses it at once.
	 */
	name = xasprintf(".klpd-scratch.%d", (int)getpid());
	unlinkat(dir, name, 0); /* of an earlier process that was killed here */
	fd = openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	unlinkat(dir, name, 0);
	return fd;
}

/* Owner, mode and what else says who may read and write a file. */
static int dress_like(int fd, int like)
{
	static const char *const attributes[] = { "security.selinux", "system.posix_acl_access" };
	char value[ATTRIBUTE_MAX];
	struct stat st;

	if (fstat(like, &st) < 0 || fchown(fd, st.st_uid, st.st_gid) < 0 ||
	    fchmod(fd, st.st_mode & ACCESS) < 0)
		return -errno;
	for (size_t i = 0; i < ARRAY_SIZE(attributes); i++) {
		ssize_t n = fgetxattr(like, attributes[i], value, sizeof(value));

		if (n < 0 && (errno == ENODATA || errno == EOPNOTSUPP))
			continue;
		if (n < 0 || fsetxattr(fd, attributes[i], value, (size_t)n, 0) < 0)
			return -errno;
	}
	return 0;
}

static int replace_at(int dir, const char *name, const void *data, size_t len, mode_t mode,
		      int like)
{
	_cleanup_free_ char *temp = xasprintf(".%s.%ld.tmp", name, (long)getpid());
	_cleanup_close_ int fd =
		openat(dir, temp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, mode);
	int r;

	if (fd < 0)
		return -errno;
	r = like < 0 ? 0 : dress_like(fd, like);
	if (r == 0)
		r = fsx_write_all(fd, data, len);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (r == 0 && renameat(dir, temp, dir, name) < 0)
		r = -errno;
	if (r < 0) {
		unlinkat(dir, temp, 0);
		return r;
	}
	return fsync(dir) < 0 ? -errno : 0;
}

int fsx_write_atomic_at(int dir, const char *name, const void *data, size_t len, mode_t mode)
{
	return replace_at(dir, name, data, len, mode, -1);
}

int fsx_rewrite_at(int dir, const char *name, int old, const void *data, size_t len)
{
	return replace_at(dir, name, data, len, 0600, old);
}
