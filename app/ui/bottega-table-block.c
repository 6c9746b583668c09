/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Owns one table: a grid of labels in a horizontal scroller.
 * It must not know where the table came from, nor what is around it.
 */
#define G_LOG_DOMAIN "bottega-table-block"

#include "config.h"

#include "app/ui/bottega-table-block.h"
#include "app/ui/bottega-end-viewport.h"
#include "app/ui/bottega-markdown-view.h"
#include "app/ui/bottega-place.h"

#include <glib/gi18n.h>

/* Wider cells wrap. */
#define CELL_CHARS 36

/* No column is narrower. */
#define MIN_CELL_CHARS 2

/* The cells, every column as wide as its widest cell likes to be. Its size does not depend on the
 * room it gets, which is what a scroller shows best. */
#define BOTTEGA_TYPE_TABLE_GRID (bottega_table_grid_get_type ())
G_DECLARE_FINAL_TYPE (BottegaTableGrid, bottega_table_grid, BOTTEGA, TABLE_GRID, GtkWidget)

struct _BottegaTableGrid {
  GtkWidget parent_instance;

  GPtrArray *cells; /* GtkLabel, row by row */
  GPtrArray *texts; /* char *, the markup of each */
  guint n_columns;
};

struct _BottegaTableBlock {
  GtkWidget parent_instance;

  GtkWidget *scroller;
  BottegaTableGrid *grid;
};

G_DEFINE_FINAL_TYPE (BottegaTableGrid, bottega_table_grid, GTK_TYPE_WIDGET)
G_DEFINE_FINAL_TYPE (BottegaTableBlock, bottega_table_block, GTK_TYPE_WIDGET)

static int
column_width (BottegaTableGrid *self,
              guint column)
{
  int widest = 0;

  for (guint i = column; i < self->cells->len; i += self->n_columns) {
    int width;
    gtk_widget_measure (self->cells->pdata[i], GTK_ORIENTATION_HORIZONTAL, -1, NULL, &width, NULL,
                        NULL);
    widest = MAX (widest, width);
  }
  return widest;
}

static int
row_height (BottegaTableGrid *self,
            guint row,
            const int *widths)
{
  int tallest = 0;

  for (guint column = 0; column < self->n_columns; column++) {
    guint i = row * self->n_columns + column;
    int height;
    gtk_widget_measure (self->cells->pdata[i], GTK_ORIENTATION_VERTICAL, widths[column], NULL,
                        &height, NULL, NULL);
    tallest = MAX (tallest, height);
  }
  return tallest;
}

static int *
column_widths (BottegaTableGrid *self,
               int *total)
{
  int *widths = g_new0 (int, self->n_columns + 1);

  *total = 0;
  for (guint column = 0; column < self->n_columns; column++) {
    widths[column] = column_width (self, column);
    *total += widths[column];
  }
  return widths;
}

static void
bottega_table_grid_measure (GtkWidget *widget,
                            GtkOrientation orientation,
                            int for_size,
                            int *minimum,
                            int *natural,
                            int *minimum_baseline,
                            int *natural_baseline)
{
  BottegaTableGrid *self = BOTTEGA_TABLE_GRID (widget);
  int width, height = 0;
  g_autofree int *widths = column_widths (self, &width);

  if (orientation == GTK_ORIENTATION_VERTICAL)
    for (guint row = 0; self->n_columns > 0 && row < self->cells->len / self->n_columns; row++)
      height += row_height (self, row, widths);
  *minimum = *natural = orientation == GTK_ORIENTATION_HORIZONTAL ? width : height;
}

static void
bottega_table_grid_size_allocate (GtkWidget *widget,
                                  int width,
                                  int height,
                                  int baseline)
{
  BottegaTableGrid *self = BOTTEGA_TABLE_GRID (widget);
  int total, y = 0;
  g_autofree int *widths = column_widths (self, &total);

  for (guint row = 0; self->n_columns > 0 && row < self->cells->len / self->n_columns; row++) {
    int tall = row_height (self, row, widths);
    int x = 0;

    for (guint column = 0; column < self->n_columns; column++) {
      bottega_place (self->cells->pdata[row * self->n_columns + column], x, y, widths[column], tall,
                     width);
      x += widths[column];
    }
    y += tall;
  }
}

static void
bottega_table_grid_snapshot (GtkWidget *widget,
                             GtkSnapshot *snapshot)
{
  bottega_end_viewport_snapshot_children (widget, snapshot);
}

static GtkSizeRequestMode
bottega_table_grid_get_request_mode (GtkWidget *widget)
{
  return GTK_SIZE_REQUEST_CONSTANT_SIZE;
}

static void
bottega_table_grid_clear (BottegaTableGrid *self)
{
  for (guint i = 0; i < self->cells->len; i++)
    gtk_widget_unparent (self->cells->pdata[i]);
  g_ptr_array_set_size (self->cells, 0);
  g_ptr_array_set_size (self->texts, 0);
}

static void
bottega_table_grid_dispose (GObject *object)
{
  bottega_table_grid_clear (BOTTEGA_TABLE_GRID (object));
  G_OBJECT_CLASS (bottega_table_grid_parent_class)->dispose (object);
}

static void
bottega_table_grid_finalize (GObject *object)
{
  BottegaTableGrid *self = BOTTEGA_TABLE_GRID (object);

  g_ptr_array_unref (self->cells);
  g_ptr_array_unref (self->texts);
  G_OBJECT_CLASS (bottega_table_grid_parent_class)->finalize (object);
}

static void
bottega_table_grid_class_init (BottegaTableGridClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  object_class->dispose = bottega_table_grid_dispose;
  object_class->finalize = bottega_table_grid_finalize;
  widget_class->measure = bottega_table_grid_measure;
  widget_class->size_allocate = bottega_table_grid_size_allocate;
  widget_class->snapshot = bottega_table_grid_snapshot;
  widget_class->get_request_mode = bottega_table_grid_get_request_mode;
  gtk_widget_class_set_css_name (widget_class, "table");
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_GROUP);
}

static void
bottega_table_grid_init (BottegaTableGrid *self)
{
  self->cells = g_ptr_array_new ();
  self->texts = g_ptr_array_new_with_free_func (g_free);
  gtk_widget_set_overflow (GTK_WIDGET (self), GTK_OVERFLOW_HIDDEN);
  gtk_widget_set_halign (GTK_WIDGET (self), GTK_ALIGN_START);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_LABEL, _ ("Table"),
                                  -1);
}

static void
bottega_table_block_dispose (GObject *object)
{
  g_clear_pointer (&BOTTEGA_TABLE_BLOCK (object)->scroller, gtk_widget_unparent);
  G_OBJECT_CLASS (bottega_table_block_parent_class)->dispose (object);
}

static void
bottega_table_block_class_init (BottegaTableBlockClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  object_class->dispose = bottega_table_block_dispose;
  gtk_widget_class_set_layout_manager_type (widget_class, GTK_TYPE_BIN_LAYOUT);
}

static void
bottega_table_block_init (BottegaTableBlock *self)
{
  self->grid = g_object_new (BOTTEGA_TYPE_TABLE_GRID, NULL);
  self->scroller = g_object_new (GTK_TYPE_SCROLLED_WINDOW,
                                 "hscrollbar-policy", GTK_POLICY_AUTOMATIC,
                                 "vscrollbar-policy", GTK_POLICY_NEVER,
                                 "focusable", FALSE,
                                 "child", self->grid,
                                 NULL);
  gtk_widget_add_css_class (self->scroller, "undershoot-start");
  gtk_widget_add_css_class (self->scroller, "undershoot-end");
  gtk_widget_set_parent (self->scroller, GTK_WIDGET (self));
}

GtkWidget *
bottega_table_block_new (void)
{
  return g_object_new (BOTTEGA_TYPE_TABLE_BLOCK, NULL);
}

static void
add_cell (BottegaTableGrid *self,
          const BottegaMarkdownBlock *block,
          guint i)
{
  static const float xaligns[] = { 0, 0.5, 1 };
  static const GtkJustification justifications[] = { GTK_JUSTIFY_LEFT, GTK_JUSTIFY_CENTER,
                                                     GTK_JUSTIFY_RIGHT };
  guint8 alignment = block->alignments[i % block->n_columns];
  GtkWidget *label = bottega_markdown_view_make_label (GTK_ACCESSIBLE_ROLE_LABEL);

  gtk_label_set_width_chars (GTK_LABEL (label), MIN_CELL_CHARS);
  gtk_label_set_max_width_chars (GTK_LABEL (label), CELL_CHARS);
  gtk_label_set_xalign (GTK_LABEL (label), xaligns[alignment]);
  gtk_label_set_justify (GTK_LABEL (label), justifications[alignment]);
  /* Many cells would be as many stops of the Tab key. */
  gtk_widget_set_focusable (label, FALSE);
  gtk_widget_add_css_class (label, "table-cell");
  if (i < block->n_columns)
    gtk_widget_add_css_class (label, "table-header");
  gtk_widget_set_direction (label, gtk_widget_get_direction (GTK_WIDGET (self)));
  gtk_widget_set_parent (label, GTK_WIDGET (self));
  g_ptr_array_add (self->cells, label);
  g_ptr_array_add (self->texts, g_strdup (""));
}

void
bottega_table_block_set_block (BottegaTableBlock *self,
                               const BottegaMarkdownBlock *block)
{
  BottegaTableGrid *grid;

  g_return_if_fail (BOTTEGA_IS_TABLE_BLOCK (self));
  g_return_if_fail (block->kind == BOTTEGA_MARKDOWN_TABLE);

  grid = self->grid;
  gtk_widget_set_direction (GTK_WIDGET (grid), gtk_widget_get_direction (GTK_WIDGET (self)));
  if (block->n_columns != grid->n_columns || block->cells->len < grid->cells->len)
    bottega_table_grid_clear (grid);
  grid->n_columns = block->n_columns;

  for (guint i = 0; i < block->cells->len; i++) {
    const char *text = block->cells->pdata[i];
    if (i >= grid->cells->len)
      add_cell (grid, block, i);
    if (g_str_equal (text, grid->texts->pdata[i]))
      continue;
    gtk_label_set_markup (grid->cells->pdata[i], text);
    g_free (grid->texts->pdata[i]);
    grid->texts->pdata[i] = g_strdup (text);
  }
}
