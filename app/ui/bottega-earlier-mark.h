/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The line above the first message that the model still reads: it says so, and opens to the summary
 * that the model reads in place of what stands above, where there is one. */
#pragma once

#include "app/assistant/bottega-conversation.h"

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define BOTTEGA_TYPE_EARLIER_MARK (bottega_earlier_mark_get_type ())
G_DECLARE_FINAL_TYPE (BottegaEarlierMark, bottega_earlier_mark, BOTTEGA, EARLIER_MARK, GtkWidget)

GtkWidget *bottega_earlier_mark_new (void);
/* Says what is read of the turns that have left this conversation. */
void bottega_earlier_mark_show (BottegaEarlierMark *self, BottegaConversation *conversation);

G_END_DECLS
