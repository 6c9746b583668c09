/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the drawing of a page and its marks. Must not know where either comes from. A page is paper:
 * it stays white in the dark style too. */
#define G_LOG_DOMAIN "bottega-page-view"

#include "config.h"

#include "app/ui/bottega-page-view.h"

/* Of A4, for the time before the page is there. */
#define USUAL_ASPECT  1.4142
#define NATURAL_WIDTH 360
#define MIN_WIDTH     160

/* A line is marked from a little above its letters to a little below. */
#define MARK_MARGIN_POINTS 1.5

struct _BottegaPageView {
  GtkWidget parent_instance;

  GdkTexture *texture;
  double width_points, height_points; /* 0: no page */
  GArray *marks;                      /* of BottegaMark */
  double zoom;
};

G_DEFINE_FINAL_TYPE (BottegaPageView, bottega_page_view, GTK_TYPE_WIDGET)

static double
get_aspect (BottegaPageView *self)
{
  return self->width_points > 0 ? self->height_points / self->width_points : USUAL_ASPECT;
}

static void
bottega_page_view_measure (GtkWidget *widget,
                           GtkOrientation orientation,
                           int for_size,
                           int *minimum,
                           int *natural,
                           int *minimum_baseline,
                           int *natural_baseline)
{
  BottegaPageView *self = BOTTEGA_PAGE_VIEW (widget);

  *minimum = (int) (MIN_WIDTH * self->zoom);
  *natural = (int) (NATURAL_WIDTH * self->zoom);
  if (orientation == GTK_ORIENTATION_VERTICAL)
    *minimum = *natural = (int) ((for_size > 0 ? for_size : *natural) * get_aspect (self));
}

static GtkSizeRequestMode
bottega_page_view_get_request_mode (GtkWidget *widget)
{
  return GTK_SIZE_REQUEST_HEIGHT_FOR_WIDTH;
}

static graphene_rect_t
mark_bounds (BottegaPageView *self,
             const BottegaMark *mark)
{
  double scale = gtk_widget_get_width (GTK_WIDGET (self)) / self->width_points;

  return GRAPHENE_RECT_INIT ((float) ((mark->x - MARK_MARGIN_POINTS) * scale),
                             (float) ((mark->y - MARK_MARGIN_POINTS) * scale),
                             (float) ((mark->width + 2 * MARK_MARGIN_POINTS) * scale),
                             (float) ((mark->height + 2 * MARK_MARGIN_POINTS) * scale));
}

static void
bottega_page_view_snapshot (GtkWidget *widget,
                            GtkSnapshot *snapshot)
{
  static const GdkRGBA paper = { 1, 1, 1, 1 };
  static const GdkRGBA wash = { 1, 0.91f, 0.35f, 1 };
  BottegaPageView *self = BOTTEGA_PAGE_VIEW (widget);
  graphene_rect_t all = GRAPHENE_RECT_INIT (0, 0, (float) gtk_widget_get_width (widget),
                                            (float) gtk_widget_get_height (widget));

  gtk_snapshot_push_clip (snapshot, &all);
  /* Like a marker's ink: what is printed shows through it. */
  gtk_snapshot_push_blend (snapshot, GSK_BLEND_MODE_MULTIPLY);
  gtk_snapshot_append_color (snapshot, &paper, &all);
  if (self->texture != NULL)
    gtk_snapshot_append_scaled_texture (snapshot, self->texture, GSK_SCALING_FILTER_TRILINEAR,
                                        &all);
  gtk_snapshot_pop (snapshot);
  for (guint i = 0; self->texture != NULL && i < self->marks->len; i++) {
    graphene_rect_t bounds = mark_bounds (self, &g_array_index (self->marks, BottegaMark, i));
    gtk_snapshot_append_color (snapshot, &wash, &bounds);
  }
  gtk_snapshot_pop (snapshot);
  gtk_snapshot_pop (snapshot);
}

static void
bottega_page_view_finalize (GObject *object)
{
  BottegaPageView *self = BOTTEGA_PAGE_VIEW (object);

  g_clear_object (&self->texture);
  g_array_unref (self->marks);
  G_OBJECT_CLASS (bottega_page_view_parent_class)->finalize (object);
}

static void
bottega_page_view_class_init (BottegaPageViewClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = bottega_page_view_finalize;
  widget_class->measure = bottega_page_view_measure;
  widget_class->get_request_mode = bottega_page_view_get_request_mode;
  widget_class->snapshot = bottega_page_view_snapshot;
  gtk_widget_class_set_css_name (widget_class, "page");
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_IMG);
}

static void
bottega_page_view_init (BottegaPageView *self)
{
  self->marks = g_array_new (FALSE, FALSE, sizeof (BottegaMark));
  self->zoom = 1;
}

void
bottega_page_view_set_page (BottegaPageView *self,
                            const BottegaPage *page)
{
  g_return_if_fail (BOTTEGA_IS_PAGE_VIEW (self));

  g_clear_object (&self->texture);
  if (page != NULL) {
    self->texture =
        gdk_memory_texture_new ((int) page->width, (int) page->height,
                                GDK_MEMORY_B8G8R8X8, page->pixels,
                                page->stride_bytes);
    self->width_points = page->width_points;
    self->height_points = page->height_points;
  }
  gtk_widget_queue_resize (GTK_WIDGET (self));
}

void
bottega_page_view_set_marks (BottegaPageView *self,
                             GArray *marks)
{
  g_return_if_fail (BOTTEGA_IS_PAGE_VIEW (self));

  g_array_set_size (self->marks, 0);
  if (marks != NULL && marks->len > 0)
    g_array_append_vals (self->marks, marks->data, marks->len);
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

void
bottega_page_view_set_zoom (BottegaPageView *self,
                            double zoom)
{
  g_return_if_fail (BOTTEGA_IS_PAGE_VIEW (self));

  self->zoom = zoom;
  gtk_widget_queue_resize (GTK_WIDGET (self));
}

gboolean
bottega_page_view_get_marked (BottegaPageView *self,
                              graphene_rect_t *bounds)
{
  g_return_val_if_fail (BOTTEGA_IS_PAGE_VIEW (self), FALSE);

  if (self->texture == NULL || self->marks->len == 0)
    return FALSE;
  *bounds = mark_bounds (self, &g_array_index (self->marks, BottegaMark, 0));
  return TRUE;
}
