/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Owns the rows of a conversation and where the reader is in it. Every message has a slot from the
 * start, since a widget that is put before many others has all of those styled anew. The slots are
 * filled upwards from the end, one or two a frame, as far as the reader may go: so a long
 * conversation opens at once. It must not know how messages look or are made.
 */
#define G_LOG_DOMAIN "bottega-chat-view"

#include "config.h"

#include "app/ui/bottega-chat-view.h"
#include "app/ui/bottega-answer-row.h"
#include "app/ui/bottega-code-block.h"
#include "app/ui/bottega-earlier-mark.h"
#include "app/ui/bottega-end-viewport.h"
#include "app/ui/bottega-question-row.h"
#include "app/ui/bottega-transcript.h"

#include <adwaita.h>

/* From so far on the button shows. */
#define BUTTON_DISTANCE 160

/* The messages at the end that are made at once: a tall page of text. */
#define FIRST_PAGE_BYTES 6000

/* How much text of earlier messages one frame may take. */
#define FRAME_BYTES 800

/* So many rows are made ahead; earlier ones only when the reader comes within so many pages. */
#define READY_ROWS  40
#define PAGES_AHEAD 3

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
  GPtrArray *slots; /* AdwBin for each message; owned by the column */
  guint first;      /* those from here on have their row */
  guint populate_tick;
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

static void
insert_slot (BottegaChatView *self,
             guint position)
{
  GtkWidget *slot = adw_bin_new ();

  gtk_box_insert_child_after (self->column, slot,
                              position > 0 ? self->slots->pdata[position - 1] : NULL);
  g_ptr_array_insert (self->slots, position, slot);
}

/* Makes the row of the message at POSITION; returns the length of its text. */
static gsize
fill_slot (BottegaChatView *self,
           guint position)
{
  g_autoptr (BottegaMessage) message =
      g_list_model_get_item (G_LIST_MODEL (self->conversation), position);

  adw_bin_set_child (self->slots->pdata[position], make_row (self, message));
  return bottega_message_get_text_bytes (message);
}

static void
remove_slots (BottegaChatView *self,
              guint position,
              guint n)
{
  for (guint i = position; i < position + n; i++)
    gtk_box_remove (self->column, self->slots->pdata[i]);
  if (n > 0)
    g_ptr_array_remove_range (self->slots, position, n);
  self->first -= CLAMP ((int) self->first - (int) position, 0, (int) n);
}

/* The line above the first message that the model still reads. */
static void
update_marker (BottegaChatView *self)
{
  BottegaMessage *included = NULL;

  if (self->conversation != NULL && bottega_conversation_get_dropped_turns (self->conversation) > 0)
    included = bottega_conversation_get_first_included (self->conversation);

  for (guint i = self->first; included != NULL && i < self->slots->len; i++) {
    g_autoptr (BottegaMessage) message =
        g_list_model_get_item (G_LIST_MODEL (self->conversation), i);
    if (message == included) {
      gtk_box_reorder_child_after (self->column, self->marker,
                                   i > 0 ? self->slots->pdata[i - 1] : NULL);
      bottega_earlier_mark_show (BOTTEGA_EARLIER_MARK (self->marker), self->conversation);
      gtk_widget_set_visible (self->marker, TRUE);
      return;
    }
  }
  gtk_widget_set_visible (self->marker, FALSE);
}

static gboolean
wants_rows (BottegaChatView *self)
{
  GtkAdjustment *adjustment = gtk_scrolled_window_get_vadjustment (self->scroller);
  double ahead = gtk_adjustment_get_page_size (adjustment) * PAGES_AHEAD;

  if (self->first == 0)
    return FALSE;
  return self->slots->len - self->first < READY_ROWS ||
         gtk_adjustment_get_value (adjustment) < ahead;
}

/* Styling and laying out a row takes far longer than making it, and all of it falls into the frame:
 * hence the rows of a frame are counted by their text. */
static gboolean
populate_cb (GtkWidget *widget,
             GdkFrameClock *clock,
             gpointer user_data)
{
  BottegaChatView *self = BOTTEGA_CHAT_VIEW (widget);
  gsize bytes = 0;

  while (wants_rows (self) && bytes < FRAME_BYTES)
    bytes += fill_slot (self, --self->first);
  bottega_end_viewport_grow_above (self->viewport);
  update_marker (self);
  if (wants_rows (self))
    return G_SOURCE_CONTINUE;

  self->populate_tick = 0;
  return G_SOURCE_REMOVE;
}

static void
queue_populate (BottegaChatView *self)
{
  if (self->populate_tick == 0 && wants_rows (self))
    self->populate_tick = gtk_widget_add_tick_callback (GTK_WIDGET (self), populate_cb, NULL, NULL);
}

static void
stop_populate (BottegaChatView *self)
{
  if (self->populate_tick != 0)
    gtk_widget_remove_tick_callback (GTK_WIDGET (self), self->populate_tick);
  self->populate_tick = 0;
}

/* The reader moved, or the page grew. */
static void
place_cb (BottegaChatView *self)
{
  g_assert (BOTTEGA_IS_CHAT_VIEW (self));

  update_button (self);
  queue_populate (self);
}

/* Makes the rows of the last page now and of what is above it later. */
static void
populate (BottegaChatView *self)
{
  gsize bytes = 0;

  self->first = self->slots->len;
  while (self->first > 0 && bytes < FIRST_PAGE_BYTES)
    bytes += fill_slot (self, --self->first);
  queue_populate (self);
}

static void
items_changed_cb (BottegaChatView *self,
                  guint position,
                  guint removed,
                  guint added,
                  GListModel *model)
{
  gboolean fresh;

  g_assert (BOTTEGA_IS_CHAT_VIEW (self));

  remove_slots (self, position, removed);
  fresh = self->first == self->slots->len;
  for (guint i = 0; i < added; i++) {
    insert_slot (self, position + i);
    if (position < self->first)
      self->first++;
    else if (!fresh)
      fill_slot (self, position + i);
  }
  if (fresh)
    populate (self);
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

  stop_populate (self);
  g_clear_object (&self->signals);
  g_clear_object (&self->conversation);
  g_clear_pointer (&self->slots, g_ptr_array_unref);
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
  g_type_ensure (BOTTEGA_TYPE_TRANSCRIPT);
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
  self->slots = g_ptr_array_new ();

  self->marker = bottega_earlier_mark_new ();
  gtk_widget_set_visible (self->marker, FALSE);
  gtk_box_append (self->column, self->marker);

  self->signals = g_signal_group_new (BOTTEGA_TYPE_CONVERSATION);
  g_signal_group_connect_swapped (self->signals, "items-changed", G_CALLBACK (items_changed_cb),
                                  self);
  g_signal_group_connect_swapped (self->signals, "notify::busy", G_CALLBACK (busy_cb), self);
  g_signal_group_connect_swapped (self->signals, "notify::first-included",
                                  G_CALLBACK (update_marker), self);
  g_signal_group_connect_swapped (self->signals, "notify::dropped-turns",
                                  G_CALLBACK (update_marker), self);
  g_signal_group_connect_swapped (self->signals, "notify::recap", G_CALLBACK (update_marker),
                                  self);
  g_signal_connect_object (gtk_scrolled_window_get_vadjustment (self->scroller), "value-changed",
                           G_CALLBACK (place_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (gtk_scrolled_window_get_vadjustment (self->scroller), "changed",
                           G_CALLBACK (place_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->viewport, "notify::following", G_CALLBACK (place_cb), self,
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
  stop_populate (self);
  remove_slots (self, 0, self->slots->len);
  g_set_object (&self->conversation, conversation);
  g_signal_group_set_target (self->signals, conversation);
  if (conversation != NULL)
    items_changed_cb (self, 0, 0, g_list_model_get_n_items (G_LIST_MODEL (conversation)),
                      G_LIST_MODEL (conversation));
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
