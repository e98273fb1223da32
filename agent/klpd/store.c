// SPDX-License-Identifier: Apache-2.0
#include "klpd/store.h"

#include "base/fsx.h"
#include "ipc/frame.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#define LATEST	    "report.json"
#define HISTORY	    "history"
#define REPORT_MODE 0644
#define ID_LEN	    36
/* More than can be sent cannot have been stored by us. */
#define REPORT_MAX FRAME_REPLY_MAX

static const char *text_of(json_t *report, const char *key)
{
	const char *text = json_string_value(json_object_get(report, key));

	return text ? text : "";
}

/* "2026-11-23T02:45:01Z" and the id -> "20261123T024501Z-ID.json": by name is by time. */
static char *history_name(json_t *report)
{
	const char *started = text_of(report, "started");
	_cleanup_free_ char *compact = xcalloc(strlen(started) + 1, 1);
	size_t n = 0;

	for (; *started; started++)
		if (isalnum((unsigned char)*started))
			compact[n++] = *started;
	return xasprintf("%s-%s.json", compact, text_of(report, "id"));
}

/* Opens STATE/history: a descriptor or -errno. */
static int open_history(int state_fd, bool make)
{
	int fd;

	if (make && mkdirat(state_fd, HISTORY, 0755) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(state_fd, HISTORY, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

static void remove_oldest(int history_fd, int64_t keep)
{
	_cleanup_(fsx_names_freep)
	struct fsx_names *names = NULL;

	if (keep < 0 || fsx_list_at(history_fd, ".", ".json", &names) < 0)
		return;
	for (size_t i = 0; i + (size_t)keep < names->n; i++)
		unlinkat(history_fd, names->items[i], 0);
}

int store_save(int state_fd, json_t *report, int64_t keep, struct err *err)
{
	_cleanup_free_ char *name = history_name(report);
	_cleanup_free_ char *text = json_dumps(report, JSON_INDENT(1));
	_cleanup_close_ int history_fd = open_history(state_fd, true);
	int r = history_fd < 0 ? history_fd : 0;

	if (r == 0)
		r = fsx_write_atomic_at(history_fd, name, text, strlen(text), REPORT_MODE);
	if (r == 0)
		r = fsx_write_atomic_at(state_fd, LATEST, text, strlen(text), REPORT_MODE);
	if (r < 0)
		return err_set_errno(err, EXIT_STATUS_IO, -r,
				     "cannot store the report in the state directory");
	remove_oldest(history_fd, keep);
	return 0;
}

/* 1 with a report, 0 when there is no such file. */
static int read_report(int dir, const char *name, json_t **ret, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	json_error_t why;
	int r = fsx_read_at(dir, name, REPORT_MAX, &text, &len);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return err_set_errno(err, EXIT_STATUS_IO, -r, "cannot read the stored report %s",
				     name);
	*ret = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
	if (json_is_object(*ret))
		return 1;
	json_decref(*ret);
	*ret = NULL;
	return err_set(err, EXIT_STATUS_DATA,
		       "the stored report %s is damaged; make a new one with: klpctl scan", name);
}

int store_latest(int state_fd, json_t **ret, struct err *err)
{
	return read_report(state_fd, LATEST, ret, err);
}

static bool is_id(const char *id)
{
	return strlen(id) == ID_LEN && strspn(id, "0123456789abcdef-") == ID_LEN;
}

int store_find(int state_fd, const char *id, json_t **ret, struct err *err)
{
	_cleanup_(fsx_names_freep)
	struct fsx_names *names = NULL;
	_cleanup_close_ int history_fd = open_history(state_fd, false);
	_cleanup_free_ char *suffix = NULL;

	if (history_fd < 0 || !is_id(id))
		return 0;
	suffix = xasprintf("-%s.json", id);
	if (fsx_list_at(history_fd, ".", suffix, &names) < 0 || names->n == 0)
		return 0;
	return read_report(history_fd, names->items[0], ret, err);
}

static json_t *history_entry(json_t *report)
{
	static const char *const keys[] = { "id", "operation", "started", "finished" };
	json_t *entry = json_object();

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		json_object_set(entry, keys[i], json_object_get(report, keys[i]));
	json_object_set(entry, "overall",
			json_object_get(json_object_get(report, "compliance"), "overall"));
	return entry;
}

int store_history(int state_fd, size_t limit, json_t **ret, struct err *err)
{
	_cleanup_(fsx_names_freep)
	struct fsx_names *names = NULL;
	_cleanup_close_ int history_fd = open_history(state_fd, false);
	int r = history_fd < 0 ? history_fd : fsx_list_at(history_fd, ".", ".json", &names);

	if (r < 0 && r != -ENOENT)
		return err_set_errno(err, EXIT_STATUS_IO, -r, "cannot read the stored reports");
	*ret = json_array();
	for (size_t i = r < 0 ? 0 : names->n; i-- > 0 && json_array_size(*ret) < limit;) {
		json_t *report = NULL;

		if (read_report(history_fd, names->items[i], &report, NULL) == 1)
			json_array_append_new(*ret, history_entry(report));
		json_decref(report);
	}
	return 0;
}
