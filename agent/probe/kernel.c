// SPDX-License-Identifier: Apache-2.0
#include "probe/probe.h"

#include "base/fsx.h"
#include "core/kernel.h"

#include <sys/utsname.h>

#define LINE_BYTES_MAX ((size_t)4096)
#define STAT_BYTES_MAX ((size_t)4 * 1024 * 1024) /* one line per interrupt on large machines */

/* The first line of a small file, or NULL. */
static const char *read_line(int root, const char *path, struct arena *arena)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (fsx_read_at(root, path, LINE_BYTES_MAX, &text, &len) < 0)
		return NULL;
	text[strcspn(text, "\n")] = '\0';
	return *text ? arena_strdup(arena, text) : NULL;
}

static int64_t boot_time(int root)
{
	_cleanup_free_ char *text = NULL;
	const char *line;
	long long btime;
	size_t len;

	if (fsx_read_at(root, "proc/stat", STAT_BYTES_MAX, &text, &len) < 0)
		return TIME_UNSET;
	line = starts_with(text, "btime ") ? text : strstr(text, "\nbtime ");
	if (!line)
		return TIME_UNSET;
	btime = strtoll(strchr(line, ' '), NULL, 10);
	return btime > 0 ? btime : TIME_UNSET;
}

/* SUSE's kernels do not say theirs in their release; the one that runs us does. NULL: another. */
static const char *machine_of(const char *kernel, struct arena *arena)
{
	struct utsname u;

	return uname(&u) == 0 && streq(u.release, kernel) ? arena_strdup(arena, u.machine) : NULL;
}

void probe_kernel(const struct probe_request *request, struct node *node, struct arena *arena)
{
	struct kernel_release release;
	const char *running = read_line(request->root, "proc/sys/kernel/osrelease", arena);

	node->kernel = request->kernel ? arena_strdup(arena, request->kernel) : running;
	/* What /proc says is about the running kernel, not about another one that was named. */
	if (running && streq(running, node->kernel)) {
		node->kernel_version = read_line(request->root, "proc/sys/kernel/version", arena);
		node->boot_id = read_line(request->root, "proc/sys/kernel/random/boot_id", arena);
		node->boot_time = boot_time(request->root);
		node->is_running_system = true;
	}
	if (node->kernel_version &&
	    kernel_build_date(node->kernel_version, &node->kernel_build_date) < 0)
		node->kernel_build_date = TIME_UNSET;
	if (node->kernel && kernel_release_parse(node->kernel, arena, &release) == 0)
		node->arch = release.arch;
	if (node->kernel && !node->arch)
		node->arch = machine_of(node->kernel, arena);
}
