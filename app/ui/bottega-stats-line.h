/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The quiet line below an answer: how long it took and what was spared. Every number explains
 * itself in a tooltip, and where there is little room the line folds to the first two. Main
 * thread. */
#pragma once

#include <gtk/gtk.h>

#include "app/assistant/bottega-message.h"

G_BEGIN_DECLS

#define BOTTEGA_TYPE_STATS_LINE (bottega_stats_line_get_type ())
G_DECLARE_FINAL_TYPE (BottegaStatsLine, bottega_stats_line, BOTTEGA, STATS_LINE, GtkWidget)

/* Shows the numbers of MESSAGE as they are now; nothing while it has none. */
void bottega_stats_line_show_message (BottegaStatsLine *self,
                                      BottegaMessage *message);

/* What the part of the line at the byte INDEX says, or NULL. LINE is one of the message's lines,
 * STATS what it was made of. */
const char *bottega_stats_line_explain (const char *line,
                                        const EngineStats *stats,
                                        int index);

G_END_DECLS
