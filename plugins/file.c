// SPDX-License-Identifier: Apache-2.0
/*
 * file: the latest report at a path that does not change, and earlier ones beside it
 *
 *   path: /var/lib/klpd-export/report.json    replaced as a whole
 *   history: /var/lib/klpd-export/history     a folder: each report as ID.json; left out: none
 *   keep: 100                                 so many of them
 */
#include "common.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEEP_DEFAULT "100"
#define KEEP_MAX     100000
#define SUFFIX	     ".json"

struct file {
	const struct klpd_host *host;
	const char *path, *history;
	long keep;
};

static int open_file(const struct klpd_host *host, const struct klpd_setting *settings, size_t n,
		     void **ret)
{
	static const char *const keys[] = { "path", "history", "keep", NULL };
	static struct file file;
	const char *keep = common_setting(settings, n, "keep", KEEP_DEFAULT);
	char *end;

	file.host = host;
	file.path = common_setting(settings, n, "path", NULL);
	file.history = common_setting(settings, n, "history", NULL);
	file.keep = strtol(keep, &end, 10);
	*ret = &file;
	if (common_check_keys(host, settings, n, keys) < 0 ||
	    common_check_path(host, "path", file.path) < 0 ||
	    (file.history && common_check_path(host, "history", file.history) < 0))
		return KLPD_WRONG;
	if (*end || end == keep || file.keep < 1 || file.keep > KEEP_MAX)
		return common_explain(host, KLPD_WRONG, "keep: a number from 1 to %d is needed",
				      KEEP_MAX);
	return KLPD_OK;
}

static int is_report(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return entry->d_name[0] != '.' && len > strlen(SUFFIX) &&
	       strcmp(entry->d_name + len - strlen(SUFFIX), SUFFIX) == 0;
}

/* Ids begin with the time, so that the oldest come first. */
static void remove_old(const struct file *f)
{
	struct dirent **list;
	int n = scandir(f->history, &list, is_report, alphasort);

	for (int i = 0; i < n; i++) {
		char *path = NULL;

		if (n - i > f->keep && asprintf(&path, "%s/%s", f->history, list[i]->d_name) > 0)
			unlink(path);
		free(path);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
}

static int publish(void *state, const struct klpd_report *report)
{
	const struct file *f = state;
	char *path = NULL;
	int r;

	if (f->history) {
		if (asprintf(&path, "%s/%s" SUFFIX, f->history, report->id) < 0)
			return common_explain(f->host, KLPD_RETRY, "out of memory");
		r = common_write(f->host, path, report->json, report->json_len);
		free(path);
		if (r < 0)
			return r;
		remove_old(f);
	}
	return common_write(f->host, f->path, report->json, report->json_len);
}

const struct klpd_plugin klpd_plugin = {
	.abi = KLPD_PLUGIN_ABI,
	.size = sizeof(klpd_plugin),
	.text = "the latest report in a file, and earlier ones in a folder",
	.open = open_file,
	.publish = publish,
};
