/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the words about the context of the conversation that is shown. Must not know how the prompt
 * is made: the conversation counts. */
#define G_LOG_DOMAIN "bottega-context-meter"

#include "config.h"

#include "app/ui/bottega-context-meter.h"
#include "app/ui/bottega-context-ring.h"

#include <glib/gi18n.h>

struct _BottegaContextMeter {
  AdwBin parent_instance;

  GtkWidget *button;
  BottegaContextRing *ring;
  GtkLabel *used_label;
  GtkLevelBar *bar;
  GtkWidget *all_label; /* as long as the kinds are not known */
  GtkBox *rows;         /* a kind each, and the answer */
  GtkLabel *dropped_label;

  GSignalGroup *conversation;
};

G_DEFINE_FINAL_TYPE (BottegaContextMeter, bottega_context_meter, ADW_TYPE_BIN)

/* "1,204 of 8,192 tokens used (15 %)" */
static char *
describe (guint used,
          guint size)
{
  if (size == 0)
    return g_strdup (_ ("No model is loaded yet, so its context is not known."));
  if (used == 0)
    return g_strdup_printf (_ ("Nothing used yet of %'u tokens."), size);
  return g_strdup_printf (_ ("%'u of %'u tokens used (%u %%), %'u free."),
                          used, size, (guint) (100.0 * MIN (used, size) / size + 0.5),
                          size - MIN (used, size));
}

/* Questions that no longer fit, and those among them that are in no summary. */
static char *
describe_dropped (guint dropped,
                  guint left_out)
{
  g_autofree char *summed =
      g_strdup_printf (ngettext ("%u earlier question no longer fits: a summary of it is read.",
                                 "%u earlier questions no longer fit: a summary of them is read.",
                                 dropped - left_out),
                       dropped - left_out);
  g_autofree char *lost =
      g_strdup_printf (ngettext ("%u earlier question no longer fits and is not read any more.",
                                 "%u earlier questions no longer fit and are not read any more.",
                                 left_out),
                       left_out);

  if (left_out == 0)
    return g_steal_pointer (&summed);
  if (left_out == dropped)
    return g_steal_pointer (&lost);
  return g_strjoin (" ", summed, lost, NULL);
}

/* What is read and written, in the order in which the model sees it. */
static char *
name_of (guint kind, guint earlier_turns)
{
  switch (kind) {
  case BOTTEGA_PROMPT_SYSTEM:
    return g_strdup (_ ("Instructions"));
  case BOTTEGA_PROMPT_PINNED:
    return g_strdup (_ ("Pinned documents"));
  case BOTTEGA_PROMPT_RECAP:
    return g_strdup (_ ("Summary of earlier turns"));
  case BOTTEGA_PROMPT_EARLIER:
    return g_strdup_printf (ngettext ("%'u earlier question and its answer",
                                      "%'u earlier questions and answers", earlier_turns),
                            earlier_turns);
  case BOTTEGA_PROMPT_PASSAGES:
    return g_strdup (_ ("Passages of documents"));
  case BOTTEGA_PROMPT_QUESTION:
    return g_strdup (_ ("The last question"));
  default:
    return g_strdup (_ ("Its answer"));
  }
}

static GtkWidget *
make_row (const char *name, guint tokens)
{
  GtkWidget *row = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 12);
  GtkWidget *title = gtk_label_new (name), *number;
  g_autofree char *text = g_strdup_printf ("%'u", tokens);
  /* Translators: what a screen reader says of a row: "Instructions: 85 tokens". */
  g_autofree char *spoken =
      g_strdup_printf (ngettext ("%s: %'u token", "%s: %'u tokens", tokens), name, tokens);

  number = gtk_label_new (text);
  gtk_label_set_xalign (GTK_LABEL (title), 0);
  gtk_label_set_wrap (GTK_LABEL (title), TRUE);
  gtk_widget_set_hexpand (title, TRUE);
  gtk_widget_add_css_class (number, "numeric");
  gtk_accessible_update_property (GTK_ACCESSIBLE (row), GTK_ACCESSIBLE_PROPERTY_LABEL, spoken, -1);
  gtk_box_append (GTK_BOX (row), title);
  gtk_box_append (GTK_BOX (row), number);

  return row;
}

/* Only while somebody looks: text comes thirty times a second. */
static void
show_kinds (BottegaContextMeter *self, BottegaConversation *conversation, guint used)
{
  guint turns = 0, known = 0;
  const guint *of = conversation != NULL
                        ? bottega_conversation_get_context_of (conversation, &turns)
                        : NULL;
  GtkWidget *row;

  if (!gtk_menu_button_get_active (GTK_MENU_BUTTON (self->button)))
    return;
  while ((row = gtk_widget_get_first_child (GTK_WIDGET (self->rows))) != NULL)
    gtk_box_remove (self->rows, row);
  for (guint kind = 0; of != NULL && kind < BOTTEGA_PROMPT_N_KINDS; kind++)
    known += of[kind];
  for (guint kind = 0; known > 0 && kind <= BOTTEGA_PROMPT_N_KINDS; kind++) {
    guint tokens = kind < BOTTEGA_PROMPT_N_KINDS ? of[kind] : used - MIN (known, used);
    g_autofree char *name = name_of (kind, turns);

    if (tokens > 0)
      gtk_box_append (self->rows, make_row (name, tokens));
  }
  gtk_widget_set_visible (GTK_WIDGET (self->rows), known > 0);
  gtk_widget_set_visible (self->all_label, known == 0);
}

static void
update_cb (BottegaContextMeter *self)
{
  g_autoptr (BottegaConversation) conversation = g_signal_group_dup_target (self->conversation);
  guint used = 0, size = 0, dropped = 0, left_out = 0;
  g_autofree char *text = NULL;
  g_autofree char *tooltip = NULL;
  double fraction;

  g_assert (BOTTEGA_IS_CONTEXT_METER (self));

  if (conversation != NULL) {
    used = bottega_conversation_get_context_used (conversation);
    size = bottega_conversation_get_context_size (conversation);
    dropped = bottega_conversation_get_dropped_turns (conversation);
    bottega_conversation_get_recap (conversation, &left_out);
  }
  show_kinds (self, conversation, used);
  fraction = size > 0 ? CLAMP ((double) used / size, 0, 1) : 0;
  text = describe (used, size);
  tooltip = g_strdup_printf (_ ("Context: %s"), text);
  gtk_label_set_label (self->used_label, text);
  gtk_level_bar_set_value (self->bar, fraction);
  bottega_context_ring_set_fraction (self->ring, fraction);
  gtk_widget_set_tooltip_text (self->button, tooltip);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->button),
                                  GTK_ACCESSIBLE_PROPERTY_LABEL, tooltip,
                                  -1);
  gtk_widget_set_visible (GTK_WIDGET (self->dropped_label), dropped > 0);
  if (dropped > 0) {
    g_autofree char *lost = describe_dropped (dropped, left_out);

    gtk_label_set_label (self->dropped_label, lost);
  }
}

static void
bottega_context_meter_dispose (GObject *object)
{
  BottegaContextMeter *self = BOTTEGA_CONTEXT_METER (object);

  g_clear_object (&self->conversation);
  /* The template would unparent the child behind the back of AdwBin. */
  adw_bin_set_child (ADW_BIN (self), NULL);
  gtk_widget_dispose_template (GTK_WIDGET (self), BOTTEGA_TYPE_CONTEXT_METER);
  G_OBJECT_CLASS (bottega_context_meter_parent_class)->dispose (object);
}

static void
bottega_context_meter_class_init (BottegaContextMeterClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = bottega_context_meter_dispose;
  gtk_widget_class_set_template_from_resource (
      widget_class, "/io/github/bottega/Bottega/bottega-context-meter.ui");
  gtk_widget_class_bind_template_child (widget_class, BottegaContextMeter, button);
  gtk_widget_class_bind_template_child (widget_class, BottegaContextMeter, ring);
  gtk_widget_class_bind_template_child (widget_class, BottegaContextMeter, used_label);
  gtk_widget_class_bind_template_child (widget_class, BottegaContextMeter, bar);
  gtk_widget_class_bind_template_child (widget_class, BottegaContextMeter, all_label);
  gtk_widget_class_bind_template_child (widget_class, BottegaContextMeter, rows);
  gtk_widget_class_bind_template_child (widget_class, BottegaContextMeter, dropped_label);
  gtk_widget_class_set_css_name (widget_class, "contextmeter");
  g_type_ensure (BOTTEGA_TYPE_CONTEXT_RING);
}

static void
bottega_context_meter_init (BottegaContextMeter *self)
{
  static const char *const names[] = { "context-used", "context-size", "dropped-turns", "recap" };

  gtk_widget_init_template (GTK_WIDGET (self));
  g_signal_connect_object (self->button, "notify::active", G_CALLBACK (update_cb), self,
                           G_CONNECT_SWAPPED);
  self->conversation = g_signal_group_new (BOTTEGA_TYPE_CONVERSATION);
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *signal = g_strconcat ("notify::", names[i], NULL);
    g_signal_group_connect_swapped (self->conversation, signal, G_CALLBACK (update_cb), self);
  }
  update_cb (self);
}

void
bottega_context_meter_set_conversation (BottegaContextMeter *self,
                                        BottegaConversation *conversation)
{
  g_return_if_fail (BOTTEGA_IS_CONTEXT_METER (self));

  g_signal_group_set_target (self->conversation, conversation);
  update_cb (self);
}
