/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Finds tables among the lines of a page: rows of cells that stand under one another. Poppler reads
 * a table column by column, as it does two columns of prose; the difference is that prose fills
 * every column. It knows no blocks. */
#define G_LOG_DOMAIN "bottega-extract"

#include "app/extract/pdf.h"

#include <string.h>

#define MAX_COLUMNS 24
#define PROSE_CHARS 25   /* two columns whose cells are longer on average are prose */
#define PAGE_LINES  3000 /* a page with more is looked at no further */

typedef struct {
  float x0, x1;
  gsize n_cells, n_chars;
} Column;

/* A table that may come to be, from row `first` of the page. */
typedef struct {
  Column columns[MAX_COLUMNS];
  guint n_columns, n_full; /* rows with more than one cell */
  guint first, last;       /* rows of the page */
  float bottom;
} Candidate;

/* The rows of a page: lines (their indices) from left to right, rows from top to bottom. */
typedef struct {
  PdfLine *lines;
  GArray *order;  /* guint */
  GArray *starts; /* guint: where in order each row begins, and the end */
} Rows;

static int
by_middle (gconstpointer a,
           gconstpointer b,
           gpointer lines)
{
  const PdfLine *x = (const PdfLine *) lines + *(const guint *) a;
  const PdfLine *y = (const PdfLine *) lines + *(const guint *) b;
  float difference = (x->y0 + x->y1) - (y->y0 + y->y1);

  return difference < 0 ? -1 : difference > 0;
}

static int
by_left (gconstpointer a,
         gconstpointer b,
         gpointer lines)
{
  const PdfLine *x = (const PdfLine *) lines + *(const guint *) a;
  const PdfLine *y = (const PdfLine *) lines + *(const guint *) b;

  return x->x0 < y->x0 ? -1 : x->x0 > y->x0;
}

static Rows
make_rows (PdfLine *lines,
           guint first,
           guint end)
{
  Rows rows = { .lines = lines,
                .order = g_array_new (FALSE, FALSE, sizeof (guint)),
                .starts = g_array_new (FALSE, FALSE, sizeof (guint)) };
  float middle = -G_MAXFLOAT;

  for (guint i = first; i < end; i++)
    g_array_append_val (rows.order, i);
  g_array_sort_with_data (rows.order, by_middle, lines);
  for (guint k = 0; k < rows.order->len; k++) {
    const PdfLine *line = &lines[g_array_index (rows.order, guint, k)];
    float here = (line->y0 + line->y1) / 2;

    if (here - middle > line->size * 0.45f) {
      g_array_append_val (rows.starts, k);
      middle = here;
    }
  }
  g_array_append_val (rows.starts, rows.order->len);
  for (guint r = 0; r + 1 < rows.starts->len; r++) {
    guint from = g_array_index (rows.starts, guint, r);
    guint to = g_array_index (rows.starts, guint, r + 1);

    g_sort_array (&g_array_index (rows.order, guint, from), to - from, sizeof (guint), by_left,
                  lines);
  }
  return rows;
}

static const PdfLine *
cell_of (const Rows *rows,
         guint row,
         guint cell)
{
  return &rows->lines[g_array_index (rows->order, guint,
                                     g_array_index (rows->starts, guint, row) + cell)];
}

static guint
n_cells_of (const Rows *rows,
            guint row)
{
  return g_array_index (rows->starts, guint, row + 1) - g_array_index (rows->starts, guint, row);
}

/* The column that a cell stands in; MAX_COLUMNS: none, MAX_COLUMNS + 1: several. */
static guint
column_of (const Candidate *table,
           const PdfLine *cell)
{
  guint found = MAX_COLUMNS;

  for (guint i = 0; i < table->n_columns; i++)
    if (cell->x0 < table->columns[i].x1 && cell->x1 > table->columns[i].x0) {
      if (found != MAX_COLUMNS)
        return MAX_COLUMNS + 1;
      found = i;
    }
  return found;
}

/* A new column in its place from left to right. */
static gboolean
add_column (Candidate *table,
            const PdfLine *cell)
{
  guint at = 0;

  if (table->n_columns == MAX_COLUMNS)
    return FALSE;
  while (at < table->n_columns && table->columns[at].x0 < cell->x0)
    at++;
  memmove (&table->columns[at + 1], &table->columns[at],
           (table->n_columns - at) * sizeof (Column));
  table->columns[at] = (Column) { .x0 = cell->x0, .x1 = cell->x1 };
  table->n_columns++;
  return TRUE;
}

/* FALSE, and the table as it was, where the row does not go on with it. */
static gboolean
add_row (Candidate *table,
         const Rows *rows,
         guint row)
{
  Candidate next = *table;
  guint n = n_cells_of (rows, row);
  gboolean mono = TRUE;

  for (guint i = 0; i < n; i++) {
    const PdfLine *cell = cell_of (rows, row, i);
    guint column = column_of (&next, cell);

    if (table->n_columns > 0 && cell->y0 - table->bottom > cell->size * 2.5f)
      return FALSE;
    if (column > MAX_COLUMNS || (column == MAX_COLUMNS && !add_column (&next, cell)))
      return FALSE;
    column = column_of (&next, cell);
    /* What goes on below a cell goes on below one that can be long: not the first. */
    if (n == 1 && (column == 0 || next.n_columns > table->n_columns ||
                   cell->y0 - table->bottom > cell->size || cell->bullet >= 0))
      return FALSE;
    next.columns[column].x0 = MIN (next.columns[column].x0, cell->x0);
    next.columns[column].x1 = MAX (next.columns[column].x1, cell->x1);
    next.columns[column].n_cells++;
    next.columns[column].n_chars += (gsize) g_utf8_strlen (cell->text, -1);
    next.bottom = MAX (next.bottom, cell->y1);
    mono &= cell->mono;
  }
  if (mono && n > 1) /* a program with its remarks */
    return FALSE;
  next.n_full += n > 1;
  next.last = row;
  *table = next;
  return TRUE;
}

static gboolean
is_table (const Candidate *table)
{
  guint n_long = 0;

  for (guint i = 0; i < table->n_columns; i++)
    n_long += table->columns[i].n_chars > PROSE_CHARS * table->columns[i].n_cells;
  return table->n_full >= 2 && table->n_columns >= 2 && n_long <= 1;
}

static void
mark (const Candidate *table,
      const Rows *rows,
      guint number)
{
  guint n = 0;

  for (guint row = table->first; row <= table->last; row++) {
    gboolean begins = n_cells_of (rows, row) > 1 || row == table->first;

    /* A cell of several lines: the others of its row say nothing beside the later ones. */
    begins &= row == table->first || column_of (table, cell_of (rows, row, 0)) == 0;
    n += begins && row > table->first;
    for (guint i = 0; i < n_cells_of (rows, row); i++) {
      PdfLine *cell = (PdfLine *) cell_of (rows, row, i);

      cell->table = number;
      cell->row = n;
      cell->column = column_of (table, cell);
    }
  }
}

static void
find_on_page (PdfLine *lines,
              guint first,
              guint end,
              guint *n_tables)
{
  Rows rows = make_rows (lines, first, end);

  for (guint row = 0; row + 1 < rows.starts->len;) {
    Candidate table = { .first = row, .last = row, .bottom = -G_MAXFLOAT };
    guint next = row;

    while (next + 1 < rows.starts->len && (next > row || n_cells_of (&rows, row) > 1) &&
           add_row (&table, &rows, next))
      next++;
    if (is_table (&table))
      mark (&table, &rows, ++*n_tables);
    row = MAX (next, row + 1);
  }
  g_array_unref (rows.order);
  g_array_unref (rows.starts);
}

void
pdf_find_tables (GArray *lines)
{
  guint n_tables = 0;

  for (guint first = 0, end; first < lines->len; first = end) {
    guint page = g_array_index (lines, PdfLine, first).page;

    for (end = first; end < lines->len && g_array_index (lines, PdfLine, end).page == page; end++)
      continue;
    if (end - first <= PAGE_LINES)
      find_on_page ((PdfLine *) (gpointer) lines->data, first, end, &n_tables);
  }
}
