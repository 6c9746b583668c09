/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BottegaMemoryBar: one memory as a bar, parted into what a model will take of it, what others use
 * and what is free. The same colours as swatches, for a legend. */
#pragma once

#include "app/assistant/bottega-plan-text.h"

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define BOTTEGA_TYPE_MEMORY_BAR (bottega_memory_bar_get_type ())
G_DECLARE_FINAL_TYPE (BottegaMemoryBar, bottega_memory_bar, BOTTEGA, MEMORY_BAR, GtkWidget)

GtkWidget *bottega_memory_bar_new (void);
/* Its parts are heard and told by a tooltip too. */
void bottega_memory_bar_set_heap (BottegaMemoryBar *self, const BottegaPlanHeap *heap);

/* A square of the colour of one part; named by whatever stands beside it. */
GtkWidget *bottega_memory_bar_new_swatch (BottegaPlanPart part);

G_END_DECLS
