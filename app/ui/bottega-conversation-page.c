/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns what is shown of one conversation and the way from the composer to it, with the drafts. Must
 * not know the list of conversations, and nothing of how messages are drawn. */
#define G_LOG_DOMAIN "bottega-conversation-page"

#include "config.h"

#include "app/ui/bottega-add-documents.h"
#include "app/ui/bottega-chat-view.h"
#include "app/ui/bottega-composer.h"
#include "app/ui/bottega-conversation-page.h"
#include "app/ui/bottega-model-chooser.h"
#include "app/ui/bottega-sources-pane.h"
#include "app/ui/bottega-start-page.h"

#include <glib/gi18n.h>

struct _BottegaConversationPage {
  AdwBin parent_instance;

  AdwOverlaySplitView *sources_split;
  BottegaSourcesPane *sources_pane;
  GtkWidget *sources_button;
  AdwWindowTitle *window_title;
  BottegaModelChooser *chooser;
  AdwBanner *storage_banner;
  AdwBanner *engine_banner;
  AdwBanner *note_banner;
  GtkStack *stack;
  BottegaStartPage *start_page;
  BottegaChatView *chat_view;
  GtkWidget *composer_clamp;
  BottegaComposer *composer;

  BottegaAssistant *assistant;
  BottegaConversation *conversation;
  GSignalGroup *signals;
  gboolean narrow;
  gboolean sources_over;
};

enum {
  PROP_0,
  PROP_NARROW,
  PROP_SOURCES_OVER,
  PROP_TITLE,
  N_PROPS
};
static GParamSpec *properties[N_PROPS];

G_DEFINE_FINAL_TYPE (BottegaConversationPage, bottega_conversation_page, ADW_TYPE_BIN)

static const char *
get_title (BottegaConversationPage *self)
{
  const char *title =
      self->conversation != NULL ? bottega_conversation_get_title (self->conversation) : NULL;

  return title != NULL && *title != 0 ? title : _ ("New conversation");
}

/* A toast of the window with this sentence. */
static void
say (BottegaConversationPage *self,
     const char *sentence)
{
  gtk_widget_activate_action (GTK_WIDGET (self), "win.say", "s", sentence);
}

/* A banner that is not revealed would still be read out. */
static void
show_banner (AdwBanner *banner, const char *sentence)
{
  if (sentence != NULL)
    adw_banner_set_title (banner, sentence);
  adw_banner_set_revealed (banner, sentence != NULL);
  gtk_widget_set_visible (GTK_WIDGET (banner), sentence != NULL);
}

/* ---- what is shown */

static void
update_title_cb (BottegaConversationPage *self)
{
  g_assert (BOTTEGA_IS_CONVERSATION_PAGE (self));

  adw_window_title_set_title (self->window_title, get_title (self));
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_TITLE]);
}

static void
update_cb (BottegaConversationPage *self)
{
  BottegaEngineThread *engine = bottega_assistant_get_engine (self->assistant);
  gboolean failed = bottega_engine_thread_get_state (engine) == BOTTEGA_ENGINE_FAILED;
  gboolean rests = bottega_engine_thread_get_state (engine) == BOTTEGA_ENGINE_RESTING;
  const char *error = bottega_engine_thread_get_error (engine);
  gboolean ready = bottega_start_page_get_ready (self->start_page);
  const char *sentence = _ ("There is no model to answer.");
  gboolean empty = TRUE, busy = FALSE;

  g_assert (BOTTEGA_IS_CONVERSATION_PAGE (self));

  if (self->conversation != NULL) {
    empty = g_list_model_get_n_items (G_LIST_MODEL (self->conversation)) == 0 &&
            bottega_conversation_get_loaded (self->conversation);
    busy = bottega_conversation_get_busy (self->conversation);
  }
  gtk_stack_set_visible_child_name (self->stack, empty ? "start" : "chat");
  gtk_widget_set_visible (self->composer_clamp, !empty || ready);
  g_object_set (self->composer, "writing", busy, "can-send", ready, NULL);
  if (failed && error != NULL)
    sentence = error;
  adw_window_title_set_subtitle (self->window_title, rests ? _ ("The model rests") : "");
  show_banner (self->engine_banner, !empty && !ready ? sentence : NULL);
}

static void
update_storage_cb (BottegaConversationPage *self)
{
  g_assert (BOTTEGA_IS_CONVERSATION_PAGE (self));

  show_banner (self->storage_banner, bottega_assistant_get_storage_error (self->assistant));
}

static void
update_note_cb (BottegaConversationPage *self)
{
  BottegaEngineThread *engine = bottega_assistant_get_engine (self->assistant);

  g_assert (BOTTEGA_IS_CONVERSATION_PAGE (self));

  show_banner (self->note_banner, bottega_engine_thread_get_note (engine));
}

static void
note_closed_cb (BottegaConversationPage *self)
{
  g_assert (BOTTEGA_IS_CONVERSATION_PAGE (self));

  show_banner (self->note_banner, NULL);
}

/* ---- the sources */

/* The pane takes from the header bar what a narrow window takes. */
static void
update_room_cb (BottegaConversationPage *self)
{
  gboolean beside =
      !self->sources_over && adw_overlay_split_view_get_show_sidebar (self->sources_split);

  g_assert (BOTTEGA_IS_CONVERSATION_PAGE (self));

  g_object_set (self->chooser, "narrow", self->narrow || beside, NULL);
}

/* The last answer that was given something to read; NULL: there is none. */
static BottegaMessage *
dup_last_with_sources (BottegaConversation *conversation)
{
  guint n = conversation != NULL ? g_list_model_get_n_items (G_LIST_MODEL (conversation)) : 0;

  for (guint i = n; i > 0; i--) {
    g_autoptr (BottegaMessage) message = g_list_model_get_item (G_LIST_MODEL (conversation), i - 1);

    if (bottega_message_get_role (message) == BOTTEGA_MESSAGE_ROLE_ASSISTANT &&
        g_list_model_get_n_items (bottega_message_get_passages (message)) > 0)
      return g_steal_pointer (&message);
  }
  return NULL;
}

/* An answer has got its passages, or an answer with passages has come or gone. */
static void
update_sources_cb (BottegaConversationPage *self)
{
  g_autoptr (BottegaMessage) answer = dup_last_with_sources (self->conversation);

  g_assert (BOTTEGA_IS_CONVERSATION_PAGE (self));

  gtk_widget_set_visible (self->sources_button, answer != NULL);
  if (answer == NULL)
    adw_overlay_split_view_set_show_sidebar (self->sources_split, FALSE);
  bottega_sources_pane_show (self->sources_pane, answer, 0);
}

static void
messages_changed_cb (BottegaConversationPage *self,
                     guint position,
                     guint removed,
                     guint added,
                     GListModel *messages)
{
  g_assert (BOTTEGA_IS_CONVERSATION_PAGE (self));

  for (guint i = position; i < position + added; i++) {
    g_autoptr (BottegaMessage) message = g_list_model_get_item (messages, i);

    if (bottega_message_get_role (message) == BOTTEGA_MESSAGE_ROLE_ASSISTANT)
      g_signal_connect_object (bottega_message_get_passages (message), "items-changed",
                               G_CALLBACK (update_sources_cb), self, G_CONNECT_SWAPPED);
  }
  update_sources_cb (self);
}

static void
forget_messages (BottegaConversationPage *self)
{
  GListModel *messages = G_LIST_MODEL (self->conversation);

  for (guint i = 0; messages != NULL && i < g_list_model_get_n_items (messages); i++) {
    g_autoptr (BottegaMessage) message = g_list_model_get_item (messages, i);
    g_signal_handlers_disconnect_by_func (bottega_message_get_passages (message),
                                          update_sources_cb, self);
  }
}

static void
show_source_action (GtkWidget *widget,
                    const char *name,
                    GVariant *parameters)
{
  BottegaConversationPage *self = BOTTEGA_CONVERSATION_PAGE (widget);
  g_autoptr (BottegaMessage) answer = NULL;
  const char *id;
  guint number;

  g_variant_get (parameters, "(&su)", &id, &number);
  answer = bottega_conversation_page_dup_message (self, id);
  if (answer == NULL)
    return;
  bottega_sources_pane_show (self->sources_pane, answer, number);
  adw_overlay_split_view_set_show_sidebar (self->sources_split, TRUE);
  bottega_sources_pane_focus (self->sources_pane);
}

static void
close_sources_action (GtkWidget *widget,
                      const char *name,
                      GVariant *parameter)
{
  BottegaConversationPage *self = BOTTEGA_CONVERSATION_PAGE (widget);

  adw_overlay_split_view_set_show_sidebar (self->sources_split, FALSE);
  bottega_conversation_page_focus_composer (self);
}

void
bottega_conversation_page_toggle_sources (BottegaConversationPage *self)
{
  g_return_if_fail (BOTTEGA_IS_CONVERSATION_PAGE (self));

  if (adw_overlay_split_view_get_show_sidebar (self->sources_split))
    close_sources_action (GTK_WIDGET (self), NULL, NULL);
  else if (gtk_widget_get_visible (self->sources_button)) {
    adw_overlay_split_view_set_show_sidebar (self->sources_split, TRUE);
    bottega_sources_pane_focus (self->sources_pane);
  }
}

/* ---- from the composer */

static gboolean
send_cb (BottegaConversationPage *self,
         const char *text)
{
  BottegaScopeBar *scope = bottega_composer_get_scope (self->composer);
  g_autoptr (GArray) documents = bottega_scope_bar_find_documents (scope);
  g_autoptr (GError) error = NULL;

  g_assert (BOTTEGA_IS_CONVERSATION_PAGE (self));

  if (documents == NULL) {
    say (self, _ ("These documents are still being read, or cannot be: see the library."));
    return FALSE;
  }
  if (!bottega_conversation_send_scoped (self->conversation, text,
                                         (const gint64 *) (const void *) documents->data,
                                         documents->len, &error)) {
    say (self, error->message);
    return FALSE;
  }
  bottega_scope_bar_clear (scope);
  return TRUE;
}

void
bottega_conversation_page_ask_in (BottegaConversationPage *self,
                                  GSList *files)
{
  g_return_if_fail (BOTTEGA_IS_CONVERSATION_PAGE (self));

  for (GSList *l = files; l != NULL; l = l->next) {
    const char *path = g_file_peek_path (l->data);
    g_autofree char *name = path != NULL ? g_filename_display_basename (path) : NULL;

    if (path != NULL && bottega_library_accepts (l->data))
      bottega_scope_bar_add (bottega_composer_get_scope (self->composer), path, name);
  }
  bottega_conversation_page_focus_composer (self);
}

static void
added_cb (GtkWidget *from,
          GSList *files)
{
  bottega_conversation_page_ask_in (BOTTEGA_CONVERSATION_PAGE (from), files);
}

static void
attach_cb (BottegaConversationPage *self)
{
  g_assert (BOTTEGA_IS_CONVERSATION_PAGE (self));

  bottega_add_documents_choose (bottega_assistant_get_library (self->assistant),
                                GTK_WIDGET (self), FALSE, added_cb);
}

static void
update_documents_cb (BottegaConversationPage *self)
{
  BottegaLibrary *library = bottega_assistant_get_library (self->assistant);

  g_assert (BOTTEGA_IS_CONVERSATION_PAGE (self));

  g_object_set (self->composer, "has-documents", bottega_library_get_n_ready (library) > 0, NULL);
}

static void
library_changed_cb (BottegaConversationPage *self)
{
  BottegaLibrary *library = bottega_assistant_get_library (self->assistant);

  g_assert (BOTTEGA_IS_CONVERSATION_PAGE (self));

  bottega_sources_pane_set_library (self->sources_pane, library);
  bottega_composer_set_library (self->composer, library);
  bottega_scope_bar_set_library (bottega_composer_get_scope (self->composer), library);
  g_signal_connect_object (library, "notify::n-ready", G_CALLBACK (update_documents_cb), self,
                           G_CONNECT_SWAPPED);
  update_documents_cb (self);
}

static void
stop_cb (BottegaConversationPage *self)
{
  g_assert (BOTTEGA_IS_CONVERSATION_PAGE (self));

  bottega_conversation_stop (self->conversation);
}

/* Back into the entry, after what is being written there. */
static void
restore_text (BottegaConversationPage *self,
              const char *text)
{
  g_autofree char *draft = g_strstrip (bottega_composer_dup_text (self->composer));
  g_autofree char *both = *draft != 0 ? g_strconcat (draft, "\n\n", text, NULL) : g_strdup (text);

  bottega_composer_set_text (self->composer, both);
  gtk_widget_grab_focus (GTK_WIDGET (self->composer));
}

static void
queue_edit_cb (BottegaConversationPage *self,
               BottegaMessage *question)
{
  g_autofree char *text = g_strdup (bottega_message_get_text (question));

  g_assert (BOTTEGA_IS_CONVERSATION_PAGE (self));

  bottega_conversation_remove_queued (self->conversation, question);
  restore_text (self, text);
}

static void
queue_remove_cb (BottegaConversationPage *self,
                 BottegaMessage *question)
{
  g_assert (BOTTEGA_IS_CONVERSATION_PAGE (self));

  bottega_conversation_remove_queued (self->conversation, question);
}

static void
queue_send_cb (BottegaConversationPage *self)
{
  g_assert (BOTTEGA_IS_CONVERSATION_PAGE (self));

  bottega_conversation_send_queued (self->conversation);
}

static void
refused_cb (BottegaConversationPage *self,
            const char *text,
            const char *sentence)
{
  g_assert (BOTTEGA_IS_CONVERSATION_PAGE (self));

  restore_text (self, text);
  say (self, sentence);
}

static gboolean
escape_cb (GtkWidget *widget,
           GVariant *arguments,
           gpointer user_data)
{
  BottegaConversationPage *self = BOTTEGA_CONVERSATION_PAGE (widget);
  GtkRoot *root = gtk_widget_get_root (widget);
  GtkWidget *focus = root != NULL ? gtk_root_get_focus (root) : NULL;
  gboolean shown = adw_overlay_split_view_get_show_sidebar (self->sources_split);
  gboolean inside =
      focus != NULL && gtk_widget_is_ancestor (focus, GTK_WIDGET (self->sources_pane));
  gboolean busy =
      self->conversation != NULL && bottega_conversation_get_busy (self->conversation);

  if (busy && !(shown && inside))
    bottega_conversation_stop (self->conversation);
  else if (shown)
    close_sources_action (widget, NULL, NULL);
  return busy || shown ? GDK_EVENT_STOP : GDK_EVENT_PROPAGATE;
}

/* ---- the class */

static void
bottega_conversation_page_dispose (GObject *object)
{
  BottegaConversationPage *self = BOTTEGA_CONVERSATION_PAGE (object);

  g_clear_object (&self->signals);
  /* It would be let go of twice: by the bin, and by the template that it is bound to. */
  adw_bin_set_child (ADW_BIN (self), NULL);
  gtk_widget_dispose_template (GTK_WIDGET (self), BOTTEGA_TYPE_CONVERSATION_PAGE);
  g_clear_object (&self->conversation);
  g_clear_object (&self->assistant);
  G_OBJECT_CLASS (bottega_conversation_page_parent_class)->dispose (object);
}

static void
bottega_conversation_page_get_property (GObject *object,
                                        guint prop_id,
                                        GValue *value,
                                        GParamSpec *pspec)
{
  BottegaConversationPage *self = BOTTEGA_CONVERSATION_PAGE (object);

  switch (prop_id) {
  case PROP_NARROW:
    g_value_set_boolean (value, self->narrow);
    break;
  case PROP_SOURCES_OVER:
    g_value_set_boolean (value, self->sources_over);
    break;
  case PROP_TITLE:
    g_value_set_string (value, get_title (self));
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
  }
}

static void
bottega_conversation_page_set_property (GObject *object,
                                        guint prop_id,
                                        const GValue *value,
                                        GParamSpec *pspec)
{
  BottegaConversationPage *self = BOTTEGA_CONVERSATION_PAGE (object);

  switch (prop_id) {
  case PROP_NARROW:
    self->narrow = g_value_get_boolean (value);
    update_room_cb (self);
    break;
  case PROP_SOURCES_OVER:
    self->sources_over = g_value_get_boolean (value);
    bottega_sources_pane_set_over (self->sources_pane, self->sources_over);
    update_room_cb (self);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
  }
}

static void
bind_template (GtkWidgetClass *widget_class)
{
  gtk_widget_class_set_template_from_resource (
      widget_class, "/io/github/bottega/Bottega/bottega-conversation-page.ui");
  gtk_widget_class_bind_template_child (widget_class, BottegaConversationPage, window_title);
  gtk_widget_class_bind_template_child (widget_class, BottegaConversationPage, sources_split);
  gtk_widget_class_bind_template_child (widget_class, BottegaConversationPage, sources_pane);
  gtk_widget_class_bind_template_child (widget_class, BottegaConversationPage, sources_button);
  gtk_widget_class_bind_template_child (widget_class, BottegaConversationPage, chooser);
  gtk_widget_class_bind_template_child (widget_class, BottegaConversationPage, storage_banner);
  gtk_widget_class_bind_template_child (widget_class, BottegaConversationPage, engine_banner);
  gtk_widget_class_bind_template_child (widget_class, BottegaConversationPage, note_banner);
  gtk_widget_class_bind_template_child (widget_class, BottegaConversationPage, stack);
  gtk_widget_class_bind_template_child (widget_class, BottegaConversationPage, start_page);
  gtk_widget_class_bind_template_child (widget_class, BottegaConversationPage, chat_view);
  gtk_widget_class_bind_template_child (widget_class, BottegaConversationPage, composer_clamp);
  gtk_widget_class_bind_template_child (widget_class, BottegaConversationPage, composer);
  g_type_ensure (BOTTEGA_TYPE_MODEL_CHOOSER);
  g_type_ensure (BOTTEGA_TYPE_START_PAGE);
  g_type_ensure (BOTTEGA_TYPE_CHAT_VIEW);
  g_type_ensure (BOTTEGA_TYPE_COMPOSER);
  g_type_ensure (BOTTEGA_TYPE_SOURCES_PANE);
}

static void
bottega_conversation_page_class_init (BottegaConversationPageClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  object_class->dispose = bottega_conversation_page_dispose;
  object_class->get_property = bottega_conversation_page_get_property;
  object_class->set_property = bottega_conversation_page_set_property;
  properties[PROP_NARROW] = g_param_spec_boolean ("narrow", NULL, NULL, FALSE,
                                                  G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);
  properties[PROP_SOURCES_OVER] = g_param_spec_boolean (
      "sources-over", NULL, NULL, FALSE, G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);
  properties[PROP_TITLE] = g_param_spec_string ("title", NULL, NULL, "",
                                                G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, properties);
  bind_template (widget_class);
  gtk_widget_class_install_action (widget_class, "page.show-source", "(su)", show_source_action);
  gtk_widget_class_install_action (widget_class, "page.close-sources", NULL, close_sources_action);
  gtk_widget_class_add_binding (widget_class, GDK_KEY_Escape, 0, escape_cb, NULL);
}

static void
bottega_conversation_page_init (BottegaConversationPage *self)
{
  static const struct {
    const char *signal;
    GCallback callback;
  } watched[] = {
    { "notify::title", G_CALLBACK (update_title_cb) },
    { "notify::busy", G_CALLBACK (update_cb) },
    { "notify::loaded", G_CALLBACK (update_cb) },
    { "items-changed", G_CALLBACK (update_cb) },
    { "items-changed", G_CALLBACK (messages_changed_cb) },
    { "refused", G_CALLBACK (refused_cb) },
  };

  gtk_widget_init_template (GTK_WIDGET (self));
  self->signals = g_signal_group_new (BOTTEGA_TYPE_CONVERSATION);
  for (size_t i = 0; i < G_N_ELEMENTS (watched); i++)
    g_signal_group_connect_swapped (self->signals, watched[i].signal, watched[i].callback, self);
  g_signal_connect_object (self->composer, "send", G_CALLBACK (send_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->composer, "stop", G_CALLBACK (stop_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->sources_split, "notify::show-sidebar",
                           G_CALLBACK (update_room_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->composer, "attach", G_CALLBACK (attach_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->composer, "queue-edit", G_CALLBACK (queue_edit_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->composer, "queue-remove", G_CALLBACK (queue_remove_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->composer, "queue-send", G_CALLBACK (queue_send_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->note_banner, "button-clicked",
                           G_CALLBACK (note_closed_cb), self, G_CONNECT_SWAPPED);
}

void
bottega_conversation_page_set_assistant (BottegaConversationPage *self,
                                         BottegaAssistant *assistant)
{
  BottegaEngineThread *engine;

  g_return_if_fail (BOTTEGA_IS_CONVERSATION_PAGE (self));
  g_return_if_fail (BOTTEGA_IS_ASSISTANT (assistant) && self->assistant == NULL);

  self->assistant = g_object_ref (assistant);
  engine = bottega_assistant_get_engine (assistant);
  bottega_model_chooser_set_assistant (self->chooser, assistant);
  bottega_start_page_set_assistant (self->start_page, assistant);
  g_signal_connect_object (assistant, "notify::library", G_CALLBACK (library_changed_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (assistant, "notify::storage-error", G_CALLBACK (update_storage_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (engine, "notify::note", G_CALLBACK (update_note_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (engine, "notify::state", G_CALLBACK (update_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->start_page, "notify::ready", G_CALLBACK (update_cb), self,
                           G_CONNECT_SWAPPED);
  update_storage_cb (self);
  update_note_cb (self);
  library_changed_cb (self);
  update_cb (self);
}

void
bottega_conversation_page_set_conversation (BottegaConversationPage *self,
                                            BottegaConversation *conversation)
{
  const char *draft;

  g_return_if_fail (BOTTEGA_IS_CONVERSATION_PAGE (self));
  g_return_if_fail (BOTTEGA_IS_CONVERSATION (conversation));

  if (self->conversation == conversation)
    return;
  if (self->conversation != NULL) {
    g_object_set_data_full (G_OBJECT (self->conversation), "bottega-draft",
                            bottega_composer_dup_text (self->composer), g_free);
    bottega_conversation_leave (self->conversation);
  }
  forget_messages (self);
  g_set_object (&self->conversation, conversation);
  g_signal_group_set_target (self->signals, conversation);
  bottega_conversation_enter (conversation);
  bottega_chat_view_set_conversation (self->chat_view, conversation);
  bottega_composer_set_queue (self->composer, bottega_conversation_get_queue (conversation));
  bottega_context_meter_set_conversation (bottega_composer_get_meter (self->composer),
                                          conversation);
  draft = g_object_get_data (G_OBJECT (conversation), "bottega-draft");
  bottega_composer_set_text (self->composer, draft);
  bottega_scope_bar_set_conversation (bottega_composer_get_scope (self->composer), conversation);
  messages_changed_cb (self, 0, 0, g_list_model_get_n_items (G_LIST_MODEL (conversation)),
                       G_LIST_MODEL (conversation));
  update_title_cb (self);
  update_cb (self);
}

BottegaConversation *
bottega_conversation_page_get_conversation (BottegaConversationPage *self)
{
  g_return_val_if_fail (BOTTEGA_IS_CONVERSATION_PAGE (self), NULL);

  return self->conversation;
}

BottegaMessage *
bottega_conversation_page_dup_message (BottegaConversationPage *self,
                                       const char *id)
{
  g_return_val_if_fail (BOTTEGA_IS_CONVERSATION_PAGE (self), NULL);

  for (guint i = g_list_model_get_n_items (G_LIST_MODEL (self->conversation)); i > 0; i--) {
    g_autoptr (BottegaMessage) message =
        g_list_model_get_item (G_LIST_MODEL (self->conversation), i - 1);
    if (g_str_equal (bottega_message_get_id (message), id))
      return g_steal_pointer (&message);
  }
  return NULL;
}

void
bottega_conversation_page_focus_composer (BottegaConversationPage *self)
{
  g_return_if_fail (BOTTEGA_IS_CONVERSATION_PAGE (self));

  gtk_widget_grab_focus (GTK_WIDGET (self->composer));
}

gboolean
bottega_conversation_page_copy_answer (BottegaConversationPage *self)
{
  g_return_val_if_fail (BOTTEGA_IS_CONVERSATION_PAGE (self), FALSE);

  for (guint i = g_list_model_get_n_items (G_LIST_MODEL (self->conversation)); i > 0; i--) {
    g_autoptr (BottegaMessage) message =
        g_list_model_get_item (G_LIST_MODEL (self->conversation), i - 1);
    if (bottega_message_get_role (message) == BOTTEGA_MESSAGE_ROLE_ASSISTANT) {
      gdk_clipboard_set_text (gtk_widget_get_clipboard (GTK_WIDGET (self)),
                              bottega_message_get_text (message));
      return TRUE;
    }
  }
  return FALSE;
}
