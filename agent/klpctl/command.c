// SPDX-License-Identifier: Apache-2.0
#include "klpctl/command.h"

#include "base/alloc.h"
#include "klpctl/outcome.h"

#define HELP_COLUMN 31
#define HELP_WIDTH  80

static const char look[] = "Look and judge", change[] = "Change the node", why[] = "Ask why",
		  settings[] = "Settings", replay[] = "Capture and replay";

const struct command_row command_table[] = {
	{ "scan", "", 0, 0, look, "look at the node, judge, show the report", cmd_scan, true },
	{ "check", "", 0, 0, look, "the same for scripts: see the exit status", cmd_check, true },
	{ "status", "", 0, 0, look, "the latest report in short", cmd_status, true },
	{ "list", "", 0, 0, look, "its patches, and what is held", cmd_list },
	{ "kernel", "", 0, 0, look, "support window, coverage, reboot", cmd_kernel },
	{ "history", "[ID]", 0, 1, look, "earlier reports, or one of them", cmd_history },
	{ "report", "[FILE...]", 0, SIZE_MAX, look, "reports of one or many nodes as a page",
	  cmd_report },
	{ "install", "", 0, 0, change, "install and load what is approved", cmd_install, true },
	{ "enable", "", 0, 0, change, "turn live patching on", cmd_enable, true },
	{ "disable", "", 0, 0, change, "turn it off, and remove livepatches", cmd_disable, true },
	{ "clean", "", 0, 0, change, "remove livepatches of kernels that are gone", cmd_clean,
	  true },
	{ "run", "", 0, 0, change, "scan or install by Patch Manager's parameters", cmd_run, true },
	{ "verify", "", 0, 0, change, "does the kernel run what is installed", cmd_verify, true },
	{ "cancel", "", 0, 0, change, "end what runs, if it has changed nothing yet", cmd_cancel,
	  true },
	{ "pause", "[REASON]", 0, 1, change, "no changes by klpd from now on", cmd_pause, true },
	{ "resume", "", 0, 0, change, "end a pause", cmd_resume, true },
	{ "explain", "PACKAGE", 1, 1, why, "why it is installed, missing or held", cmd_explain },
	{ "cve", "CVE", 1, 1, why, "is it fixed in what runs", cmd_cve },
	{ "export", "", 0, 0, why, "all of the kernel's CVEs as OpenVEX", cmd_export },
	{ "doctor", "", 0, 0, why, "what is in the way, and what to do about it", cmd_doctor },
	{ "baseline show", "[FILE|NAME]", 0, 1, settings, "a baseline as it is understood",
	  cmd_baseline_show },
	{ "baseline check", "[FILE|NAME]", 0, 1, settings, "whether a baseline is valid",
	  cmd_baseline_check },
	{ "cat-config", "", 0, 0, settings, "settings, and where they come from", cmd_cat_config },
	{ "check-config", "[FILE]", 0, 1, settings, "whether a settings file is valid",
	  cmd_check_config },
	{ "bridge", "", 0, 0, settings, "carry calls from standard input to the agent",
	  cmd_bridge },
	{ "capture", "", 0, 0, replay, "write all that judging needs as JSON", cmd_capture },
	{ "evaluate", "SNAPSHOT", 1, 1, replay, "judge what capture wrote", cmd_evaluate },
	{ NULL },
};

/* Number of words at the start of @words that spell @name, all of it; else 0. */
static size_t spelled(const char *name, const char *const *words, size_t n)
{
	const char *blank = strchr(name, ' ');
	size_t len = blank ? (size_t)(blank - name) : strlen(name);

	if (n == 0 || strlen(words[0]) != len || memcmp(words[0], name, len) != 0)
		return 0;
	if (!blank)
		return 1;
	return n > 1 && streq(blank + 1, words[1]) ? 2 : 0;
}

/* Why no row fits: the first half of a name of two words deserves a hint. */
static int unknown(const char *word, struct err *err)
{
	size_t len = strlen(word);

	for (const struct command_row *row = command_table; row->name && len > 0; row++)
		if (starts_with(row->name, word) && row->name[len] == ' ')
			return err_set(err, EXIT_STATUS_USAGE,
				       "klpctl %s needs show or check after it; see klpctl --help",
				       word);
	return err_set(err, EXIT_STATUS_USAGE, "no command is called %s; see klpctl --help", word);
}

int command_find(const char *const *words, size_t n, const struct command_row **ret,
		 size_t *ret_words, struct err *err)
{
	if (n == 0)
		return err_set(err, EXIT_STATUS_USAGE, "a command is missing; see klpctl --help");
	for (const struct command_row *row = command_table; row->name; row++) {
		size_t used = spelled(row->name, words, n);

		if (used == 0)
			continue;
		if (n - used < row->min)
			return err_set(err, EXIT_STATUS_USAGE, "klpctl %s needs a %s", row->name,
				       row->arguments);
		if (n - used > row->max) /* SIZE_MAX: as many as there are */
			return err_set(err, EXIT_STATUS_USAGE,
				       "klpctl %s: '%s' is one word too many", row->name,
				       words[used + row->max]);
		*ret = row;
		*ret_words = used;
		return 0;
	}
	return unknown(words[0], err);
}

/* ---- help ---------------------------------------------------------------------------------- */

static void help_heading(struct screen *screen, const char **last, const char *heading)
{
	if (*last == heading)
		return;
	*last = heading;
	screen_put(screen, "\n%s:\n", heading);
}

/* As many words of @text as fit beside the left column. */
static size_t fitting(const char *text)
{
	size_t max = HELP_WIDTH - HELP_COLUMN, len = strlen(text);

	if (len <= max)
		return len;
	for (len = max; len > 0 && text[len] != ' ';)
		len--;
	return len ? len : max;
}

static void help_line(struct screen *screen, const char *left, const char *right)
{
	const int width = HELP_COLUMN - 2;
	bool beside = (int)strlen(left) < width;

	screen_put(screen, beside ? "  %-*s" : "  %-*s\n", beside ? width : 0, left);
	for (size_t len; *right; right += len + (right[len] == ' ')) {
		len = fitting(right);
		screen_put(screen, "%*s%.*s\n", beside ? 0 : HELP_COLUMN, "", (int)len, right);
		beside = false;
	}
}

static void help_option(struct screen *screen, const struct option_row *row)
{
	_cleanup_free_ char *letter = row->letter ? xasprintf("-%c", row->letter) : xstrdup("  ");
	_cleanup_free_ char *name =
		*row->name ? xasprintf("%s--%s%s%s", row->letter ? ", " : "  ", row->name,
				       row->argument ? "=" : "", row->argument ? row->argument : "")
			   : xstrdup("");
	_cleanup_free_ char *left = xasprintf("%s%s", letter, name);
	_cleanup_free_ char *commands = options_commands(row);
	_cleanup_free_ char *right =
		commands ? xasprintf("%s: %s", commands, row->text) : xstrdup(row->text);

	help_line(screen, left, right);
}

void command_help(struct screen *screen)
{
	const char *last = NULL;

	screen_put(screen, "usage: klpctl [OPTIONS] COMMAND [ARGUMENT]\n\n"
			   "Kernel live patching: which patches this node needs, has and runs.\n");
	for (const struct command_row *row = command_table; row->name; row++) {
		_cleanup_free_ char *left = xasprintf("%s %s", row->name, row->arguments);

		help_heading(screen, &last, row->group);
		help_line(screen, left, row->text);
	}
	for (const struct option_row *row = options_table; row->name; row++) {
		help_heading(screen, &last, row->group);
		help_option(screen, row);
	}
	screen_put(screen, "\nExit status:\n");
	for (const struct outcome_row *row = outcome_table; row->text; row++)
		screen_put(screen, "  %3d  %s\n", row->status, row->text);
	screen_put(screen, "\nSee klpctl(8).\n");
}
