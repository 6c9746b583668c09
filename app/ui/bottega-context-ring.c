/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the drawing of the context meter, in the widget's own colour so that it follows light, dark
 * and high contrast. Must not know what it measures: whoever shows it names it. */
#define G_LOG_DOMAIN "bottega-context-ring"

#include "config.h"

#include "app/ui/bottega-context-ring.h"

#include <math.h>

#define RING_SIZE_PX   16
#define RING_STROKE_PX 2.5f

struct _BottegaContextRing {
  GtkWidget parent_instance;
  double fraction;
};

enum {
  PROP_0,
  PROP_FRACTION,
  N_PROPS
};
static GParamSpec *properties[N_PROPS];

G_DEFINE_FINAL_TYPE (BottegaContextRing, bottega_context_ring, GTK_TYPE_WIDGET)

static void
append_arc (GtkSnapshot *snapshot,
            float width,
            float height,
            double fraction,
            const GdkRGBA *color)
{
  g_autoptr (GskPathBuilder) builder = gsk_path_builder_new ();
  g_autoptr (GskPath) path = NULL;
  g_autoptr (GskStroke) stroke = gsk_stroke_new (RING_STROKE_PX);
  float radius = (MIN (width, height) - RING_STROKE_PX) / 2;
  float x = width / 2, y = height / 2;

  if (fraction >= 1) {
    gsk_path_builder_add_circle (builder, &GRAPHENE_POINT_INIT (x, y), radius);
  } else {
    double angle = 2 * G_PI * fraction;
    gsk_path_builder_move_to (builder, x, y - radius);
    gsk_path_builder_svg_arc_to (builder, radius, radius, 0, angle > G_PI, TRUE,
                                 x + radius * (float) sin (angle),
                                 y - radius * (float) cos (angle));
    gsk_stroke_set_line_cap (stroke, GSK_LINE_CAP_ROUND);
  }
  path = gsk_path_builder_to_path (builder);
  gtk_snapshot_append_stroke (snapshot, path, stroke, color);
}

static void
bottega_context_ring_snapshot (GtkWidget *widget,
                               GtkSnapshot *snapshot)
{
  BottegaContextRing *self = BOTTEGA_CONTEXT_RING (widget);
  float width = (float) gtk_widget_get_width (widget);
  float height = (float) gtk_widget_get_height (widget);
  GdkRGBA color;

  gtk_widget_get_color (widget, &color);
  color.alpha *= 0.25f;
  append_arc (snapshot, width, height, 1, &color);
  color.alpha *= 4;
  if (self->fraction > 0)
    append_arc (snapshot, width, height, MAX (self->fraction, 0.02), &color);
}

static void
bottega_context_ring_measure (GtkWidget *widget,
                              GtkOrientation orientation,
                              int for_size,
                              int *minimum,
                              int *natural,
                              int *minimum_baseline,
                              int *natural_baseline)
{
  *minimum = *natural = RING_SIZE_PX;
}

static void
bottega_context_ring_get_property (GObject *object,
                                   guint prop_id,
                                   GValue *value,
                                   GParamSpec *pspec)
{
  BottegaContextRing *self = BOTTEGA_CONTEXT_RING (object);

  if (prop_id == PROP_FRACTION)
    g_value_set_double (value, self->fraction);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
}

static void
bottega_context_ring_set_property (GObject *object,
                                   guint prop_id,
                                   const GValue *value,
                                   GParamSpec *pspec)
{
  if (prop_id == PROP_FRACTION)
    bottega_context_ring_set_fraction (BOTTEGA_CONTEXT_RING (object), g_value_get_double (value));
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
}

static void
bottega_context_ring_class_init (BottegaContextRingClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  object_class->get_property = bottega_context_ring_get_property;
  object_class->set_property = bottega_context_ring_set_property;
  widget_class->snapshot = bottega_context_ring_snapshot;
  widget_class->measure = bottega_context_ring_measure;

  properties[PROP_FRACTION] =
      g_param_spec_double ("fraction", NULL, NULL, 0, 1, 0,
                           G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, properties);
  gtk_widget_class_set_css_name (widget_class, "contextring");
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_PRESENTATION);
}

static void
bottega_context_ring_init (BottegaContextRing *self)
{
  gtk_widget_set_valign (GTK_WIDGET (self), GTK_ALIGN_CENTER);
  gtk_widget_set_halign (GTK_WIDGET (self), GTK_ALIGN_CENTER);
}

void
bottega_context_ring_set_fraction (BottegaContextRing *self,
                                   double fraction)
{
  g_return_if_fail (BOTTEGA_IS_CONTEXT_RING (self));

  fraction = CLAMP (fraction, 0, 1);
  if (self->fraction == fraction)
    return;
  self->fraction = fraction;
  gtk_widget_queue_draw (GTK_WIDGET (self));
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_FRACTION]);
}

double
bottega_context_ring_get_fraction (BottegaContextRing *self)
{
  g_return_val_if_fail (BOTTEGA_IS_CONTEXT_RING (self), 0);

  return self->fraction;
}
