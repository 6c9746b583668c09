/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the words of one row of the sidebar. Must not know the list that it stands in. */
#define G_LOG_DOMAIN "bottega-conversation-row"

#include "config.h"

#include "app/ui/bottega-conversation-row.h"

#include <glib/gi18n.h>

struct _BottegaConversationRow {
  AdwBin parent_instance;

  GtkLabel *title_label;
  GtkLabel *time_label;
  GtkWidget *stop_button;

  GSignalGroup *conversation;
};

G_DEFINE_FINAL_TYPE (BottegaConversationRow, bottega_conversation_row, ADW_TYPE_BIN)

char *
bottega_conversation_row_format_time (gint64 time_us,
                                      gint64 now_us)
{
  g_autoptr (GDateTime) time_utc = g_date_time_new_from_unix_utc_usec (time_us);
  g_autoptr (GDateTime) now_utc = g_date_time_new_from_unix_utc_usec (now_us);
  g_autoptr (GDateTime) time = NULL, now = NULL, midnight = NULL;
  GTimeSpan before;

  if (time_utc == NULL || now_utc == NULL)
    return g_strdup ("");
  time = g_date_time_to_local (time_utc);
  now = g_date_time_to_local (now_utc);
  midnight = g_date_time_new_local (g_date_time_get_year (now), g_date_time_get_month (now),
                                    g_date_time_get_day_of_month (now), 0, 0, 0);
  before = g_date_time_difference (midnight, time);
  if (before <= 0)
    /* TRANSLATORS: the time of day, as strftime wants it. */
    return g_date_time_format (time, _ ("%H:%M"));
  if (before <= G_TIME_SPAN_DAY)
    return g_strdup (_ ("Yesterday"));
  if (before < 6 * G_TIME_SPAN_DAY)
    return g_date_time_format (time, "%A");
  if (g_date_time_get_year (time) == g_date_time_get_year (now))
    /* TRANSLATORS: a date of this year, as strftime wants it: 3 November. */
    return g_date_time_format (time, _ ("%-d %B"));
  /* TRANSLATORS: a date of an earlier year, as strftime wants it: 3 November 2025. */
  return g_date_time_format (time, _ ("%-d %B %Y"));
}

const char *
bottega_conversation_row_format_state (BottegaConversationState state)
{
  static const char *const words[] = {
    [BOTTEGA_CONVERSATION_IDLE] = NULL,
    [BOTTEGA_CONVERSATION_QUEUED] = N_ ("Waiting…"),
    [BOTTEGA_CONVERSATION_SEARCHING] = N_ ("Searching…"),
    [BOTTEGA_CONVERSATION_LOADING] = N_ ("Waiting…"),
    [BOTTEGA_CONVERSATION_READING] = N_ ("Reading…"),
    [BOTTEGA_CONVERSATION_WRITING] = N_ ("Writing…"),
    [BOTTEGA_CONVERSATION_STOPPING] = N_ ("Stopping…"),
    [BOTTEGA_CONVERSATION_FAILED] = NULL,
  };

  return words[state] != NULL ? _ (words[state]) : NULL;
}

static void
stop_cb (BottegaConversationRow *self)
{
  g_autoptr (BottegaConversation) conversation = g_signal_group_dup_target (self->conversation);

  g_assert (BOTTEGA_IS_CONVERSATION_ROW (self));

  if (conversation != NULL)
    gtk_widget_activate_action (GTK_WIDGET (self), "win.stop-conversation", "s",
                                bottega_conversation_get_id (conversation));
}

static void
update_cb (BottegaConversationRow *self)
{
  g_autoptr (BottegaConversation) conversation = g_signal_group_dup_target (self->conversation);
  g_autofree char *time = NULL;
  BottegaConversationState state;
  const char *title, *words;

  g_assert (BOTTEGA_IS_CONVERSATION_ROW (self));

  if (conversation == NULL)
    return;
  title = bottega_conversation_get_title (conversation);
  state = bottega_conversation_get_state (conversation);
  words = bottega_conversation_row_format_state (state);
  time = bottega_conversation_row_format_time (bottega_conversation_get_updated_us (conversation),
                                               g_get_real_time ());
  if (title == NULL || *title == 0)
    title = _ ("New conversation");
  gtk_label_set_label (self->title_label, title);
  gtk_widget_set_tooltip_text (GTK_WIDGET (self), title);
  gtk_label_set_label (self->time_label, words != NULL ? words : time);
  gtk_widget_set_visible (self->stop_button, words != NULL);
  gtk_widget_set_sensitive (self->stop_button, state != BOTTEGA_CONVERSATION_STOPPING);
}

static void
bottega_conversation_row_dispose (GObject *object)
{
  BottegaConversationRow *self = BOTTEGA_CONVERSATION_ROW (object);

  g_clear_object (&self->conversation);
  gtk_widget_dispose_template (GTK_WIDGET (self), BOTTEGA_TYPE_CONVERSATION_ROW);
  G_OBJECT_CLASS (bottega_conversation_row_parent_class)->dispose (object);
}

static void
bottega_conversation_row_class_init (BottegaConversationRowClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = bottega_conversation_row_dispose;
  gtk_widget_class_set_template_from_resource (
      widget_class, "/io/github/bottega/Bottega/bottega-conversation-row.ui");
  gtk_widget_class_bind_template_child (widget_class, BottegaConversationRow, title_label);
  gtk_widget_class_bind_template_child (widget_class, BottegaConversationRow, time_label);
  gtk_widget_class_bind_template_child (widget_class, BottegaConversationRow, stop_button);
}

static void
bottega_conversation_row_init (BottegaConversationRow *self)
{
  static const char *const names[] = { "title", "updated-us", "state" };

  gtk_widget_init_template (GTK_WIDGET (self));
  self->conversation = g_signal_group_new (BOTTEGA_TYPE_CONVERSATION);
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *signal = g_strconcat ("notify::", names[i], NULL);
    g_signal_group_connect_swapped (self->conversation, signal, G_CALLBACK (update_cb), self);
  }
  g_signal_connect_object (self->stop_button, "clicked", G_CALLBACK (stop_cb), self,
                           G_CONNECT_SWAPPED);
}

GtkWidget *
bottega_conversation_row_new (void)
{
  return g_object_new (BOTTEGA_TYPE_CONVERSATION_ROW, NULL);
}

BottegaConversation *
bottega_conversation_row_get_conversation (BottegaConversationRow *self)
{
  g_autoptr (BottegaConversation) conversation = NULL;

  g_return_val_if_fail (BOTTEGA_IS_CONVERSATION_ROW (self), NULL);

  conversation = g_signal_group_dup_target (self->conversation);
  return conversation; /* the list item holds it */
}

void
bottega_conversation_row_set_conversation (BottegaConversationRow *self,
                                           BottegaConversation *conversation)
{
  g_return_if_fail (BOTTEGA_IS_CONVERSATION_ROW (self));

  g_signal_group_set_target (self->conversation, conversation);
  update_cb (self);
}
