/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the list of documents, its filter and the removal that can be undone. Must not know how
 * documents are read or kept: the library does that; the window's actions add and show them. */
#define G_LOG_DOMAIN "bottega-library-page"

#include "config.h"

#include "app/ui/bottega-launch.h"
#include "app/ui/bottega-library-row.h"
#include "app/ui/bottega-library-page.h"
#include "app/ui/bottega-space-menu.h"

#include <glib/gi18n.h>

struct _BottegaLibraryPage {
  AdwBin parent_instance;

  BottegaSpaceMenu *space_menu;
  GtkWidget *add_button;
  GtkWidget *search_button;
  GtkSearchBar *search_bar;
  GtkEditable *search_entry;
  AdwBanner *error_banner;
  GtkWidget *words_label;
  GtkRevealer *progress_revealer;
  GtkLabel *progress_label;
  GtkProgressBar *progress_bar;
  GtkStack *stack;
  GtkWidget *add_files_button;
  GtkListView *list_view;

  BottegaLibrary *library;
  AdwToastOverlay *toasts; /* of the window, which holds this page */
  GPtrArray *removed;      /* of BottegaDocumentItem: hidden, to be taken out */
  GtkFilter *filter;
  GListModel *shown;
};

G_DEFINE_FINAL_TYPE (BottegaLibraryPage, bottega_library_page, ADW_TYPE_BIN)

/* ---- what is shown */

static gboolean
is_shown (gpointer object,
          gpointer user_data)
{
  BottegaLibraryPage *self = user_data;
  BottegaDocumentItem *item = object;
  const char *query = gtk_editable_get_text (self->search_entry);

  if (g_ptr_array_find (self->removed, item, NULL))
    return FALSE;
  return *query == 0 || g_str_match_string (query, bottega_document_item_get_title (item), TRUE) ||
         g_str_match_string (query, bottega_document_item_get_name (item), TRUE);
}

static void
show_banner (AdwBanner *banner,
             gboolean revealed)
{
  adw_banner_set_revealed (banner, revealed);
  /* A banner that is not revealed would still be read out. */
  gtk_widget_set_visible (GTK_WIDGET (banner), revealed);
}

static void
update_cb (BottegaLibraryPage *self)
{
  guint n = g_list_model_get_n_items (self->shown);
  guint n_all = g_list_model_get_n_items (G_LIST_MODEL (self->library));
  gboolean available = bottega_library_get_available (self->library);
  const char *error = bottega_library_get_error (self->library);
  const char *page = "list";

  g_assert (BOTTEGA_IS_LIBRARY_PAGE (self));

  if (!available)
    page = "unavailable";
  else if (n_all <= self->removed->len)
    page = bottega_library_get_loaded (self->library) ? "empty" : "loading";
  else if (n == 0)
    page = "nothing-found";
  gtk_stack_set_visible_child_name (self->stack, page);
  gtk_widget_set_visible (self->search_button, n_all > 0);
  gtk_widget_set_visible (self->add_button, available);
  if (n_all == 0)
    gtk_search_bar_set_search_mode (self->search_bar, FALSE);
  adw_banner_set_title (self->error_banner, error != NULL ? error : "");
  show_banner (self->error_banner, error != NULL && available);
  gtk_widget_set_visible (self->words_label, available && n_all > self->removed->len &&
                                                 !bottega_library_get_has_meaning (self->library));
}

static void
progress_cb (BottegaLibraryPage *self)
{
  const char *text = bottega_library_get_progress_text (self->library);
  double fraction = bottega_library_get_fraction (self->library);
  gboolean busy = bottega_library_get_busy (self->library);

  g_assert (BOTTEGA_IS_LIBRARY_PAGE (self));

  if (text != NULL)
    gtk_label_set_label (self->progress_label, text);
  if (fraction < 0)
    gtk_progress_bar_pulse (self->progress_bar);
  else
    gtk_progress_bar_set_fraction (self->progress_bar, fraction);
  gtk_revealer_set_reveal_child (self->progress_revealer, busy);
  /* Hidden words would still be read out. */
  gtk_widget_set_visible (GTK_WIDGET (self->progress_revealer), busy);
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "library.cancel", busy);
}

static void
search_changed_cb (BottegaLibraryPage *self)
{
  g_assert (BOTTEGA_IS_LIBRARY_PAGE (self));

  gtk_filter_changed (self->filter, GTK_FILTER_CHANGE_DIFFERENT);
  update_cb (self);
}

/* ---- removing */

static void
take_back (BottegaLibraryPage *self,
           BottegaDocumentItem *item)
{
  g_ptr_array_remove (self->removed, item);
  gtk_filter_changed (self->filter, GTK_FILTER_CHANGE_LESS_STRICT);
  update_cb (self);
}

static void
undo_cb (BottegaLibraryPage *self,
         AdwToast *toast)
{
  g_assert (BOTTEGA_IS_LIBRARY_PAGE (self));

  take_back (self, g_object_get_data (G_OBJECT (toast), "document"));
}

static void
dismissed_cb (BottegaLibraryPage *self,
              AdwToast *toast)
{
  BottegaDocumentItem *item = g_object_get_data (G_OBJECT (toast), "document");
  g_autoptr (BottegaDocumentItem) held = g_object_ref (item);

  g_assert (BOTTEGA_IS_LIBRARY_PAGE (self));

  if (self->library != NULL && g_ptr_array_remove (self->removed, held))
    bottega_library_remove (self->library, held);
}

static void
remove_item (BottegaLibraryPage *self,
             BottegaDocumentItem *item)
{
  /* TRANSLATORS: a document was taken out of the library; %s is its title. */
  g_autofree char *title =
      g_strdup_printf (_ ("“%s” removed"), bottega_document_item_get_title (item));
  AdwToast *toast = adw_toast_new ("");

  g_ptr_array_add (self->removed, g_object_ref (item));
  gtk_filter_changed (self->filter, GTK_FILTER_CHANGE_MORE_STRICT);
  update_cb (self);
  adw_toast_set_use_markup (toast, FALSE);
  adw_toast_set_title (toast, title);
  adw_toast_set_button_label (toast, _ ("_Undo"));
  g_object_set_data_full (G_OBJECT (toast), "document", g_object_ref (item), g_object_unref);
  g_signal_connect_object (toast, "button-clicked", G_CALLBACK (undo_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (toast, "dismissed", G_CALLBACK (dismissed_cb), self, G_CONNECT_SWAPPED);
  adw_toast_overlay_add_toast (self->toasts, toast);
}

/* ---- what the menu of a row does */

static void
open_item (BottegaLibraryPage *self,
           BottegaDocumentItem *item)
{
  bottega_launch_file (GTK_WIDGET (self), bottega_document_item_get_path (item));
}

static void
show_item (BottegaLibraryPage *self,
           BottegaDocumentItem *item)
{
  gtk_widget_activate_action (GTK_WIDGET (self), "win.show-file", "s",
                              bottega_document_item_get_path (item));
}

static void
summarise_item (BottegaLibraryPage *self,
                BottegaDocumentItem *item)
{
  gtk_widget_activate_action (GTK_WIDGET (self), "win.summarise", "x",
                              bottega_document_item_get_id (item));
}

static void
reindex_item (BottegaLibraryPage *self,
              BottegaDocumentItem *item)
{
  bottega_library_reindex (self->library, item);
}

static const struct {
  const char *name;
  void (*activate) (BottegaLibraryPage *self, BottegaDocumentItem *item);
} item_actions[] = {
  { "library.open", open_item },
  { "library.summarise", summarise_item },
  { "library.reindex", reindex_item },
  { "library.show-file", show_item },
  { "library.remove", remove_item },
};

static void
item_action (GtkWidget *widget,
             const char *name,
             GVariant *parameter)
{
  BottegaLibraryPage *self = BOTTEGA_LIBRARY_PAGE (widget);
  BottegaDocumentItem *item =
      bottega_library_find (self->library, g_variant_get_int64 (parameter));

  for (size_t i = 0; item != NULL && i < G_N_ELEMENTS (item_actions); i++)
    if (g_str_equal (name, item_actions[i].name))
      item_actions[i].activate (self, item);
}

static void
library_action (GtkWidget *widget,
                const char *name,
                GVariant *parameter)
{
  BottegaLibraryPage *self = BOTTEGA_LIBRARY_PAGE (widget);

  if (g_str_equal (name, "library.cancel"))
    bottega_library_cancel (self->library);
  else if (g_str_equal (name, "library.refresh"))
    bottega_library_refresh (self->library);
  else
    bottega_library_reindex (self->library, NULL);
}

/* ---- rows */

static void
activated_cb (BottegaLibraryPage *self,
              guint position)
{
  g_autoptr (BottegaDocumentItem) item = g_list_model_get_item (self->shown, position);

  g_assert (BOTTEGA_IS_LIBRARY_PAGE (self));

  if (item != NULL && bottega_document_item_get_state (item) != BOTTEGA_DOCUMENT_GONE)
    open_item (self, item);
}

static void
row_menu_cb (GtkGesture *gesture)
{
  GtkWidget *row = gtk_event_controller_get_widget (GTK_EVENT_CONTROLLER (gesture));

  gtk_gesture_set_state (gesture, GTK_EVENT_SEQUENCE_CLAIMED);
  bottega_library_row_popup_menu (BOTTEGA_LIBRARY_ROW (row));
}

static void
setup_cb (BottegaLibraryPage *self,
          GtkListItem *list_item)
{
  GtkWidget *row = bottega_library_row_new ();
  GtkGesture *menu = gtk_gesture_click_new ();
  GtkGesture *hold = gtk_gesture_long_press_new ();

  g_assert (BOTTEGA_IS_LIBRARY_PAGE (self));

  gtk_gesture_single_set_button (GTK_GESTURE_SINGLE (menu), GDK_BUTTON_SECONDARY);
  g_signal_connect (menu, "pressed", G_CALLBACK (row_menu_cb), NULL);
  gtk_widget_add_controller (row, GTK_EVENT_CONTROLLER (menu));
  gtk_gesture_single_set_touch_only (GTK_GESTURE_SINGLE (hold), TRUE);
  g_signal_connect (hold, "pressed", G_CALLBACK (row_menu_cb), NULL);
  gtk_widget_add_controller (row, GTK_EVENT_CONTROLLER (hold));
  gtk_list_item_set_child (list_item, row);
}

static void
label_cb (BottegaDocumentItem *item,
          GParamSpec *pspec,
          GtkListItem *list_item)
{
  g_autofree char *description = bottega_library_row_describe (item);

  gtk_list_item_set_accessible_label (list_item, bottega_document_item_get_title (item));
  gtk_list_item_set_accessible_description (list_item, description);
}

static void
bind_cb (BottegaLibraryPage *self,
         GtkListItem *list_item)
{
  BottegaDocumentItem *item = gtk_list_item_get_item (list_item);

  g_assert (BOTTEGA_IS_LIBRARY_PAGE (self));

  bottega_library_row_set_item (BOTTEGA_LIBRARY_ROW (gtk_list_item_get_child (list_item)), item);
  g_signal_connect_object (item, "notify", G_CALLBACK (label_cb), list_item, 0);
  label_cb (item, NULL, list_item);
}

static void
unbind_cb (BottegaLibraryPage *self,
           GtkListItem *list_item)
{
  g_assert (BOTTEGA_IS_LIBRARY_PAGE (self));

  g_signal_handlers_disconnect_by_func (gtk_list_item_get_item (list_item), label_cb, list_item);
  bottega_library_row_set_item (BOTTEGA_LIBRARY_ROW (gtk_list_item_get_child (list_item)), NULL);
}

/* The row that has the keyboard focus, or NULL. */
static BottegaLibraryRow *
find_focused (BottegaLibraryPage *self)
{
  GtkRoot *root = gtk_widget_get_root (GTK_WIDGET (self));
  GtkWidget *focus = root != NULL ? gtk_root_get_focus (root) : NULL;
  GtkWidget *row = focus != NULL ? gtk_widget_get_first_child (focus) : NULL;

  return BOTTEGA_IS_LIBRARY_ROW (row) ? BOTTEGA_LIBRARY_ROW (row) : NULL;
}

static gboolean
menu_key_cb (GtkWidget *widget,
             GVariant *arguments,
             gpointer user_data)
{
  BottegaLibraryRow *row = find_focused (user_data);

  if (row != NULL)
    bottega_library_row_popup_menu (row);
  return row != NULL;
}

static gboolean
delete_key_cb (GtkWidget *widget,
               GVariant *arguments,
               gpointer user_data)
{
  BottegaLibraryRow *row = find_focused (user_data);

  if (row != NULL)
    remove_item (user_data, bottega_library_row_get_item (row));
  return row != NULL;
}

static void
add_keys (BottegaLibraryPage *self)
{
  GtkEventController *controller = gtk_shortcut_controller_new ();
  GtkShortcutController *keys = GTK_SHORTCUT_CONTROLLER (controller);

  gtk_shortcut_controller_add_shortcut (
      keys, gtk_shortcut_new (gtk_shortcut_trigger_parse_string ("Menu|<Shift>F10"),
                              gtk_callback_action_new (menu_key_cb, self, NULL)));
  gtk_shortcut_controller_add_shortcut (
      keys, gtk_shortcut_new (gtk_shortcut_trigger_parse_string ("Delete|KP_Delete"),
                              gtk_callback_action_new (delete_key_cb, self, NULL)));
  gtk_widget_add_controller (GTK_WIDGET (self->list_view), controller);
}

/* ---- the class */

static void
bottega_library_page_dispose (GObject *object)
{
  BottegaLibraryPage *self = BOTTEGA_LIBRARY_PAGE (object);

  /* What was removed and not undone is meant. */
  for (guint i = 0; self->library != NULL && i < self->removed->len; i++)
    bottega_library_remove (self->library, self->removed->pdata[i]);
  g_ptr_array_set_size (self->removed, 0);
  if (self->list_view != NULL)
    gtk_list_view_set_model (self->list_view, NULL);
  g_clear_object (&self->shown);
  g_clear_object (&self->filter);
  g_clear_object (&self->library);
  gtk_widget_dispose_template (GTK_WIDGET (self), BOTTEGA_TYPE_LIBRARY_PAGE);
  G_OBJECT_CLASS (bottega_library_page_parent_class)->dispose (object);
}

static void
bottega_library_page_finalize (GObject *object)
{
  g_ptr_array_unref (BOTTEGA_LIBRARY_PAGE (object)->removed);
  G_OBJECT_CLASS (bottega_library_page_parent_class)->finalize (object);
}

static void
bind_template (GtkWidgetClass *widget_class)
{
  gtk_widget_class_set_template_from_resource (
      widget_class, "/io/github/bottega/Bottega/bottega-library-page.ui");
  gtk_widget_class_bind_template_child (widget_class, BottegaLibraryPage, space_menu);
  gtk_widget_class_bind_template_child (widget_class, BottegaLibraryPage, add_button);
  gtk_widget_class_bind_template_child (widget_class, BottegaLibraryPage, search_button);
  gtk_widget_class_bind_template_child (widget_class, BottegaLibraryPage, search_bar);
  gtk_widget_class_bind_template_child (widget_class, BottegaLibraryPage, search_entry);
  gtk_widget_class_bind_template_child (widget_class, BottegaLibraryPage, error_banner);
  gtk_widget_class_bind_template_child (widget_class, BottegaLibraryPage, words_label);
  gtk_widget_class_bind_template_child (widget_class, BottegaLibraryPage, progress_revealer);
  gtk_widget_class_bind_template_child (widget_class, BottegaLibraryPage, progress_label);
  gtk_widget_class_bind_template_child (widget_class, BottegaLibraryPage, progress_bar);
  gtk_widget_class_bind_template_child (widget_class, BottegaLibraryPage, stack);
  gtk_widget_class_bind_template_child (widget_class, BottegaLibraryPage, add_files_button);
  gtk_widget_class_bind_template_child (widget_class, BottegaLibraryPage, list_view);
}

static void
bottega_library_page_class_init (BottegaLibraryPageClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  object_class->dispose = bottega_library_page_dispose;
  object_class->finalize = bottega_library_page_finalize;
  g_type_ensure (BOTTEGA_TYPE_SPACE_MENU);
  bind_template (widget_class);
  for (size_t i = 0; i < G_N_ELEMENTS (item_actions); i++)
    gtk_widget_class_install_action (widget_class, item_actions[i].name, "x", item_action);
  gtk_widget_class_install_action (widget_class, "library.cancel", NULL, library_action);
  gtk_widget_class_install_action (widget_class, "library.refresh", NULL, library_action);
  gtk_widget_class_install_action (widget_class, "library.reindex-all", NULL, library_action);
}

static void
bottega_library_page_init (BottegaLibraryPage *self)
{
  GtkListItemFactory *factory = gtk_signal_list_item_factory_new ();

  self->removed = g_ptr_array_new_with_free_func (g_object_unref);
  gtk_widget_init_template (GTK_WIDGET (self));
  gtk_search_bar_connect_entry (self->search_bar, self->search_entry);
  g_signal_connect_object (factory, "setup", G_CALLBACK (setup_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (factory, "bind", G_CALLBACK (bind_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (factory, "unbind", G_CALLBACK (unbind_cb), self, G_CONNECT_SWAPPED);
  gtk_list_view_set_factory (self->list_view, factory);
  g_object_unref (factory);
  g_signal_connect_object (self->list_view, "activate", G_CALLBACK (activated_cb), self,
                           G_CONNECT_SWAPPED);
  add_keys (self);
}

/* Another space is open: its documents. */
static void
library_changed_cb (BottegaLibraryPage *self,
                    GParamSpec *pspec,
                    BottegaAssistant *assistant)
{
  static const char *const progress[] = { "notify::busy", "notify::fraction",
                                          "notify::progress-text" };
  static const char *const states[] = { "notify::loaded", "notify::error", "notify::available",
                                        "notify::has-meaning", "items-changed" };
  BottegaLibrary *library = bottega_assistant_get_library (assistant);

  g_assert (BOTTEGA_IS_LIBRARY_PAGE (self));

  if (self->library != NULL) {
    g_signal_handlers_disconnect_by_func (self->library, progress_cb, self);
    g_signal_handlers_disconnect_by_func (self->library, update_cb, self);
  }
  g_ptr_array_set_size (self->removed, 0);
  gtk_editable_set_text (self->search_entry, "");
  gtk_search_bar_set_search_mode (self->search_bar, FALSE);
  g_set_object (&self->library, library);
  gtk_filter_list_model_set_model (GTK_FILTER_LIST_MODEL (self->shown), G_LIST_MODEL (library));
  for (size_t i = 0; i < G_N_ELEMENTS (progress); i++)
    g_signal_connect_object (library, progress[i], G_CALLBACK (progress_cb), self,
                             G_CONNECT_SWAPPED);
  /* After the filter has seen it. */
  for (size_t i = 0; i < G_N_ELEMENTS (states); i++)
    g_signal_connect_object (library, states[i], G_CALLBACK (update_cb), self,
                             G_CONNECT_SWAPPED | G_CONNECT_AFTER);
  update_cb (self);
  progress_cb (self);
}

GtkWidget *
bottega_library_page_new (BottegaAssistant *assistant,
                          AdwToastOverlay *toasts)
{
  BottegaLibraryPage *self = g_object_new (BOTTEGA_TYPE_LIBRARY_PAGE, NULL);
  g_autoptr (GtkNoSelection) selection = NULL;

  g_return_val_if_fail (BOTTEGA_IS_ASSISTANT (assistant), NULL);
  g_return_val_if_fail (ADW_IS_TOAST_OVERLAY (toasts), NULL);

  self->toasts = toasts;
  bottega_space_menu_set_assistant (self->space_menu, assistant);
  self->filter = GTK_FILTER (gtk_custom_filter_new (is_shown, self, NULL));
  self->shown = G_LIST_MODEL (gtk_filter_list_model_new (NULL, g_object_ref (self->filter)));
  selection = gtk_no_selection_new (g_object_ref (self->shown));
  gtk_list_view_set_model (self->list_view, GTK_SELECTION_MODEL (selection));
  library_changed_cb (self, NULL, assistant);
  g_signal_connect_object (self->search_entry, "search-changed", G_CALLBACK (search_changed_cb),
                           self, G_CONNECT_SWAPPED);
  g_signal_connect_object (assistant, "notify::library", G_CALLBACK (library_changed_cb), self,
                           G_CONNECT_SWAPPED);
  return GTK_WIDGET (self);
}

void
bottega_library_page_focus (BottegaLibraryPage *self)
{
  g_return_if_fail (BOTTEGA_IS_LIBRARY_PAGE (self));

  if (!gtk_widget_grab_focus (GTK_WIDGET (self->list_view)) &&
      !gtk_widget_grab_focus (self->add_files_button))
    gtk_widget_grab_focus (self->add_button);
}

void
bottega_library_page_search (BottegaLibraryPage *self)
{
  g_return_if_fail (BOTTEGA_IS_LIBRARY_PAGE (self));

  gtk_search_bar_set_search_mode (self->search_bar, TRUE);
  gtk_widget_grab_focus (GTK_WIDGET (self->search_entry));
}
