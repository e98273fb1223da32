// SPDX-License-Identifier: Apache-2.0
#include "klpctl/table.h"

#include "base/alloc.h"

#define GAP	     2
#define LAST_MIN     20 /* columns left below which the last cell goes on lines of its own */
#define INDENT_BELOW 4

struct cell {
	char *text; /* cleaned */
	enum screen_style style;
};

struct table {
	const char *const *heads;
	size_t n_columns;
	struct cell *cells;
	size_t n_cells;
};

struct table *table_new(const char *const *heads, size_t n_columns)
{
	struct table *table = xcalloc(1, sizeof(*table));

	table->heads = heads;
	table->n_columns = n_columns;
	return table;
}

void table_free(struct table *table)
{
	if (!table)
		return;
	for (size_t i = 0; i < table->n_cells; i++)
		free(table->cells[i].text);
	free(table->cells);
	free(table);
}

void table_cell(struct table *table, enum screen_style style, const char *text)
{
	table->cells = xreallocarray(table->cells, table->n_cells + 1, sizeof(*table->cells));
	table->cells[table->n_cells++] =
		(struct cell){ screen_clean(text && *text ? text : "-"), style };
}

void table_cellf(struct table *table, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	table_cell(table, SCREEN_PLAIN, text);
}

void table_date(struct table *table, int64_t at)
{
	char buf[TIMEX_TEXT_MAX];

	table_cell(table, SCREEN_PLAIN, timex_format_date(at, buf));
}

/* Width of a column; 0 when it holds nothing but "-". */
static size_t column_width(const struct table *table, size_t column, bool legend)
{
	size_t width = 0;
	bool content = false;

	for (size_t i = column; i < table->n_cells; i += table->n_columns) {
		size_t w = screen_width(table->cells[i].text);

		content = content || !streq(table->cells[i].text, "-");
		width = w > width ? w : width;
	}
	if (!content)
		return 0;
	if (legend && screen_width(table->heads[column]) > width)
		width = screen_width(table->heads[column]);
	return width;
}

static void print_row(const struct table *table, const size_t *widths, const struct cell *cells,
		      struct screen *screen)
{
	size_t last = table->n_columns, at = 0;

	while (last > 0 && widths[last - 1] == 0)
		last--;
	for (size_t c = 0; c + 1 < last; c++) {
		if (widths[c] == 0)
			continue;
		screen_put_styled(screen, cells[c].style, cells[c].text);
		screen_put(screen, "%*s", (int)(widths[c] - screen_width(cells[c].text) + GAP), "");
		at += widths[c] + GAP;
	}
	if (last > 0 && at > 0 && screen->columns > 0 && at + LAST_MIN > screen->columns) {
		screen_put(screen, "\n%*s", INDENT_BELOW, "");
		at = INDENT_BELOW;
	}
	if (last > 0)
		screen_put_wrapped(screen, at, cells[last - 1].style, cells[last - 1].text);
}

void table_print(const struct table *table, struct screen *screen)
{
	_cleanup_free_ size_t *widths = xcalloc(table->n_columns, sizeof(*widths));
	_cleanup_free_ struct cell *heads = xcalloc(table->n_columns, sizeof(*heads));

	for (size_t c = 0; c < table->n_columns; c++) {
		widths[c] = column_width(table, c, screen->legend);
		heads[c] = (struct cell){ (char *)table->heads[c], SCREEN_HEAD };
	}
	if (screen->legend && table->n_cells > 0)
		print_row(table, widths, heads, screen);
	for (size_t i = 0; i < table->n_cells; i += table->n_columns)
		print_row(table, widths, table->cells + i, screen);
}
