/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One line of chips, a passage each: "1 Lease p. 3". Those that do not fit are counted in the last
 * chip. Pressing one activates the action answer.show-source, whose parameter is its number. Main
 * thread. */
#pragma once

#include <gtk/gtk.h>

#include "app/assistant/bottega-passage.h"

G_BEGIN_DECLS

#define BOTTEGA_TYPE_SOURCE_CHIPS (bottega_source_chips_get_type ())
G_DECLARE_FINAL_TYPE (BottegaSourceChips, bottega_source_chips, BOTTEGA, SOURCE_CHIPS, GtkWidget)

/* PASSAGES: a GListModel of BottegaPassage, followed from now on. The widget hides while it is
 * empty. */
void bottega_source_chips_set_passages (BottegaSourceChips *self, GListModel *passages);

/* TRUE once the answer has ended: those that it did not use are dimmed. */
void bottega_source_chips_set_settled (BottegaSourceChips *self, gboolean settled);

G_END_DECLS
