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

/* Which columns have anything to show, and where the last of them begins. */
struct layout {
	size_t *widths; /* 0: left out */
	size_t last;	/* index of the last column shown */
	size_t before;	/* columns of the terminal that those before it take */
	bool below;	/* no room beside them: it goes on lines of its own */
};

static void print_row(const struct layout *layout, const struct cell *cells, bool heading,
		      struct screen *screen)
{
	const struct cell *last = &cells[layout->last];
	size_t blanks = 0;

	for (size_t c = 0; c < layout->last; c++) {
		if (layout->widths[c] == 0)
			continue;
		screen_put(screen, "%*s", (int)blanks, "");
		screen_put_styled(screen, cells[c].style, cells[c].text);
		blanks = layout->widths[c] - screen_width(cells[c].text) + GAP;
	}
	if (layout->below)
		screen_put(screen, "\n");
	if (layout->below && heading)
		return; /* a text on its own line needs none */
	screen_put(screen, "%*s", (int)(layout->below ? INDENT_BELOW : blanks), "");
	screen_put_wrapped(screen, layout->below ? INDENT_BELOW : layout->before, last->style,
			   last->text);
}

static void make_layout(const struct table *table, const struct screen *screen,
			struct layout *layout)
{
	*layout = (struct layout){ .widths = xcalloc(table->n_columns, sizeof(size_t)) };
	for (size_t c = 0; c < table->n_columns; c++) {
		layout->widths[c] = column_width(table, c, screen->legend);
		if (layout->widths[c] > 0)
			layout->last = c;
	}
	for (size_t c = 0; c < layout->last; c++)
		layout->before += layout->widths[c] > 0 ? layout->widths[c] + GAP : 0;
	layout->below = screen->columns > 0 && layout->before > 0 &&
			layout->before + LAST_MIN > screen->columns;
}

void table_print(const struct table *table, struct screen *screen)
{
	_cleanup_free_ struct cell *heads = xcalloc(table->n_columns, sizeof(*heads));
	struct layout layout;

	if (table->n_cells == 0)
		return;
	make_layout(table, screen, &layout);
	for (size_t c = 0; c < table->n_columns; c++)
		heads[c] = (struct cell){ (char *)table->heads[c], SCREEN_HEAD };
	if (screen->legend)
		print_row(&layout, heads, true, screen);
	for (size_t i = 0; i < table->n_cells; i += table->n_columns)
		print_row(&layout, table->cells + i, false, screen);
	free(layout.widths);
}
