// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The commands: one table, one file per command
 */

#include "klpctl/client.h"
#include "klpctl/options.h"
#include "klpctl/screen.h"

/* What a command works with. */
struct command_call {
	const struct options *options;
	const char *const *args; /* the words after the command */
	size_t n_args;
	struct client *client;
	struct screen *screen;
};

struct command_row {
	const char *name;      /* "scan", "baseline show" */
	const char *arguments; /* for --help; "" none */
	size_t min, max;       /* number of arguments */
	const char *group, *text;
	/*
	 * Exit status, or -1 with @err. What it prints goes to the screen; @err with its status
	 * is said beside it.
	 */
	int (*run)(struct command_call *call, struct err *err);
	bool fleet; /* it can be asked of several hosts at once: its answer fits a line */
};

/* All commands in the order of --help; the last has a NULL name. */
extern const struct command_row command_table[];

/**
 * command_find() - the command that the first words name
 * @ret_words: how many words the name has
 *
 * Return: 0, or -1 with @err (USAGE) when there is none or the number of arguments is wrong.
 */
_must_check_ int command_find(const char *const *words, size_t n, const struct command_row **ret,
			      size_t *ret_words, struct err *err);
/* The text of --help: commands, options and exit statuses from their tables. */
void command_help(struct screen *screen);

int cmd_scan(struct command_call *call, struct err *err);
int cmd_install(struct command_call *call, struct err *err);
int cmd_enable(struct command_call *call, struct err *err);
int cmd_disable(struct command_call *call, struct err *err);
int cmd_clean(struct command_call *call, struct err *err);
int cmd_run(struct command_call *call, struct err *err);
int cmd_verify(struct command_call *call, struct err *err);
int cmd_bridge(struct command_call *call, struct err *err);
int cmd_cancel(struct command_call *call, struct err *err);
int cmd_pause(struct command_call *call, struct err *err);
int cmd_resume(struct command_call *call, struct err *err);
int cmd_check(struct command_call *call, struct err *err);
int cmd_status(struct command_call *call, struct err *err);
int cmd_list(struct command_call *call, struct err *err);
int cmd_kernel(struct command_call *call, struct err *err);
int cmd_report(struct command_call *call, struct err *err);
int cmd_history(struct command_call *call, struct err *err);
int cmd_explain(struct command_call *call, struct err *err);
int cmd_cve(struct command_call *call, struct err *err);
int cmd_export(struct command_call *call, struct err *err);
int cmd_doctor(struct command_call *call, struct err *err);
int cmd_baseline_show(struct command_call *call, struct err *err);
int cmd_baseline_check(struct command_call *call, struct err *err);
int cmd_cat_config(struct command_call *call, struct err *err);
int cmd_check_config(struct command_call *call, struct err *err);
int cmd_capture(struct command_call *call, struct err *err);
int cmd_evaluate(struct command_call *call, struct err *err);
