// SPDX-License-Identifier: Apache-2.0
#include "klpd/tool.h"

#include "base/alloc.h"
#include "ipc/frame.h"

#include <errno.h>
#include <limits.h>

/* Room for what klpd adds to an answer before it sends it on. */
#define ANSWER_MAX (FRAME_REPLY_MAX - (size_t)64 * 1024)

struct tool {
	struct tool_spec spec;
	struct child *child;
	char *last; /* the latest line of a program with progress */
};

char *tool_path(const char *name, struct err *err)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (n < 0) {
		err_set_errno(err, EXIT_STATUS_SOFTWARE, errno,
			      "cannot find %s: /proc/self/exe cannot be read", name);
		return NULL;
	}
	self[n] = '\0';
	slash = strrchr(self, '/');
	return xasprintf("%.*s/%s", (int)(slash - self), self, name);
}

/* Takes over what the program says about its failure; false if it says nothing of the kind. */
static bool explained(json_t *json, struct err *err)
{
	json_t *error = json_object_get(json, "error");
	json_int_t status = json_integer_value(json_object_get(error, "status"));
	const char *message = json_string_value(json_object_get(error, "message"));

	if (!message)
		return false;
	err_set(err, status > 0 && status <= UINT8_MAX ? (int)status : EXIT_STATUS_SOFTWARE, "%s",
		message);
	return true;
}

int tool_interpret(const char *program, const struct child_result *result, const char *answer,
		   size_t len, json_t **ret, struct err *err)
{
	json_auto_t *json = NULL;
	json_error_t why;

	if (result->end != CHILD_EXITED)
		return child_describe(program, result, err);
	json = json_loadb(answer, len, JSON_REJECT_DUPLICATES, &why);
	if (explained(json, err))
		return -1;
	if (result->code != 0)
		return child_describe(program, result, err);
	if (!json_is_object(json))
		return err_set(err, EXIT_STATUS_SOFTWARE,
			       "%s gave an answer that cannot be read: %s", program,
			       json ? "not an object" : why.text);
	*ret = TAKE_PTR(json);
	return 0;
}

static void on_line(const char *line, size_t len, void *userdata)
{
	struct tool *tool = userdata;
	json_auto_t *json = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);

	free(tool->last);
	tool->last = xstrndup(line, len);
	if (json_is_object(json) && tool->spec.on_progress)
		tool->spec.on_progress(json, tool->spec.userdata);
}

static void on_done(const struct child_result *result, void *userdata)
{
	struct tool *tool = userdata;
	struct tool_usage usage = { result->cpu_usec, result->peak_rss_kib };
	const char *answer = tool->last ? tool->last : result->output;
	size_t len = tool->last ? strlen(tool->last) : result->output_len;
	json_auto_t *json = NULL;
	struct err err = ERR_INIT;
	int r = tool_interpret(tool->spec.program, result, answer, len, &json, &err);

	tool->spec.on_done(r < 0 ? NULL : json, r < 0 ? &err : NULL, &usage, tool->spec.userdata);
	err_clear(&err);
}

int tool_start(struct loop *loop, const struct tool_spec *spec, struct tool **ret, struct err *err)
{
	_cleanup_(tool_freep)
	struct tool *tool = xcalloc(1, sizeof(*tool));
	json_auto_t *request = spec->request;
	_cleanup_free_ char *path = tool_path(spec->program, err);
	_cleanup_free_ char *input = json_dumps(request, JSON_COMPACT);
	const char *argv[] = { path, spec->verb, NULL };

	if (!path)
		return -1;
	tool->spec = *spec;
	tool->spec.request = NULL;
	if (child_spawn(loop,
			&(struct child_spec){
				.argv = argv,
				.input = input,
				.input_len = strlen(input),
				.output_max = ANSWER_MAX,
				.deadline_msec = spec->deadline_msec,
				.environment = spec->environment,
				.as_user = spec->as_user,
				.uid = spec->uid,
				.gid = spec->gid,
				.on_line = spec->on_progress ? on_line : NULL,
				.on_done = on_done,
				.userdata = tool,
			},
			&tool->child, err) < 0)
		return -1;
	*ret = TAKE_PTR(tool);
	return 0;
}

void tool_free(struct tool *tool)
{
	if (!tool)
		return;
	child_free(tool->child);
	free(tool->last);
	free(tool);
}
