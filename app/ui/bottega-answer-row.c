/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Owns what is shown of one answer in each of its states. It must not know how answers are made,
 * nor the rows around it: what is to happen, it says to the view around it by an action.
 */
#define G_LOG_DOMAIN "bottega-answer-row"

#include "config.h"

#include "app/ui/bottega-answer-row.h"
#include "app/ui/bottega-announcer.h"
#include "app/ui/bottega-markdown-view.h"
#include "app/ui/bottega-phase-line.h"
#include "app/ui/bottega-source-chips.h"
#include "app/ui/bottega-source-name.h"
#include "app/ui/bottega-stats-line.h"

#include <glib/gi18n.h>

#define COPIED_MS 1500

struct _BottegaAnswerRow {
  GtkWidget parent_instance;

  BottegaSourceChips *chips;
  GtkLabel *note_label;
  GtkExpander *thought_expander;
  GtkLabel *thought_label;
  BottegaMarkdownView *view;
  BottegaPhaseLine *phase_line;
  GtkWidget *end_box;
  GtkWidget *end_rule;
  GtkWidget *end_icon;
  GtkLabel *end_label;
  GtkWidget *continue_button;
  GtkWidget *again_button;
  GtkWidget *footer;
  BottegaStatsLine *stats_line;
  GtkButton *copy_button;
  GtkWidget *regenerate_button;

  BottegaConversation *conversation;
  BottegaMessage *message;
  BottegaAnnouncer *announcer;
  guint copied_source;
  gboolean writing; /* the view waits for more text */
};

G_DEFINE_FINAL_TYPE (BottegaAnswerRow, bottega_answer_row, GTK_TYPE_WIDGET)

/* How an answer can end, and what is said of it. */
static const struct {
  BottegaMessageState state;
  const char *sentence; /* NULL: the message's own */
  const char *again;    /* NULL: no button */
  gboolean rule;
  gboolean warning;
} endings[] = {
  { BOTTEGA_MESSAGE_STATE_INTERRUPTED, N_ ("The answer was interrupted."), N_ ("Ask again"), TRUE,
    FALSE },
  { BOTTEGA_MESSAGE_STATE_STOPPED, N_ ("You stopped the answer."), NULL, FALSE, FALSE },
  { BOTTEGA_MESSAGE_STATE_FAILED, NULL, N_ ("Try again"), FALSE, TRUE },
  { BOTTEGA_MESSAGE_STATE_COMPLETE, N_ ("The answer has reached its greatest length."), NULL, FALSE,
    FALSE },
};

static gboolean
copied_timeout_cb (gpointer user_data)
{
  BottegaAnswerRow *self = user_data;

  g_assert (BOTTEGA_IS_ANSWER_ROW (self));

  self->copied_source = 0;
  gtk_button_set_icon_name (self->copy_button, "edit-copy-symbolic");
  return G_SOURCE_REMOVE;
}

static void
copy_cb (BottegaAnswerRow *self,
         GtkButton *button)
{
  g_assert (BOTTEGA_IS_ANSWER_ROW (self));

  gdk_clipboard_set_text (gtk_widget_get_clipboard (GTK_WIDGET (self)),
                          bottega_message_get_text (self->message));
  gtk_button_set_icon_name (self->copy_button, "object-select-symbolic");
  gtk_accessible_announce (GTK_ACCESSIBLE (self), _ ("Answer copied"),
                           GTK_ACCESSIBLE_ANNOUNCEMENT_PRIORITY_LOW);
  g_clear_handle_id (&self->copied_source, g_source_remove);
  self->copied_source = g_timeout_add (COPIED_MS, copied_timeout_cb, self);
}

static void
show_ending (BottegaAnswerRow *self,
             guint i)
{
  const char *sentence = endings[i].sentence != NULL ? _ (endings[i].sentence)
                                                     : bottega_message_get_error (self->message);
  gboolean may_continue = bottega_conversation_can_continue (self->conversation, self->message);

  if (endings[i].state == BOTTEGA_MESSAGE_STATE_COMPLETE && !may_continue)
    return;
  gtk_label_set_label (self->end_label, sentence != NULL ? sentence : "");
  gtk_widget_set_visible (self->end_rule, endings[i].rule);
  gtk_widget_set_visible (self->end_icon, endings[i].warning);
  gtk_widget_set_visible (self->continue_button, may_continue);
  gtk_widget_set_visible (self->again_button, endings[i].again != NULL);
  if (endings[i].again != NULL)
    gtk_button_set_label (GTK_BUTTON (self->again_button), _ (endings[i].again));
  gtk_widget_set_visible (self->end_box, TRUE);
}

static void
update_ending (BottegaAnswerRow *self)
{
  BottegaMessageState state = bottega_message_get_state (self->message);

  gtk_widget_set_visible (self->end_box, FALSE);
  for (guint i = 0; i < G_N_ELEMENTS (endings); i++)
    if (endings[i].state == state)
      show_ending (self, i);
}

/* The conversation has begun or ended something: the last answer may, or may no longer, go on. */
static void
busy_cb (BottegaAnswerRow *self)
{
  g_assert (BOTTEGA_IS_ANSWER_ROW (self));

  update_ending (self);
}

static void
phase_cb (BottegaAnswerRow *self)
{
  g_assert (BOTTEGA_IS_ANSWER_ROW (self));

  bottega_phase_line_set_text (self->phase_line, bottega_message_get_phase_text (self->message));
}

static void
appended_cb (BottegaAnswerRow *self,
             const char *piece,
             BottegaMessage *message)
{
  g_assert (BOTTEGA_IS_ANSWER_ROW (self));

  gtk_widget_set_visible (GTK_WIDGET (self->view), TRUE);
  bottega_markdown_view_append (self->view, piece);
  bottega_announcer_add (self->announcer, piece);
}

/* The text was replaced, or ended. */
static void
text_cb (BottegaAnswerRow *self)
{
  const char *text = bottega_message_get_text (self->message);

  g_assert (BOTTEGA_IS_ANSWER_ROW (self));

  if (g_strcmp0 (text, bottega_markdown_view_get_text (self->view)) != 0)
    bottega_markdown_view_set_text (self->view, text != NULL ? text : "", !self->writing);
  gtk_widget_set_visible (GTK_WIDGET (self->view), text != NULL && *text != 0);
}

static void
state_cb (BottegaAnswerRow *self)
{
  gboolean busy = bottega_message_get_busy (self->message);

  g_assert (BOTTEGA_IS_ANSWER_ROW (self));

  if (busy && !self->writing) {
    self->writing = TRUE;
    bottega_markdown_view_set_text (self->view, bottega_message_get_text (self->message), FALSE);
  } else if (!busy && self->writing) {
    self->writing = FALSE;
    text_cb (self);
    bottega_markdown_view_finish (self->view);
    bottega_announcer_finish (self->announcer);
  }
  gtk_accessible_update_state (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_STATE_BUSY, busy, -1);
  gtk_widget_set_visible (self->footer, !busy);
  bottega_source_chips_set_settled (self->chips, !busy);
  phase_cb (self);
  update_ending (self);
}

/* The passages are there before the first word. */
static void
passages_cb (BottegaAnswerRow *self)
{
  g_auto (GStrv) names = bottega_source_names (bottega_message_get_passages (self->message));

  g_assert (BOTTEGA_IS_ANSWER_ROW (self));

  bottega_markdown_view_set_sources (self->view,
                                     *names != NULL ? (const char *const *) names : NULL);
}

static void
note_cb (BottegaAnswerRow *self)
{
  const char *note = bottega_message_get_note (self->message);

  g_assert (BOTTEGA_IS_ANSWER_ROW (self));

  gtk_label_set_label (self->note_label, note != NULL ? note : "");
  gtk_widget_set_visible (GTK_WIDGET (self->note_label), note != NULL);
}

/* Folded until it is opened: only then is its text laid out. */
static void
thought_cb (BottegaAnswerRow *self)
{
  const char *thought = bottega_message_get_thought (self->message);
  guint seconds = (guint) (bottega_message_get_thought_s (self->message) + 0.5);
  gboolean shown = thought != NULL && gtk_expander_get_expanded (self->thought_expander);
  g_autofree char *title = NULL;

  g_assert (BOTTEGA_IS_ANSWER_ROW (self));

  if (seconds > 0)
    title = g_strdup_printf (ngettext ("Thought for %u s", "Thought for %u s", seconds), seconds);
  gtk_expander_set_label (self->thought_expander, title != NULL ? title : _ ("Thought"));
  gtk_label_set_label (self->thought_label, shown ? thought : "");
  gtk_widget_set_visible (GTK_WIDGET (self->thought_expander), thought != NULL);
}

static void
show_source_action (GtkWidget *widget,
                    const char *name,
                    GVariant *number)
{
  BottegaAnswerRow *self = BOTTEGA_ANSWER_ROW (widget);

  gtk_widget_activate_action (widget, "page.show-source", "(su)",
                              bottega_message_get_id (self->message),
                              g_variant_get_uint32 (number));
}

static void
stats_cb (BottegaAnswerRow *self)
{
  g_assert (BOTTEGA_IS_ANSWER_ROW (self));

  bottega_stats_line_show_message (self->stats_line, self->message);
}

static void
bottega_answer_row_dispose (GObject *object)
{
  BottegaAnswerRow *self = BOTTEGA_ANSWER_ROW (object);

  g_clear_handle_id (&self->copied_source, g_source_remove);
  g_clear_pointer (&self->announcer, bottega_announcer_free);
  gtk_widget_dispose_template (GTK_WIDGET (self), BOTTEGA_TYPE_ANSWER_ROW);
  /* The template lets go only of what is bound. */
  for (GtkWidget *child; (child = gtk_widget_get_first_child (GTK_WIDGET (self))) != NULL;)
    gtk_widget_unparent (child);
  g_clear_object (&self->message);
  g_clear_object (&self->conversation);
  G_OBJECT_CLASS (bottega_answer_row_parent_class)->dispose (object);
}

static void
bottega_answer_row_class_init (BottegaAnswerRowClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  object_class->dispose = bottega_answer_row_dispose;

  g_type_ensure (BOTTEGA_TYPE_MARKDOWN_VIEW);
  g_type_ensure (BOTTEGA_TYPE_PHASE_LINE);
  g_type_ensure (BOTTEGA_TYPE_SOURCE_CHIPS);
  g_type_ensure (BOTTEGA_TYPE_STATS_LINE);
  gtk_widget_class_set_css_name (widget_class, "answer");
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_ARTICLE);
  gtk_widget_class_set_template_from_resource (
      widget_class, "/io/github/bottega/Bottega/bottega-answer-row.ui");
  gtk_widget_class_bind_template_child (widget_class, BottegaAnswerRow, chips);
  gtk_widget_class_bind_template_child (widget_class, BottegaAnswerRow, note_label);
  gtk_widget_class_bind_template_child (widget_class, BottegaAnswerRow, thought_expander);
  gtk_widget_class_bind_template_child (widget_class, BottegaAnswerRow, thought_label);
  gtk_widget_class_bind_template_child (widget_class, BottegaAnswerRow, view);
  gtk_widget_class_bind_template_child (widget_class, BottegaAnswerRow, phase_line);
  gtk_widget_class_bind_template_child (widget_class, BottegaAnswerRow, end_box);
  gtk_widget_class_bind_template_child (widget_class, BottegaAnswerRow, end_rule);
  gtk_widget_class_bind_template_child (widget_class, BottegaAnswerRow, end_icon);
  gtk_widget_class_bind_template_child (widget_class, BottegaAnswerRow, end_label);
  gtk_widget_class_bind_template_child (widget_class, BottegaAnswerRow, continue_button);
  gtk_widget_class_bind_template_child (widget_class, BottegaAnswerRow, again_button);
  gtk_widget_class_bind_template_child (widget_class, BottegaAnswerRow, footer);
  gtk_widget_class_bind_template_child (widget_class, BottegaAnswerRow, stats_line);
  gtk_widget_class_bind_template_child (widget_class, BottegaAnswerRow, copy_button);
  gtk_widget_class_bind_template_child (widget_class, BottegaAnswerRow, regenerate_button);
  gtk_widget_class_bind_template_callback (widget_class, copy_cb);
  gtk_widget_class_bind_template_callback (widget_class, thought_cb);
  gtk_widget_class_install_action (widget_class, "answer.show-source", "u", show_source_action);
}

static void
bottega_answer_row_init (BottegaAnswerRow *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  self->announcer = bottega_announcer_new (GTK_WIDGET (self));
  gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Answer"), -1);
}

GtkWidget *
bottega_answer_row_new (BottegaConversation *conversation,
                        BottegaMessage *message)
{
  BottegaAnswerRow *self;
  const char *id;

  g_return_val_if_fail (BOTTEGA_IS_CONVERSATION (conversation), NULL);
  g_return_val_if_fail (BOTTEGA_IS_MESSAGE (message), NULL);

  self = g_object_new (BOTTEGA_TYPE_ANSWER_ROW, NULL);
  self->conversation = g_object_ref (conversation);
  self->message = g_object_ref (message);
  id = bottega_message_get_id (message);
  gtk_actionable_set_action_target (GTK_ACTIONABLE (self->continue_button), "s", id);
  gtk_actionable_set_action_target (GTK_ACTIONABLE (self->again_button), "s", id);
  gtk_actionable_set_action_target (GTK_ACTIONABLE (self->regenerate_button), "s", id);

  g_signal_connect_object (message, "appended", G_CALLBACK (appended_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (message, "notify::text", G_CALLBACK (text_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (message, "notify::state", G_CALLBACK (state_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (message, "notify::phase-text", G_CALLBACK (phase_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (message, "notify::stats-line", G_CALLBACK (stats_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (message, "notify::thought", G_CALLBACK (thought_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (message, "notify::note", G_CALLBACK (note_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (bottega_message_get_passages (message), "items-changed",
                           G_CALLBACK (passages_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (conversation, "notify::busy", G_CALLBACK (busy_cb), self,
                           G_CONNECT_SWAPPED);
  bottega_source_chips_set_passages (self->chips, bottega_message_get_passages (message));
  passages_cb (self);
  note_cb (self);
  thought_cb (self);
  text_cb (self);
  state_cb (self);
  stats_cb (self);
  return GTK_WIDGET (self);
}
