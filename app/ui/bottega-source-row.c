/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns the words of one passage in the list of sources. Must not know the list. */
#define G_LOG_DOMAIN "bottega-source-row"

#include "config.h"

#include "app/ui/bottega-source-name.h"
#include "app/ui/bottega-source-row.h"

#include <glib/gi18n.h>

struct _BottegaSourceRow {
  GtkListBoxRow parent_instance;

  GtkLabel *number_label;
  GtkLabel *title_label;
  GtkLabel *place_label;
  GtkLevelBar *score_bar;

  BottegaPassage *passage;
  gboolean unused;
};

G_DEFINE_FINAL_TYPE (BottegaSourceRow, bottega_source_row, GTK_TYPE_LIST_BOX_ROW)

static void
bottega_source_row_dispose (GObject *object)
{
  BottegaSourceRow *self = BOTTEGA_SOURCE_ROW (object);

  g_clear_object (&self->passage);
  gtk_widget_dispose_template (GTK_WIDGET (self), BOTTEGA_TYPE_SOURCE_ROW);
  G_OBJECT_CLASS (bottega_source_row_parent_class)->dispose (object);
}

static void
bottega_source_row_class_init (BottegaSourceRowClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = bottega_source_row_dispose;
  gtk_widget_class_set_template_from_resource (
      widget_class, "/io/github/bottega/Bottega/bottega-source-row.ui");
  gtk_widget_class_bind_template_child (widget_class, BottegaSourceRow, number_label);
  gtk_widget_class_bind_template_child (widget_class, BottegaSourceRow, title_label);
  gtk_widget_class_bind_template_child (widget_class, BottegaSourceRow, place_label);
  gtk_widget_class_bind_template_child (widget_class, BottegaSourceRow, score_bar);
}

static void
bottega_source_row_init (BottegaSourceRow *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  /* No colours of a battery: a weak passage is nothing to be warned of. */
  gtk_level_bar_remove_offset_value (self->score_bar, GTK_LEVEL_BAR_OFFSET_LOW);
  gtk_level_bar_remove_offset_value (self->score_bar, GTK_LEVEL_BAR_OFFSET_HIGH);
  gtk_level_bar_remove_offset_value (self->score_bar, GTK_LEVEL_BAR_OFFSET_FULL);
}

/* "p. 2 · Rent" */
static char *
make_place (BottegaPassage *passage)
{
  const char *place = bottega_passage_get_place (passage);
  const char *heading = bottega_passage_get_heading (passage);

  if (bottega_passage_get_page (passage) > 0 && heading != NULL && *heading != 0)
    return g_strdup_printf ("%s · %s", place, heading);
  return g_strdup (place != NULL ? place : "");
}

GtkWidget *
bottega_source_row_new (BottegaPassage *passage)
{
  BottegaSourceRow *self = g_object_new (BOTTEGA_TYPE_SOURCE_ROW, NULL);
  double score;
  g_autofree char *number = NULL, *name = NULL, *fit = NULL, *place = NULL;

  g_return_val_if_fail (BOTTEGA_IS_PASSAGE (passage), NULL);

  self->passage = g_object_ref (passage);
  score = CLAMP (bottega_passage_get_score (passage), 0, 1);
  number = g_strdup_printf ("%u", bottega_passage_get_number (passage));
  name = bottega_source_name (passage);
  /* TRANSLATORS: how well a passage fits the question, in percent. */
  fit = g_strdup_printf (_ ("Fits the question: %.0f %%"), 100 * score);
  gtk_label_set_label (self->number_label, number);
  gtk_label_set_label (self->title_label, bottega_passage_get_title (passage));
  place = make_place (passage);
  gtk_label_set_label (self->place_label, place);
  gtk_widget_set_visible (GTK_WIDGET (self->place_label),
                          *gtk_label_get_label (self->place_label) != 0);
  gtk_level_bar_set_value (self->score_bar, score);
  gtk_widget_set_tooltip_text (GTK_WIDGET (self->score_bar), fit);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->score_bar), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  fit, -1);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_LABEL, name,
                                  GTK_ACCESSIBLE_PROPERTY_DESCRIPTION, fit, -1);
  return GTK_WIDGET (self);
}

BottegaPassage *
bottega_source_row_get_passage (BottegaSourceRow *self)
{
  g_return_val_if_fail (BOTTEGA_IS_SOURCE_ROW (self), NULL);

  return self->passage;
}

void
bottega_source_row_set_unused (BottegaSourceRow *self,
                               gboolean unused)
{
  g_return_if_fail (BOTTEGA_IS_SOURCE_ROW (self));

  self->unused = unused;
  if (unused)
    gtk_widget_add_css_class (GTK_WIDGET (self), "unused");
  else
    gtk_widget_remove_css_class (GTK_WIDGET (self), "unused");
}

gboolean
bottega_source_row_get_unused (BottegaSourceRow *self)
{
  g_return_val_if_fail (BOTTEGA_IS_SOURCE_ROW (self), FALSE);

  return self->unused;
}
