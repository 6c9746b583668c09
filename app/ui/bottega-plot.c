/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the drawing of numbers and their legend. Must not know what the numbers are. */
#define G_LOG_DOMAIN "bottega-plot"

#include "config.h"

#include "app/ui/bottega-plot.h"

#include <adwaita.h>
#include <math.h>

#define PLOT_HEIGHT  132
#define PLOT_WIDTH   240
#define GAP          6 /* between labels and what they are of */
#define MOST_BAR     36
#define POINT_RADIUS 3.5f
#define LINE_WIDTH   2.0f
#define MOST_STEPS   4

/* How much of the accent the series have, the most important the most. */
static const float tints[BOTTEGA_PLOT_MOST_SERIES] = { 1.0f, 0.7f, 0.48f, 0.32f, 0.18f };

struct _BottegaPlot {
  GtkWidget parent_instance;

  GtkWidget *legend;
  GtkWidget *empty_label;

  BottegaPlotKind kind;
  guint n_series, n, n_slots;
  double *x, *y;
  GStrv names, tips;
  char *y_format, *x_begin, *x_end;

  double x_end_value, y_end, y_step; /* of the axes, which begin at 0 */
  graphene_rect_t area;              /* what the numbers are drawn into */
};

G_DEFINE_FINAL_TYPE (BottegaPlot, bottega_plot, GTK_TYPE_WIDGET)

/* A round number at or above value to end an axis with, in at most MOST_STEPS of *step. */
static double
round_up (double value,
          double *step)
{
  static const double rounds[] = { 1, 2, 2.5, 5, 10 };
  double raw = MAX (value, 1e-9) / MOST_STEPS;
  double power = pow (10, floor (log10 (raw)));

  for (guint i = 0; i < G_N_ELEMENTS (rounds); i++) {
    *step = rounds[i] * power;
    if (*step >= raw * (1 - 1e-9))
      break;
  }
  return ceil (MAX (value, *step) / *step - 1e-9) * *step;
}

/* ---- colours */

static void
get_accent (GdkRGBA *color)
{
  AdwStyleManager *manager = adw_style_manager_get_default ();

  adw_accent_color_to_standalone_rgba (adw_style_manager_get_accent_color (manager),
                                       adw_style_manager_get_dark (manager), color);
}

/* Of bars the last series is the most important: it lies on top. */
static float
tint_of (BottegaPlot *self,
         guint series)
{
  return tints[self->kind == BOTTEGA_PLOT_BARS ? self->n_series - 1 - series : series];
}

static void
get_tint (BottegaPlot *self,
          guint series,
          GdkRGBA *color)
{
  get_accent (color);
  color->alpha *= tint_of (self, series);
}

/* ---- the legend */

static void
add_legend_item (BottegaPlot *self,
                 guint series)
{
  GtkWidget *label = gtk_label_new (NULL);
  GdkRGBA color;
  g_autofree char *markup = NULL;

  get_accent (&color);
  markup = g_markup_printf_escaped (
      "<span foreground=\"#%02x%02x%02x\" alpha=\"%d%%\">■</span> %s",
      (unsigned) lrintf (color.red * 255), (unsigned) lrintf (color.green * 255),
      (unsigned) lrintf (color.blue * 255), (int) lrintf (tint_of (self, series) * 100),
      self->names[series]);
  gtk_label_set_markup (GTK_LABEL (label), markup);
  gtk_widget_add_css_class (label, "caption");
  gtk_accessible_update_property (GTK_ACCESSIBLE (label), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  self->names[series], -1);
  adw_wrap_box_append (ADW_WRAP_BOX (self->legend), label);
}

static void
fill_legend (BottegaPlot *self)
{
  gboolean shown = self->n > 0 && self->names != NULL && self->n_series > 1;

  for (GtkWidget *child; (child = gtk_widget_get_first_child (self->legend)) != NULL;)
    adw_wrap_box_remove (ADW_WRAP_BOX (self->legend), child);
  for (guint i = 0; shown && i < self->n_series; i++)
    add_legend_item (self, i);
  gtk_widget_set_visible (self->legend, shown);
}

static void
style_cb (BottegaPlot *self)
{
  g_assert (BOTTEGA_IS_PLOT (self));

  fill_legend (self);
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

/* ---- drawing */

static double
y_of (BottegaPlot *self,
      guint series,
      guint i)
{
  return self->y[(gsize) series * self->n + i];
}

static float
place_x (BottegaPlot *self,
         double x)
{
  return self->area.origin.x +
         (float) (x / MAX (self->x_end_value, 1e-12)) * self->area.size.width;
}

static float
place_y (BottegaPlot *self,
         double y)
{
  return self->area.origin.y + self->area.size.height * (float) (1 - y / self->y_end);
}

/* The words of the axis are the caller's, with one double. */
static PangoLayout *
make_y_label (BottegaPlot *self,
              double value)
{
  g_autofree char *text = g_strdup_printf (self->y_format, value);

  return gtk_widget_create_pango_layout (GTK_WIDGET (self), text);
}

static void
append_text (GtkSnapshot *snapshot,
             PangoLayout *layout,
             float x,
             float y,
             const GdkRGBA *color)
{
  gtk_snapshot_save (snapshot);
  gtk_snapshot_translate (snapshot, &GRAPHENE_POINT_INIT (x, y));
  gtk_snapshot_append_layout (snapshot, layout, color);
  gtk_snapshot_restore (snapshot);
}

/* Lines across, each with its number, and what stands below the two ends. */
static void
append_axes (BottegaPlot *self,
             GtkSnapshot *snapshot)
{
  GdkRGBA text, line;
  g_autoptr (PangoLayout) begin = gtk_widget_create_pango_layout (GTK_WIDGET (self), self->x_begin);
  g_autoptr (PangoLayout) end = gtk_widget_create_pango_layout (GTK_WIDGET (self), self->x_end);
  float right = self->area.origin.x + self->area.size.width;
  float bottom = self->area.origin.y + self->area.size.height;
  int width;

  gtk_widget_get_color (GTK_WIDGET (self), &text);
  line = text;
  text.alpha *= 0.65f;
  line.alpha *= 0.12f;
  for (double y = 0; y <= self->y_end * (1 + 1e-9); y += self->y_step) {
    g_autoptr (PangoLayout) layout = make_y_label (self, y);
    int height;

    pango_layout_get_pixel_size (layout, &width, &height);
    append_text (snapshot, layout, self->area.origin.x - (float) (width + GAP),
                 place_y (self, y) - (float) height / 2, &text);
    gtk_snapshot_append_color (snapshot, &line,
                               &GRAPHENE_RECT_INIT (self->area.origin.x,
                                                    roundf (place_y (self, y)),
                                                    self->area.size.width, 1));
  }
  append_text (snapshot, begin, self->area.origin.x, bottom + GAP, &text);
  pango_layout_get_pixel_size (end, &width, NULL);
  append_text (snapshot, end, right - (float) width, bottom + GAP, &text);
}

/* The middle of a bar; the last one is at the right end. */
static float
place_bar (BottegaPlot *self,
           guint i,
           float *room)
{
  *room = self->area.size.width / (float) MAX (self->n, self->n_slots);
  return self->area.origin.x + self->area.size.width - ((float) (self->n - i) - 0.5f) * *room;
}

static void
append_bars (BottegaPlot *self,
             GtkSnapshot *snapshot)
{
  for (guint i = 0; i < self->n; i++) {
    float room, middle = place_bar (self, i, &room);
    float width = MIN (MAX (room * 0.7f, 1), MOST_BAR), left = middle - width / 2;
    double below = 0;

    for (guint s = 0; s < self->n_series; s++) {
      float top = place_y (self, below + y_of (self, s, i)), bottom = place_y (self, below);
      GdkRGBA color;

      get_tint (self, s, &color);
      if (bottom > top)
        gtk_snapshot_append_color (snapshot, &color,
                                   &GRAPHENE_RECT_INIT (left, top, width, bottom - top));
      below += y_of (self, s, i);
    }
  }
}

static void
append_line (BottegaPlot *self,
             GtkSnapshot *snapshot,
             guint series)
{
  g_autoptr (GskPathBuilder) builder = gsk_path_builder_new ();
  g_autoptr (GskStroke) stroke = gsk_stroke_new (LINE_WIDTH);
  g_autoptr (GskPath) path = NULL;
  GdkRGBA color;

  get_tint (self, series, &color);
  gsk_stroke_set_line_join (stroke, GSK_LINE_JOIN_ROUND);
  gsk_stroke_set_line_cap (stroke, GSK_LINE_CAP_ROUND);
  for (guint i = 0; i < self->n; i++) {
    float x = place_x (self, self->x[i]), y = place_y (self, y_of (self, series, i));

    if (i == 0)
      gsk_path_builder_move_to (builder, x, y);
    gsk_path_builder_line_to (builder, x, y);
  }
  path = gsk_path_builder_to_path (builder);
  gtk_snapshot_append_stroke (snapshot, path, stroke, &color);
}

static void
append_points (BottegaPlot *self,
               GtkSnapshot *snapshot)
{
  g_autoptr (GskPathBuilder) builder = gsk_path_builder_new ();
  g_autoptr (GskPath) path = NULL;
  GdkRGBA color;

  get_accent (&color);
  color.alpha *= 0.8f;
  for (guint i = 0; i < self->n; i++)
    gsk_path_builder_add_circle (
        builder,
        &GRAPHENE_POINT_INIT (place_x (self, self->x[i]), place_y (self, y_of (self, 0, i))),
        POINT_RADIUS);
  path = gsk_path_builder_to_path (builder);
  gtk_snapshot_append_fill (snapshot, path, GSK_FILL_RULE_WINDING, &color);
}

static void
bottega_plot_snapshot (GtkWidget *widget,
                       GtkSnapshot *snapshot)
{
  BottegaPlot *self = BOTTEGA_PLOT (widget);

  if (self->n > 0 && self->area.size.width > 0 && self->area.size.height > 0) {
    append_axes (self, snapshot);
    if (self->kind == BOTTEGA_PLOT_BARS)
      append_bars (self, snapshot);
    else if (self->kind == BOTTEGA_PLOT_POINTS)
      append_points (self, snapshot);
    else
      for (guint s = self->n_series; s > 0; s--)
        append_line (self, snapshot, s - 1);
  }
  GTK_WIDGET_CLASS (bottega_plot_parent_class)->snapshot (widget, snapshot);
}

/* ---- size */

static int
legend_height (BottegaPlot *self,
               int width)
{
  int height = 0;

  if (gtk_widget_get_visible (self->legend))
    gtk_widget_measure (self->legend, GTK_ORIENTATION_VERTICAL, width, NULL, &height, NULL, NULL);
  return height > 0 ? height + GAP : 0;
}

static GtkSizeRequestMode
bottega_plot_get_request_mode (GtkWidget *widget)
{
  return GTK_SIZE_REQUEST_HEIGHT_FOR_WIDTH;
}

static void
bottega_plot_measure (GtkWidget *widget,
                      GtkOrientation orientation,
                      int for_size,
                      int *minimum,
                      int *natural,
                      int *minimum_baseline,
                      int *natural_baseline)
{
  BottegaPlot *self = BOTTEGA_PLOT (widget);

  if (orientation == GTK_ORIENTATION_HORIZONTAL)
    *minimum = *natural = PLOT_WIDTH;
  else
    *minimum = *natural = PLOT_HEIGHT + legend_height (self, for_size);
}

static void
bottega_plot_size_allocate (GtkWidget *widget,
                            int width,
                            int height,
                            int baseline)
{
  BottegaPlot *self = BOTTEGA_PLOT (widget);
  int legend = legend_height (self, width), left = 0, line = 0;

  for (double y = 0; self->n > 0 && y <= self->y_end * (1 + 1e-9); y += self->y_step) {
    g_autoptr (PangoLayout) layout = make_y_label (self, y);
    int label_width;

    pango_layout_get_pixel_size (layout, &label_width, &line);
    left = MAX (left, label_width + GAP);
  }
  self->area = GRAPHENE_RECT_INIT ((float) left, (float) line / 2, (float) MAX (width - left, 0),
                                   (float) MAX (height - legend - line * 3 / 2 - GAP, 0));
  gtk_widget_size_allocate (self->empty_label, &(GtkAllocation) { 0, 0, width, height }, -1);
  if (legend > 0)
    gtk_widget_size_allocate (
        self->legend, &(GtkAllocation) { 0, height - legend + GAP, width, legend - GAP }, -1);
}

/* ---- what is said of a place */

static gboolean
query_tooltip_cb (BottegaPlot *self,
                  int x,
                  int y,
                  gboolean keyboard,
                  GtkTooltip *tooltip)
{
  guint nearest = 0;
  float best = G_MAXFLOAT;

  g_assert (BOTTEGA_IS_PLOT (self));

  if (self->n == 0 || self->tips == NULL || keyboard)
    return FALSE;
  for (guint i = 0; i < self->n; i++) {
    float room, at = self->kind == BOTTEGA_PLOT_BARS ? place_bar (self, i, &room)
                                                     : place_x (self, self->x[i]);

    if (fabsf (at - (float) x) < best) {
      best = fabsf (at - (float) x);
      nearest = i;
    }
  }
  gtk_tooltip_set_text (tooltip, self->tips[nearest]);
  return TRUE;
}

/* ---- the class */

static void
clear_data (BottegaPlot *self)
{
  g_clear_pointer (&self->x, g_free);
  g_clear_pointer (&self->y, g_free);
  g_clear_pointer (&self->names, g_strfreev);
  g_clear_pointer (&self->tips, g_strfreev);
  g_clear_pointer (&self->y_format, g_free);
  g_clear_pointer (&self->x_begin, g_free);
  g_clear_pointer (&self->x_end, g_free);
  self->n = self->n_series = 0;
}

static void
bottega_plot_dispose (GObject *object)
{
  BottegaPlot *self = BOTTEGA_PLOT (object);

  clear_data (self);
  g_clear_pointer (&self->legend, gtk_widget_unparent);
  g_clear_pointer (&self->empty_label, gtk_widget_unparent);
  G_OBJECT_CLASS (bottega_plot_parent_class)->dispose (object);
}

static void
bottega_plot_class_init (BottegaPlotClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = bottega_plot_dispose;
  widget_class->snapshot = bottega_plot_snapshot;
  widget_class->measure = bottega_plot_measure;
  widget_class->size_allocate = bottega_plot_size_allocate;
  widget_class->get_request_mode = bottega_plot_get_request_mode;
  gtk_widget_class_set_css_name (widget_class, "plot");
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_IMG);
}

static void
bottega_plot_init (BottegaPlot *self)
{
  AdwStyleManager *manager = adw_style_manager_get_default ();

  self->legend = adw_wrap_box_new ();
  adw_wrap_box_set_child_spacing (ADW_WRAP_BOX (self->legend), 12);
  gtk_widget_set_visible (self->legend, FALSE);
  gtk_widget_set_parent (self->legend, GTK_WIDGET (self));
  self->empty_label = g_object_new (GTK_TYPE_LABEL, "wrap", TRUE, "justify", GTK_JUSTIFY_CENTER,
                                    NULL);
  gtk_widget_add_css_class (self->empty_label, "dimmed");
  gtk_widget_set_parent (self->empty_label, GTK_WIDGET (self));
  gtk_widget_add_css_class (GTK_WIDGET (self), "caption");
  gtk_widget_add_css_class (GTK_WIDGET (self), "numeric");
  gtk_widget_set_has_tooltip (GTK_WIDGET (self), TRUE);
  g_signal_connect (self, "query-tooltip", G_CALLBACK (query_tooltip_cb), NULL);
  g_signal_connect_object (manager, "notify::accent-color", G_CALLBACK (style_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (manager, "notify::dark", G_CALLBACK (style_cb), self,
                           G_CONNECT_SWAPPED);
}

/* Bars by their sum. */
static double
largest (BottegaPlot *self)
{
  double most = 0;

  for (guint i = 0; i < self->n; i++) {
    double sum = 0;

    for (guint s = 0; s < self->n_series; s++)
      sum = self->kind == BOTTEGA_PLOT_BARS ? sum + y_of (self, s, i)
                                            : MAX (sum, y_of (self, s, i));
    most = MAX (most, sum);
  }
  return most;
}

static GStrv
dup_strings (const char *const *strings,
             guint n)
{
  GStrv copy = g_new0 (char *, n + 1);

  for (guint i = 0; i < n; i++)
    copy[i] = g_strdup (strings[i]);
  return copy;
}

void
bottega_plot_set_data (BottegaPlot *self,
                       const BottegaPlotData *data)
{
  double x_most = 0;

  g_return_if_fail (BOTTEGA_IS_PLOT (self));
  g_return_if_fail (data->n_series <= BOTTEGA_PLOT_MOST_SERIES);

  clear_data (self);
  self->kind = data->kind;
  self->n = data->n;
  self->n_series = data->n_series;
  self->n_slots = data->n_slots;
  self->y = g_memdup2 (data->y, sizeof (double) * data->n_series * data->n);
  self->x = g_new (double, data->n);
  for (guint i = 0; i < data->n; i++) {
    self->x[i] = data->x != NULL ? data->x[i] : i;
    x_most = MAX (x_most, self->x[i]);
  }
  self->names = data->names != NULL ? dup_strings (data->names, data->n_series) : NULL;
  self->tips = data->tips != NULL ? dup_strings (data->tips, data->n) : NULL;
  self->y_format = g_strdup (data->y_format);
  self->x_end_value = x_most;
  self->y_end = round_up (largest (self), &self->y_step);
  self->x_begin = g_strdup (data->x_begin != NULL ? data->x_begin : "0");
  self->x_end = g_strdup (data->x_end);
  fill_legend (self);
  gtk_widget_set_visible (self->empty_label, data->n == 0);
  gtk_widget_queue_resize (GTK_WIDGET (self));
}

void
bottega_plot_set_summary (BottegaPlot *self,
                          const char *title,
                          const char *summary)
{
  g_return_if_fail (BOTTEGA_IS_PLOT (self));

  gtk_accessible_update_property (GTK_ACCESSIBLE (self),
                                  GTK_ACCESSIBLE_PROPERTY_LABEL, title,
                                  GTK_ACCESSIBLE_PROPERTY_DESCRIPTION, summary,
                                  -1);
}

void
bottega_plot_set_empty (BottegaPlot *self,
                        const char *sentence)
{
  g_return_if_fail (BOTTEGA_IS_PLOT (self));

  gtk_label_set_label (GTK_LABEL (self->empty_label), sentence);
  gtk_widget_set_visible (self->empty_label, self->n == 0);
}
