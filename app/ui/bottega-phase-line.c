/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Owns the spinner and the line beside it. It must not know messages: the sentence comes ready.
 */
#define G_LOG_DOMAIN "bottega-phase-line"

#include "config.h"

#include "app/ui/bottega-phase-line.h"

#include <adwaita.h>

#define GAP 10

struct _BottegaPhaseLine {
  GtkWidget parent_instance;

  GtkWidget *spinner;
  GtkWidget *label;
};

enum {
  PROP_0,
  PROP_TEXT,
  N_PROPS,
};

static GParamSpec *properties[N_PROPS];

G_DEFINE_FINAL_TYPE (BottegaPhaseLine, bottega_phase_line, GTK_TYPE_WIDGET)

static void
bottega_phase_line_get_property (GObject *object,
                                 guint id,
                                 GValue *value,
                                 GParamSpec *pspec)
{
  BottegaPhaseLine *self = BOTTEGA_PHASE_LINE (object);

  switch (id) {
  case PROP_TEXT:
    g_value_set_string (value, gtk_label_get_label (GTK_LABEL (self->label)));
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
bottega_phase_line_set_property (GObject *object,
                                 guint id,
                                 const GValue *value,
                                 GParamSpec *pspec)
{
  switch (id) {
  case PROP_TEXT:
    bottega_phase_line_set_text (BOTTEGA_PHASE_LINE (object), g_value_get_string (value));
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
bottega_phase_line_dispose (GObject *object)
{
  BottegaPhaseLine *self = BOTTEGA_PHASE_LINE (object);

  g_clear_pointer (&self->spinner, gtk_widget_unparent);
  g_clear_pointer (&self->label, gtk_widget_unparent);
  G_OBJECT_CLASS (bottega_phase_line_parent_class)->dispose (object);
}

static void
bottega_phase_line_class_init (BottegaPhaseLineClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  object_class->get_property = bottega_phase_line_get_property;
  object_class->set_property = bottega_phase_line_set_property;
  object_class->dispose = bottega_phase_line_dispose;

  properties[PROP_TEXT] = g_param_spec_string ("text", NULL, NULL, "",
                                               G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY |
                                                   G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, properties);

  gtk_widget_class_set_layout_manager_type (widget_class, GTK_TYPE_BOX_LAYOUT);
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_STATUS);
  gtk_widget_class_set_css_name (widget_class, "phase");
}

static void
bottega_phase_line_init (BottegaPhaseLine *self)
{
  gtk_box_layout_set_spacing (
      GTK_BOX_LAYOUT (gtk_widget_get_layout_manager (GTK_WIDGET (self))), GAP);
  self->spinner = adw_spinner_new ();
  gtk_widget_set_parent (self->spinner, GTK_WIDGET (self));
  self->label = g_object_new (GTK_TYPE_LABEL, "wrap", TRUE, "xalign", 0.0f, "hexpand", TRUE, NULL);
  gtk_widget_add_css_class (self->label, "dimmed");
  gtk_widget_add_css_class (self->label, "numeric");
  gtk_widget_set_parent (self->label, GTK_WIDGET (self));
  gtk_widget_set_visible (GTK_WIDGET (self), FALSE);
}

void
bottega_phase_line_set_text (BottegaPhaseLine *self,
                             const char *text)
{
  g_return_if_fail (BOTTEGA_IS_PHASE_LINE (self));

  if (g_strcmp0 (text, gtk_label_get_label (GTK_LABEL (self->label))) == 0)
    return;
  gtk_label_set_label (GTK_LABEL (self->label), text != NULL ? text : "");
  gtk_widget_set_visible (GTK_WIDGET (self), text != NULL && *text != 0);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_TEXT]);
}
