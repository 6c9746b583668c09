/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns how a fact looks. Must not know what it is about. */
#define G_LOG_DOMAIN "bottega-fact-row"

#include "config.h"

#include "app/ui/bottega-fact-row.h"

GtkWidget *
bottega_fact_row_new (const char *title,
                      const char *value)
{
  GtkWidget *row = adw_action_row_new ();

  adw_preferences_row_set_use_markup (ADW_PREFERENCES_ROW (row), FALSE);
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), title);
  adw_action_row_set_subtitle_selectable (ADW_ACTION_ROW (row), TRUE);
  adw_action_row_set_subtitle (ADW_ACTION_ROW (row), value);
  gtk_widget_add_css_class (row, "property");
  return row;
}

void
bottega_fact_row_set_value (GtkWidget *row,
                            const char *value)
{
  adw_action_row_set_subtitle (ADW_ACTION_ROW (row), value);
}
