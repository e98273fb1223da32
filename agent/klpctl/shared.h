// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * What several commands do: get a report, show one
 */

#include "klpctl/command.h"

/*
 * Scan with progress. @options: ScanOptions, consumed; @ret: the report, to be released. Sets the
 * screen's clock to its as_of.
 */
_must_check_ int shared_scan(struct command_call *call, json_t *options, json_t **ret,
			     struct err *err);

/*
 * The latest report; or, when an option changes how to judge (--as-of, --baseline, --kernel,
 * --config, --cached), a new judgement of what is at hand, which is not stored.
 */
_must_check_ int shared_latest(struct command_call *call, json_t **ret, struct err *err);

/* A method whose answer is one member of the reply. */
_must_check_ int shared_ask(struct command_call *call, const char *method, json_t *parameters,
			    const char *member, bool progress, json_t **ret, struct err *err);

/* From now on ages are told relative to when @document was judged, if it says so. */
void shared_set_clock(struct command_call *call, const json_t *document);

/* The whole report: JSON if that is wanted, else card and tables; nothing with --quiet. */
void shared_show_report(struct command_call *call, const json_t *report);
/* Why a verdict is not COMPLIANT: a line for each patch and finding that is to blame. */
void shared_show_why(struct command_call *call, const json_t *report);

/*
 * Prints @document as JSON, or writes it to the file that --output names and says so, with @hint
 * (may be NULL) and the file's name. EXIT_STATUS_OK, or -1 with @err (IO).
 */
_must_check_ int shared_deliver(struct command_call *call, const json_t *document, const char *hint,
				struct err *err);
/*
 * Writes @path as a whole. What is there already must be a file: a device or a pipe would be
 * replaced by one. The new file is readable for its owner only, since it tells what nodes are
 * vulnerable to. 0, or -1 with @err (IO).
 */
_must_check_ int shared_write_file(const char *path, const char *text, size_t len, struct err *err);
