/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An answer: what is awaited, then the text as it is written, then the numbers and what can be done
 * with it. A page, not a bubble. It asks for everything through the actions chat.… of the view
 * around it. Main thread. */
#pragma once

#include <gtk/gtk.h>

#include "app/assistant/bottega-conversation.h"

G_BEGIN_DECLS

#define BOTTEGA_TYPE_ANSWER_ROW (bottega_answer_row_get_type ())
G_DECLARE_FINAL_TYPE (BottegaAnswerRow, bottega_answer_row, BOTTEGA, ANSWER_ROW, GtkWidget)

/* MESSAGE is an answer of CONVERSATION, which the row asks only whether it can go on. */
GtkWidget *bottega_answer_row_new (BottegaConversation *conversation,
                                   BottegaMessage *message);

G_END_DECLS
