/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the pills and the paths that they stand for. Must not know what is asked. */
#define G_LOG_DOMAIN "bottega-scope-bar"

#include "config.h"

#include "app/ui/bottega-scope-bar.h"

#include <glib/gi18n.h>
#include <string.h>

#define TITLE_CHARS 24

struct _BottegaScopeBar {
  AdwBin parent_instance;

  AdwWrapBox *box;
};

G_DEFINE_FINAL_TYPE (BottegaScopeBar, bottega_scope_bar, ADW_TYPE_BIN)

static const char *
get_path (GtkWidget *pill)
{
  return g_object_get_data (G_OBJECT (pill), "path");
}

static void
update_visible (BottegaScopeBar *self)
{
  gtk_widget_set_visible (GTK_WIDGET (self),
                          gtk_widget_get_first_child (GTK_WIDGET (self->box)) != NULL);
}

static void
remove_cb (BottegaScopeBar *self,
           GtkWidget *button)
{
  g_assert (BOTTEGA_IS_SCOPE_BAR (self));

  adw_wrap_box_remove (self->box, gtk_widget_get_parent (button));
  update_visible (self);
  gtk_widget_activate_action (GTK_WIDGET (self), "win.focus-composer", NULL);
}

static GtkWidget *
pill_new (BottegaScopeBar *self,
          const char *path,
          const char *title)
{
  GtkWidget *pill = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 4);
  GtkWidget *label = gtk_label_new (title);
  GtkWidget *button = gtk_button_new_from_icon_name ("window-close-symbolic");
  /* TRANSLATORS: %s is the title of a document. */
  g_autofree char *name = g_strdup_printf (_ ("Do not ask in %s"), title);

  gtk_label_set_ellipsize (GTK_LABEL (label), PANGO_ELLIPSIZE_MIDDLE);
  gtk_label_set_max_width_chars (GTK_LABEL (label), TITLE_CHARS);
  gtk_widget_set_tooltip_text (label, path);
  gtk_widget_add_css_class (button, "flat");
  gtk_widget_add_css_class (button, "circular");
  gtk_widget_set_tooltip_text (button, name);
  gtk_accessible_update_property (GTK_ACCESSIBLE (button), GTK_ACCESSIBLE_PROPERTY_LABEL, name, -1);
  g_signal_connect_object (button, "clicked", G_CALLBACK (remove_cb), self, G_CONNECT_SWAPPED);
  gtk_box_append (GTK_BOX (pill), label);
  gtk_box_append (GTK_BOX (pill), button);
  gtk_widget_add_css_class (pill, "scope-pill");
  g_object_set_data_full (G_OBJECT (pill), "path", g_strdup (path), g_free);
  return pill;
}

static void
bottega_scope_bar_class_init (BottegaScopeBarClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  gtk_widget_class_set_css_name (widget_class, "scope");
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_GROUP);
}

static void
bottega_scope_bar_init (BottegaScopeBar *self)
{
  self->box = ADW_WRAP_BOX (adw_wrap_box_new ());
  adw_wrap_box_set_child_spacing (self->box, 6);
  adw_wrap_box_set_line_spacing (self->box, 6);
  adw_bin_set_child (ADW_BIN (self), GTK_WIDGET (self->box));
  gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Documents to ask in"), -1);
  update_visible (self);
}

void
bottega_scope_bar_add (BottegaScopeBar *self,
                       const char *path,
                       const char *title)
{
  g_return_if_fail (BOTTEGA_IS_SCOPE_BAR (self));
  g_return_if_fail (path != NULL && title != NULL);

  for (GtkWidget *pill = gtk_widget_get_first_child (GTK_WIDGET (self->box)); pill != NULL;
       pill = gtk_widget_get_next_sibling (pill))
    if (g_str_equal (get_path (pill), path))
      return;
  adw_wrap_box_append (self->box, pill_new (self, path, title));
  update_visible (self);
}

void
bottega_scope_bar_clear (BottegaScopeBar *self)
{
  g_return_if_fail (BOTTEGA_IS_SCOPE_BAR (self));

  for (GtkWidget *pill; (pill = gtk_widget_get_first_child (GTK_WIDGET (self->box))) != NULL;)
    adw_wrap_box_remove (self->box, pill);
  update_visible (self);
}

/* Whether PATH is the one of a pill, or in its folder. */
static gboolean
covers (BottegaScopeBar *self,
        const char *path)
{
  for (GtkWidget *pill = gtk_widget_get_first_child (GTK_WIDGET (self->box)); pill != NULL;
       pill = gtk_widget_get_next_sibling (pill)) {
    const char *own = get_path (pill);
    gsize length = strlen (own);

    if (strncmp (path, own, length) == 0 && (path[length] == 0 || path[length] == G_DIR_SEPARATOR))
      return TRUE;
  }
  return FALSE;
}

GArray *
bottega_scope_bar_find_documents (BottegaScopeBar *self,
                                  BottegaLibrary *library)
{
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (gint64));

  g_return_val_if_fail (BOTTEGA_IS_SCOPE_BAR (self), NULL);
  g_return_val_if_fail (BOTTEGA_IS_LIBRARY (library), NULL);

  if (!gtk_widget_get_visible (GTK_WIDGET (self)))
    return g_steal_pointer (&ids);
  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (library)); i++) {
    g_autoptr (BottegaDocumentItem) item = g_list_model_get_item (G_LIST_MODEL (library), i);
    BottegaDocumentState state = bottega_document_item_get_state (item);
    gint64 id = bottega_document_item_get_id (item);

    if (state != BOTTEGA_DOCUMENT_WAITING && state != BOTTEGA_DOCUMENT_FAILED &&
        covers (self, bottega_document_item_get_path (item)))
      g_array_append_val (ids, id);
  }
  return ids->len > 0 ? g_steal_pointer (&ids) : NULL;
}
