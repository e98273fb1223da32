// SPDX-License-Identifier: Apache-2.0
#include "base/alloc.h"
#include "base/fsx.h"
#include "klpctl/command.h"
#include "klpctl/html.h"
#include "klpctl/pick.h"
#include "klpctl/shared.h"

#include <fcntl.h>

#define SCHEMA	  "klpd.report/1"
#define BYTES_MAX ((size_t)16 * 1024 * 1024)

static int read_report(const char *path, json_t **ret, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	json_auto_t *json = NULL;
	json_error_t why;
	size_t len;
	int r = fsx_read_at(AT_FDCWD, path, BYTES_MAX, &text, &len);

	if (r < 0)
		return err_set_errno(err, EXIT_STATUS_IO, -r, "%s", path);
	json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
	if (!json)
		return err_set(err, EXIT_STATUS_DATA, "%s:%d: %s", path, why.line, why.text);
	if (!streq(pick_text_or(json, "schema", ""), SCHEMA))
		return err_set(err, EXIT_STATUS_DATA,
			       "%s is no report of schema " SCHEMA
			       "; klpctl --json=short scan writes one",
			       path);
	*ret = json_incref(json);
	return 0;
}

/* "a/node-1.json" -> "node-1". To be freed. */
static char *name_of(const char *path)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	const char *dot = strrchr(base, '.');

	return xstrndup(base, dot && dot > base ? (size_t)(dot - base) : strlen(base));
}

struct page {
	struct html_report *reports;
	json_t **json;
	char **names;
	size_t n;
};

static void free_page(struct page *page)
{
	for (size_t i = 0; i < page->n; i++) {
		json_decref(page->json[i]);
		free(page->names[i]);
	}
	free(page->reports);
	free(page->json);
	free(page->names);
}

/* Takes over @json. */
static void add(struct page *page, json_t *json, char *name)
{
	page->json[page->n] = json;
	page->names[page->n] = name;
	page->reports[page->n] = (struct html_report){ name, json };
	page->n++;
}

static int collect(struct command_call *call, struct page *page, struct err *err)
{
	size_t room = call->n_args ? call->n_args : 1;
	json_t *json = NULL;

	page->reports = xcalloc(room, sizeof(*page->reports));
	page->json = xcalloc(room, sizeof(*page->json));
	page->names = xcalloc(room, sizeof(*page->names));
	for (size_t i = 0; i < call->n_args; i++) {
		if (read_report(call->args[i], &json, err) < 0)
			return -1;
		add(page, json, name_of(call->args[i]));
	}
	if (call->n_args)
		return 0;
	if (shared_latest(call, &json, err) < 0)
		return -1;
	add(page, json, xstrdup("this node"));
	return 0;
}

int cmd_report(struct command_call *call, struct err *err)
{
	const struct options *o = call->options;
	_cleanup_(free_page)
	struct page page = { 0 };
	_cleanup_free_ char *text = NULL;
	size_t len = 0;

	if (!o->html)
		return err_set(err, EXIT_STATUS_USAGE,
			       "klpctl report needs --html; klpctl status and klpctl list show a "
			       "report as text");
	if (collect(call, &page, err) < 0)
		return -1;
	text = html_page(page.reports, page.n, call->screen->now, &len);
	if (!o->output || streq(o->output, "-")) {
		screen_put(call->screen, "%s", text);
		return EXIT_STATUS_OK;
	}
	return shared_write_file(o->output, text, len, err) < 0 ? -1 : EXIT_STATUS_OK;
}
