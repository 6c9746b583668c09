/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the words and the controls of one model. Must not know the list around it: it asks through
 * the actions win.use-model, win.show-file and models.…. */
#define G_LOG_DOMAIN "bottega-model-row"

#include "config.h"

#include "app/ui/bottega-model-row.h"

#include <glib/gi18n.h>

struct _BottegaModelRow {
  AdwActionRow parent_instance;

  GtkCheckButton *radio;
  GtkWidget *search_icon;
  GtkProgressBar *progress;
  GtkWidget *cancel_button;
  GtkWidget *menu_button;

  BottegaModelItem *item;
};

G_DEFINE_FINAL_TYPE (BottegaModelRow, bottega_model_row, ADW_TYPE_ACTION_ROW)

/* Facts, what it means on this computer, and what is odd about it: a line each. */
static char *
describe (BottegaModelItem *item)
{
  const char *lines[5] = { bottega_model_item_get_subtitle (item) };
  guint n = 1;

  switch (bottega_model_item_get_state (item)) {
  case BOTTEGA_MODEL_CHECKING:
    return g_strdup (_ ("Being looked at…"));
  case BOTTEGA_MODEL_IMPORTING:
  case BOTTEGA_MODEL_BROKEN:
    return g_strdup (bottega_model_item_get_subtitle (item));
  case BOTTEGA_MODEL_READY:
  default:
    if (bottega_model_item_get_here (item) != NULL)
      lines[n++] = bottega_model_item_get_here (item);
    if (bottega_model_item_get_in_place (item))
      lines[n++] = _ ("Used where it lies");
    if (!bottega_model_item_get_usable (item))
      lines[n++] = _ ("Not used: how sure a passage answers is reckoned for multilingual-e5-small "
                      "alone.");
    else if (bottega_model_item_get_warning (item) != NULL)
      lines[n++] = bottega_model_item_get_warning (item);
    return g_strjoinv ("\n", (char **) lines);
  }
}

static void
update_cb (BottegaModelRow *self)
{
  BottegaModelState state = bottega_model_item_get_state (self->item);
  const char *name = bottega_model_item_get_name (self->item);
  gboolean searches = bottega_model_item_get_searches (self->item);
  g_autofree char *subtitle = describe (self->item);
  g_autofree char *more = g_strdup_printf (_ ("More about %s"), name);
  double fraction;

  g_assert (BOTTEGA_IS_MODEL_ROW (self));

  g_object_get (self->item, "import-fraction", &fraction, NULL);
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (self), name);
  adw_action_row_set_subtitle (ADW_ACTION_ROW (self), subtitle != NULL ? subtitle : "");
  gtk_widget_set_visible (GTK_WIDGET (self->progress), state == BOTTEGA_MODEL_IMPORTING);
  gtk_progress_bar_set_fraction (self->progress, fraction);
  gtk_widget_set_sensitive (GTK_WIDGET (self->radio), state == BOTTEGA_MODEL_READY);
  gtk_check_button_set_active (self->radio, bottega_model_item_get_is_default (self->item));
  gtk_widget_set_visible (self->cancel_button, state == BOTTEGA_MODEL_IMPORTING);
  gtk_widget_set_visible (self->menu_button, state != BOTTEGA_MODEL_IMPORTING);
  gtk_widget_set_visible (GTK_WIDGET (self->radio), !searches);
  gtk_widget_set_visible (self->search_icon, searches);
  adw_action_row_set_activatable_widget (ADW_ACTION_ROW (self),
                                         searches ? self->menu_button : GTK_WIDGET (self->radio));
  if (state == BOTTEGA_MODEL_BROKEN)
    gtk_widget_add_css_class (GTK_WIDGET (self), "broken");
  else
    gtk_widget_remove_css_class (GTK_WIDGET (self), "broken");
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "row.remove",
                                 bottega_model_item_get_removable (self->item));
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "row.details", state == BOTTEGA_MODEL_READY);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->radio), GTK_ACCESSIBLE_PROPERTY_LABEL, name,
                                  -1);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->menu_button), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  more, -1);
}

static void
toggled_cb (BottegaModelRow *self)
{
  g_assert (BOTTEGA_IS_MODEL_ROW (self));

  if (!gtk_check_button_get_active (self->radio) || bottega_model_item_get_is_default (self->item))
    return;
  gtk_widget_activate_action (GTK_WIDGET (self), "win.use-model", "s",
                              bottega_model_item_get_path (self->item));
  if (bottega_model_item_get_is_default (self->item))
    return;
  /* Refused: every radio of the list says again what is so. */
  for (GtkWidget *row = gtk_widget_get_first_child (gtk_widget_get_parent (GTK_WIDGET (self)));
       row != NULL; row = gtk_widget_get_next_sibling (row)) {
    if (BOTTEGA_IS_MODEL_ROW (row))
      update_cb (BOTTEGA_MODEL_ROW (row));
  }
}

static const struct {
  const char *name, *asks;
} row_actions[] = {
  { "row.details", "models.details" },
  { "row.show-file", "win.show-file" },
  { "row.remove", "models.remove" },
  { "row.cancel", "models.cancel" },
};

static void
row_action (GtkWidget *widget,
            const char *name,
            GVariant *parameter)
{
  BottegaModelRow *self = BOTTEGA_MODEL_ROW (widget);

  for (size_t i = 0; i < G_N_ELEMENTS (row_actions); i++)
    if (g_str_equal (name, row_actions[i].name)) {
      gtk_widget_activate_action (widget, row_actions[i].asks, "s",
                                  bottega_model_item_get_path (self->item));
      return;
    }
}

static void
bottega_model_row_dispose (GObject *object)
{
  BottegaModelRow *self = BOTTEGA_MODEL_ROW (object);

  g_clear_object (&self->item);
  gtk_widget_dispose_template (GTK_WIDGET (self), BOTTEGA_TYPE_MODEL_ROW);
  G_OBJECT_CLASS (bottega_model_row_parent_class)->dispose (object);
}

static void
bottega_model_row_class_init (BottegaModelRowClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = bottega_model_row_dispose;
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/io/github/bottega/Bottega/bottega-model-row.ui");
  gtk_widget_class_bind_template_child (widget_class, BottegaModelRow, radio);
  gtk_widget_class_bind_template_child (widget_class, BottegaModelRow, search_icon);
  gtk_widget_class_bind_template_child (widget_class, BottegaModelRow, progress);
  gtk_widget_class_bind_template_child (widget_class, BottegaModelRow, cancel_button);
  gtk_widget_class_bind_template_child (widget_class, BottegaModelRow, menu_button);
  for (size_t i = 0; i < G_N_ELEMENTS (row_actions); i++)
    gtk_widget_class_install_action (widget_class, row_actions[i].name, NULL, row_action);
}

static void
bottega_model_row_init (BottegaModelRow *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}

GtkWidget *
bottega_model_row_new (BottegaModelItem *item,
                       GtkCheckButton *group)
{
  BottegaModelRow *self = g_object_new (BOTTEGA_TYPE_MODEL_ROW, NULL);

  g_return_val_if_fail (BOTTEGA_IS_MODEL_ITEM (item), NULL);

  self->item = g_object_ref (item);
  gtk_check_button_set_group (self->radio, group);
  update_cb (self);
  g_signal_connect_object (item, "notify", G_CALLBACK (update_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->radio, "toggled", G_CALLBACK (toggled_cb), self,
                           G_CONNECT_SWAPPED);
  return GTK_WIDGET (self);
}
