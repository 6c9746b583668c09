/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What stands in place of an answer while it is awaited: a spinner and one line ("Reading 812 of
 * 1,310 tokens · 2 s left"). It knows a sentence, not what it is about. Main thread. */
#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

/* Properties: text (string, writable); without text the line hides itself. */
#define BOTTEGA_TYPE_PHASE_LINE (bottega_phase_line_get_type ())
G_DECLARE_FINAL_TYPE (BottegaPhaseLine, bottega_phase_line, BOTTEGA, PHASE_LINE, GtkWidget)

void bottega_phase_line_set_text (BottegaPhaseLine *self,
                                  const char *text);

G_END_DECLS
