// SPDX-License-Identifier: Apache-2.0
#include "base/alloc.h"
#include "base/fsx.h"
#include "klpctl/command.h"
#include "klpctl/shared.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

/*
 * What is there already must be a file: a device or a pipe would be replaced by one. The new file
 * is readable for its owner only, since it tells what the node is vulnerable to.
 */
static int write_file(const char *path, const char *text, size_t len, struct err *err)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	_cleanup_free_ char *folder =
		slash ? xstrndup(path, (size_t)(slash - path) + 1) : xstrdup(".");
	_cleanup_close_ int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	int r;

	if (dir < 0)
		return err_set_errno(err, EXIT_STATUS_IO, errno, "cannot write %s", path);
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(st.st_mode))
		return err_set(err, EXIT_STATUS_IO,
			       "cannot write %s: it exists and is no regular file", path);
	r = fsx_write_atomic_at(dir, name, text, len, 0600);
	if (r < 0)
		return err_set_errno(err, EXIT_STATUS_IO, -r, "cannot write %s", path);
	return 0;
}

/* Everything that judging consumes, as one document: a bug report that can be replayed. */
int cmd_capture(struct command_call *call, struct err *err)
{
	const struct options *o = call->options;
	json_t *parameters = json_pack("{s:o,s:b}", "options", client_scan_options(call->client),
				       "capture", true);
	enum json_mode mode = o->json == JSON_MODE_OFF ? JSON_MODE_SHORT : o->json;
	json_auto_t *snapshot = NULL;
	_cleanup_free_ char *text = NULL, *line = NULL;

	if (shared_ask(call, "Evaluate", parameters, "snapshot", false, &snapshot, err) < 0)
		return -1;
	if (!o->output || streq(o->output, "-")) {
		screen_put_json(call->screen, snapshot, mode);
		return EXIT_STATUS_OK;
	}
	text = json_dumps(snapshot, mode == JSON_MODE_SHORT ? JSON_COMPACT : JSON_INDENT(2));
	line = xasprintf("%s\n", text);
	if (write_file(o->output, line, strlen(line), err) < 0)
		return -1;
	if (!o->quiet)
		screen_put(call->screen, "Written. Judge it again with: klpctl evaluate %s\n",
			   o->output);
	return EXIT_STATUS_OK;
}
