/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the button that names the loaded model and the list to choose from. Must not know how a
 * model is loaded: the action win.use-model takes its path. */
#define G_LOG_DOMAIN "bottega-model-chooser"

#include "config.h"

#include "app/ui/bottega-model-chooser.h"

#include <glib/gi18n.h>

struct _BottegaModelChooser {
  AdwBin parent_instance;

  GtkWidget *button;
  GtkLabel *name_label;
  GtkPopover *popover;
  GtkListBox *list;
  GtkWidget *separator;

  BottegaAssistant *assistant;
  gboolean narrow;
};

enum {
  PROP_0,
  PROP_NARROW,
  N_PROPS
};
static GParamSpec *properties[N_PROPS];

G_DEFINE_FINAL_TYPE (BottegaModelChooser, bottega_model_chooser, ADW_TYPE_BIN)

static gboolean
is_usable (GBinding *binding,
           const GValue *from,
           GValue *to,
           gpointer user_data)
{
  g_value_set_boolean (to, g_value_get_enum (from) == BOTTEGA_MODEL_READY);
  return TRUE;
}

static GtkWidget *
label_new (const char *style)
{
  GtkWidget *label = gtk_label_new (NULL);

  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_label_set_wrap (GTK_LABEL (label), TRUE);
  gtk_label_set_wrap_mode (GTK_LABEL (label), PANGO_WRAP_WORD_CHAR);
  gtk_label_set_max_width_chars (GTK_LABEL (label), 36);
  if (style != NULL) {
    gtk_widget_add_css_class (label, style);
    gtk_widget_add_css_class (label, "dimmed");
  }
  return label;
}

static void
row_activated_cb (BottegaModelChooser *self,
                  GtkListBoxRow *row)
{
  BottegaModelItem *item = g_object_get_data (G_OBJECT (row), "model");

  g_assert (BOTTEGA_IS_MODEL_CHOOSER (self));

  gtk_popover_popdown (self->popover);
  if (!bottega_model_item_get_is_default (item))
    gtk_widget_activate_action (GTK_WIDGET (self), "win.use-model", "s",
                                bottega_model_item_get_path (item));
}

static void
default_changed_cb (GtkListBoxRow *row,
                    GParamSpec *pspec,
                    BottegaModelItem *item)
{
  gtk_accessible_update_property (
      GTK_ACCESSIBLE (row), GTK_ACCESSIBLE_PROPERTY_DESCRIPTION,
      bottega_model_item_get_is_default (item) ? _ ("The chosen model") : "", -1);
}

static GtkWidget *
row_new (gpointer item,
         gpointer user_data)
{
  GtkWidget *row = gtk_list_box_row_new ();
  GtkWidget *line = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 12);
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 2);
  GtkWidget *mark = gtk_image_new_from_icon_name ("object-select-symbolic");
  GtkWidget *name = label_new (NULL), *facts = label_new ("caption");

  g_object_bind_property (item, "name", name, "label", G_BINDING_SYNC_CREATE);
  g_object_bind_property (item, "subtitle", facts, "label", G_BINDING_SYNC_CREATE);
  gtk_box_append (GTK_BOX (box), name);
  gtk_box_append (GTK_BOX (box), facts);
  gtk_widget_set_hexpand (box, TRUE);
  gtk_box_append (GTK_BOX (line), box);
  gtk_box_append (GTK_BOX (line), mark);
  g_object_set_data_full (G_OBJECT (row), "model", g_object_ref (item), g_object_unref);
  g_object_bind_property (item, "is-default", mark, "visible", G_BINDING_SYNC_CREATE);
  g_object_bind_property_full (item, "state", row, "sensitive", G_BINDING_SYNC_CREATE,
                               is_usable, NULL, NULL, NULL);
  g_signal_connect_object (item, "notify::is-default", G_CALLBACK (default_changed_cb), row,
                           G_CONNECT_SWAPPED);
  gtk_accessible_update_relation (GTK_ACCESSIBLE (row),
                                  GTK_ACCESSIBLE_RELATION_LABELLED_BY, name, NULL,
                                  -1);
  gtk_list_box_row_set_child (GTK_LIST_BOX_ROW (row), line);
  default_changed_cb (GTK_LIST_BOX_ROW (row), NULL, item);
  return row;
}

/* The name on the button: of what is loaded, else of what will be, else an invitation. */
static void
update_cb (BottegaModelChooser *self)
{
  BottegaModelStore *models = bottega_assistant_get_models (self->assistant);
  BottegaModelItem *chosen = bottega_model_store_get_default (models);
  BottegaEngineThread *engine = bottega_assistant_get_engine (self->assistant);
  const char *name = bottega_engine_thread_get_model_name (engine);
  g_autofree char *spoken = NULL;

  g_assert (BOTTEGA_IS_MODEL_CHOOSER (self));

  if (chosen != NULL)
    name = bottega_model_item_get_name (chosen);
  if (name == NULL || *name == 0)
    name = _ ("No model");
  gtk_label_set_label (self->name_label, name);
  /* TRANSLATORS: what a screen reader says of the button; %s is the name of the model. */
  spoken = g_strdup_printf (_ ("Model: %s"), name);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->button), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  spoken, -1);
  gtk_widget_set_tooltip_text (
      self->button,
      bottega_engine_thread_get_state (engine) == BOTTEGA_ENGINE_RESTING
          ? _ ("The model rests and takes no memory. The next question loads it again.")
          : _ ("Choose a model"));
  gtk_widget_set_visible (self->separator, g_list_model_get_n_items (G_LIST_MODEL (models)) > 0);
}

static void
bottega_model_chooser_dispose (GObject *object)
{
  BottegaModelChooser *self = BOTTEGA_MODEL_CHOOSER (object);

  g_clear_object (&self->assistant);
  /* The template would unparent the child behind the back of AdwBin. */
  adw_bin_set_child (ADW_BIN (self), NULL);
  gtk_widget_dispose_template (GTK_WIDGET (self), BOTTEGA_TYPE_MODEL_CHOOSER);
  G_OBJECT_CLASS (bottega_model_chooser_parent_class)->dispose (object);
}

static void
bottega_model_chooser_get_property (GObject *object,
                                    guint prop_id,
                                    GValue *value,
                                    GParamSpec *pspec)
{
  if (prop_id == PROP_NARROW)
    g_value_set_boolean (value, BOTTEGA_MODEL_CHOOSER (object)->narrow);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
}

static void
bottega_model_chooser_set_property (GObject *object,
                                    guint prop_id,
                                    const GValue *value,
                                    GParamSpec *pspec)
{
  BottegaModelChooser *self = BOTTEGA_MODEL_CHOOSER (object);

  if (prop_id == PROP_NARROW) {
    self->narrow = g_value_get_boolean (value);
    gtk_label_set_max_width_chars (self->name_label, self->narrow ? 9 : 20);
  } else {
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
  }
}

static void
bottega_model_chooser_class_init (BottegaModelChooserClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  object_class->dispose = bottega_model_chooser_dispose;
  object_class->get_property = bottega_model_chooser_get_property;
  object_class->set_property = bottega_model_chooser_set_property;
  properties[PROP_NARROW] = g_param_spec_boolean ("narrow", NULL, NULL, FALSE,
                                                  G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, properties);
  gtk_widget_class_set_template_from_resource (
      widget_class, "/io/github/bottega/Bottega/bottega-model-chooser.ui");
  gtk_widget_class_bind_template_child (widget_class, BottegaModelChooser, button);
  gtk_widget_class_bind_template_child (widget_class, BottegaModelChooser, name_label);
  gtk_widget_class_bind_template_child (widget_class, BottegaModelChooser, popover);
  gtk_widget_class_bind_template_child (widget_class, BottegaModelChooser, list);
  gtk_widget_class_bind_template_child (widget_class, BottegaModelChooser, separator);
}

static void
bottega_model_chooser_init (BottegaModelChooser *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  g_signal_connect_object (self->list, "row-activated", G_CALLBACK (row_activated_cb), self,
                           G_CONNECT_SWAPPED);
}

void
bottega_model_chooser_set_assistant (BottegaModelChooser *self,
                                     BottegaAssistant *assistant)
{
  BottegaEngineThread *engine;
  BottegaModelStore *models;

  g_return_if_fail (BOTTEGA_IS_MODEL_CHOOSER (self));
  g_return_if_fail (BOTTEGA_IS_ASSISTANT (assistant) && self->assistant == NULL);

  self->assistant = g_object_ref (assistant);
  engine = bottega_assistant_get_engine (assistant);
  models = bottega_assistant_get_models (assistant);
  gtk_list_box_bind_model (self->list, G_LIST_MODEL (models), row_new, self, NULL);
  g_signal_connect_object (engine, "notify::model-name", G_CALLBACK (update_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (engine, "notify::state", G_CALLBACK (update_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (models, "items-changed", G_CALLBACK (update_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (models, "notify::loaded", G_CALLBACK (update_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (bottega_assistant_get_settings (assistant), "notify::default-model",
                           G_CALLBACK (update_cb), self, G_CONNECT_SWAPPED);
  update_cb (self);
}
