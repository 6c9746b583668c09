/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Owns the rows of a conversation and where the reader is in it. Rows exist for the messages from
 * FIRST on; the earlier ones are made upwards from the end, a few at a time when nothing else is to
 * do, so that a long conversation opens at once. It must not know how messages look or are made.
 */
#define G_LOG_DOMAIN "bottega-chat-view"

#include "config.h"

#include "app/ui/bottega-chat-view.h"
#include "app/ui/bottega-answer-row.h"
#include "app/ui/bottega-code-block.h"
#include "app/ui/bottega-end-viewport.h"
#include "app/ui/bottega-question-row.h"

#include <adwaita.h>
#include <glib/gi18n.h>

/* From so far on the button shows. */
#define BUTTON_DISTANCE 160

/* The messages at the end that are made at once: a tall page of text. */
#define FIRST_PAGE_BYTES 6000

/* How long one turn may make rows. */
#define CHUNK_US 4000

struct _BottegaChatView {
  GtkWidget parent_instance;

  GtkWidget *overlay;
  GtkScrolledWindow *scroller;
  BottegaEndViewport *viewport;
  GtkBox *column;
  GtkRevealer *end_revealer;
  GtkWidget *marker;

  BottegaConversation *conversation;
  GSignalGroup *signals;
  GPtrArray *rows; /* of the messages from first on; owned by the column */
  guint first;
  guint populate_source;
};

enum {
  PROP_0,
  PROP_CONVERSATION,
  N_PROPS,
};

static GParamSpec *properties[N_PROPS];

G_DEFINE_FINAL_TYPE (BottegaChatView, bottega_chat_view, GTK_TYPE_WIDGET)

static void
update_button (BottegaChatView *self)
{
  gboolean away = !bottega_end_viewport_get_following (self->viewport) &&
                  bottega_end_viewport_get_from_end (self->viewport) > BUTTON_DISTANCE;

  g_assert (BOTTEGA_IS_CHAT_VIEW (self));

  gtk_revealer_set_reveal_child (self->end_revealer, away);
}

static void
end_clicked_cb (BottegaChatView *self,
                GtkButton *button)
{
  g_assert (BOTTEGA_IS_CHAT_VIEW (self));

  bottega_chat_view_go_to_end (self);
}

/* Rows */

static GtkWidget *
make_row (BottegaChatView *self,
          BottegaMessage *message)
{
  GtkWidget *row;

  switch (bottega_message_get_role (message)) {
  case BOTTEGA_MESSAGE_ROLE_USER:
    return bottega_question_row_new (message);
  case BOTTEGA_MESSAGE_ROLE_ASSISTANT:
    return bottega_answer_row_new (self->conversation, message);
  case BOTTEGA_MESSAGE_ROLE_SYSTEM_NOTE:
  default:
    row = g_object_new (GTK_TYPE_LABEL, "label", bottega_message_get_text (message), "wrap", TRUE,
                        "justify", GTK_JUSTIFY_CENTER, NULL);
    gtk_widget_add_css_class (row, "note");
    return row;
  }
}

/* Makes the row of the message at POSITION and puts it at INDEX of the rows. */
static gsize
insert_row (BottegaChatView *self,
            guint position,
            guint index)
{
  g_autoptr (BottegaMessage) message =
      g_list_model_get_item (G_LIST_MODEL (self->conversation), position);
  GtkWidget *row = make_row (self, message);

  gtk_box_insert_child_after (self->column, row, index > 0 ? self->rows->pdata[index - 1] : NULL);
  g_ptr_array_insert (self->rows, index, row);
  return bottega_message_get_text_bytes (message);
}

static void
remove_rows (BottegaChatView *self,
             guint index,
             guint n)
{
  for (guint i = index; i < index + n; i++)
    gtk_box_remove (self->column, self->rows->pdata[i]);
  if (n > 0)
    g_ptr_array_remove_range (self->rows, index, n);
}

/* The line above the first message that the model still reads. */
static void
update_marker (BottegaChatView *self)
{
  BottegaMessage *included = NULL;
  GtkWidget *before = NULL;

  if (self->conversation != NULL && bottega_conversation_get_dropped_turns (self->conversation) > 0)
    included = bottega_conversation_get_first_included (self->conversation);

  for (guint i = 0; included != NULL && i < self->rows->len; i++) {
    g_autoptr (BottegaMessage) message =
        g_list_model_get_item (G_LIST_MODEL (self->conversation), self->first + i);
    if (message == included) {
      gtk_box_reorder_child_after (self->column, self->marker, before);
      gtk_widget_set_visible (self->marker, TRUE);
      return;
    }
    before = self->rows->pdata[i];
  }
  gtk_widget_set_visible (self->marker, FALSE);
}

static gboolean
populate_cb (gpointer user_data)
{
  BottegaChatView *self = user_data;
  gint64 until_us = g_get_monotonic_time () + CHUNK_US;

  g_assert (BOTTEGA_IS_CHAT_VIEW (self));

  while (self->first > 0 && g_get_monotonic_time () < until_us)
    insert_row (self, --self->first, 0);
  bottega_end_viewport_grow_above (self->viewport);
  if (self->first > 0)
    return G_SOURCE_CONTINUE;

  update_marker (self);
  self->populate_source = 0;
  return G_SOURCE_REMOVE;
}

/* Makes the rows of the last page now and of what is above it later. */
static void
populate (BottegaChatView *self)
{
  gsize bytes = 0;

  g_clear_handle_id (&self->populate_source, g_source_remove);
  self->first = 0;
  if (self->conversation != NULL)
    self->first = g_list_model_get_n_items (G_LIST_MODEL (self->conversation));
  while (self->first > 0 && bytes < FIRST_PAGE_BYTES)
    bytes += insert_row (self, --self->first, 0);
  if (self->first > 0) {
    self->populate_source = g_idle_add_full (G_PRIORITY_LOW, populate_cb, self, NULL);
    g_source_set_name_by_id (self->populate_source, "[bottega] earlier messages");
  }
  update_marker (self);
}

static void
items_changed_cb (BottegaChatView *self,
                  guint position,
                  guint removed,
                  guint added,
                  GListModel *model)
{
  g_assert (BOTTEGA_IS_CHAT_VIEW (self));

  if (position < self->first || self->rows->len == 0) {
    remove_rows (self, 0, self->rows->len);
    populate (self);
    return;
  }
  remove_rows (self, position - self->first, removed);
  for (guint i = 0; i < added; i++)
    insert_row (self, position + i, position - self->first + i);
  update_marker (self);
  if (added > 0)
    bottega_chat_view_go_to_end (self);
}

/* Actions */

static BottegaMessage *
find_message (BottegaChatView *self,
              const char *id)
{
  guint n = self->conversation != NULL
                ? g_list_model_get_n_items (G_LIST_MODEL (self->conversation))
                : 0;

  for (guint i = n; i > 0; i--) {
    g_autoptr (BottegaMessage) message =
        g_list_model_get_item (G_LIST_MODEL (self->conversation), i - 1);
    if (g_strcmp0 (bottega_message_get_id (message), id) == 0)
      return g_steal_pointer (&message);
  }
  return NULL;
}

static void
say (BottegaChatView *self,
     GError *error)
{
  if (error != NULL)
    gtk_widget_activate_action (GTK_WIDGET (self), "win.say", "s", error->message);
}

static void
regenerate_action (GtkWidget *widget,
                   const char *name,
                   GVariant *id)
{
  BottegaChatView *self = BOTTEGA_CHAT_VIEW (widget);
  g_autoptr (BottegaMessage) message = find_message (self, g_variant_get_string (id, NULL));
  g_autoptr (GError) error = NULL;

  if (message != NULL)
    bottega_conversation_regenerate (self->conversation, message, &error);
  say (self, error);
}

static void
continue_action (GtkWidget *widget,
                 const char *name,
                 GVariant *id)
{
  BottegaChatView *self = BOTTEGA_CHAT_VIEW (widget);
  g_autoptr (BottegaMessage) message = find_message (self, g_variant_get_string (id, NULL));
  g_autoptr (GError) error = NULL;

  if (message != NULL)
    bottega_conversation_continue (self->conversation, message, &error);
  say (self, error);
  bottega_chat_view_go_to_end (self);
}

static void
edit_action (GtkWidget *widget,
             const char *name,
             GVariant *parameters)
{
  BottegaChatView *self = BOTTEGA_CHAT_VIEW (widget);
  g_autoptr (BottegaMessage) message = NULL;
  g_autoptr (GError) error = NULL;
  const char *id, *text;

  g_variant_get (parameters, "(&s&s)", &id, &text);
  message = find_message (self, id);
  if (message != NULL)
    bottega_conversation_edit_and_resend (self->conversation, message, text, &error);
  say (self, error);
}

static void
busy_cb (BottegaChatView *self)
{
  gboolean idle = self->conversation == NULL || !bottega_conversation_get_busy (self->conversation);

  g_assert (BOTTEGA_IS_CHAT_VIEW (self));

  gtk_widget_action_set_enabled (GTK_WIDGET (self), "chat.regenerate", idle);
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "chat.continue", idle);
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "chat.edit", idle);
}

static void
bottega_chat_view_get_property (GObject *object,
                                guint id,
                                GValue *value,
                                GParamSpec *pspec)
{
  switch (id) {
  case PROP_CONVERSATION:
    g_value_set_object (value, bottega_chat_view_get_conversation (BOTTEGA_CHAT_VIEW (object)));
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
bottega_chat_view_set_property (GObject *object,
                                guint id,
                                const GValue *value,
                                GParamSpec *pspec)
{
  switch (id) {
  case PROP_CONVERSATION:
    bottega_chat_view_set_conversation (BOTTEGA_CHAT_VIEW (object), g_value_get_object (value));
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
bottega_chat_view_map (GtkWidget *widget)
{
  GTK_WIDGET_CLASS (bottega_chat_view_parent_class)->map (widget);
  bottega_code_block_warm_up ();
}

static void
bottega_chat_view_dispose (GObject *object)
{
  BottegaChatView *self = BOTTEGA_CHAT_VIEW (object);

  g_clear_handle_id (&self->populate_source, g_source_remove);
  g_clear_object (&self->signals);
  g_clear_object (&self->conversation);
  g_clear_pointer (&self->rows, g_ptr_array_unref);
  gtk_widget_dispose_template (GTK_WIDGET (self), BOTTEGA_TYPE_CHAT_VIEW);
  /* The template lets go only of what is bound. */
  for (GtkWidget *child; (child = gtk_widget_get_first_child (GTK_WIDGET (self))) != NULL;)
    gtk_widget_unparent (child);
  G_OBJECT_CLASS (bottega_chat_view_parent_class)->dispose (object);
}

static void
bottega_chat_view_class_init (BottegaChatViewClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  object_class->get_property = bottega_chat_view_get_property;
  object_class->set_property = bottega_chat_view_set_property;
  object_class->dispose = bottega_chat_view_dispose;
  widget_class->map = bottega_chat_view_map;

  properties[PROP_CONVERSATION] =
      g_param_spec_object ("conversation", NULL, NULL, BOTTEGA_TYPE_CONVERSATION,
                           G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, properties);

  gtk_widget_class_install_action (widget_class, "chat.regenerate", "s", regenerate_action);
  gtk_widget_class_install_action (widget_class, "chat.continue", "s", continue_action);
  gtk_widget_class_install_action (widget_class, "chat.edit", "(ss)", edit_action);

  g_type_ensure (BOTTEGA_TYPE_END_VIEWPORT);
  gtk_widget_class_set_css_name (widget_class, "chat");
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/io/github/bottega/Bottega/bottega-chat-view.ui");
  gtk_widget_class_bind_template_child (widget_class, BottegaChatView, overlay);
  gtk_widget_class_bind_template_child (widget_class, BottegaChatView, scroller);
  gtk_widget_class_bind_template_child (widget_class, BottegaChatView, viewport);
  gtk_widget_class_bind_template_child (widget_class, BottegaChatView, column);
  gtk_widget_class_bind_template_child (widget_class, BottegaChatView, end_revealer);
  gtk_widget_class_bind_template_callback (widget_class, end_clicked_cb);
}

static void
bottega_chat_view_init (BottegaChatView *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  self->rows = g_ptr_array_new ();

  self->marker = g_object_new (
      GTK_TYPE_LABEL, "label",
      _ ("Earlier messages above this line are no longer read by the model"), "wrap", TRUE,
      "justify", GTK_JUSTIFY_CENTER, "visible", FALSE, NULL);
  gtk_widget_add_css_class (self->marker, "marker");
  gtk_box_append (self->column, self->marker);

  self->signals = g_signal_group_new (BOTTEGA_TYPE_CONVERSATION);
  g_signal_group_connect_swapped (self->signals, "items-changed", G_CALLBACK (items_changed_cb),
                                  self);
  g_signal_group_connect_swapped (self->signals, "notify::busy", G_CALLBACK (busy_cb), self);
  g_signal_group_connect_swapped (self->signals, "notify::first-included",
                                  G_CALLBACK (update_marker), self);
  g_signal_group_connect_swapped (self->signals, "notify::dropped-turns",
                                  G_CALLBACK (update_marker), self);
  g_signal_connect_object (gtk_scrolled_window_get_vadjustment (self->scroller), "value-changed",
                           G_CALLBACK (update_button), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (gtk_scrolled_window_get_vadjustment (self->scroller), "changed",
                           G_CALLBACK (update_button), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->viewport, "notify::following", G_CALLBACK (update_button), self,
                           G_CONNECT_SWAPPED);
}

GtkWidget *
bottega_chat_view_new (void)
{
  return g_object_new (BOTTEGA_TYPE_CHAT_VIEW, NULL);
}

BottegaConversation *
bottega_chat_view_get_conversation (BottegaChatView *self)
{
  g_return_val_if_fail (BOTTEGA_IS_CHAT_VIEW (self), NULL);

  return self->conversation;
}

void
bottega_chat_view_set_conversation (BottegaChatView *self,
                                    BottegaConversation *conversation)
{
  g_return_if_fail (BOTTEGA_IS_CHAT_VIEW (self));
  g_return_if_fail (conversation == NULL || BOTTEGA_IS_CONVERSATION (conversation));

  if (conversation == self->conversation)
    return;
  remove_rows (self, 0, self->rows->len);
  g_set_object (&self->conversation, conversation);
  g_signal_group_set_target (self->signals, conversation);
  populate (self);
  busy_cb (self);
  bottega_chat_view_go_to_end (self);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_CONVERSATION]);
}

void
bottega_chat_view_go_to_end (BottegaChatView *self)
{
  g_return_if_fail (BOTTEGA_IS_CHAT_VIEW (self));

  bottega_end_viewport_go_to_end (self->viewport);
}
