/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the drawing of a memory's parts: tints of the desktop's accent for the model's, of the text
 * for the rest, a gap between two. They differ in lightness, so that they can be told apart without
 * telling colours apart. Must not know where a plan comes from. */
#define G_LOG_DOMAIN "bottega-memory-bar"

#include "config.h"

#include "app/ui/bottega-memory-bar.h"

#include <adwaita.h>

#define BAR_HEIGHT_PX  14
#define SWATCH_SIZE_PX 12
#define GAP_PX         1.0f
#define LEAST_PX       3.0f /* of a part that is there at all */
#define RADIUS_PX      4.0f

struct _BottegaMemoryBar {
  GtkWidget parent_instance;

  guint64 bytes[BOTTEGA_PLAN_N_PARTS];
  gboolean is_swatch;
};

G_DEFINE_FINAL_TYPE (BottegaMemoryBar, bottega_memory_bar, GTK_TYPE_WIDGET)

/* How much of its colour each part has; more where the desktop asks for contrast. */
static const struct {
  gboolean accent;
  float alpha, contrast_alpha;
} tints[] = {
  [BOTTEGA_PLAN_WEIGHTS] = { TRUE, 1.0f, 1.0f },
  [BOTTEGA_PLAN_CONVERSATION] = { TRUE, 0.62f, 0.7f },
  [BOTTEGA_PLAN_WORK] = { TRUE, 0.34f, 0.4f },
  [BOTTEGA_PLAN_DRAFT] = { TRUE, 0.8f, 0.85f },
  [BOTTEGA_PLAN_OTHERS] = { FALSE, 0.4f, 0.6f },
  [BOTTEGA_PLAN_FREE] = { FALSE, 0.1f, 0.15f },
};

static GdkRGBA
get_color (BottegaMemoryBar *self,
           BottegaPlanPart part)
{
  AdwStyleManager *style = adw_style_manager_get_default ();
  GdkRGBA color;

  if (tints[part].accent)
    adw_accent_color_to_standalone_rgba (adw_style_manager_get_accent_color (style),
                                         adw_style_manager_get_dark (style), &color);
  else
    gtk_widget_get_color (GTK_WIDGET (self), &color);
  color.alpha *= adw_style_manager_get_high_contrast (style) ? tints[part].contrast_alpha
                                                             : tints[part].alpha;
  return color;
}

/* Every part in its order, however small; the largest pays for those that would not be seen. */
static void
measure_parts (BottegaMemoryBar *self,
               float width,
               float parts[BOTTEGA_PLAN_N_PARTS])
{
  guint64 all = 0;
  guint largest = 0;
  float sum = 0;

  for (guint i = 0; i < BOTTEGA_PLAN_N_PARTS; i++) {
    all += self->bytes[i];
    if (self->bytes[i] > self->bytes[largest])
      largest = i;
  }
  for (guint i = 0; i < BOTTEGA_PLAN_N_PARTS; i++) {
    parts[i] = all > 0 ? (float) ((double) self->bytes[i] / (double) all) * width : 0;
    if (self->bytes[i] > 0)
      parts[i] = MAX (parts[i], LEAST_PX + GAP_PX);
    sum += parts[i];
  }
  parts[largest] = MAX (parts[largest] - (sum - width), 0);
}

static void
bottega_memory_bar_snapshot (GtkWidget *widget,
                             GtkSnapshot *snapshot)
{
  BottegaMemoryBar *self = BOTTEGA_MEMORY_BAR (widget);
  float width = (float) gtk_widget_get_width (widget);
  float height = (float) gtk_widget_get_height (widget);
  gboolean mirrored = gtk_widget_get_direction (widget) == GTK_TEXT_DIR_RTL;
  float parts[BOTTEGA_PLAN_N_PARTS];
  GskRoundedRect outline;
  float x = 0;

  gsk_rounded_rect_init_from_rect (&outline, &GRAPHENE_RECT_INIT (0, 0, width, height), RADIUS_PX);
  gtk_snapshot_push_rounded_clip (snapshot, &outline);
  measure_parts (self, width, parts);
  for (guint i = 0; i < BOTTEGA_PLAN_N_PARTS; i++) {
    GdkRGBA color = get_color (self, (BottegaPlanPart) i);
    float gap = x + parts[i] < width - 0.5f ? GAP_PX : 0;
    float left = mirrored ? width - x - parts[i] + gap : x;

    if (parts[i] > gap)
      gtk_snapshot_append_color (snapshot, &color,
                                 &GRAPHENE_RECT_INIT (left, 0, parts[i] - gap, height));
    x += parts[i];
  }
  gtk_snapshot_pop (snapshot);
}

static void
bottega_memory_bar_measure (GtkWidget *widget,
                            GtkOrientation orientation,
                            int for_size,
                            int *minimum,
                            int *natural,
                            int *minimum_baseline,
                            int *natural_baseline)
{
  BottegaMemoryBar *self = BOTTEGA_MEMORY_BAR (widget);

  if (self->is_swatch)
    *minimum = *natural = SWATCH_SIZE_PX;
  else if (orientation == GTK_ORIENTATION_VERTICAL)
    *minimum = *natural = BAR_HEIGHT_PX;
  else
    *minimum = *natural = 100;
}

static void
bottega_memory_bar_class_init (BottegaMemoryBarClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  widget_class->snapshot = bottega_memory_bar_snapshot;
  widget_class->measure = bottega_memory_bar_measure;
  gtk_widget_class_set_css_name (widget_class, "memorybar");
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_IMG);
}

static void
bottega_memory_bar_init (BottegaMemoryBar *self)
{
  static const char *const changes[] = { "notify::accent-color", "notify::dark",
                                         "notify::high-contrast" };

  gtk_widget_set_valign (GTK_WIDGET (self), GTK_ALIGN_CENTER);
  for (guint i = 0; i < G_N_ELEMENTS (changes); i++)
    g_signal_connect_object (adw_style_manager_get_default (), changes[i],
                             G_CALLBACK (gtk_widget_queue_draw), self, G_CONNECT_SWAPPED);
}

GtkWidget *
bottega_memory_bar_new (void)
{
  return g_object_new (BOTTEGA_TYPE_MEMORY_BAR, NULL);
}

void
bottega_memory_bar_set_heap (BottegaMemoryBar *self,
                             const BottegaPlanHeap *heap)
{
  g_autofree char *text = NULL;

  g_return_if_fail (BOTTEGA_IS_MEMORY_BAR (self));
  g_return_if_fail (heap != NULL);

  for (guint i = 0; i < BOTTEGA_PLAN_N_PARTS; i++)
    self->bytes[i] = bottega_plan_heap_get_bytes (heap, (BottegaPlanPart) i);
  text = bottega_plan_text_heap (heap);
  gtk_widget_set_tooltip_text (GTK_WIDGET (self), text);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_LABEL, text, -1);
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

GtkWidget *
bottega_memory_bar_new_swatch (BottegaPlanPart part)
{
  BottegaMemoryBar *self =
      g_object_new (BOTTEGA_TYPE_MEMORY_BAR, "accessible-role", GTK_ACCESSIBLE_ROLE_PRESENTATION,
                    NULL);

  g_return_val_if_fail (part < BOTTEGA_PLAN_N_PARTS, GTK_WIDGET (self));

  self->is_swatch = TRUE;
  self->bytes[part] = 1;
  gtk_widget_set_halign (GTK_WIDGET (self), GTK_ALIGN_CENTER);
  return GTK_WIDGET (self);
}
