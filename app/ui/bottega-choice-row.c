/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns what stands in the row in which order. Must not know what the numbers mean. */
#define G_LOG_DOMAIN "bottega-choice-row"

#include "config.h"

#include "app/ui/bottega-choice-row.h"

#define SHOWN_LETTERS 20

typedef struct {
  const BottegaChoices *choices;
  BottegaSettings *settings; /* owned */
  GArray *shown;             /* of guint, in the order of the row */
  guint most;
  gboolean filling;
} State;

static void
state_free (gpointer data)
{
  State *state = data;

  g_object_unref (state->settings);
  g_array_unref (state->shown);
  g_free (state);
}

static State *
get_state (AdwComboRow *row)
{
  return g_object_get_data (G_OBJECT (row), "bottega-choice-row");
}

static void
show (State *state,
      GtkStringList *names,
      guint value)
{
  gtk_string_list_take (names, state->choices->name (value));
  g_array_append_val (state->shown, value);
}

static void
fill (AdwComboRow *row,
      guint set)
{
  State *state = get_state (row);
  g_autoptr (GtkStringList) names = gtk_string_list_new (NULL);
  guint selected = GTK_INVALID_LIST_POSITION;

  g_array_set_size (state->shown, 0);
  for (guint i = 0; i < state->choices->n_values; i++) {
    guint value = state->choices->values[i];

    if (state->most > 0 && value > state->most)
      continue;
    if (value == set)
      selected = state->shown->len;
    show (state, names, value);
  }
  if (selected == GTK_INVALID_LIST_POSITION) {
    selected = state->shown->len;
    show (state, names, set);
  }
  state->filling = TRUE;
  adw_combo_row_set_model (row, G_LIST_MODEL (names));
  adw_combo_row_set_selected (row, selected);
  state->filling = FALSE;
}

static guint
get_set (State *state)
{
  guint set;

  g_object_get (state->settings, state->choices->setting, &set, NULL);
  return set;
}

/* A row that shows what is set stays as it is, or the list that somebody chooses from would change
 * under the hand. */
static void
setting_changed_cb (AdwComboRow *row)
{
  State *state = get_state (row);
  guint set = get_set (state), selected = adw_combo_row_get_selected (row);

  g_assert (ADW_IS_COMBO_ROW (row));

  if (selected >= state->shown->len || g_array_index (state->shown, guint, selected) != set)
    fill (row, set);
}

static void
selected_cb (AdwComboRow *row)
{
  State *state = get_state (row);
  guint selected = adw_combo_row_get_selected (row);

  if (!state->filling && selected < state->shown->len)
    g_object_set (state->settings, state->choices->setting,
                  g_array_index (state->shown, guint, selected), NULL);
}

/* ---- how choices are shown */

static void
set_up_cb (GtkSignalListItemFactory *factory,
           GtkListItem *item)
{
  gtk_list_item_set_child (item, gtk_label_new (NULL));
}

static void
set_up_listed_cb (GtkSignalListItemFactory *factory,
                  GtkListItem *item)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 12), *label = gtk_label_new (NULL);
  GtkWidget *mark = gtk_image_new_from_icon_name ("object-select-symbolic");

  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_widget_set_hexpand (label, TRUE);
  gtk_box_append (GTK_BOX (box), label);
  gtk_box_append (GTK_BOX (box), mark);
  g_object_bind_property (item, "selected", mark, "visible", G_BINDING_SYNC_CREATE);
  gtk_list_item_set_child (item, box);
}

static void
bind_cb (GtkSignalListItemFactory *factory,
         GtkListItem *item)
{
  GtkWidget *child = gtk_list_item_get_child (item);
  GtkWidget *label = GTK_IS_LABEL (child) ? child : gtk_widget_get_first_child (child);
  const char *text = gtk_string_object_get_string (gtk_list_item_get_item (item));
  gboolean is_long = child == label && g_utf8_strlen (text, -1) > SHOWN_LETTERS;

  gtk_label_set_label (GTK_LABEL (label), text);
  gtk_label_set_ellipsize (GTK_LABEL (label), is_long ? PANGO_ELLIPSIZE_END : PANGO_ELLIPSIZE_NONE);
  gtk_label_set_width_chars (GTK_LABEL (label), is_long ? SHOWN_LETTERS : -1);
}

static GtkListItemFactory *
factory_new (gboolean listed)
{
  GtkListItemFactory *factory = gtk_signal_list_item_factory_new ();

  g_signal_connect (factory, "setup", G_CALLBACK (listed ? set_up_listed_cb : set_up_cb), NULL);
  g_signal_connect (factory, "bind", G_CALLBACK (bind_cb), NULL);
  return factory;
}

void
bottega_choice_row_show_chosen (AdwComboRow *row)
{
  g_autoptr (GtkListItemFactory) factory = factory_new (FALSE);
  g_autoptr (GtkListItemFactory) listed = factory_new (TRUE);

  g_return_if_fail (ADW_IS_COMBO_ROW (row));

  adw_combo_row_set_factory (row, factory);
  adw_combo_row_set_list_factory (row, listed);
}

void
bottega_choice_row_bind (AdwComboRow *row,
                         BottegaSettings *settings,
                         const BottegaChoices *choices)
{
  State *state = g_new0 (State, 1);
  g_autofree char *signal = g_strconcat ("notify::", choices->setting, NULL);

  g_return_if_fail (ADW_IS_COMBO_ROW (row));
  g_return_if_fail (BOTTEGA_IS_SETTINGS (settings));

  state->choices = choices;
  state->settings = g_object_ref (settings);
  state->shown = g_array_new (FALSE, FALSE, sizeof (guint));
  g_object_set_data_full (G_OBJECT (row), "bottega-choice-row", state, state_free);
  bottega_choice_row_show_chosen (row);
  fill (row, get_set (state));
  g_signal_connect_object (settings, signal, G_CALLBACK (setting_changed_cb), row,
                           G_CONNECT_SWAPPED);
  g_signal_connect (row, "notify::selected", G_CALLBACK (selected_cb), NULL);
}

void
bottega_choice_row_set_most (AdwComboRow *row,
                             guint most)
{
  State *state;

  g_return_if_fail (ADW_IS_COMBO_ROW (row));

  state = get_state (row);
  if (state->most == most)
    return;
  state->most = most;
  fill (row, get_set (state));
}
