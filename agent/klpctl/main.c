// SPDX-License-Identifier: Apache-2.0

/*
 * klpctl: the command line
 *
 * A Varlink client. It never reads the node: it asks klpd, shows what comes back, and turns a
 * verdict or an error into an exit status. See README.md in this folder.
 */

#include "base/alloc.h"
#include "base/fsx.h"
#include "core/spread.h"
#include "klpctl/command.h"
#include "klpctl/fleet.h"
#include "klpctl/ssh.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <time.h>

/* What goes to the agent is JSON, and JSON is UTF-8. */
static int check_utf8(const struct options *o, struct err *err)
{
	const char *const files[] = { o->baseline, o->overrides, o->baseline_override,
				      o->install_overrides };

	for (size_t i = 0; i < o->n_words + ARRAY_SIZE(files); i++) {
		const char *word = i < o->n_words ? o->words[i] : files[i - o->n_words];
		json_auto_t *text = word ? json_string(word) : NULL;

		if (word && !text)
			return err_set(err, EXIT_STATUS_USAGE,
				       "an argument is not UTF-8 text; rename the file");
	}
	return 0;
}

/* Nodes without an identity of their own go by their host name. */
static void wait_for_moment(int64_t span)
{
	_cleanup_free_ char *id = NULL;
	char host[256] = "";
	struct timespec left = { 0 };
	size_t len;

	if (fsx_read_at(AT_FDCWD, "/etc/machine-id", 128, &id, &len) < 0 || len < 2)
		(void)gethostname(host, sizeof(host) - 1);
	left.tv_sec = (time_t)spread_offset(*host || !id ? host : id, span);
	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}

/* Several hosts; what their klpctls are for is what this one was called for. */
static int run_everywhere(const struct options *o, const struct command_row *row, int argc,
			  char *argv[], struct screen *screen, struct err *err)
{
	if (!row->fleet)
		return err_set(err, EXIT_STATUS_USAGE,
			       "klpctl %s asks one host at a time; it has too much to say for a "
			       "line of a table",
			       row->name);
	return fleet_run(o, argc, argv, screen, err);
}

static int run_command(const struct options *o, int argc, char *argv[], struct screen *screen,
		       struct err *err)
{
	_cleanup_(client_freep)
	struct client *client = NULL;
	const struct command_row *row = NULL;
	struct command_call call;
	size_t used = 0;

	if (command_find(o->words, o->n_words, &row, &used, err) < 0 ||
	    options_check_command(o, row->name, err) < 0 || check_utf8(o, err) < 0)
		return -1;
	screen->legend = !o->no_legend;
	if (o->hosts && ssh_are_several(o->hosts))
		return run_everywhere(o, row, argc, argv, screen, err);
	if (o->spread_sec)
		wait_for_moment(o->spread_sec);
	client = client_new(o);
	call = (struct command_call){ .options = o,
				      .args = o->words + used,
				      .n_args = o->n_words - used,
				      .client = client,
				      .screen = screen };
	if (o->as_of != TIME_UNSET)
		screen->now = o->as_of;
	return row->run(&call, err);
}

static int run(int argc, char *argv[], struct screen *screen, struct err *err)
{
	_cleanup_(options_deinit)
	struct options o = { 0 };

	if (options_parse(&o, argc, argv, err) < 0)
		return -1;
	if (o.help)
		command_help(screen);
	else if (o.version)
		screen_put(screen, "klpctl " KLPD_VERSION "\n");
	else
		return run_command(&o, argc, argv, screen, err);
	return EXIT_STATUS_OK;
}

/* One line on stderr; a message from elsewhere may hold anything. */
static int report_error(struct err *err)
{
	_cleanup_free_ char *text = screen_clean(err->message ? err->message : "failed");
	int status = err->status ? err->status : EXIT_STATUS_FAILED;

	fprintf(stderr, "klpctl: %s\n", text);
	err_clear(err);
	return status;
}

/*
 * A standard stream that the caller closed would be the number of the next file we open. Reading
 * /dev/null stands in for it: writing there fails, as it must.
 */
static void open_standard_streams(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	while (fd >= 0 && fd <= STDERR_FILENO)
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char *argv[])
{
	_cleanup_(screen_close)
	struct screen screen;
	struct err err = ERR_INIT, flush = ERR_INIT;
	int status;

	open_standard_streams();
	signal(SIGPIPE, SIG_IGN);
	json_set_alloc_funcs(xmalloc, free);
	screen_open(&screen);
	status = run(argc, argv, &screen, &err);
	if (status >= 0 && screen_flush(&screen, &flush) < 0)
		status = report_error(&flush);
	else if (status < 0 || (status > 0 && err.message))
		status = report_error(&err);
	err_clear(&err);
	return status;
}
