/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One installed model: its name, its facts or what is wrong with it, and its menu. */
#pragma once

#include <adwaita.h>

#include "app/assistant/bottega-model-item.h"

G_BEGIN_DECLS

#define BOTTEGA_TYPE_MODEL_ROW (bottega_model_row_get_type ())
G_DECLARE_FINAL_TYPE (BottegaModelRow, bottega_model_row, BOTTEGA, MODEL_ROW, AdwActionRow)

/* group: the radio button that all rows of a list share. */
GtkWidget *bottega_model_row_new (BottegaModelItem *item, GtkCheckButton *group);

G_END_DECLS
