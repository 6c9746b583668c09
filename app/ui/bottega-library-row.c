/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the words and the menu of one document in the library. Must not know the list around it. */
#define G_LOG_DOMAIN "bottega-library-row"

#include "config.h"

#include "app/ui/bottega-library-row.h"

#include <glib/gi18n.h>

struct _BottegaLibraryRow {
  AdwBin parent_instance;

  GtkImage *icon;
  GtkLabel *title_label;
  GtkLabel *detail_label;
  GtkProgressBar *progress;
  GtkMenuButton *menu_button;

  GSignalGroup *item;
};

G_DEFINE_FINAL_TYPE (BottegaLibraryRow, bottega_library_row, ADW_TYPE_BIN)

/* What the menu can do, and in which states of the document (bits by BottegaDocumentState). */
#define IN(state) (1u << BOTTEGA_DOCUMENT_##state)
#define ANYWHERE  (~0u)
static const struct {
  const char *action; /* of the row; library.… of the same name does it */
  guint states;
} row_actions[] = {
  { "row.open", ~IN (GONE) },
  { "row.summarise", IN (WORDS) | IN (READY) },
  { "row.reindex", ~IN (GONE) },
  { "row.show-file", ~IN (GONE) },
  { "row.remove", ANYWHERE },
};

char *
bottega_library_row_describe (BottegaDocumentItem *item)
{
  const char *detail = bottega_document_item_get_detail (item);
  const char *state = bottega_document_item_get_state_text (item);
  gboolean has_detail = detail != NULL && *detail != 0;

  g_return_val_if_fail (BOTTEGA_IS_DOCUMENT_ITEM (item), NULL);

  /* A reason is a sentence: it has a line of its own. */
  if (bottega_document_item_get_state (item) == BOTTEGA_DOCUMENT_FAILED || !has_detail)
    return g_strdup (state != NULL ? state : "");
  return g_strdup_printf ("%s · %s", detail, state);
}

static void
set_css_class (GtkWidget *widget, const char *name, gboolean set)
{
  if (set)
    gtk_widget_add_css_class (widget, name);
  else
    gtk_widget_remove_css_class (widget, name);
}

static void
update_cb (BottegaLibraryRow *self)
{
  g_autoptr (BottegaDocumentItem) item = g_signal_group_dup_target (self->item);
  g_autofree char *description = NULL, *more = NULL;
  BottegaDocumentState state;
  const char *title;

  g_assert (BOTTEGA_IS_LIBRARY_ROW (self));

  if (item == NULL)
    return;
  state = bottega_document_item_get_state (item);
  title = bottega_document_item_get_title (item);
  description = bottega_library_row_describe (item);
  /* TRANSLATORS: %s is the title of a document. */
  more = g_strdup_printf (_ ("More about %s"), title);

  gtk_image_set_from_icon_name (self->icon, bottega_document_item_get_icon_name (item));
  gtk_label_set_label (self->title_label, title);
  gtk_widget_set_tooltip_text (GTK_WIDGET (self->title_label),
                               bottega_document_item_get_path (item));
  gtk_label_set_label (self->detail_label, description);
  gtk_progress_bar_set_fraction (self->progress, bottega_document_item_get_fraction (item));
  gtk_widget_set_visible (GTK_WIDGET (self->progress), state == BOTTEGA_DOCUMENT_WORDS);
  set_css_class (GTK_WIDGET (self), "failed", state == BOTTEGA_DOCUMENT_FAILED);
  set_css_class (GTK_WIDGET (self), "gone", state == BOTTEGA_DOCUMENT_GONE);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->menu_button), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  more, -1);
  for (size_t i = 0; i < G_N_ELEMENTS (row_actions); i++)
    gtk_widget_action_set_enabled (GTK_WIDGET (self), row_actions[i].action,
                                   (row_actions[i].states >> state) & 1);
}

static void
row_action (GtkWidget *widget,
            const char *name,
            GVariant *parameter)
{
  BottegaDocumentItem *item = bottega_library_row_get_item (BOTTEGA_LIBRARY_ROW (widget));
  g_autofree char *action = g_strconcat ("library.", name + strlen ("row."), NULL);

  if (item != NULL)
    gtk_widget_activate_action (widget, action, "x", bottega_document_item_get_id (item));
}

static void
bottega_library_row_dispose (GObject *object)
{
  BottegaLibraryRow *self = BOTTEGA_LIBRARY_ROW (object);

  g_clear_object (&self->item);
  gtk_widget_dispose_template (GTK_WIDGET (self), BOTTEGA_TYPE_LIBRARY_ROW);
  G_OBJECT_CLASS (bottega_library_row_parent_class)->dispose (object);
}

static void
bottega_library_row_class_init (BottegaLibraryRowClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = bottega_library_row_dispose;
  gtk_widget_class_set_css_name (widget_class, "document");
  gtk_widget_class_set_template_from_resource (
      widget_class, "/io/github/bottega/Bottega/bottega-library-row.ui");
  gtk_widget_class_bind_template_child (widget_class, BottegaLibraryRow, icon);
  gtk_widget_class_bind_template_child (widget_class, BottegaLibraryRow, title_label);
  gtk_widget_class_bind_template_child (widget_class, BottegaLibraryRow, detail_label);
  gtk_widget_class_bind_template_child (widget_class, BottegaLibraryRow, progress);
  gtk_widget_class_bind_template_child (widget_class, BottegaLibraryRow, menu_button);
  for (size_t i = 0; i < G_N_ELEMENTS (row_actions); i++)
    gtk_widget_class_install_action (widget_class, row_actions[i].action, NULL, row_action);
}

static void
bottega_library_row_init (BottegaLibraryRow *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  self->item = g_signal_group_new (BOTTEGA_TYPE_DOCUMENT_ITEM);
  g_signal_group_connect_swapped (self->item, "notify", G_CALLBACK (update_cb), self);
}

GtkWidget *
bottega_library_row_new (void)
{
  return g_object_new (BOTTEGA_TYPE_LIBRARY_ROW, NULL);
}

void
bottega_library_row_set_item (BottegaLibraryRow *self,
                              BottegaDocumentItem *item)
{
  g_return_if_fail (BOTTEGA_IS_LIBRARY_ROW (self));
  g_return_if_fail (item == NULL || BOTTEGA_IS_DOCUMENT_ITEM (item));

  g_signal_group_set_target (self->item, item);
  update_cb (self);
}

BottegaDocumentItem *
bottega_library_row_get_item (BottegaLibraryRow *self)
{
  g_autoptr (BottegaDocumentItem) item = NULL;

  g_return_val_if_fail (BOTTEGA_IS_LIBRARY_ROW (self), NULL);

  item = g_signal_group_dup_target (self->item);
  return item; /* the list holds it */
}

void
bottega_library_row_popup_menu (BottegaLibraryRow *self)
{
  g_return_if_fail (BOTTEGA_IS_LIBRARY_ROW (self));

  gtk_menu_button_popup (self->menu_button);
}
