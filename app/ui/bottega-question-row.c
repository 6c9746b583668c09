/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Owns the card of one question and its editing. It must not know the conversation: what is to
 * happen, it says to the view around it by an action.
 */
#define G_LOG_DOMAIN "bottega-question-row"

#include "config.h"

#include "app/ui/bottega-question-row.h"

#include <glib/gi18n.h>

/* Longer questions get a least width, see bottega_markdown_view_make_label (). */
#define LONG_BYTES     200
#define LONG_MIN_CHARS 16

struct _BottegaQuestionRow {
  GtkWidget parent_instance;

  GtkWidget *show_box;
  GtkWidget *edit_button;
  GtkLabel *label;
  GtkLabel *scope_label;
  GtkWidget *edit_box;
  GtkTextView *text_view;
  GtkWidget *send_button;

  BottegaMessage *message;
};

G_DEFINE_FINAL_TYPE (BottegaQuestionRow, bottega_question_row, GTK_TYPE_WIDGET)

static char *
dup_edited (BottegaQuestionRow *self)
{
  GtkTextBuffer *buffer = gtk_text_view_get_buffer (self->text_view);
  GtkTextIter start, end;

  gtk_text_buffer_get_bounds (buffer, &start, &end);
  return g_strstrip (gtk_text_buffer_get_text (buffer, &start, &end, FALSE));
}

static void
set_editing (BottegaQuestionRow *self,
             gboolean editing)
{
  gtk_widget_set_visible (self->show_box, !editing);
  gtk_widget_set_visible (self->edit_box, editing);
  if (editing) {
    gtk_text_buffer_set_text (gtk_text_view_get_buffer (self->text_view),
                              bottega_message_get_text (self->message), -1);
    gtk_widget_grab_focus (GTK_WIDGET (self->text_view));
  } else {
    gtk_widget_grab_focus (self->edit_button);
  }
}

static void
edit_cb (BottegaQuestionRow *self,
         GtkButton *button)
{
  g_assert (BOTTEGA_IS_QUESTION_ROW (self));

  set_editing (self, TRUE);
}

static void
cancel_cb (BottegaQuestionRow *self,
           GtkButton *button)
{
  g_assert (BOTTEGA_IS_QUESTION_ROW (self));

  set_editing (self, FALSE);
}

static void
send_cb (BottegaQuestionRow *self,
         GtkButton *button)
{
  g_autofree char *text = dup_edited (self);
  g_autofree char *id = g_strdup (bottega_message_get_id (self->message));

  g_assert (BOTTEGA_IS_QUESTION_ROW (self));

  if (*text == 0)
    return;
  set_editing (self, FALSE);
  /* May remove this row. */
  gtk_widget_activate_action (GTK_WIDGET (self), "chat.edit", "(ss)", id, text);
}

static gboolean
key_pressed_cb (BottegaQuestionRow *self,
                guint key,
                guint code,
                GdkModifierType modifiers,
                GtkEventControllerKey *controller)
{
  g_assert (BOTTEGA_IS_QUESTION_ROW (self));

  if (key == GDK_KEY_Escape) {
    set_editing (self, FALSE);
    return GDK_EVENT_STOP;
  }
  if ((key == GDK_KEY_Return || key == GDK_KEY_KP_Enter) && (modifiers & GDK_SHIFT_MASK) == 0 &&
      !gtk_text_view_im_context_filter_keypress (
          self->text_view,
          gtk_event_controller_get_current_event (GTK_EVENT_CONTROLLER (controller)))) {
    send_cb (self, NULL);
    return GDK_EVENT_STOP;
  }
  return GDK_EVENT_PROPAGATE;
}

static void
text_cb (BottegaQuestionRow *self)
{
  g_assert (BOTTEGA_IS_QUESTION_ROW (self));

  gtk_label_set_width_chars (
      self->label,
      bottega_message_get_text_bytes (self->message) > LONG_BYTES ? LONG_MIN_CHARS : -1);
  gtk_label_set_label (self->label, bottega_message_get_text (self->message));
}

static void
scope_cb (BottegaQuestionRow *self)
{
  const char *scope = bottega_message_get_scope_text (self->message);
  /* TRANSLATORS: a question was asked in these documents only; %s is their titles. */
  g_autofree char *text = scope != NULL ? g_strdup_printf (_ ("In %s"), scope) : NULL;

  g_assert (BOTTEGA_IS_QUESTION_ROW (self));

  gtk_label_set_label (self->scope_label, text != NULL ? text : "");
  gtk_widget_set_tooltip_text (GTK_WIDGET (self->scope_label), text);
  gtk_widget_set_visible (GTK_WIDGET (self->scope_label), text != NULL);
}

static void
bottega_question_row_dispose (GObject *object)
{
  BottegaQuestionRow *self = BOTTEGA_QUESTION_ROW (object);

  gtk_widget_dispose_template (GTK_WIDGET (self), BOTTEGA_TYPE_QUESTION_ROW);
  /* The template lets go only of what is bound. */
  for (GtkWidget *child; (child = gtk_widget_get_first_child (GTK_WIDGET (self))) != NULL;)
    gtk_widget_unparent (child);
  g_clear_object (&self->message);
  G_OBJECT_CLASS (bottega_question_row_parent_class)->dispose (object);
}

static void
bottega_question_row_class_init (BottegaQuestionRowClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  object_class->dispose = bottega_question_row_dispose;

  gtk_widget_class_set_css_name (widget_class, "question");
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_ARTICLE);
  gtk_widget_class_set_template_from_resource (
      widget_class, "/io/github/bottega/Bottega/bottega-question-row.ui");
  gtk_widget_class_bind_template_child (widget_class, BottegaQuestionRow, show_box);
  gtk_widget_class_bind_template_child (widget_class, BottegaQuestionRow, edit_button);
  gtk_widget_class_bind_template_child (widget_class, BottegaQuestionRow, label);
  gtk_widget_class_bind_template_child (widget_class, BottegaQuestionRow, scope_label);
  gtk_widget_class_bind_template_child (widget_class, BottegaQuestionRow, edit_box);
  gtk_widget_class_bind_template_child (widget_class, BottegaQuestionRow, text_view);
  gtk_widget_class_bind_template_child (widget_class, BottegaQuestionRow, send_button);
  gtk_widget_class_bind_template_callback (widget_class, edit_cb);
  gtk_widget_class_bind_template_callback (widget_class, cancel_cb);
  gtk_widget_class_bind_template_callback (widget_class, send_cb);
  gtk_widget_class_bind_template_callback (widget_class, key_pressed_cb);
}

static void
bottega_question_row_init (BottegaQuestionRow *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_LABEL, _ ("You"),
                                  -1);
}

GtkWidget *
bottega_question_row_new (BottegaMessage *message)
{
  BottegaQuestionRow *self;

  g_return_val_if_fail (BOTTEGA_IS_MESSAGE (message), NULL);

  self = g_object_new (BOTTEGA_TYPE_QUESTION_ROW, NULL);
  self->message = g_object_ref (message);
  g_signal_connect_object (message, "notify::text", G_CALLBACK (text_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (message, "notify::scope-text", G_CALLBACK (scope_cb), self,
                           G_CONNECT_SWAPPED);
  text_cb (self);
  scope_cb (self);
  return GTK_WIDGET (self);
}
