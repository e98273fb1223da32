// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * What klpctl prints
 *
 * Everything is collected and written at once at the end, so that a full disk or a closed pipe is
 * noticed in one place. Texts from elsewhere pass through screen_clean(): nothing that a server
 * wrote reaches the terminal as a control sequence.
 */

#include "base/err.h"
#include "base/timex.h"
#include "klpctl/options.h"

#include <jansson.h>
#include <stdio.h>

enum screen_style {
	SCREEN_PLAIN,
	SCREEN_GOOD,
	SCREEN_BAD,
	SCREEN_WARN,
	SCREEN_DIM,
	SCREEN_HEAD,
};

struct screen {
	FILE *out; /* collects the text */
	char *text;
	size_t len;
	bool terminal;
	bool colors;
	size_t columns; /* of the terminal; 0: no limit */
	bool legend;
	int64_t now; /* ages are told relative to this */
};

void screen_open(struct screen *screen);
void screen_close(struct screen *screen);
/* Writes what was collected to stdout: 0, or -1 with @err (IO). A closed pipe is no error. */
_must_check_ int screen_flush(struct screen *screen, struct err *err);

_printf_(2, 3) void screen_put(struct screen *screen, const char *fmt, ...);
/* @text as it stands, in a colour where there are colours. */
void screen_put_styled(struct screen *screen, enum screen_style style, const char *text);
/*
 * @text, cleaned, wrapped between blanks so that it fits the terminal: the cursor stands in column
 * @indent, further lines begin there. Ends the line.
 */
void screen_put_wrapped(struct screen *screen, size_t indent, enum screen_style style,
			const char *text);
/* The document as it came. @mode is not OFF. */
void screen_put_json(struct screen *screen, const json_t *json, enum json_mode mode);

/*
 * Leaves out the lines at the end of what was collected that do not fit into @max bytes. Return:
 * how many.
 */
size_t screen_cut(struct screen *screen, size_t max);

/* @text with everything that could move a cursor or fool an eye spelled out; to be freed. */
_returns_nonnull_ char *screen_clean(const char *text);
/* Columns that cleaned text takes. */
size_t screen_width(const char *text);

/* "2025-11-16T18:00:00Z (3 days ago)", "unknown" for TIME_UNSET; to be freed. */
_returns_nonnull_ char *screen_time(const struct screen *screen, int64_t at);
/* "3 days ago", "in 2 hours", "now"; to be freed. */
_returns_nonnull_ char *screen_age(const struct screen *screen, int64_t at);

/* The style in which a verdict, state or answer is shown. */
enum screen_style screen_style_of(const char *word);
