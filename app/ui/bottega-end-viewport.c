/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Owns where the reader is on the page. GtkViewport tells of a new height only after it has placed
 * its child, so that following would always be a frame late; this one decides first and places
 * then. It must not know what the page holds.
 */
#define G_LOG_DOMAIN "bottega-end-viewport"

#include "config.h"

#include "app/ui/bottega-end-viewport.h"

#include <math.h>

/* So near to the end (pixels) the reader counts as being there. */
#define END_SLACK 24
/* Around what has the focus, its ring and a line's air; pixels. */
#define FOCUS_MARGIN 12

struct _BottegaEndViewport {
  GtkWidget parent_instance;

  GtkWidget *child;
  GtkAdjustment *adjustments[2]; /* by GtkOrientation */
  GtkScrollablePolicy policies[2];
  gulong focus_handler;

  GHashTable *drawers; /* widgets that drew less than all of themselves; weak */
  int drawn_page;      /* the page of the window's height in whose neighbourhood they drew */
  double from_end;
  gboolean following;
  gboolean grew_above;
  gboolean allocating;
};

enum {
  PROP_0,
  PROP_CHILD,
  PROP_FOLLOWING,
  N_PROPS,
  PROP_HADJUSTMENT = N_PROPS,
  PROP_VADJUSTMENT,
  PROP_HSCROLL_POLICY,
  PROP_VSCROLL_POLICY,
};

static GParamSpec *properties[N_PROPS];

static void buildable_init (GtkBuildableIface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (BottegaEndViewport,
                               bottega_end_viewport,
                               GTK_TYPE_WIDGET,
                               G_IMPLEMENT_INTERFACE (GTK_TYPE_BUILDABLE, buildable_init)
                                   G_IMPLEMENT_INTERFACE (GTK_TYPE_SCROLLABLE, NULL))

static GtkBuildableIface *parent_buildable;

static double
end_value (GtkAdjustment *adjustment)
{
  return gtk_adjustment_get_upper (adjustment) - gtk_adjustment_get_page_size (adjustment);
}

static void
set_following (BottegaEndViewport *self,
               gboolean following)
{
  if (self->following == following)
    return;
  self->following = following;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_FOLLOWING]);
}

/* The reader moved. */
static void
value_changed_cb (BottegaEndViewport *self,
                  GtkAdjustment *adjustment)
{
  g_assert (BOTTEGA_IS_END_VIEWPORT (self));

  if (self->allocating)
    return;
  if (adjustment == self->adjustments[GTK_ORIENTATION_VERTICAL]) {
    self->from_end = end_value (adjustment) - gtk_adjustment_get_value (adjustment);
    set_following (self, self->from_end <= END_SLACK);
  }
  gtk_widget_queue_allocate (GTK_WIDGET (self));
}

static void
set_adjustment (BottegaEndViewport *self,
                GtkOrientation orientation,
                GtkAdjustment *adjustment)
{
  GtkAdjustment **own = &self->adjustments[orientation];

  if (adjustment != NULL && *own == adjustment)
    return;
  if (*own != NULL)
    g_signal_handlers_disconnect_by_func (*own, value_changed_cb, self);
  g_clear_object (own);
  *own = g_object_ref_sink (adjustment != NULL ? adjustment
                                               : gtk_adjustment_new (0, 0, 0, 0, 0, 0));
  g_signal_connect_swapped (*own, "value-changed", G_CALLBACK (value_changed_cb), self);
  gtk_widget_queue_allocate (GTK_WIDGET (self));
}

/* Shows what has the focus. */
static void
focus_cb (BottegaEndViewport *self,
          GParamSpec *pspec,
          GtkRoot *root)
{
  GtkWidget *focus = gtk_root_get_focus (root);
  GtkAdjustment *adjustment = self->adjustments[GTK_ORIENTATION_VERTICAL];
  graphene_rect_t bounds;

  g_assert (BOTTEGA_IS_END_VIEWPORT (self));

  if (focus == NULL || self->child == NULL || !gtk_widget_is_ancestor (focus, self->child) ||
      !gtk_widget_compute_bounds (focus, self->child, &bounds))
    return;
  graphene_rect_inset (&bounds, 0, -FOCUS_MARGIN);
  /* What is taller than the page is where the reader put it. */
  if (bounds.size.height < gtk_adjustment_get_page_size (adjustment))
    gtk_adjustment_clamp_page (adjustment, bounds.origin.y, bounds.origin.y + bounds.size.height);
}

static void
bottega_end_viewport_root (GtkWidget *widget)
{
  BottegaEndViewport *self = BOTTEGA_END_VIEWPORT (widget);

  GTK_WIDGET_CLASS (bottega_end_viewport_parent_class)->root (widget);
  self->focus_handler = g_signal_connect_swapped (gtk_widget_get_root (widget),
                                                  "notify::focus-widget", G_CALLBACK (focus_cb),
                                                  self);
}

static void
bottega_end_viewport_unroot (GtkWidget *widget)
{
  BottegaEndViewport *self = BOTTEGA_END_VIEWPORT (widget);

  g_clear_signal_handler (&self->focus_handler, gtk_widget_get_root (widget));
  GTK_WIDGET_CLASS (bottega_end_viewport_parent_class)->unroot (widget);
}

static void
bottega_end_viewport_measure (GtkWidget *widget,
                              GtkOrientation orientation,
                              int for_size,
                              int *minimum,
                              int *natural,
                              int *minimum_baseline,
                              int *natural_baseline)
{
  BottegaEndViewport *self = BOTTEGA_END_VIEWPORT (widget);

  if (self->child == NULL)
    return;
  gtk_widget_measure (self->child, orientation, for_size, minimum, natural, NULL, NULL);
}

/* Where the page of HEIGHT is to be, seen through PAGE pixels. */
static double
choose_value (BottegaEndViewport *self,
              double height,
              double page)
{
  double end = height - page;
  double value = gtk_adjustment_get_value (self->adjustments[GTK_ORIENTATION_VERTICAL]);

  if (self->following)
    value = end;
  else if (self->grew_above)
    value = end - self->from_end;
  return CLAMP (value, 0, end);
}

static void
forget_drawer_cb (gpointer viewport,
                  GObject *widget)
{
  g_hash_table_remove (BOTTEGA_END_VIEWPORT (viewport)->drawers, widget);
}

/* Lets everything be drawn anew that left something out, once another page is seen. */
static void
update_drawn (BottegaEndViewport *self,
              double value,
              double page)
{
  int drawn_page = (int) floor (value / MAX (page, 1));
  g_autofree gpointer *drawers = NULL;
  guint n;

  if (drawn_page == self->drawn_page)
    return;
  self->drawn_page = drawn_page;
  drawers = g_hash_table_get_keys_as_array (self->drawers, &n);
  for (guint i = 0; i < n; i++) {
    g_object_weak_unref (drawers[i], forget_drawer_cb, self);
    gtk_widget_queue_draw (drawers[i]);
  }
  g_hash_table_remove_all (self->drawers);
}

static void
bottega_end_viewport_size_allocate (GtkWidget *widget,
                                    int width,
                                    int height,
                                    int baseline)
{
  BottegaEndViewport *self = BOTTEGA_END_VIEWPORT (widget);
  int tall = height;
  double value;

  if (self->child != NULL)
    gtk_widget_measure (self->child, GTK_ORIENTATION_VERTICAL, width, &tall, NULL, NULL, NULL);
  tall = MAX (tall, height);
  value = choose_value (self, tall, height);
  self->from_end = tall - height - value;
  self->grew_above = FALSE;

  self->allocating = TRUE;
  gtk_adjustment_configure (self->adjustments[GTK_ORIENTATION_HORIZONTAL], 0, 0, width,
                            width * 0.1, width * 0.9, width);
  gtk_adjustment_configure (self->adjustments[GTK_ORIENTATION_VERTICAL], value, 0, tall,
                            height * 0.1, height * 0.9, height);
  self->allocating = FALSE;

  update_drawn (self, value, height);
  if (self->child != NULL) {
    graphene_point_t origin = GRAPHENE_POINT_INIT (0, -(float) round (value));
    gtk_widget_allocate (self->child, width, tall, -1, gsk_transform_translate (NULL, &origin));
  }
}

static GtkSizeRequestMode
bottega_end_viewport_get_request_mode (GtkWidget *widget)
{
  return GTK_SIZE_REQUEST_HEIGHT_FOR_WIDTH;
}

static void
set_child (BottegaEndViewport *self,
           GtkWidget *child)
{
  g_clear_pointer (&self->child, gtk_widget_unparent);
  self->child = child;
  if (child != NULL)
    gtk_widget_set_parent (child, GTK_WIDGET (self));
}

static void
bottega_end_viewport_get_property (GObject *object,
                                   guint id,
                                   GValue *value,
                                   GParamSpec *pspec)
{
  BottegaEndViewport *self = BOTTEGA_END_VIEWPORT (object);

  switch (id) {
  case PROP_CHILD:
    g_value_set_object (value, self->child);
    break;
  case PROP_FOLLOWING:
    g_value_set_boolean (value, self->following);
    break;
  case PROP_HADJUSTMENT:
    g_value_set_object (value, self->adjustments[GTK_ORIENTATION_HORIZONTAL]);
    break;
  case PROP_VADJUSTMENT:
    g_value_set_object (value, self->adjustments[GTK_ORIENTATION_VERTICAL]);
    break;
  case PROP_HSCROLL_POLICY:
    g_value_set_enum (value, self->policies[GTK_ORIENTATION_HORIZONTAL]);
    break;
  case PROP_VSCROLL_POLICY:
    g_value_set_enum (value, self->policies[GTK_ORIENTATION_VERTICAL]);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
bottega_end_viewport_set_property (GObject *object,
                                   guint id,
                                   const GValue *value,
                                   GParamSpec *pspec)
{
  BottegaEndViewport *self = BOTTEGA_END_VIEWPORT (object);

  switch (id) {
  case PROP_CHILD:
    set_child (self, g_value_get_object (value));
    break;
  case PROP_HADJUSTMENT:
    set_adjustment (self, GTK_ORIENTATION_HORIZONTAL, g_value_get_object (value));
    break;
  case PROP_VADJUSTMENT:
    set_adjustment (self, GTK_ORIENTATION_VERTICAL, g_value_get_object (value));
    break;
  case PROP_HSCROLL_POLICY:
    self->policies[GTK_ORIENTATION_HORIZONTAL] = g_value_get_enum (value);
    break;
  case PROP_VSCROLL_POLICY:
    self->policies[GTK_ORIENTATION_VERTICAL] = g_value_get_enum (value);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
add_child (GtkBuildable *buildable,
           GtkBuilder *builder,
           GObject *child,
           const char *type)
{
  if (GTK_IS_WIDGET (child))
    set_child (BOTTEGA_END_VIEWPORT (buildable), GTK_WIDGET (child));
  else
    parent_buildable->add_child (buildable, builder, child, type);
}

static void
buildable_init (GtkBuildableIface *iface)
{
  parent_buildable = g_type_interface_peek_parent (iface);
  iface->add_child = add_child;
}

static void
bottega_end_viewport_dispose (GObject *object)
{
  BottegaEndViewport *self = BOTTEGA_END_VIEWPORT (object);

  g_clear_pointer (&self->child, gtk_widget_unparent);
  update_drawn (self, -1, 1);
  for (guint i = 0; i < G_N_ELEMENTS (self->adjustments); i++) {
    if (self->adjustments[i] != NULL)
      g_signal_handlers_disconnect_by_func (self->adjustments[i], value_changed_cb, self);
    g_clear_object (&self->adjustments[i]);
  }
  G_OBJECT_CLASS (bottega_end_viewport_parent_class)->dispose (object);
}

static void
bottega_end_viewport_finalize (GObject *object)
{
  g_hash_table_unref (BOTTEGA_END_VIEWPORT (object)->drawers);
  G_OBJECT_CLASS (bottega_end_viewport_parent_class)->finalize (object);
}

static void
bottega_end_viewport_class_init (BottegaEndViewportClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  object_class->get_property = bottega_end_viewport_get_property;
  object_class->set_property = bottega_end_viewport_set_property;
  object_class->dispose = bottega_end_viewport_dispose;
  object_class->finalize = bottega_end_viewport_finalize;
  widget_class->root = bottega_end_viewport_root;
  widget_class->unroot = bottega_end_viewport_unroot;
  widget_class->measure = bottega_end_viewport_measure;
  widget_class->size_allocate = bottega_end_viewport_size_allocate;
  widget_class->get_request_mode = bottega_end_viewport_get_request_mode;

  properties[PROP_CHILD] =
      g_param_spec_object ("child", NULL, NULL, GTK_TYPE_WIDGET,
                           G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);
  properties[PROP_FOLLOWING] = g_param_spec_boolean ("following", NULL, NULL, TRUE,
                                                     G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, properties);
  g_object_class_override_property (object_class, PROP_HADJUSTMENT, "hadjustment");
  g_object_class_override_property (object_class, PROP_VADJUSTMENT, "vadjustment");
  g_object_class_override_property (object_class, PROP_HSCROLL_POLICY, "hscroll-policy");
  g_object_class_override_property (object_class, PROP_VSCROLL_POLICY, "vscroll-policy");

  gtk_widget_class_set_css_name (widget_class, "viewport");
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_GENERIC);
}

static void
bottega_end_viewport_init (BottegaEndViewport *self)
{
  self->following = TRUE;
  self->drawers = g_hash_table_new (NULL, NULL);
  set_adjustment (self, GTK_ORIENTATION_HORIZONTAL, NULL);
  set_adjustment (self, GTK_ORIENTATION_VERTICAL, NULL);
  gtk_widget_set_overflow (GTK_WIDGET (self), GTK_OVERFLOW_HIDDEN);
}

gboolean
bottega_end_viewport_get_following (BottegaEndViewport *self)
{
  g_return_val_if_fail (BOTTEGA_IS_END_VIEWPORT (self), FALSE);

  return self->following;
}

double
bottega_end_viewport_get_from_end (BottegaEndViewport *self)
{
  g_return_val_if_fail (BOTTEGA_IS_END_VIEWPORT (self), 0);

  return self->from_end;
}

void
bottega_end_viewport_go_to_end (BottegaEndViewport *self)
{
  g_return_if_fail (BOTTEGA_IS_END_VIEWPORT (self));

  set_following (self, TRUE);
  gtk_widget_queue_allocate (GTK_WIDGET (self));
}

void
bottega_end_viewport_grow_above (BottegaEndViewport *self)
{
  g_return_if_fail (BOTTEGA_IS_END_VIEWPORT (self));

  self->grew_above = TRUE;
}

void
bottega_end_viewport_snapshot_children (GtkWidget *widget,
                                        GtkSnapshot *snapshot)
{
  BottegaEndViewport *self =
      (BottegaEndViewport *) gtk_widget_get_ancestor (widget, BOTTEGA_TYPE_END_VIEWPORT);
  double page = self != NULL ? gtk_widget_get_height (GTK_WIDGET (self)) : 0;
  graphene_rect_t bounds = GRAPHENE_RECT_INIT (0, 0, 0, 0);
  double top, bottom;

  if (self != NULL && !gtk_widget_compute_bounds (widget, self->child, &bounds))
    self = NULL;
  top = self != NULL ? (self->drawn_page - 1) * page - bounds.origin.y : -G_MAXDOUBLE;
  bottom = self != NULL ? (self->drawn_page + 3) * page - bounds.origin.y : G_MAXDOUBLE;

  for (GtkWidget *child = gtk_widget_get_first_child (widget); child != NULL;
       child = gtk_widget_get_next_sibling (child))
    if (!gtk_widget_compute_bounds (child, widget, &bounds) ||
        (bounds.origin.y < bottom && bounds.origin.y + bounds.size.height > top))
      gtk_widget_snapshot_child (widget, child, snapshot);

  if (self != NULL && g_hash_table_add (self->drawers, widget))
    g_object_weak_ref (G_OBJECT (widget), forget_drawer_cb, self);
}
