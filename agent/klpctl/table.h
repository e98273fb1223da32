// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Tables: columns as wide as their widest cell, the last one wrapped where the terminal ends
 */

#include "klpctl/screen.h"

struct table;

/* @heads: @n_columns headings, valid as long as the table. */
_returns_nonnull_ struct table *table_new(const char *const *heads, size_t n_columns);
void table_free(struct table *table);
DEFINE_CLEANUP(struct table *, table_free);

/* The next cell, row by row. NULL and "" are shown as "-". */
void table_cell(struct table *table, enum screen_style style, const char *text);
_printf_(2, 3) void table_cellf(struct table *table, const char *fmt, ...);
/* "2025-11-16", or "-". */
void table_date(struct table *table, int64_t at);
/* Prints heading (if the screen wants legends) and rows; columns without any content are left out.
 */
void table_print(const struct table *table, struct screen *screen);
