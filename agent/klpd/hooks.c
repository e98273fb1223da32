// SPDX-License-Identifier: Apache-2.0
#include "klpd/hooks.h"

#include "base/alloc.h"
#include "base/child.h"
#include "base/fsx.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define FOLDER	   "etc/klpd/hooks.d"
#define LAST_WORDS 200 /* bytes */

struct hook {
	const char *stage;
	char *name;
};

struct hooks {
	struct loop *loop;
	const struct place *place;
	struct hooks_spec spec;
	char *input;
	char *id; /* of the report; "" none */
	struct hook *list;
	size_t n, next;
	struct child *child;
	struct loop_timer
		*turn;	/* the next one starts from here, not underneath the last one's end */
	struct err err; /* the first failure */
};

/* ---- which there are --------------------------------------------------------------------------*/

/* What editors and package managers leave beside a file is none. */
static bool is_hook_name(const char *name)
{
	static const char *const leavings[] = { "~",	     ".rpmsave",   ".rpmnew",
						".rpmorig",  ".bak",	   ".swp",
						".dpkg-old", ".dpkg-dist", ".dpkg-new" };

	for (const char *p = name; *p; p++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.",
			    *p))
			return false;
	for (size_t i = 0; i < ARRAY_SIZE(leavings); i++)
		if (ends_with(name, leavings[i]))
			return false;
	return true;
}

/* Nobody but root, or whoever we are, could have written it. */
static bool is_trusted(const struct stat *st)
{
	return (st->st_uid == 0 || st->st_uid == geteuid()) && !(st->st_mode & (S_IWGRP | S_IWOTH));
}

/* The folder of a stage, and the one that it is in. */
static bool is_trusted_folder(const struct place *place, int dir)
{
	_cleanup_close_ int above = fsx_open_at(place->root_fd, FOLDER, O_RDONLY | O_DIRECTORY);
	struct stat st;

	return above >= 0 && fstat(dir, &st) == 0 && is_trusted(&st) && fstat(above, &st) == 0 &&
	       is_trusted(&st);
}

/* The first failure counts. */
static void distrust(struct hooks *h, const char *path)
{
	if (!h->err.message)
		err_set(&h->err, EXIT_STATUS_NOPERM,
			"/%s is not run: somebody else than root may write it; chown root and "
			"chmod go-w it",
			path);
}

static void cannot_look(struct hooks *h, const char *path, int r)
{
	if (!h->err.message)
		err_set_errno(&h->err, EXIT_STATUS_NOPERM, -r,
			      "/%s cannot be looked at, so whether there are hooks is not known",
			      path);
}

/* Adds the executables of one stage; what cannot be looked at or trusted is a failure. */
static void list_stage(struct hooks *h, const char *stage)
{
	_cleanup_free_ char *path = xasprintf(FOLDER "/%s", stage);
	_cleanup_close_ int dir = fsx_open_at(h->place->root_fd, path, O_RDONLY | O_DIRECTORY);
	_cleanup_(fsx_names_freep)
	struct fsx_names *names = NULL;
	struct stat st;
	int r = dir < 0 ? dir : fsx_list_at(h->place->root_fd, path, NULL, &names);

	if (r == -ENOENT)
		return;
	if (r < 0) {
		cannot_look(h, path, r);
		return;
	}
	if (names->n && !is_trusted_folder(h->place, dir)) {
		distrust(h, path);
		return;
	}
	for (size_t i = 0; i < names->n; i++) {
		_cleanup_free_ char *file = xasprintf("%s/%s", path, names->items[i]);

		if (!is_hook_name(names->items[i]))
			continue;
		if (fstatat(dir, names->items[i], &st, 0) < 0) {
			cannot_look(h, file, -errno);
			continue;
		}
		if (!S_ISREG(st.st_mode) || !(st.st_mode & 0111))
			continue;
		if (!is_trusted(&st)) {
			distrust(h, file);
			continue;
		}
		h->list = xreallocarray(h->list, h->n + 1, sizeof(*h->list));
		h->list[h->n++] = (struct hook){ stage, xstrdup(names->items[i]) };
	}
}

bool hooks_exist(const struct place *place, const char *const *stages)
{
	bool any = false;

	for (size_t i = 0; stages[i] && place->running_system && !any; i++) {
		_cleanup_free_ char *path = xasprintf(FOLDER "/%s", stages[i]);
		_cleanup_(fsx_names_freep)
		struct fsx_names *names = NULL;
		int r = fsx_list_at(place->root_fd, path, NULL, &names);

		any = r < 0 ? r != -ENOENT : names->n > 0;
	}
	return any;
}

/* ---- one after another ------------------------------------------------------------------------*/

/* "hook pre-install/10-drain refused: ..." */
static void describe(const struct hook *hook, bool veto, const struct child_result *result,
		     struct err *err)
{
	_cleanup_free_ char *name = xasprintf("hook %s/%s", hook->stage, hook->name);
	_cleanup_free_ char *said = xstrdup(result->errors);
	size_t len = strlen(said);
	const char *last;

	if (result->end != CHILD_EXITED) {
		child_describe(name, result, err);
		return;
	}
	while (len && said[len - 1] == '\n')
		said[--len] = '\0';
	last = strrchr(said, '\n');
	last = last ? last + 1 : said;
	err_set(err, EXIT_STATUS_TEMPFAIL, "%s %s with exit status %d%s%.*s", name,
		veto ? "refused" : "failed", result->code, *last ? ": " : "", LAST_WORDS, last);
}

static void on_done(const struct child_result *result, void *userdata)
{
	struct hooks *h = userdata;
	const struct hook *hook = &h->list[h->next++];
	struct err err = ERR_INIT;

	if (result->end != CHILD_EXITED || result->code != 0) {
		describe(hook, h->spec.veto, result, &err);
		if (!h->spec.veto)
			log_warning("%s", err.message);
		if (!h->err.message)
			err_set(&h->err, EXIT_STATUS_TEMPFAIL, "%s", err.message);
		err_clear(&err);
	}
	child_free(TAKE_PTR(h->child));
	loop_timer_set(h->turn, 0);
}

static void ignore_line(const char *line _unused_, size_t len _unused_, void *userdata _unused_)
{
}

static int start(struct hooks *h, struct err *err)
{
	const struct hook *hook = &h->list[h->next];
	_cleanup_free_ char *path = xasprintf("/" FOLDER "/%s/%s", hook->stage, hook->name);
	_cleanup_free_ char *stage = xasprintf("KLPD_HOOK=%s", hook->stage);
	_cleanup_free_ char *command = xasprintf("KLPD_COMMAND=%s", h->spec.command);
	_cleanup_free_ char *id = xasprintf("KLPD_REPORT_ID=%s", h->id);
	const char *const argv[] = { path, NULL };
	const char *const variables[] = { stage, command, id, NULL };

	return child_spawn(h->loop,
			   &(struct child_spec){
				   .argv = argv,
				   .variables = variables,
				   .input = h->input,
				   .input_len = strlen(h->input),
				   .deadline_msec = h->spec.timeout * 1000,
				   .as_user = geteuid() == 0,
				   .uid = h->place->owner,
				   .gid = h->place->owner_group,
				   .on_line = ignore_line,
				   .on_done = on_done,
				   .userdata = h,
			   },
			   &h->child, err);
}

static void on_turn(void *userdata)
{
	struct hooks *h = userdata;

	while (h->next < h->n && !(h->spec.veto && h->err.message)) {
		struct err err = ERR_INIT;

		if (start(h, &err) == 0)
			return;
		log_warning("%s", err.message);
		if (!h->err.message)
			err_set(&h->err, err.status, "%s", err.message);
		err_clear(&err);
		h->next++;
	}
	h->spec.on_done(h->err.message ? &h->err : NULL, h->spec.userdata);
}

struct hooks *hooks_start(struct loop *loop, const struct place *place,
			  const struct hooks_spec *spec)
{
	struct hooks *h = xcalloc(1, sizeof(*h));
	const char *id = json_string_value(json_object_get(spec->report, "id"));

	h->loop = loop;
	h->place = place;
	h->spec = *spec;
	h->input = json_dumps(spec->report, JSON_COMPACT);
	h->spec.report = NULL;
	h->id = xstrdup(id ? id : "");
	h->turn = loop_timer_new(loop, on_turn, h);
	for (size_t i = 0; spec->stages[i]; i++)
		list_stage(h, spec->stages[i]);
	if (h->err.message)
		log_warning("%s", h->err.message);
	loop_timer_set(h->turn, 0);
	return h;
}

void hooks_free(struct hooks *hooks)
{
	if (!hooks)
		return;
	child_free(hooks->child);
	loop_timer_free(hooks->turn);
	for (size_t i = 0; i < hooks->n; i++)
		free(hooks->list[i].name);
	free(hooks->list);
	free(hooks->input);
	free(hooks->id);
	err_clear(&hooks->err);
	free(hooks);
}
