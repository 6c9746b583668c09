/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One model of the catalogue: what it is, whether it suits this computer, and where to get it. */
#pragma once

#include <adwaita.h>

#include "app/assistant/bottega-catalogue.h"

G_BEGIN_DECLS

#define BOTTEGA_TYPE_CATALOGUE_ROW (bottega_catalogue_row_get_type ())
G_DECLARE_FINAL_TYPE (BottegaCatalogueRow, bottega_catalogue_row, BOTTEGA, CATALOGUE_ROW,
                      AdwExpanderRow)

/* entry is read at once and not kept. machine NULL: not measured yet. */
GtkWidget *bottega_catalogue_row_new (const BottegaCatalogueEntry *entry,
                                      const BottegaMachine *machine);
/* Says that it is here already, instead of offering it. */
void bottega_catalogue_row_set_installed (BottegaCatalogueRow *self, gboolean installed);

G_END_DECLS
