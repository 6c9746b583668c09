/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Owns the long and the short form of the line and which of them shows. It must not know how the
 * words are made, only that their parts are joined by " · " in the order of the table below. After
 * them comes a link to what limited the answer.
 */
#define G_LOG_DOMAIN "bottega-stats-line"

#include "config.h"

#include "app/ui/bottega-stats-line.h"

#include <adwaita.h>
#include <glib/gi18n.h>
#include <string.h>

#define SEPARATOR " · "

/* Narrower than this (pixels) only the short form shows: a window of 560. */
#define FOLD_WIDTH 440

typedef struct {
  GtkWidget *box; /* of the others */
  GtkWidget *label, *dot, *link;
} Form;

struct _BottegaStatsLine {
  GtkWidget parent_instance;

  Form full, folded;
  EngineStats stats;
  char *message; /* id */
};

G_DEFINE_FINAL_TYPE (BottegaStatsLine, bottega_stats_line, GTK_TYPE_WIDGET)

const char *
bottega_stats_line_explain (const char *line,
                            const EngineStats *stats,
                            int index)
{
  const struct {
    gboolean present;
    const char *sentence;
  } parts[] = {
    { stats->written_tokens > 0,
      _ ("Time to first token: how long you waited before the answer began") },
    { stats->decode_tok_s > 0,
      _ ("Speed: how many tokens, which are words or parts of words, were written per second") },
    { stats->reused_tokens > 0,
      _ ("Reuse: so much of the conversation was still in memory and was not read again") },
    { stats->reused_tokens == 0 && stats->read_tokens > 0,
      _ ("Reading: how much of the conversation was read before the answer began") },
    { stats->accepted_tokens > 0,
      _ ("Guesses: tokens that repeat the conversation, or that a draft model foresaw, were "
         "checked several at a time, which is faster and changes no word") },
  };
  int part = 0;

  for (const char *at = strstr (line, SEPARATOR); at != NULL && at - line <= index;
       at = strstr (at + 1, SEPARATOR))
    part++;
  for (guint i = 0; i < G_N_ELEMENTS (parts); i++)
    if (parts[i].present && part-- == 0)
      return parts[i].sentence;
  return NULL;
}

static gboolean
query_tooltip_cb (GtkLabel *label,
                  int x,
                  int y,
                  gboolean keyboard,
                  GtkTooltip *tooltip,
                  gpointer user_data)
{
  BottegaStatsLine *self = user_data;
  const char *sentence;
  int left, top, index = 0;

  g_assert (BOTTEGA_IS_STATS_LINE (self));

  if (!keyboard) {
    gtk_label_get_layout_offsets (label, &left, &top);
    pango_layout_xy_to_index (gtk_label_get_layout (label), (x - left) * PANGO_SCALE,
                              (y - top) * PANGO_SCALE, &index, NULL);
  }
  sentence = bottega_stats_line_explain (gtk_label_get_text (label), &self->stats, index);
  gtk_tooltip_set_text (tooltip, sentence);
  return sentence != NULL;
}

static void
link_clicked_cb (BottegaStatsLine *self)
{
  g_assert (BOTTEGA_IS_STATS_LINE (self));

  gtk_widget_activate_action (GTK_WIDGET (self), "win.diagnosis", "s", self->message);
}

static void
bottega_stats_line_measure (GtkWidget *widget,
                            GtkOrientation orientation,
                            int for_size,
                            int *minimum,
                            int *natural,
                            int *minimum_baseline,
                            int *natural_baseline)
{
  BottegaStatsLine *self = BOTTEGA_STATS_LINE (widget);

  if (orientation == GTK_ORIENTATION_HORIZONTAL) {
    gtk_widget_measure (self->folded.box, orientation, -1, minimum, NULL, NULL, NULL);
    gtk_widget_measure (self->full.box, orientation, -1, NULL, natural, NULL, NULL);
    *natural = MAX (*natural, *minimum);
  } else {
    gboolean folded = for_size >= 0 && for_size < FOLD_WIDTH;
    gtk_widget_measure (folded ? self->folded.box : self->full.box, orientation, for_size, minimum,
                        natural, NULL, NULL);
  }
}

static void
bottega_stats_line_size_allocate (GtkWidget *widget,
                                  int width,
                                  int height,
                                  int baseline)
{
  BottegaStatsLine *self = BOTTEGA_STATS_LINE (widget);
  gboolean folded = width < FOLD_WIDTH;
  GtkWidget *shown = folded ? self->folded.box : self->full.box;
  int minimum;

  gtk_widget_set_child_visible (self->folded.box, folded);
  gtk_widget_set_child_visible (self->full.box, !folded);
  gtk_widget_measure (shown, GTK_ORIENTATION_VERTICAL, width, &minimum, NULL, NULL, NULL);
  gtk_widget_allocate (shown, width, MAX (height, minimum), baseline, NULL);
}

static GtkSizeRequestMode
bottega_stats_line_get_request_mode (GtkWidget *widget)
{
  return GTK_SIZE_REQUEST_HEIGHT_FOR_WIDTH;
}

static void
bottega_stats_line_dispose (GObject *object)
{
  BottegaStatsLine *self = BOTTEGA_STATS_LINE (object);

  g_clear_pointer (&self->full.box, gtk_widget_unparent);
  g_clear_pointer (&self->folded.box, gtk_widget_unparent);
  g_clear_pointer (&self->message, g_free);
  G_OBJECT_CLASS (bottega_stats_line_parent_class)->dispose (object);
}

static void
bottega_stats_line_class_init (BottegaStatsLineClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  object_class->dispose = bottega_stats_line_dispose;
  widget_class->measure = bottega_stats_line_measure;
  widget_class->size_allocate = bottega_stats_line_size_allocate;
  widget_class->get_request_mode = bottega_stats_line_get_request_mode;
  gtk_widget_class_set_css_name (widget_class, "stats");
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_GROUP);
}

static GtkWidget *
make_label (void)
{
  GtkWidget *label = g_object_new (GTK_TYPE_LABEL, "wrap", TRUE, "xalign", 0.0f, NULL);

  gtk_widget_add_css_class (label, "caption");
  gtk_widget_add_css_class (label, "dimmed");
  gtk_widget_add_css_class (label, "numeric");
  return label;
}

static void
make_form (BottegaStatsLine *self,
           Form *form)
{
  form->box = adw_wrap_box_new ();
  form->label = make_label ();
  form->dot = make_label ();
  form->link = g_object_new (GTK_TYPE_BUTTON, "accessible-role", GTK_ACCESSIBLE_ROLE_LINK, NULL);
  gtk_label_set_selectable (GTK_LABEL (form->label), TRUE);
  gtk_label_set_label (GTK_LABEL (form->dot), "·");
  gtk_widget_set_has_tooltip (form->label, TRUE);
  gtk_widget_add_css_class (form->link, "link");
  gtk_widget_add_css_class (form->link, "flat");
  adw_wrap_box_set_child_spacing (ADW_WRAP_BOX (form->box), 4);
  adw_wrap_box_append (ADW_WRAP_BOX (form->box), form->label);
  adw_wrap_box_append (ADW_WRAP_BOX (form->box), form->dot);
  adw_wrap_box_append (ADW_WRAP_BOX (form->box), form->link);
  g_signal_connect (form->label, "query-tooltip", G_CALLBACK (query_tooltip_cb), self);
  g_signal_connect_object (form->link, "clicked", G_CALLBACK (link_clicked_cb), self,
                           G_CONNECT_SWAPPED);
  gtk_widget_set_parent (form->box, GTK_WIDGET (self));
}

static void
bottega_stats_line_init (BottegaStatsLine *self)
{
  make_form (self, &self->full);
  make_form (self, &self->folded);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("How the answer was made"), -1);
}

/* Numbers and verdict may be NULL; sentence explains the verdict. */
static void
fill_form (Form *form,
           const char *numbers,
           const char *verdict,
           const char *sentence)
{
  gtk_label_set_label (GTK_LABEL (form->label), numbers != NULL ? numbers : "");
  gtk_button_set_label (GTK_BUTTON (form->link), verdict != NULL ? verdict : "");
  gtk_widget_set_tooltip_text (form->link, sentence);
  gtk_widget_set_visible (form->link, verdict != NULL);
  gtk_widget_set_visible (form->dot, verdict != NULL && numbers != NULL && *numbers != 0);
}

void
bottega_stats_line_show_message (BottegaStatsLine *self,
                                 BottegaMessage *message)
{
  const EngineStats *stats = bottega_message_get_stats (message);
  g_autofree BottegaDiagnosis *diagnosis = g_new0 (BottegaDiagnosis, 1);
  g_autofree char *brief = NULL, *folded = NULL, *sentence = NULL;

  g_return_if_fail (BOTTEGA_IS_STATS_LINE (self));

  self->stats = stats != NULL ? *stats : (EngineStats) { 0 };
  g_set_str (&self->message, bottega_message_get_id (message));
  if (bottega_message_diagnose (message, diagnosis)) {
    sentence = bottega_diagnosis_sentence (diagnosis);
    brief = bottega_diagnosis_brief (diagnosis);
    folded = bottega_diagnosis_short (diagnosis);
  }
  fill_form (&self->full, bottega_message_get_stats_line (message), brief, sentence);
  fill_form (&self->folded, bottega_message_get_stats_short (message), folded, sentence);
}
