/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the window's layout, its actions and its toasts. Must not know how conversations, documents,
 * models or settings are kept. */
#define G_LOG_DOMAIN "bottega-window"

#include "config.h"

#include "app/ui/bottega-add-documents.h"
#include "app/ui/bottega-add-model.h"
#include "app/ui/bottega-arrivals.h"
#include "app/ui/bottega-background.h"
#include "app/ui/bottega-conversation-page.h"
#include "app/ui/bottega-drop-area.h"
#include "app/ui/bottega-launch.h"
#include "app/ui/bottega-library-page.h"
#include "app/ui/bottega-models-page.h"
#include "app/ui/bottega-performance-page.h"
#include "app/ui/bottega-power.h"
#include "app/ui/bottega-rename-dialog.h"
#include "app/ui/bottega-sidebar.h"
#include "app/ui/bottega-space-menu.h"
#include "app/ui/bottega-window.h"

#include <glib/gi18n.h>

struct _BottegaWindow {
  AdwApplicationWindow parent_instance;

  AdwToastOverlay *toast_overlay;
  AdwNavigationSplitView *split_view;
  AdwNavigationPage *content_navigation;
  BottegaSidebar *sidebar;
  GtkStack *content_stack;
  BottegaConversationPage *conversation_page;
  BottegaLibraryPage *library_page; /* NULL until it is shown */
  BottegaModelsPage *models_page;   /* the same, as the next */
  BottegaPerformancePage *performance_page;
  BottegaDropArea *drop_area;

  BottegaAssistant *assistant;
  gboolean quitting;
  GSignalGroup *signals; /* of the open space's conversations */
};

G_DEFINE_FINAL_TYPE (BottegaWindow, bottega_window, ADW_TYPE_APPLICATION_WINDOW)

static BottegaConversationList *
get_conversations (BottegaWindow *self)
{
  return bottega_assistant_get_conversations (self->assistant);
}

static BottegaConversation *
find_conversation (BottegaWindow *self,
                   GVariant *parameter)
{
  return bottega_conversation_list_find (get_conversations (self),
                                         g_variant_get_string (parameter, NULL));
}

static BottegaModelItem *
find_model (BottegaWindow *self,
            GVariant *parameter)
{
  return bottega_model_store_find (bottega_assistant_get_models (self->assistant),
                                   g_variant_get_string (parameter, NULL));
}

static void
say (BottegaWindow *self,
     const char *sentence)
{
  AdwToast *toast = adw_toast_new ("");

  adw_toast_set_use_markup (toast, FALSE);
  adw_toast_set_title (toast, sentence);
  adw_toast_overlay_add_toast (self->toast_overlay, toast);
}

/* ---- what the content shows */

static gboolean
shows (BottegaWindow *self,
       const char *name)
{
  return g_strcmp0 (gtk_stack_get_visible_child_name (self->content_stack), name) == 0;
}

/* The sidebar marks what is shown: a conversation, or one of the other places. */
static void
update_current (BottegaWindow *self)
{
  bottega_sidebar_set_current (
      self->sidebar,
      shows (self, "conversation")
          ? bottega_conversation_page_get_conversation (self->conversation_page)
          : NULL,
      gtk_stack_get_visible_child_name (self->content_stack));
}

static void
update_title_cb (BottegaWindow *self)
{
  g_autofree char *title = NULL;

  g_assert (BOTTEGA_IS_WINDOW (self));

  g_object_get (self->conversation_page, "title", &title, NULL);
  if (shows (self, "library"))
    g_set_str (&title, _ ("Library"));
  else if (shows (self, "models"))
    g_set_str (&title, _ ("Models"));
  else if (shows (self, "performance"))
    g_set_str (&title, _ ("Performance"));
  adw_navigation_page_set_title (self->content_navigation, title);
}

static void
show_content (BottegaWindow *self,
              const char *name)
{
  gtk_stack_set_visible_child_name (self->content_stack, name);
  update_title_cb (self);
  update_current (self);
}

/* ---- showing conversations */

static void
show_conversation (BottegaWindow *self,
                   BottegaConversation *conversation)
{
  bottega_conversation_page_set_conversation (self->conversation_page, conversation);
  show_content (self, "conversation");
}

static void
open_conversation (BottegaWindow *self,
                   BottegaConversation *conversation)
{
  show_conversation (self, conversation);
  adw_navigation_split_view_set_show_content (self->split_view, TRUE);
  bottega_conversation_page_focus_composer (self->conversation_page);
}

static void
open_new (BottegaWindow *self)
{
  g_autoptr (BottegaConversation) conversation =
      bottega_conversation_list_create (get_conversations (self));

  open_conversation (self, conversation);
}

static void
new_conversation_action (GtkWidget *widget,
                         const char *name,
                         GVariant *parameter)
{
  open_new (BOTTEGA_WINDOW (widget));
}

static void
open_conversation_action (GtkWidget *widget,
                          const char *name,
                          GVariant *parameter)
{
  BottegaConversation *conversation = find_conversation (BOTTEGA_WINDOW (widget), parameter);

  if (conversation != NULL)
    open_conversation (BOTTEGA_WINDOW (widget), conversation);
}

static void
show_conversation_action (GtkWidget *widget,
                          const char *name,
                          GVariant *parameter)
{
  BottegaConversation *conversation = find_conversation (BOTTEGA_WINDOW (widget), parameter);

  if (conversation != NULL)
    show_conversation (BOTTEGA_WINDOW (widget), conversation);
}

/* A conversation joins the list with its first question: then its row is marked. */
static void
conversations_changed_cb (BottegaWindow *self)
{
  g_assert (BOTTEGA_IS_WINDOW (self));

  update_current (self);
}

/* ---- stopping, renaming and deleting */

static void
stop_conversation_action (GtkWidget *widget,
                          const char *name,
                          GVariant *parameter)
{
  BottegaConversation *conversation = find_conversation (BOTTEGA_WINDOW (widget), parameter);

  if (conversation != NULL)
    bottega_conversation_stop (conversation);
}

static void
rename_conversation_action (GtkWidget *widget,
                            const char *name,
                            GVariant *parameter)
{
  BottegaConversation *conversation = find_conversation (BOTTEGA_WINDOW (widget), parameter);

  if (conversation != NULL)
    bottega_rename_dialog_present (conversation, widget);
}

static void
undo_delete_cb (BottegaWindow *self,
                AdwToast *toast)
{
  BottegaConversation *conversation = g_object_get_data (G_OBJECT (toast), "conversation");

  g_assert (BOTTEGA_IS_WINDOW (self));

  g_object_set_data (G_OBJECT (toast), "undone", GINT_TO_POINTER (TRUE));
  if (bottega_conversation_list_undo_delete (get_conversations (self), conversation))
    show_conversation (self, conversation);
}

static void
delete_dismissed_cb (BottegaWindow *self,
                     AdwToast *toast)
{
  BottegaConversation *conversation = g_object_get_data (G_OBJECT (toast), "conversation");

  g_assert (BOTTEGA_IS_WINDOW (self));

  if (self->assistant != NULL && g_object_get_data (G_OBJECT (toast), "undone") == NULL)
    bottega_conversation_list_purge (get_conversations (self), conversation);
}

static void
delete_conversation_action (GtkWidget *widget,
                            const char *name,
                            GVariant *parameter)
{
  BottegaWindow *self = BOTTEGA_WINDOW (widget);
  BottegaConversation *found = find_conversation (self, parameter);
  g_autoptr (BottegaConversation) conversation = found != NULL ? g_object_ref (found) : NULL;
  g_autofree char *title = NULL;
  AdwToast *toast;

  if (conversation == NULL)
    return;
  bottega_conversation_list_delete (get_conversations (self), conversation);
  if (conversation == bottega_conversation_page_get_conversation (self->conversation_page)) {
    g_autoptr (BottegaConversation) fresh =
        bottega_conversation_list_create (get_conversations (self));
    show_conversation (self, fresh);
  }
  /* TRANSLATORS: %s is the title of a conversation. */
  title = g_strdup_printf (_ ("“%s” deleted"), bottega_conversation_get_title (conversation));
  toast = adw_toast_new ("");
  adw_toast_set_use_markup (toast, FALSE);
  adw_toast_set_title (toast, title);
  adw_toast_set_button_label (toast, _ ("_Undo"));
  g_object_set_data_full (G_OBJECT (toast), "conversation", g_steal_pointer (&conversation),
                          g_object_unref);
  g_signal_connect_object (toast, "button-clicked", G_CALLBACK (undo_delete_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (toast, "dismissed", G_CALLBACK (delete_dismissed_cb), self,
                           G_CONNECT_SWAPPED);
  adw_toast_overlay_add_toast (self->toast_overlay, toast);
}

/* ---- models */

static void
models_action (GtkWidget *widget,
               const char *name,
               GVariant *parameter)
{
  BottegaWindow *self = BOTTEGA_WINDOW (widget);

  if (self->models_page == NULL) {
    self->models_page = BOTTEGA_MODELS_PAGE (
        bottega_models_page_new (self->assistant, self->toast_overlay));
    gtk_stack_add_named (self->content_stack, GTK_WIDGET (self->models_page), "models");
  }
  show_content (self, "models");
  adw_navigation_split_view_set_show_content (self->split_view, TRUE);
  bottega_models_page_shown (self->models_page);
}

static void
import_model_action (GtkWidget *widget,
                     const char *name,
                     GVariant *parameter)
{
  BottegaWindow *self = BOTTEGA_WINDOW (widget);

  bottega_add_model_choose (self->assistant, self->toast_overlay, widget);
}

static void
use_model_action (GtkWidget *widget,
                  const char *name,
                  GVariant *parameter)
{
  BottegaWindow *self = BOTTEGA_WINDOW (widget);
  BottegaModelItem *item = find_model (self, parameter);
  g_autoptr (GError) error = NULL;

  if (item != NULL && !bottega_assistant_use_model (self->assistant, item, &error))
    say (self, error->message);
}

static void
remove_model_action (GtkWidget *widget,
                     const char *name,
                     GVariant *parameter)
{
  BottegaWindow *self = BOTTEGA_WINDOW (widget);
  BottegaModelItem *item = find_model (self, parameter);

  if (item == NULL)
    return;
  models_action (widget, NULL, NULL);
  bottega_models_page_remove (self->models_page, item);
}

static void
show_file_action (GtkWidget *widget,
                  const char *name,
                  GVariant *parameter)
{
  bottega_launch_folder (widget, g_variant_get_string (parameter, NULL));
}

/* ---- performance */

/* answer NULL: the last one. */
static void
show_performance (BottegaWindow *self,
                  BottegaMessage *answer)
{
  if (self->performance_page == NULL) {
    self->performance_page =
        BOTTEGA_PERFORMANCE_PAGE (bottega_performance_page_new (self->assistant));
    gtk_stack_add_named (self->content_stack, GTK_WIDGET (self->performance_page), "performance");
  }
  show_content (self, "performance");
  adw_navigation_split_view_set_show_content (self->split_view, TRUE);
  bottega_performance_page_show (self->performance_page, answer);
}

static void
performance_action (GtkWidget *widget,
                    const char *name,
                    GVariant *parameter)
{
  show_performance (BOTTEGA_WINDOW (widget), NULL);
}

/* An answer of the conversation that is shown, by its id. */
static void
diagnosis_action (GtkWidget *widget,
                  const char *name,
                  GVariant *parameter)
{
  BottegaWindow *self = BOTTEGA_WINDOW (widget);
  g_autoptr (BottegaMessage) answer = bottega_conversation_page_dup_message (
      self->conversation_page, g_variant_get_string (parameter, NULL));

  if (answer != NULL)
    show_performance (self, answer);
}

/* It does not rest any more. */
static void
keep_loaded_action (GtkWidget *widget,
                    const char *name,
                    GVariant *parameter)
{
  BottegaWindow *self = BOTTEGA_WINDOW (widget);

  g_object_set (bottega_assistant_get_settings (self->assistant), "unload-minutes", 0u, NULL);
  say (self, _ ("The model stays in memory from now on"));
}

static void
balanced_power_action (GtkWidget *widget,
                       const char *name,
                       GVariant *parameter)
{
  bottega_power_balance (widget);
}

/* ---- where the keyboard goes */

/* In what is shown: the documents, or else the conversations. */
static void
search_action (GtkWidget *widget,
               const char *name,
               GVariant *parameter)
{
  BottegaWindow *self = BOTTEGA_WINDOW (widget);

  if (shows (self, "library")) {
    bottega_library_page_search (self->library_page);
    return;
  }
  adw_navigation_split_view_set_show_content (self->split_view, FALSE);
  bottega_sidebar_focus_search (self->sidebar);
}

/* In the conversations, for what was typed elsewhere. */
static void
search_for_action (GtkWidget *widget,
                   const char *name,
                   GVariant *parameter)
{
  BottegaWindow *self = BOTTEGA_WINDOW (widget);

  adw_navigation_split_view_set_show_content (self->split_view, FALSE);
  bottega_sidebar_search (self->sidebar, g_variant_get_string (parameter, NULL));
}

static void
sidebar_action (GtkWidget *widget,
                const char *name,
                GVariant *parameter)
{
  BottegaWindow *self = BOTTEGA_WINDOW (widget);

  adw_navigation_split_view_set_show_content (self->split_view, FALSE);
  bottega_sidebar_focus_list (self->sidebar);
}

static void
queue_action (GtkWidget *widget,
              const char *name,
              GVariant *parameter)
{
  BottegaWindow *self = BOTTEGA_WINDOW (widget);

  if (bottega_sidebar_focus_answers (self->sidebar))
    adw_navigation_split_view_set_show_content (self->split_view, FALSE);
  else
    say (self, _ ("No answer is on its way now."));
}

static void
show_menu_action (GtkWidget *widget,
                  const char *name,
                  GVariant *parameter)
{
  BottegaWindow *self = BOTTEGA_WINDOW (widget);

  adw_navigation_split_view_set_show_content (self->split_view, FALSE);
  bottega_sidebar_popup_menu (self->sidebar);
}

static void
focus_composer_action (GtkWidget *widget,
                       const char *name,
                       GVariant *parameter)
{
  BottegaWindow *self = BOTTEGA_WINDOW (widget);

  show_content (self, "conversation");
  adw_navigation_split_view_set_show_content (self->split_view, TRUE);
  bottega_conversation_page_focus_composer (self->conversation_page);
}

static void
sources_action (GtkWidget *widget,
                const char *name,
                GVariant *parameter)
{
  BottegaWindow *self = BOTTEGA_WINDOW (widget);

  show_content (self, "conversation");
  adw_navigation_split_view_set_show_content (self->split_view, TRUE);
  bottega_conversation_page_toggle_sources (self->conversation_page);
}

static void
copy_answer_action (GtkWidget *widget,
                    const char *name,
                    GVariant *parameter)
{
  BottegaWindow *self = BOTTEGA_WINDOW (widget);

  if (bottega_conversation_page_copy_answer (self->conversation_page))
    say (self, _ ("Answer copied"));
}

static void
say_action (GtkWidget *widget,
            const char *name,
            GVariant *parameter)
{
  say (BOTTEGA_WINDOW (widget), g_variant_get_string (parameter, NULL));
}

/* ---- the library */

/* Where the documents are in sight, there is nothing to say. */
static void
say_added_action (GtkWidget *widget,
                  const char *name,
                  GVariant *parameter)
{
  BottegaWindow *self = BOTTEGA_WINDOW (widget);
  AdwToast *toast;

  if (shows (self, "library"))
    return;
  toast = adw_toast_new ("");
  adw_toast_set_use_markup (toast, FALSE);
  adw_toast_set_title (toast, g_variant_get_string (parameter, NULL));
  adw_toast_set_button_label (toast, _ ("_Show Library"));
  adw_toast_set_action_name (toast, "win.library");
  adw_toast_overlay_add_toast (self->toast_overlay, toast);
}

static BottegaLibrary *
get_library (BottegaWindow *self)
{
  return bottega_assistant_get_library (self->assistant);
}

static void
library_action (GtkWidget *widget,
                const char *name,
                GVariant *parameter)
{
  BottegaWindow *self = BOTTEGA_WINDOW (widget);

  if (self->library_page == NULL) {
    self->library_page = BOTTEGA_LIBRARY_PAGE (
        bottega_library_page_new (self->assistant, self->toast_overlay));
    gtk_stack_add_named (self->content_stack, GTK_WIDGET (self->library_page), "library");
  }
  show_content (self, "library");
  adw_navigation_split_view_set_show_content (self->split_view, TRUE);
  bottega_library_page_focus (self->library_page);
}

static void
add_documents_action (GtkWidget *widget,
                      const char *name,
                      GVariant *parameter)
{
  bottega_add_documents_choose (get_library (BOTTEGA_WINDOW (widget)), widget,
                                g_str_equal (name, "win.add-folder"), NULL);
}

/* A new conversation that asks in these documents, by their addresses. */
static void
ask_in_action (GtkWidget *widget,
               const char *name,
               GVariant *parameter)
{
  BottegaWindow *self = BOTTEGA_WINDOW (widget);
  g_autoslist (GFile) files = bottega_arrivals_list (parameter);

  open_new (self);
  bottega_conversation_page_ask_in (self->conversation_page, files);
}

/* As if they were dropped. */
static void
add_files_action (GtkWidget *widget,
                  const char *name,
                  GVariant *parameter)
{
  g_autoslist (GFile) files = bottega_arrivals_list (parameter);

  bottega_drop_area_take (BOTTEGA_WINDOW (widget)->drop_area, files);
}

static void
summarise_action (GtkWidget *widget,
                  const char *name,
                  GVariant *parameter)
{
  BottegaWindow *self = BOTTEGA_WINDOW (widget);
  BottegaDocumentItem *item =
      bottega_library_find (get_library (self), g_variant_get_int64 (parameter));
  g_autoptr (BottegaConversation) conversation = NULL;
  g_autoptr (GError) error = NULL;

  if (item == NULL)
    return;
  conversation = bottega_assistant_summarise (self->assistant, item, &error);
  if (conversation != NULL)
    open_conversation (self, conversation);
  else
    say (self, error->message);
}

/* ---- spaces */

/* The conversations of the open space and a new one; a library stays in sight. */
static void
show_space_cb (BottegaWindow *self)
{
  g_autoptr (BottegaConversation) fresh =
      bottega_conversation_list_create (get_conversations (self));

  g_assert (BOTTEGA_IS_WINDOW (self));

  g_signal_group_set_target (self->signals, get_conversations (self));
  bottega_conversation_page_set_conversation (self->conversation_page, fresh);
  bottega_sidebar_set_conversations (
      self->sidebar, get_conversations (self),
      bottega_space_menu_title (bottega_assistant_get_space (self->assistant)));
  update_current (self);
}

static void
open_space_action (GtkWidget *widget,
                   const char *name,
                   GVariant *parameter)
{
  BottegaWindow *self = BOTTEGA_WINDOW (widget);
  g_autoptr (GError) error = NULL;

  /* What was deleted and not undone is meant, while its space is open. */
  adw_toast_overlay_dismiss_all (self->toast_overlay);
  if (!bottega_assistant_open_space (self->assistant, g_variant_get_string (parameter, NULL),
                                     &error))
    say (self, error->message);
}

/* Files may have changed while the person was elsewhere. */
static void
active_cb (BottegaWindow *self)
{
  g_assert (BOTTEGA_IS_WINDOW (self));

  if (gtk_window_is_active (GTK_WINDOW (self)) && self->assistant != NULL)
    bottega_library_refresh (get_library (self));
}

/* ---- the class */

static gboolean
bottega_window_close_request (GtkWindow *window)
{
  BottegaWindow *self = BOTTEGA_WINDOW (window);
  BottegaSettings *settings = bottega_assistant_get_settings (self->assistant);
  int width, height;

  gtk_window_get_default_size (window, &width, &height);
  g_object_set (settings, "window-maximized", gtk_window_is_maximized (window), NULL);
  if (width > 0 && height > 0)
    g_object_set (settings, "window-width", width, "window-height", height, NULL);
  if (!self->quitting && bottega_background_keep (window, self->assistant))
    return TRUE;
  return GTK_WINDOW_CLASS (bottega_window_parent_class)->close_request (window);
}

static void
bottega_window_dispose (GObject *object)
{
  BottegaWindow *self = BOTTEGA_WINDOW (object);

  g_clear_object (&self->signals);
  g_clear_object (&self->assistant);
  gtk_widget_dispose_template (GTK_WIDGET (self), BOTTEGA_TYPE_WINDOW);
  G_OBJECT_CLASS (bottega_window_parent_class)->dispose (object);
}

/* Unlike closing, which lets what is on its way come to its end. */
static void
quit_action (GtkWidget *widget,
             const char *name,
             GVariant *parameter)
{
  BottegaWindow *self = BOTTEGA_WINDOW (widget);

  self->quitting = TRUE;
  gtk_window_close (GTK_WINDOW (self));
}

static void
install_actions (GtkWidgetClass *widget_class)
{
  static const struct {
    const char *name;
    const char *parameter;
    GtkWidgetActionActivateFunc activate;
  } actions[] = {
    { "win.new-conversation", NULL, new_conversation_action },
    { "win.open-conversation", "s", open_conversation_action },
    { "win.show-conversation", "s", show_conversation_action },
    { "win.stop-conversation", "s", stop_conversation_action },
    { "win.rename-conversation", "s", rename_conversation_action },
    { "win.delete-conversation", "s", delete_conversation_action },
    { "win.models", NULL, models_action },
    { "win.import-model", NULL, import_model_action },
    { "win.use-model", "s", use_model_action },
    { "win.remove-model", "s", remove_model_action },
    { "win.show-file", "s", show_file_action },
    { "win.performance", NULL, performance_action },
    { "win.diagnosis", "s", diagnosis_action },
    { "win.keep-loaded", NULL, keep_loaded_action },
    { "win.balanced-power", NULL, balanced_power_action },
    { "win.search", NULL, search_action },
    { "win.search-for", "s", search_for_action },
    { "win.sidebar", NULL, sidebar_action },
    { "win.queue", NULL, queue_action },
    { "win.show-menu", NULL, show_menu_action },
    { "win.focus-composer", NULL, focus_composer_action },
    { "win.copy-answer", NULL, copy_answer_action },
    { "win.sources", NULL, sources_action },
    { "win.library", NULL, library_action },
    { "win.open-space", "s", open_space_action },
    { "win.summarise", "x", summarise_action },
    { "win.ask-in", "as", ask_in_action },
    { "win.add-files", "as", add_files_action },
    { "win.add-documents", NULL, add_documents_action },
    { "win.add-folder", NULL, add_documents_action },
    { "win.say", "s", say_action },
    { "win.quit", NULL, quit_action },
    { "win.say-added", "s", say_added_action },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (actions); i++)
    gtk_widget_class_install_action (widget_class, actions[i].name, actions[i].parameter,
                                     actions[i].activate);
}

static void
bottega_window_class_init (BottegaWindowClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = bottega_window_dispose;
  GTK_WINDOW_CLASS (klass)->close_request = bottega_window_close_request;
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/io/github/bottega/Bottega/bottega-window.ui");
  gtk_widget_class_bind_template_child (widget_class, BottegaWindow, toast_overlay);
  gtk_widget_class_bind_template_child (widget_class, BottegaWindow, split_view);
  gtk_widget_class_bind_template_child (widget_class, BottegaWindow, content_navigation);
  gtk_widget_class_bind_template_child (widget_class, BottegaWindow, content_stack);
  gtk_widget_class_bind_template_child (widget_class, BottegaWindow, sidebar);
  gtk_widget_class_bind_template_child (widget_class, BottegaWindow, conversation_page);
  gtk_widget_class_bind_template_child (widget_class, BottegaWindow, drop_area);
  install_actions (widget_class);
  g_type_ensure (BOTTEGA_TYPE_SIDEBAR);
  g_type_ensure (BOTTEGA_TYPE_CONVERSATION_PAGE);
  g_type_ensure (BOTTEGA_TYPE_DROP_AREA);
}

static void
bottega_window_init (BottegaWindow *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  g_signal_connect_object (self->conversation_page, "notify::title", G_CALLBACK (update_title_cb),
                           self, G_CONNECT_SWAPPED);
  g_signal_connect (self, "notify::is-active", G_CALLBACK (active_cb), NULL);
}

GtkWidget *
bottega_window_new (GtkApplication *application,
                    BottegaAssistant *assistant)
{
  BottegaWindow *self = g_object_new (BOTTEGA_TYPE_WINDOW, "application", application, NULL);
  int width, height;
  gboolean maximized;

  g_return_val_if_fail (BOTTEGA_IS_ASSISTANT (assistant), NULL);

  self->assistant = g_object_ref (assistant);
  g_object_get (bottega_assistant_get_settings (assistant),
                "window-width", &width,
                "window-height", &height,
                "window-maximized", &maximized,
                NULL);
  gtk_window_set_default_size (GTK_WINDOW (self), width, height);
  if (maximized)
    gtk_window_maximize (GTK_WINDOW (self));
  bottega_conversation_page_set_assistant (self->conversation_page, assistant);
  bottega_drop_area_watch (self->drop_area, GTK_WIDGET (self), assistant, self->toast_overlay);
  self->signals = g_signal_group_new (BOTTEGA_TYPE_CONVERSATION_LIST);
  g_signal_group_connect_object (self->signals, "items-changed",
                                 G_CALLBACK (conversations_changed_cb), self,
                                 G_CONNECT_SWAPPED | G_CONNECT_AFTER);
  show_space_cb (self);
  bottega_conversation_page_focus_composer (self->conversation_page);
  g_signal_connect_object (assistant, "notify::conversations", G_CALLBACK (show_space_cb), self,
                           G_CONNECT_SWAPPED);
  return GTK_WIDGET (self);
}
