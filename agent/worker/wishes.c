// SPDX-License-Identifier: Apache-2.0
#include "worker/wishes.h"

#include "base/fsx.h"
#include "base/meminfo.h"
#include "core/recall.h"

#include <fcntl.h>
#include <sys/statvfs.h>

#define RECALL_FILE   "etc/klpd/recall.yaml"
#define DISABLED_FILE "etc/klpd/disabled"
#define CMDLINE_FILE  "proc/cmdline"
#define CMDLINE_WORD  "klpd.disable"

static const char *disabled_by(struct session *s)
{
	_cleanup_free_ char *text = NULL;
	char *rest, *word;
	size_t len;

	if (fsx_exists_at(s->root, DISABLED_FILE))
		return "changes are switched off by /" DISABLED_FILE
		       "; remove the file to allow them";
	if (fsx_read_at(s->root, CMDLINE_FILE, 65536, &text, &len) < 0)
		return NULL;
	rest = text;
	while ((word = strsep(&rest, " \n")))
		if (streq(word, CMDLINE_WORD))
			return "changes are switched off by " CMDLINE_WORD
			       " on the kernel's command line";
	return NULL;
}

static int read_bans(struct session *s, struct plan_wishes *w, struct err *err)
{
	struct plan_ban *all = NULL, *recalled = NULL;
	size_t n = 0, n_recalled = 0;
	const struct doc *doc;

	if (fsx_exists_at(s->root, RECALL_FILE) &&
	    (session_read_doc(s, s->root, RECALL_FILE, &doc, err) < 0 ||
	     recall_from_doc(doc, s->arena, &recalled, &n_recalled, err) < 0))
		return -1;
	for (size_t i = 0; i < n_recalled; i++)
		*ARENA_PUSH(s->arena, all, n) = recalled[i];
	for (size_t i = 0; i < s->request.n_bans; i++)
		*ARENA_PUSH(s->arena, all, n) = s->request.bans[i];
	w->bans = all;
	w->n_bans = n;
	return 0;
}

int wishes_read(struct session *s, struct plan_wishes *ret, struct err *err)
{
	*ret = (struct plan_wishes){
		.configure = s->request.configure,
		.unload = s->request.unload,
		.overrides = s->overrides,
		.with_kernel = s->request.with_kernel,
		.retry_quarantined = s->request.retry_quarantined,
		.running_system = s->request.running_system,
		.disabled = disabled_by(s),
	};
	return read_bans(s, ret, err);
}

static int64_t disk_free(const struct session *s, const char *path)
{
	_cleanup_close_ int fd = fsx_open_at(s->root, path, O_RDONLY | O_DIRECTORY);
	struct statvfs st;

	if (fd < 0 || fstatvfs(fd, &st) < 0)
		return -1;
	return (int64_t)st.f_bavail * (int64_t)st.f_frsize;
}

static int64_t memory_free(const struct session *s)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (fsx_read_at(s->root, "proc/meminfo", MEMINFO_BYTES_MAX, &text, &len) < 0)
		return -1;
	return meminfo_available(text);
}

struct plan_limits wishes_limits(const struct session *s)
{
	struct plan_limits limits = PLAN_LIMITS;
	int64_t var = disk_free(s, "var"), usr = disk_free(s, "usr");

	limits.disk_free = usr >= 0 && (var < 0 || usr < var) ? usr : var;
	limits.memory_free = memory_free(s);
	return limits;
}
