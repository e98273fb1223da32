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

/* In the folder of @file, which a link in the file's place does not move, and where nobody else can
 * have put anything in the way of what is written. */
static int write_file(int root, const char *file, const char *text, size_t len, mode_t mode,
		      struct err *err)
{
	const char *slash = strrchr(file, '/');
	_cleanup_free_ char *folder = xstrndup(file, slash ? (size_t)(slash - file) : 0);
	_cleanup_close_ int dir = fsx_open_at(root, *folder ? folder : ".", O_RDONLY | O_DIRECTORY);
	const char *name = slash ? slash + 1 : file;
	struct stat st;
	int r;

	if (dir >= 0 && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(st.st_mode))
		return err_set(err, EXIT_STATUS_DATA,
			       "/%s is a link; name the file itself in the repositories' folder",
			       file);
	if (dir >= 0 &&
	    (fstat(dir, &st) < 0 || st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH))))
		return err_set(err, EXIT_STATUS_DATA,
			       "/%s is in a folder that somebody else than root may write", file);
	r = dir < 0 ? dir : fsx_write_atomic_at(dir, name, text, len, mode);
	return r < 0 ? fail(file, r, "written", err) : 0;
}

static int create(int root, const char *id, const char *file, struct err *err)
{
	const char *text = repotemplate(id);

	if (!text)
		return err_set(err, EXIT_STATUS_DATA,
			       "the repository %s is not configured, and klpd has no text for it; "
			       "configure it",
			       id);
	if (fsx_exists_at(root, file))
		return err_set(err, EXIT_STATUS_DATA, "/%s is there, but has no section [%s]", file,
			       id);
	return write_file(root, file, text, strlen(text), 0644, err);
}

/* 1: it was changed. */
static int change(int root, const char *id, const char *file, bool on, struct err *err)
{
	_cleanup_close_ int fd = fsx_open_at(root, file, O_RDONLY);
	_cleanup_free_ char *text = NULL, *made = NULL;
	size_t len, made_len;
	struct stat st;
	int r = fsx_read_at(root, file, BYTES_MAX, &text, &len);

	if (r < 0 || fd < 0 || fstat(fd, &st) < 0)
		return fail(file, r < 0 ? r : fd < 0 ? fd : -errno, "read", err);
	r = reposwitch_set(text, len, id, on, &made, &made_len);
	if (r == -ENOENT)
		return err_set(err, EXIT_STATUS_DATA, "/%s has no section [%s]; scan again", file,
			       id);
	if (r == 1 && write_file(root, file, made, made_len, st.st_mode & 07777, err) < 0)
		return -1;
	return r;
}

int repository_switch(struct channel *channel, const struct options *options, int root,
		      const char *id, const char *file, bool on, struct err *err)
{
	_cleanup_free_ char *own = xasprintf(FOLDER "/%s" SUFFIX, id), *said = NULL;
	int r;

	channel_step(channel, APPLY_STEP_REPOSITORY);
	if (!options_name(options->repositories, id))
		return err_set(err, EXIT_STATUS_NOPERM, "%s: klpd may not switch this repository",
			       id);
	if (*file && !ends_with(file, SUFFIX))
		return err_set(err, EXIT_STATUS_DATA, "/%s is no file of repositories", file);
	if (!*file && !on)
		return 0;
	r = *file ? change(root, id, file, on, err) : create(root, id, own, err);
	if (r < 0 || (*file && r == 0))
		return r;
	said = xasprintf("%s in /%s", on ? "enabled" : "disabled", *file ? file : own);
	channel_tell(channel, APPLY_SWITCHED, id, 0, said);
	return 0;
}
