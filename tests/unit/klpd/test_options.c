// SPDX-License-Identifier: Apache-2.0
/* klpd/options: what klpd may be started with. */
#include "klpd/options.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>

#define WORDS_MAX 8

static const struct {
	const char *what, *words[WORDS_MAX];
	const char *sentence; /* NULL: accepted, and looks like this: */
	const char *seen;
} cases[] = {
	{ "a path to listen on",
	  { "--listen=/run/s" },
	  NULL,
	  "listen=/run/s fd=-1 root=/ idle=-1" },
	{ "a value may be a word of its own",
	  { "--listen", "/run/s", "--root", "/mnt" },
	  NULL,
	  "listen=/run/s fd=-1 root=/mnt idle=-1" },
	{ "several paths",
	  { "--listen=a", "--listen=b" },
	  NULL,
	  "listen=a listen=b fd=-1 root=/ idle=-1" },
	{ "a socket", { "--fd=3", "--exit-idle=30" }, NULL, "fd=3 root=/ idle=30" },
	{ "zero seconds are a time", { "--fd=3", "--exit-idle=0" }, NULL, "fd=3 root=/ idle=0" },
	{ "help needs nobody to serve", { "--help" }, NULL, "fd=-1 root=/ idle=-1" },
	{ "nothing", { NULL }, NULL, "fd=-1 root=/ idle=-1" },
	{ "a word", { "start" }, "start is not expected here; see klpd --help", NULL },
	{ "an unknown option",
	  { "--verbose=3" },
	  "there is no option --verbose; see klpd --help",
	  NULL },
	{ "the beginning of an option",
	  { "--list=x" },
	  "there is no option --list; see klpd --help",
	  NULL },
	{ "a value that is missing",
	  { "--fd=3", "--root" },
	  "--root=DIR is expected, see klpd --help",
	  NULL },
	{ "a value that is empty",
	  { "--fd=3", "--root=" },
	  "--root=DIR is expected, see klpd --help",
	  NULL },
	{ "a value too many", { "--help=yes" }, "--help takes no value", NULL },
	{ "standard input is no socket",
	  { "--fd=0" },
	  "--fd=N is expected, see klpd --help",
	  NULL },
	{ "a word is no socket", { "--fd=x" }, "--fd=N is expected, see klpd --help", NULL },
	{ "half a number", { "--fd=3x" }, "--fd=N is expected, see klpd --help", NULL },
	{ "a number too large",
	  { "--fd=4294967299" },
	  "--fd=N is expected, see klpd --help",
	  NULL },
	{ "a negative time",
	  { "--fd=3", "--exit-idle=-1" },
	  "--exit-idle=SECONDS is expected, see klpd --help",
	  NULL },
	{ "too many paths",
	  { "--listen=a", "--listen=b", "--listen=c", "--listen=d", "--listen=e" },
	  "--listen=PATH is expected, see klpd --help",
	  NULL },
};

static char *show(const struct options *o)
{
	char *text = xstrdup("");

	for (size_t i = 0; i < o->n_listen; i++) {
		char *longer = xasprintf("%slisten=%s ", text, o->listen[i]);

		free(text);
		text = longer;
	}
	{
		_cleanup_free_ char *before = text;

		return xasprintf("%sfd=%d root=%s idle=%d", before, o->fd, o->root,
				 (int)o->exit_idle_sec);
	}
}

static void test_command_lines(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *argv[WORDS_MAX + 2] = { (char[]){ "klpd" } };
		struct options options;
		struct err err = ERR_INIT;
		int argc = 1;

		for (; argc <= WORDS_MAX && cases[i].words[argc - 1]; argc++)
			argv[argc] = (char *)(uintptr_t)cases[i].words[argc - 1];
		print_message("# %s\n", cases[i].what);
		if (options_parse(argc, argv, &options, &err) < 0) {
			assert_non_null(cases[i].sentence);
			assert_string_equal(err.message, cases[i].sentence);
			assert_int_equal(err.status, EXIT_STATUS_USAGE);
			err_clear(&err);
		} else {
			_cleanup_free_ char *seen = show(&options);

			assert_null(cases[i].sentence);
			assert_string_equal(seen, cases[i].seen);
		}
	}
}

static void test_help_fits_the_screen(void **state _unused_)
{
	_cleanup_free_ char *help = options_help();

	assert_non_null(strstr(help, "--exit-idle=SECONDS"));
	for (char *rest = help, *line; (line = strsep(&rest, "\n"));) {
		print_message("# %s\n", line);
		assert_true(strlen(line) <= 80);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_command_lines),
		cmocka_unit_test(test_help_fits_the_screen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
