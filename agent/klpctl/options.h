// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Command line options: one table that parses, and from which --help is made
 *
 * Options may stand before or after the command; "--" ends them. docs/klpctl.8 is compared with the
 * table by a test.
 */

#include "base/err.h"
#include "base/timex.h"

enum json_mode {
	JSON_MODE_OFF,
	JSON_MODE_SHORT,
	JSON_MODE_PRETTY,
	JSON_MODE_AUTO, /* -j: pretty on a terminal, else short */
};

struct options {
	const char *root, *socket, *config, *baseline, *kernel, *cache_dir, *state_dir;
	const char *trigger, *output;
	const char *reboot_option, *overrides;
	const char *hosts; /* "a,b": over ssh; NULL: this one */
	const char *allow; /* of a bridge; NULL: everything */
	const char *operation, *configure, *baseline_override, *install_overrides;
	const char *snapshot_id; /* a GUID; NULL */
	int64_t as_of;		 /* TIME_UNSET: now */
	int timeout_sec;	 /* for the whole command */
	int64_t duration_sec;	 /* of a pause; 0: without end */
	int64_t spread_sec;	 /* wait for this node's moment in so much time; 0: do not */
	enum json_mode json;
	bool ssm, dry_run, with_kernel, retry_quarantined, unload;
	bool direct, cached, refresh, all, html, quiet, no_legend, no_pager, help, version;
	uint64_t given; /* bit N: row N of the table was on the command line */
	/* The words that are no options: the command and its arguments. Not copied. */
	const char **words;
	size_t n_words;
};

struct option_row {
	const char *name;	 /* without "--" */
	char letter;		 /* 0: none */
	const char *argument;	 /* what --help calls the value; NULL: takes none */
	const char *group;	 /* heading in --help */
	const char *const *only; /* the commands that take it, up to a NULL; NULL itself: all */
	const char *text;
	int (*set)(struct options *options, const struct option_row *row, const char *value,
		   struct err *err);
	size_t offset; /* for setters that store a value as it is */
};

/* All options in the order of --help; the last has a NULL name. */
extern const struct option_row options_table[];

/* Return: 0, or -1 with @err (USAGE). */
_must_check_ int options_parse(struct options *options, int argc, char *argv[], struct err *err);
/* As Systems Manager writes the ids of commands and snapshots. */
bool options_is_guid(const char *text);
/* Whether an option that belongs to some commands was given with another. 0, or -1 with @err. */
_must_check_ int options_check_command(const struct options *options, const char *command,
				       struct err *err);
/* "install", "install, run": the commands that take it; NULL for all. To be freed. */
char *options_commands(const struct option_row *row);
void options_deinit(struct options *options);
