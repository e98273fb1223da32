// SPDX-License-Identifier: Apache-2.0
#include "klpctl/progress.h"

#include "base/alloc.h"
#include "klpctl/pick.h"
#include "klpctl/screen.h"

#include <sys/ioctl.h>

#define CLEAR_LINE "\r\033[K"

struct progress {
	char *shown; /* the line that stands there; NULL: none */
	int columns;
};

static const struct {
	const char *phase, *text;
} phases[] = {
	{ "probe", "Looking at the node" },
	{ "fetch", "Fetching" },
	{ "evaluate", "Judging" },
	{ "plan", "Planning" },
	{ "stage", "Checking packages" },
	{ "verify", "Checking signatures" },
	{ "guard", "Checking what it is" },
	{ "lock", "Looking for other package managers" },
	{ "wait", "Waiting for" },
	{ "test", "Testing the transaction" },
	{ "install", "Installing" },
	{ "load", "Loading" },
	{ "activation", "Waiting for the kernel to take over" },
};

struct progress *progress_new(void)
{
	struct winsize size = { 0 };
	struct progress *progress;

	if (isatty(STDERR_FILENO) != 1)
		return NULL;
	progress = xcalloc(1, sizeof(*progress));
	progress->columns = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1
				    ? size.ws_col - 1
				    : 79;
	return progress;
}

void progress_free(struct progress *progress)
{
	if (!progress)
		return;
	if (progress->shown)
		fputs(CLEAR_LINE, stderr);
	fflush(stderr);
	free(progress->shown);
	free(progress);
}

void progress_show(json_t *parameters, void *userdata)
{
	struct progress *progress = userdata;
	const char *phase = pick_text_or(parameters, "progress.phase", "");
	_cleanup_free_ char *subject =
		screen_clean(pick_text_or(parameters, "progress.subject", ""));
	int64_t done = pick_number(parameters, "progress.done");
	int64_t total = pick_number(parameters, "progress.total");
	_cleanup_free_ char *line = NULL, *percent = NULL;
	const char *text = phase;

	for (size_t i = 0; i < ARRAY_SIZE(phases); i++)
		if (streq(phases[i].phase, phase))
			text = phases[i].text;
	percent = total > 0 && done >= 0 && done <= total
			  ? xasprintf(" %d %%", (int)((double)done * 100 / (double)total))
			  : xstrdup("");
	line = xasprintf("%s%s%s%s", text, *subject ? " " : "", subject, percent);
	if (streq_null(progress->shown, line))
		return;
	fprintf(stderr, CLEAR_LINE "%.*s", progress->columns, line);
	fflush(stderr);
	free(progress->shown);
	progress->shown = TAKE_PTR(line);
}
