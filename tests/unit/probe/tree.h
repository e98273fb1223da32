// SPDX-License-Identifier: Apache-2.0
#pragma once

/* A temporary root directory, filled file by file. */

#include "base/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>

struct tree {
	char path[40];
	int fd;
};

static inline void tree_make(struct tree *tree)
{
	strcpy(tree->path, "/tmp/klpd-test-XXXXXX");
	if (!mkdtemp(tree->path))
		abort();
	tree->fd = open(tree->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static inline int tree_unlink(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static inline void tree_remove(struct tree *tree)
{
	close(tree->fd);
	nftw(tree->path, tree_unlink, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void tree_parents(const struct tree *tree, const char *path)
{
	char *copy = xstrdup(path);

	for (char *p = copy; (p = strchr(p, '/')); *p++ = '/') {
		*p = '\0';
		if (mkdirat(tree->fd, copy, 0755) < 0 && errno != EEXIST)
			abort();
	}
	free(copy);
}

static inline void tree_write(const struct tree *tree, const char *path, const char *text)
{
	int fd;

	tree_parents(tree, path);
	fd = openat(tree->fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		abort();
	close(fd);
}

static inline void tree_link(const struct tree *tree, const char *path, const char *target)
{
	tree_parents(tree, path);
	if (symlinkat(target, tree->fd, path) < 0)
		abort();
}
