// SPDX-License-Identifier: Apache-2.0
#include "klpd/store.h"

#include "base/fsx.h"
#include "base/timex.h"
#include "ipc/frame.h"
#include "klpd/place.h"
#include "klpd/state.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#define LATEST	    "report.json"
#define HISTORY	    "history"
#define BASELINES   "reports"
#define SUFFIX	    ".json"
#define REPORT_MODE 0644
#define ID_LEN	    36
/* Reports by other baselines than the configured one. */
#define BASELINES_MAX 16
/* More than can be sent cannot have been stored by us. */
#define REPORT_MAX FRAME_REPLY_MAX

static const char *text_of(json_t *report, const char *key)
{
	const char *text = json_string_value(json_object_get(report, key));

	return text ? text : "";
}

/* "2026-11-23T02:45:01Z" -> "20261123T024501Z": by name is by time. */
static char *compact(const char *time)
{
	char *text = xcalloc(strlen(time) + 1, 1);
	size_t n = 0;

	for (; *time; time++)
		if (isalnum((unsigned char)*time))
			text[n++] = *time;
	return text;
}

static char *history_name(json_t *report)
{
	_cleanup_free_ char *started = compact(text_of(report, "started"));
	char *name = xasprintf("%s-%s-%s" SUFFIX, started, text_of(report, "id"),
			       text_of(report, "operation"));

	for (char *c = name; *c; c++)
		*c = (char)(*c == '/' ? '?' : *c);
	return name;
}

/* The operation in a name that history_name() made. */
static const char *operation_in(const char *name)
{
	const char *dash = strrchr(name, '-');

	return dash ? dash : name;
}

static char *baseline_prefix(const char *id)
{
	_cleanup_free_ char *escaped = place_escape(id);

	return xasprintf("%s-", escaped);
}

/* One without an id goes by its name, if it has one. */
static char *baseline_name(json_t *report)
{
	json_t *baseline = json_object_get(report, "baseline");
	const char *id = text_of(baseline, "id"), *name = text_of(baseline, "name");
	_cleanup_free_ char *prefix = baseline_prefix(*id ? id : *name ? name : "unnamed");

	return xasprintf("%s%.12s" SUFFIX, prefix, text_of(baseline, "sha256"));
}

/* Opens STATE/@name: a descriptor or -errno. */
static int open_folder(int state_fd, const char *name, bool make)
{
	int fd;

	if (make && mkdirat(state_fd, name, 0755) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(state_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0 && make)
		state_adopt(state_fd, fd);
	return fd < 0 ? -errno : fd;
}

/* ---- what stays -------------------------------------------------------------------------------*/

/* How many of the names behind @i are of the same operation. */
static int64_t newer(const struct fsx_names *names, size_t i)
{
	const char *operation = operation_in(names->items[i]);
	int64_t n = 0;

	for (size_t k = i + 1; k < names->n; k++)
		n += streq(operation_in(names->items[k]), operation);
	return n;
}

static void remove_oldest(int history_fd, const struct store_keep *keep)
{
	_cleanup_(fsx_names_freep)
	struct fsx_names *names = NULL;
	char buf[TIMEX_TEXT_MAX];
	_cleanup_free_ char *oldest =
		compact(timex_format(keep->age ? keep->now - keep->age : 0, buf));

	if (fsx_list_at(history_fd, ".", SUFFIX, &names) < 0)
		return;
	for (size_t i = 0; i < names->n; i++)
		if (newer(names, i) >= keep->number || strcmp(names->items[i], oldest) < 0)
			unlinkat(history_fd, names->items[i], 0);
}

static int64_t modified(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ? 0 : (int64_t)st.st_mtime;
}

/* Baselines come and go; the reports that were not renewed for longest go too. */
static void limit_baselines(int fd)
{
	_cleanup_(fsx_names_freep)
	struct fsx_names *names = NULL;
	size_t oldest = 0;

	if (fsx_list_at(fd, ".", SUFFIX, &names) < 0)
		return;
	for (size_t i = 1; i < names->n; i++)
		if (modified(fd, names->items[i]) < modified(fd, names->items[oldest]))
			oldest = i;
	if (names->n > BASELINES_MAX)
		unlinkat(fd, names->items[oldest], 0);
}

int store_save(int state_fd, json_t *report, enum store_where where, const struct store_keep *keep,
	       struct err *err)
{
	_cleanup_free_ char *name = history_name(report), *baseline = baseline_name(report);
	_cleanup_free_ char *text = json_dumps(report, JSON_INDENT(1));
	_cleanup_close_ int history_fd = -1, baselines_fd = -1;
	size_t len = strlen(text);
	int r;

	if (where == STORE_NOWHERE)
		return 0;
	history_fd = r = open_folder(state_fd, HISTORY, true);
	if (r >= 0)
		r = fsx_write_atomic_at(history_fd, name, text, len, REPORT_MODE);
	if (r >= 0 && where == STORE_LATEST)
		r = fsx_write_atomic_at(state_fd, LATEST, text, len, REPORT_MODE);
	if (r >= 0 && where == STORE_BASELINE)
		baselines_fd = r = open_folder(state_fd, BASELINES, true);
	if (r >= 0 && where == STORE_BASELINE)
		r = fsx_write_atomic_at(baselines_fd, baseline, text, len, REPORT_MODE);
	if (r < 0)
		return err_set_errno(err, EXIT_STATUS_IO, -r,
				     "cannot store the report in the state directory");
	remove_oldest(history_fd, keep);
	if (where == STORE_BASELINE)
		limit_baselines(baselines_fd);
	return 0;
}

/* ---- what is found ----------------------------------------------------------------------------*/

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

/* Opens the last file in a folder whose name contains @part, with @part in front if @first. */
static int find_in(int state_fd, const char *folder, const char *part, bool first, json_t **ret,
		   struct err *err)
{
	_cleanup_(fsx_names_freep)
	struct fsx_names *names = NULL;
	_cleanup_close_ int fd = open_folder(state_fd, folder, false);
	const char *found = NULL;
	int64_t best = -1;

	if (fd < 0 || fsx_list_at(fd, ".", SUFFIX, &names) < 0)
		return 0;
	for (size_t i = 0; i < names->n; i++) {
		const char *at = strstr(names->items[i], part);
		int64_t when = modified(fd, names->items[i]);

		if (!at || (first && at != names->items[i]) || when < best)
			continue;
		best = when;
		found = names->items[i];
	}
	return found ? read_report(fd, found, ret, err) : 0;
}

int store_find(int state_fd, const char *id, json_t **ret, struct err *err)
{
	_cleanup_free_ char *part = xasprintf("-%s-", id);

	return is_id(id) ? find_in(state_fd, HISTORY, part, false, ret, err) : 0;
}

int store_find_baseline(int state_fd, const char *baseline, json_t **ret, struct err *err)
{
	_cleanup_free_ char *prefix = baseline_prefix(baseline);

	return find_in(state_fd, BASELINES, prefix, true, ret, err);
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
	_cleanup_close_ int history_fd = open_folder(state_fd, HISTORY, false);
	int r = history_fd < 0 ? history_fd : fsx_list_at(history_fd, ".", SUFFIX, &names);

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
