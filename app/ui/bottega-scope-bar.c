/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the pills and the paths that they stand for. Which documents are pinned is the
 * conversation's to know; what is asked is nothing to it. */
#define G_LOG_DOMAIN "bottega-scope-bar"

#include "config.h"

#include "app/ui/bottega-scope-bar.h"

#include <glib/gi18n.h>
#include <string.h>

#define TITLE_CHARS 24

struct _BottegaScopeBar {
  AdwBin parent_instance;

  AdwWrapBox *box;
  BottegaLibrary *library;
  GSignalGroup *library_signals;
  GSignalGroup *conversation;
};

G_DEFINE_FINAL_TYPE (BottegaScopeBar, bottega_scope_bar, ADW_TYPE_BIN)

/* ---- pills: a title, the toggle that pins, the button that removes */

static const char *
get_path (GtkWidget *pill)
{
  return g_object_get_data (G_OBJECT (pill), "path");
}

static const char *
get_title (GtkWidget *pill)
{
  return gtk_label_get_label (GTK_LABEL (gtk_widget_get_first_child (pill)));
}

static GtkWidget *
get_pin (GtkWidget *pill)
{
  return gtk_widget_get_prev_sibling (gtk_widget_get_last_child (pill));
}

static GtkWidget *
find_pill (BottegaScopeBar *self,
           const char *path)
{
  for (GtkWidget *pill = gtk_widget_get_first_child (GTK_WIDGET (self->box)); pill != NULL;
       pill = gtk_widget_get_next_sibling (pill))
    if (g_str_equal (get_path (pill), path))
      return pill;
  return NULL;
}

/* Borrowed; NULL: a folder, or not read yet. */
static BottegaDocumentItem *
find_item (BottegaScopeBar *self,
           const char *path)
{
  guint n = self->library != NULL ? g_list_model_get_n_items (G_LIST_MODEL (self->library)) : 0;

  for (guint i = 0; i < n; i++) {
    g_autoptr (BottegaDocumentItem) item = g_list_model_get_item (G_LIST_MODEL (self->library), i);

    if (g_str_equal (bottega_document_item_get_path (item), path))
      return item; /* the list has it too */
  }
  return NULL;
}

/* item NULL: it is not. */
static gboolean
is_item_pinned (BottegaScopeBar *self,
                BottegaDocumentItem *item)
{
  g_autoptr (BottegaConversation) conversation = g_signal_group_dup_target (self->conversation);

  return conversation != NULL && item != NULL &&
         bottega_conversation_is_pinned (conversation, bottega_document_item_get_id (item));
}

/* As update_pill () left it, which runs at each change. */
static gboolean
is_pinned (GtkWidget *pill)
{
  return gtk_widget_has_css_class (pill, "pinned");
}

static void
update_visible (BottegaScopeBar *self)
{
  gtk_widget_set_visible (GTK_WIDGET (self),
                          gtk_widget_get_first_child (GTK_WIDGET (self->box)) != NULL);
}

static void
set_words (GtkWidget *button,
           const char *tooltip,
           const char *name)
{
  gtk_widget_set_tooltip_text (button, tooltip);
  gtk_accessible_update_property (GTK_ACCESSIBLE (button), GTK_ACCESSIBLE_PROPERTY_LABEL, name, -1);
}

/* "Read it whole in every answer: about 12,300 tokens, once" */
static char *
describe_pin (BottegaDocumentItem *item)
{
  guint tokens = bottega_document_item_get_tokens (item);

  tokens = tokens < 1000 ? tokens : (tokens + 50) / 100 * 100;
  return g_strdup_printf (ngettext ("Read it whole in every answer: about %'u token, once",
                                    "Read it whole in every answer: about %'u tokens, once",
                                    tokens),
                          tokens);
}

/* A pinned one is quiet: it is there for the whole conversation. */
static void
update_pill (BottegaScopeBar *self,
             GtkWidget *pill)
{
  BottegaDocumentItem *item = find_item (self, get_path (pill));
  GtkWidget *pin = get_pin (pill);
  GtkWidget *remove = gtk_widget_get_last_child (pill);
  gboolean pinned = is_item_pinned (self, item);
  g_autofree char *tooltip = item != NULL ? describe_pin (item) : NULL;
  /* TRANSLATORS: %s is the title of a document. */
  g_autofree char *name = g_strdup_printf (_ ("Read %s whole in every answer"), get_title (pill));
  g_autofree char *remove_name = g_strdup_printf (pinned ? _ ("Do not read %s any more")
                                                         : _ ("Do not ask in %s"),
                                                  get_title (pill));

  gtk_widget_set_visible (pin, item != NULL);
  if (gtk_toggle_button_get_active (GTK_TOGGLE_BUTTON (pin)) != pinned)
    gtk_toggle_button_set_active (GTK_TOGGLE_BUTTON (pin), pinned);
  set_words (pin, pinned ? _ ("Read whole in every answer") : tooltip, name);
  set_words (remove, remove_name, remove_name);
  if (pinned)
    gtk_widget_add_css_class (pill, "pinned");
  else
    gtk_widget_remove_css_class (pill, "pinned");
}

/* What the button says is done; where it cannot be, the button goes back. */
static void
pin_toggled_cb (BottegaScopeBar *self,
                GtkToggleButton *button)
{
  GtkWidget *pill = gtk_widget_get_parent (GTK_WIDGET (button));
  g_autoptr (BottegaConversation) conversation = g_signal_group_dup_target (self->conversation);
  BottegaDocumentItem *item = find_item (self, get_path (pill));
  gboolean active = gtk_toggle_button_get_active (button);
  g_autoptr (GError) error = NULL;

  g_assert (BOTTEGA_IS_SCOPE_BAR (self));

  if (conversation == NULL || item == NULL || active == is_item_pinned (self, item))
    return;
  if (!active)
    bottega_conversation_unpin (conversation, bottega_document_item_get_id (item));
  else if (!bottega_conversation_pin (conversation, bottega_document_item_get_id (item), &error))
    gtk_widget_activate_action (GTK_WIDGET (self), "win.say", "s", error->message);
  update_pill (self, pill);
}

static void
remove_cb (BottegaScopeBar *self,
           GtkWidget *button)
{
  GtkWidget *pill = gtk_widget_get_parent (button);
  g_autoptr (BottegaConversation) conversation = g_signal_group_dup_target (self->conversation);
  BottegaDocumentItem *item = find_item (self, get_path (pill));

  g_assert (BOTTEGA_IS_SCOPE_BAR (self));

  adw_wrap_box_remove (self->box, pill);
  if (conversation != NULL && item != NULL)
    bottega_conversation_unpin (conversation, bottega_document_item_get_id (item));
  update_visible (self);
  gtk_widget_activate_action (GTK_WIDGET (self), "win.focus-composer", NULL);
}

static GtkWidget *
pill_new (BottegaScopeBar *self,
          const char *path,
          const char *title)
{
  GtkWidget *pill = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 2);
  GtkWidget *label = gtk_label_new (title);
  GtkWidget *pin = gtk_toggle_button_new ();
  GtkWidget *remove = gtk_button_new_from_icon_name ("window-close-symbolic");

  gtk_button_set_icon_name (GTK_BUTTON (pin), "view-pin-symbolic");
  gtk_label_set_ellipsize (GTK_LABEL (label), PANGO_ELLIPSIZE_MIDDLE);
  gtk_label_set_max_width_chars (GTK_LABEL (label), TITLE_CHARS);
  gtk_widget_set_tooltip_text (label, path);
  gtk_widget_add_css_class (pin, "flat");
  gtk_widget_add_css_class (pin, "circular");
  gtk_widget_add_css_class (remove, "flat");
  gtk_widget_add_css_class (remove, "circular");
  g_signal_connect_object (pin, "toggled", G_CALLBACK (pin_toggled_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (remove, "clicked", G_CALLBACK (remove_cb), self, G_CONNECT_SWAPPED);
  gtk_box_append (GTK_BOX (pill), label);
  gtk_box_append (GTK_BOX (pill), pin);
  gtk_box_append (GTK_BOX (pill), remove);
  gtk_widget_add_css_class (pill, "scope-pill");
  g_object_set_data_full (G_OBJECT (pill), "path", g_strdup (path), g_free);
  update_pill (self, pill);
  return pill;
}

/* ---- what is pinned */

/* A pill for each pinned document, and what each says. Of a document that has left the library the
 * pill goes. */
static void
update_cb (BottegaScopeBar *self)
{
  g_autoptr (BottegaConversation) conversation = g_signal_group_dup_target (self->conversation);
  guint n = 0;
  const gint64 *pinned =
      conversation != NULL ? bottega_conversation_get_pinned (conversation, &n) : NULL;

  g_assert (BOTTEGA_IS_SCOPE_BAR (self));

  for (GtkWidget *pill = gtk_widget_get_first_child (GTK_WIDGET (self->box)), *next; pill != NULL;
       pill = next) {
    next = gtk_widget_get_next_sibling (pill);
    if (is_pinned (pill) && find_item (self, get_path (pill)) == NULL)
      adw_wrap_box_remove (self->box, pill);
    else
      update_pill (self, pill);
  }
  for (guint i = 0; i < n && self->library != NULL; i++) {
    BottegaDocumentItem *item = bottega_library_find (self->library, pinned[i]);

    if (item != NULL)
      bottega_scope_bar_add (self, bottega_document_item_get_path (item),
                             bottega_document_item_get_title (item));
  }
  update_visible (self);
}

static void
remove_all (BottegaScopeBar *self)
{
  for (GtkWidget *pill; (pill = gtk_widget_get_first_child (GTK_WIDGET (self->box))) != NULL;)
    adw_wrap_box_remove (self->box, pill);
}

/* ---- the class */

static void
bottega_scope_bar_dispose (GObject *object)
{
  BottegaScopeBar *self = BOTTEGA_SCOPE_BAR (object);

  g_clear_object (&self->library_signals);
  g_clear_object (&self->conversation);
  g_clear_object (&self->library);
  G_OBJECT_CLASS (bottega_scope_bar_parent_class)->dispose (object);
}

static void
bottega_scope_bar_class_init (BottegaScopeBarClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = bottega_scope_bar_dispose;
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
  self->conversation = g_signal_group_new (BOTTEGA_TYPE_CONVERSATION);
  g_signal_group_connect_swapped (self->conversation, "notify::pinned", G_CALLBACK (update_cb),
                                  self);
  self->library_signals = g_signal_group_new (BOTTEGA_TYPE_LIBRARY);
  g_signal_group_connect_swapped (self->library_signals, "items-changed", G_CALLBACK (update_cb),
                                  self);
  g_signal_group_connect_swapped (self->library_signals, "notify::n-ready", G_CALLBACK (update_cb),
                                  self);
  update_visible (self);
}

void
bottega_scope_bar_set_library (BottegaScopeBar *self,
                               BottegaLibrary *library)
{
  g_return_if_fail (BOTTEGA_IS_SCOPE_BAR (self));
  g_return_if_fail (BOTTEGA_IS_LIBRARY (library));

  if (!g_set_object (&self->library, library))
    return;
  remove_all (self);
  g_signal_group_set_target (self->library_signals, library);
  update_cb (self);
}

void
bottega_scope_bar_set_conversation (BottegaScopeBar *self,
                                    BottegaConversation *conversation)
{
  g_return_if_fail (BOTTEGA_IS_SCOPE_BAR (self));
  g_return_if_fail (BOTTEGA_IS_CONVERSATION (conversation));

  remove_all (self);
  g_signal_group_set_target (self->conversation, conversation);
  update_cb (self);
}

void
bottega_scope_bar_add (BottegaScopeBar *self,
                       const char *path,
                       const char *title)
{
  g_return_if_fail (BOTTEGA_IS_SCOPE_BAR (self));
  g_return_if_fail (path != NULL && title != NULL);

  if (find_pill (self, path) != NULL)
    return;
  adw_wrap_box_append (self->box, pill_new (self, path, title));
  update_visible (self);
}

void
bottega_scope_bar_clear (BottegaScopeBar *self)
{
  g_return_if_fail (BOTTEGA_IS_SCOPE_BAR (self));

  for (GtkWidget *pill = gtk_widget_get_first_child (GTK_WIDGET (self->box)), *next; pill != NULL;
       pill = next) {
    next = gtk_widget_get_next_sibling (pill);
    if (!is_pinned (pill))
      adw_wrap_box_remove (self->box, pill);
  }
  update_visible (self);
}

/* Whether PATH is the one of this pill, or in its folder. */
static gboolean
covers (GtkWidget *pill,
        const char *path)
{
  const char *own = get_path (pill);
  gsize length = strlen (own);

  return strncmp (path, own, length) == 0 &&
         (path[length] == 0 || path[length] == G_DIR_SEPARATOR);
}

/* Whether a pill asks in PATH. */
static gboolean
is_asked (BottegaScopeBar *self,
          const char *path)
{
  for (GtkWidget *pill = gtk_widget_get_first_child (GTK_WIDGET (self->box)); pill != NULL;
       pill = gtk_widget_get_next_sibling (pill))
    if (!is_pinned (pill) && covers (pill, path))
      return TRUE;
  return FALSE;
}

GArray *
bottega_scope_bar_find_documents (BottegaScopeBar *self)
{
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (gint64));
  gboolean any = FALSE;

  g_return_val_if_fail (BOTTEGA_IS_SCOPE_BAR (self), NULL);

  for (GtkWidget *pill = gtk_widget_get_first_child (GTK_WIDGET (self->box)); pill != NULL;
       pill = gtk_widget_get_next_sibling (pill))
    any = any || !is_pinned (pill);
  for (guint i = 0;
       self->library != NULL && i < g_list_model_get_n_items (G_LIST_MODEL (self->library)); i++) {
    g_autoptr (BottegaDocumentItem) item = g_list_model_get_item (G_LIST_MODEL (self->library), i);
    BottegaDocumentState state = bottega_document_item_get_state (item);
    gint64 id = bottega_document_item_get_id (item);

    if (state != BOTTEGA_DOCUMENT_WAITING && state != BOTTEGA_DOCUMENT_FAILED &&
        is_asked (self, bottega_document_item_get_path (item)))
      g_array_append_val (ids, id);
  }
  return !any || ids->len > 0 ? g_steal_pointer (&ids) : NULL;
}
