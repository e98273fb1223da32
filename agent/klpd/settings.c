// SPDX-License-Identifier: Apache-2.0
#include "klpd/settings.h"

#include "base/fsx.h"
#include "base/log.h"
#include "base/yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>

#define FILE_NAME "etc/klpd/klpd.yaml"

static int directory(const struct settings *s)
{
	return s->options->config ? AT_FDCWD : s->place->root_fd;
}

static const char *path(const struct settings *s)
{
	return s->options->config ? s->options->config : FILE_NAME;
}

/* 0, also when there is no file: then @ret is NULL. */
static int read_file(const struct settings *s, const struct doc **ret, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	char *copy;
	int r = fsx_read_at(directory(s), path(s), YAML_BYTES_MAX, &text, &len);

	*ret = NULL;
	if (r == -ENOENT && !s->options->config)
		return 0;
	if (r < 0)
		return err_set_errno(err, EXIT_STATUS_CONFIG, -r, "%s", path(s));
	copy = arena_alloc(s->arena, len + 1);
	memcpy(copy, text, len + 1);
	return yaml_parse(copy, len, path(s), s->arena, ret, err);
}

static int find_group(struct settings *s, struct err *err)
{
	const char *name = s->config.group;
	const struct group *group = name ? getgrnam(name) : NULL;

	if (name && !group)
		return err_set(err, EXIT_STATUS_CONFIG,
			       "there is no group '%s', which the setting 'group' names; only root "
			       "may change the node",
			       name);
	s->has_group = group != NULL;
	s->group = group ? group->gr_gid : 0;
	return 0;
}

static void look(const struct settings *s, struct stat *ret)
{
	_cleanup_close_ int fd = directory(s) == AT_FDCWD
					 ? open(path(s), O_PATH | O_CLOEXEC)
					 : fsx_open_at(directory(s), path(s), O_PATH);

	if (fd < 0 || fstat(fd, ret) < 0)
		*ret = (struct stat){ 0 };
}

static void load(struct settings *s)
{
	struct err err = ERR_INIT;
	const struct doc *doc;

	s->arena = arena_new();
	look(s, &s->file); /* before it is read: a change in between is seen next time */
	if (read_file(s, &doc, &err) == 0 && config_from_doc(doc, &s->config, &err) == 0)
		(void)!find_group(s, &err);
	else if (config_from_doc(NULL, &s->config, NULL) < 0)
		abort(); /* the defaults are part of the program, and tested */
	if (err.message)
		log_warning("%s", err.message);
	err_clear(&err);
}

void settings_open(struct settings *settings, const struct place *place,
		   const struct options *options)
{
	*settings = (struct settings){ .place = place, .options = options };
	load(settings);
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

void settings_refresh(struct settings *settings)
{
	struct stat now;

	look(settings, &now);
	if (is_same(&now, &settings->file))
		return;
	settings_close(settings);
	load(settings);
}

void settings_close(struct settings *settings)
{
	arena_free(TAKE_PTR(settings->arena));
	settings->has_group = false;
}
