/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the watch over answers and documents of the open space and what has been sent about them.
 * When something is worth it, and in which words, bottega-notice.c knows. */
#define G_LOG_DOMAIN "bottega-notices"

#include "config.h"

#include "app/assistant/bottega-notice.h"
#include "app/ui/bottega-notices.h"

#include <glib/gi18n.h>

#define LIBRARY_ID "library"

struct _BottegaNotices {
  GObject parent_instance;

  GtkWindow *window; /* borrowed: it lives longer */
  BottegaAssistant *assistant;
  GSignalGroup *conversations, *library;
  GPtrArray *sent; /* ids of notifications */
  gint64 busy_since_us;
};

G_DEFINE_FINAL_TYPE (BottegaNotices, bottega_notices, G_TYPE_OBJECT)

static gboolean
is_seen (BottegaNotices *self)
{
  return gtk_widget_get_visible (GTK_WIDGET (self->window)) && gtk_window_is_active (self->window);
}

/* Takes target if it is floating. */
static void
send (BottegaNotices *self,
      const char *id,
      const char *title,
      const char *body,
      const char *action,
      GVariant *target)
{
  g_autoptr (GNotification) notification = g_notification_new (title);
  GApplication *application = g_application_get_default ();

  g_notification_set_body (notification, body);
  g_notification_set_default_action_and_target_value (notification, action, target);
  g_application_send_notification (application, id, notification);
  g_ptr_array_add (self->sent, g_strdup (id));
}

/* ---- answers */

static void
finished_cb (BottegaNotices *self,
             BottegaMessage *answer,
             BottegaConversation *conversation)
{
  const char *id = bottega_conversation_get_id (conversation);
  gint64 took_us = g_get_real_time () - bottega_message_get_started_us (answer);
  const char *body =
      bottega_notice_for_answer (is_seen (self), bottega_message_get_state (answer), took_us);

  g_assert (BOTTEGA_IS_NOTICES (self));

  if (body != NULL)
    send (self, id, bottega_conversation_get_title (conversation), body, "app.open-conversation",
          g_variant_new ("(ss)", bottega_assistant_get_space (self->assistant), id));
}

static void
conversations_changed_cb (BottegaNotices *self,
                          guint position,
                          guint removed,
                          guint added,
                          GListModel *list)
{
  g_assert (BOTTEGA_IS_NOTICES (self));

  for (guint i = position; i < position + added; i++) {
    g_autoptr (BottegaConversation) conversation = g_list_model_get_item (list, i);

    /* One that moves in the list is there already. */
    g_signal_handlers_disconnect_by_func (conversation, finished_cb, self);
    g_signal_connect_object (conversation, "finished", G_CALLBACK (finished_cb), self,
                             G_CONNECT_SWAPPED);
  }
}

/* ---- documents */

static void
busy_cb (BottegaNotices *self,
         GParamSpec *pspec,
         BottegaLibrary *library)
{
  gint64 now_us = g_get_monotonic_time ();
  g_autofree char *body = NULL;

  g_assert (BOTTEGA_IS_NOTICES (self));

  if (bottega_library_get_busy (library)) {
    self->busy_since_us = now_us;
    return;
  }
  if (self->busy_since_us == 0)
    return;
  body = bottega_notice_for_index (is_seen (self), now_us - self->busy_since_us,
                                   bottega_library_get_n_ready (library),
                                   bottega_library_get_error (library));
  self->busy_since_us = 0;
  if (body != NULL)
    send (self, LIBRARY_ID, _ ("Library"), body, "app.library", NULL);
}

/* ---- from start to end */

/* What is looked at needs no notification any more. */
static void
active_cb (BottegaNotices *self)
{
  GApplication *application = g_application_get_default ();

  g_assert (BOTTEGA_IS_NOTICES (self));

  if (!is_seen (self))
    return;
  for (guint i = 0; i < self->sent->len; i++)
    g_application_withdraw_notification (application, g_ptr_array_index (self->sent, i));
  g_ptr_array_set_size (self->sent, 0);
}

static void
space_cb (BottegaNotices *self)
{
  BottegaConversationList *conversations = bottega_assistant_get_conversations (self->assistant);

  g_assert (BOTTEGA_IS_NOTICES (self));

  self->busy_since_us = 0;
  g_signal_group_set_target (self->library, bottega_assistant_get_library (self->assistant));
  g_signal_group_set_target (self->conversations, conversations);
  conversations_changed_cb (self, 0, 0, g_list_model_get_n_items (G_LIST_MODEL (conversations)),
                            G_LIST_MODEL (conversations));
}

static void
bottega_notices_dispose (GObject *object)
{
  BottegaNotices *self = BOTTEGA_NOTICES (object);

  g_clear_object (&self->conversations);
  g_clear_object (&self->library);
  g_clear_object (&self->assistant);
  g_clear_pointer (&self->sent, g_ptr_array_unref);
  G_OBJECT_CLASS (bottega_notices_parent_class)->dispose (object);
}

static void
bottega_notices_class_init (BottegaNoticesClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = bottega_notices_dispose;
}

static void
bottega_notices_init (BottegaNotices *self)
{
  self->sent = g_ptr_array_new_with_free_func (g_free);
  self->conversations = g_signal_group_new (BOTTEGA_TYPE_CONVERSATION_LIST);
  g_signal_group_connect_object (self->conversations, "items-changed",
                                 G_CALLBACK (conversations_changed_cb), self, G_CONNECT_SWAPPED);
  self->library = g_signal_group_new (BOTTEGA_TYPE_LIBRARY);
  g_signal_group_connect_object (self->library, "notify::busy", G_CALLBACK (busy_cb), self,
                                 G_CONNECT_SWAPPED);
}

BottegaNotices *
bottega_notices_new (GtkWindow *window,
                     BottegaAssistant *assistant)
{
  BottegaNotices *self = g_object_new (BOTTEGA_TYPE_NOTICES, NULL);

  self->window = window;
  self->assistant = g_object_ref (assistant);
  g_signal_connect_object (assistant, "notify::conversations", G_CALLBACK (space_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (window, "notify::is-active", G_CALLBACK (active_cb), self,
                           G_CONNECT_SWAPPED);
  space_cb (self);
  return self;
}
