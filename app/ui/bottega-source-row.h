/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A passage in the list of sources. Main thread. */
#pragma once

#include <gtk/gtk.h>

#include "app/assistant/bottega-passage.h"

G_BEGIN_DECLS

#define BOTTEGA_TYPE_SOURCE_ROW (bottega_source_row_get_type ())
G_DECLARE_FINAL_TYPE (BottegaSourceRow, bottega_source_row, BOTTEGA, SOURCE_ROW, GtkListBoxRow)

GtkWidget *bottega_source_row_new (BottegaPassage *passage);
BottegaPassage *bottega_source_row_get_passage (BottegaSourceRow *self);
/* Dimmed: the answer did without it. */
void bottega_source_row_set_unused (BottegaSourceRow *self, gboolean unused);
gboolean bottega_source_row_get_unused (BottegaSourceRow *self);

G_END_DECLS
