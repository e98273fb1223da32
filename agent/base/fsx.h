// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Files relative to a directory
 *
 * The machine is a parameter: everything that is read of a node is read below a root directory fd,
 * and every symbolic link on the way is resolved inside that root, absolute ones and ".." included.
 * Functions return 0 (or a descriptor) or a negative errno, and print nothing.
 */

#include "base/alloc.h"

#include <sys/types.h>

#define FSX_LINKS_MAX 40

/* Opens @path below @root. -ELOOP after FSX_LINKS_MAX links. O_CLOEXEC is always set. */
_must_check_ int fsx_open_at(int root, const char *path, int flags);

/**
 * fsx_read_at() - read a whole file
 * @root: directory fd, or AT_FDCWD for a path that the user named (links are then the kernel's)
 * @max:  most bytes accepted; -EFBIG when there are more
 * @ret:  the bytes and a terminating NUL, owned by the caller
 *
 * Only regular files (those of /proc and /sys too); -EINVAL for anything else, without blocking.
 */
_must_check_ int fsx_read_at(int root, const char *path, size_t max, char **ret, size_t *ret_len);

/* The same from where @fd stands to its end. */
_must_check_ int fsx_read_all(int fd, size_t max, char **ret, size_t *ret_len);

bool fsx_exists_at(int root, const char *path);

/* File names in a directory that end in @suffix (NULL: all), sorted by bytes, hidden ones left out.
 */
struct fsx_names {
	char **items;
	size_t n;
};
_must_check_ int fsx_list_at(int root, const char *path, const char *suffix,
			     struct fsx_names **ret);
void fsx_names_free(struct fsx_names *names);
DEFINE_CLEANUP(struct fsx_names *, fsx_names_free);

/*
 * Replaces @name in @dir by new content, atomically and durably: temporary file, fsync, rename,
 * fsync of the directory. On failure the old file stands and nothing is left behind.
 */
_must_check_ int fsx_write_atomic_at(int dir, const char *name, const void *data, size_t len,
				     mode_t mode);

/* The same for a file that is there and open as @old: owner, mode, access control list and label
 * stay as they are. */
_must_check_ int fsx_rewrite_at(int dir, const char *name, int old, const void *data, size_t len);

/* A file without a name in the file system of @dir, for reading and writing: it goes when its
 * descriptor is closed. */
_must_check_ int fsx_scratch_at(int dir);
_must_check_ int fsx_write_all(int fd, const void *data, size_t len);
