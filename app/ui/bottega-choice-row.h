/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A combo row for a number of the settings: some values to choose from, each by its name. */
#pragma once

#include "app/assistant/bottega-settings.h"

#include <adwaita.h>

G_BEGIN_DECLS

typedef struct {
  const char *setting; /* a guint */
  const guint *values;
  guint n_values;
  char *(*name) (guint value); /* freed with g_free */
} BottegaChoices;

/* Keeps row and setting in step for as long as the row is there. What is set is among the choices,
 * be it one of the values or not. choices: static. */
void bottega_choice_row_bind (AdwComboRow *row, BottegaSettings *settings,
                              const BottegaChoices *choices);
/* Of what is chosen some 20 letters are shown at least, however long the words beside it are. */
void bottega_choice_row_show_chosen (AdwComboRow *row);
/* Of the values, what makes sense; 0, as at first: all do. */
void bottega_choice_row_set_most (AdwComboRow *row, guint most);

G_END_DECLS
