// SPDX-License-Identifier: Apache-2.0
#include "apply/repository.h"

#include "base/alloc.h"
#include "base/fsx.h"
#include "core/reposwitch.h"
#include "core/repotemplate.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER	  "etc/yum.repos.d"
#define SUFFIX	  ".repo"
#define BYTES_MAX ((size_t)1024 * 1024)

static int fail(const char *file, int r, const char *what, struct err *err)
{
	return err_set_errno(err, EXIT_STATUS_IO, -r, "/%s cannot be %s", file, what);
}

static bool is_roots(const struct stat *st)
{
	return st->st_uid == geteuid() && !(st->st_mode & (S_IWGRP | S_IWOTH));
}

/*
 * Whoever asks names the file. It is looked up once: what is checked, read and written is this very
 * folder and this very file, so that nothing that others may change leads to another meanwhile.
 */
static int open_folder(int root, const char *file, const char **ret_name, struct err *err)
{
	const char *slash = strrchr(file, '/');
	_cleanup_free_ char *folder = xstrndup(file, slash ? (size_t)(slash - file) : 0);
	_cleanup_close_ int dir = fsx_open_at(root, *folder ? folder : ".", O_RDONLY | O_DIRECTORY);
	struct stat st;

	*ret_name = slash ? slash + 1 : file;
	if (dir < 0 || fstat(dir, &st) < 0)
		return fail(file, dir < 0 ? dir : -errno, "read", err);
	if (!is_roots(&st))
		return err_set(err, EXIT_STATUS_DATA,
			       "/%s is in a folder that somebody else than root may write", file);
	return TAKE_FD(dir);
}

static int open_file(int dir, const char *name, const char *file, struct err *err)
{
	_cleanup_close_ int fd =
		openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 && errno == ELOOP)
		return err_set(err, EXIT_STATUS_DATA,
			       "/%s is a link; name the file itself in the repositories' folder",
			       file);
	if (fd < 0 || fstat(fd, &st) < 0)
		return fail(file, -errno, "read", err);
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid())
		return err_set(err, EXIT_STATUS_DATA, "/%s is no file of root's", file);
	return TAKE_FD(fd);
}

/* 1: it was changed. -ENOENT: it has no such section. */
static int change(int dir, const char *name, const char *id, const char *file, bool on,
		  struct err *err)
{
	_cleanup_close_ int fd = open_file(dir, name, file, err);
	_cleanup_free_ char *text = NULL, *made = NULL;
	size_t len, made_len;
	int r;

	if (fd < 0)
		return -1;
	r = fsx_read_all(fd, BYTES_MAX, &text, &len);
	if (r < 0)
		return fail(file, r, "read", err);
	r = reposwitch_set(text, len, id, on, &made, &made_len);
	if (r != 1)
		return r;
	r = fsx_rewrite_at(dir, name, fd, made, made_len);
	return r < 0 ? fail(file, r, "written", err) : 1;
}

/* A file that only root may read may have the section, unknown to whoever asks. */
static int look_elsewhere(int root, const char *id, struct err *err)
{
	_cleanup_(fsx_names_freep)
	struct fsx_names *names = NULL;
	int r = fsx_list_at(root, FOLDER, SUFFIX, &names);

	for (size_t i = 0; r == 0 && i < names->n; i++) {
		_cleanup_free_ char *file = xasprintf(FOLDER "/%s", names->items[i]);
		_cleanup_free_ char *text = NULL, *made = NULL;
		size_t len, made_len;

		if (fsx_read_at(root, file, BYTES_MAX, &text, &len) == 0 &&
		    reposwitch_set(text, len, id, true, &made, &made_len) != -ENOENT)
			return err_set(err, EXIT_STATUS_DATA,
				       "/%s has the section [%s], and klpd could not read it; make "
				       "it readable or switch it by hand",
				       file, id);
	}
	return 0;
}

static int create(int root, int dir, const char *name, const char *id, const char *file,
		  struct err *err)
{
	const char *text = repotemplate(id);
	int r;

	if (!text)
		return err_set(err, EXIT_STATUS_DATA,
			       "the repository %s is not configured, and klpd has no text for it; "
			       "configure it",
			       id);
	if (look_elsewhere(root, id, err) < 0)
		return -1;
	if (faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return err_set(err, EXIT_STATUS_DATA, "/%s is there, but has no section [%s]", file,
			       id);
	r = fsx_write_atomic_at(dir, name, text, strlen(text), 0644);
	return r < 0 ? fail(file, r, "written", err) : 1;
}

int repository_switch(struct channel *channel, const struct options *options, int root,
		      const char *id, const char *file, bool on, struct err *err)
{
	_cleanup_free_ char *own = xasprintf(FOLDER "/%s" SUFFIX, id), *said = NULL;
	const char *at = *file ? file : own, *name;
	_cleanup_close_ int dir = -1;
	int r;

	channel_step(channel, APPLY_STEP_REPOSITORY);
	if (!options_name(options->repositories, id))
		return err_set(err, EXIT_STATUS_NOPERM, "%s: klpd may not switch this repository",
			       id);
	if (!ends_with(at, SUFFIX))
		return err_set(err, EXIT_STATUS_DATA, "/%s is no file of repositories", at);
	if (!*file && !on)
		return 0;
	dir = open_folder(root, at, &name, err);
	if (dir < 0)
		return -1;
	r = *file ? change(dir, name, id, at, on, err) : create(root, dir, name, id, at, err);
	if (r == -ENOENT)
		return err_set(err, EXIT_STATUS_DATA, "/%s has no section [%s]; scan again", at,
			       id);
	if (r != 1)
		return r;
	said = xasprintf("%s in /%s", on ? "enabled" : "disabled", at);
	channel_tell(channel, APPLY_SWITCHED, id, 0, said);
	return 0;
}
