/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Owns the words of the line between what the model reads and what it does not. It must not know
 * where the line stands, nor how a summary is made.
 */
#define G_LOG_DOMAIN "bottega-earlier-mark"

#include "config.h"

#include "app/ui/bottega-earlier-mark.h"

#include <glib/gi18n.h>

struct _BottegaEarlierMark {
  GtkWidget parent_instance;

  GtkWidget *plain_label, *expander;
  GtkLabel *recap_label, *left_label;
};

G_DEFINE_FINAL_TYPE (BottegaEarlierMark, bottega_earlier_mark, GTK_TYPE_WIDGET)

static void
bottega_earlier_mark_dispose (GObject *object)
{
  GtkWidget *child;

  gtk_widget_dispose_template (GTK_WIDGET (object), BOTTEGA_TYPE_EARLIER_MARK);
  while ((child = gtk_widget_get_first_child (GTK_WIDGET (object))) != NULL)
    gtk_widget_unparent (child);
  G_OBJECT_CLASS (bottega_earlier_mark_parent_class)->dispose (object);
}

static void
bottega_earlier_mark_class_init (BottegaEarlierMarkClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = bottega_earlier_mark_dispose;
  gtk_widget_class_set_template_from_resource (
      widget_class, "/io/github/bottega/Bottega/bottega-earlier-mark.ui");
  gtk_widget_class_bind_template_child (widget_class, BottegaEarlierMark, plain_label);
  gtk_widget_class_bind_template_child (widget_class, BottegaEarlierMark, expander);
  gtk_widget_class_bind_template_child (widget_class, BottegaEarlierMark, recap_label);
  gtk_widget_class_bind_template_child (widget_class, BottegaEarlierMark, left_label);
}

static void
bottega_earlier_mark_init (BottegaEarlierMark *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}

GtkWidget *
bottega_earlier_mark_new (void)
{
  return g_object_new (BOTTEGA_TYPE_EARLIER_MARK, NULL);
}

void
bottega_earlier_mark_show (BottegaEarlierMark *self,
                           BottegaConversation *conversation)
{
  guint left_out;
  const char *recap;
  g_autofree char *left = NULL;

  g_return_if_fail (BOTTEGA_IS_EARLIER_MARK (self));

  recap = bottega_conversation_get_recap (conversation, &left_out);
  left = g_strdup_printf (ngettext ("%u question is not in it, and is no longer read.",
                                    "%u questions are not in it, and are no longer read.",
                                    left_out),
                          left_out);
  gtk_widget_set_visible (self->plain_label, recap == NULL);
  gtk_widget_set_visible (self->expander, recap != NULL);
  gtk_label_set_label (self->recap_label, recap != NULL ? recap : "");
  gtk_label_set_label (self->left_label, left);
  gtk_widget_set_visible (GTK_WIDGET (self->left_label), left_out > 0);
}
