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
  GtkWidget *writing;

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

static void
update_cb (BottegaConversationRow *self)
{
  g_autoptr (BottegaConversation) conversation = g_signal_group_dup_target (self->conversation);
  g_autofree char *time = NULL;
  const char *title;
  gboolean busy;

  g_assert (BOTTEGA_IS_CONVERSATION_ROW (self));

  if (conversation == NULL)
    return;
  title = bottega_conversation_get_title (conversation);
  busy = bottega_conversation_get_busy (conversation);
  time = bottega_conversation_row_format_time (bottega_conversation_get_updated_us (conversation),
                                               g_get_real_time ());
  if (title == NULL || *title == 0)
    title = _ ("New conversation");
  gtk_label_set_label (self->title_label, title);
  gtk_widget_set_tooltip_text (GTK_WIDGET (self), title);
  gtk_label_set_label (self->time_label, busy ? _ ("Writing…") : time);
  gtk_widget_set_visible (self->writing, busy);
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
  gtk_widget_class_bind_template_child (widget_class, BottegaConversationRow, writing);
}

static void
bottega_conversation_row_init (BottegaConversationRow *self)
{
  static const char *const names[] = { "title", "updated-us", "busy" };

  gtk_widget_init_template (GTK_WIDGET (self));
  self->conversation = g_signal_group_new (BOTTEGA_TYPE_CONVERSATION);
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *signal = g_strconcat ("notify::", names[i], NULL);
    g_signal_group_connect_swapped (self->conversation, signal, G_CALLBACK (update_cb), self);
  }
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
