/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A question of the person: a soft card at the end of the line, with a button to edit it in place.
 * It asks for everything through the actions chat.… of the view around it. Main thread. */
#pragma once

#include <gtk/gtk.h>

#include "app/assistant/bottega-message.h"

G_BEGIN_DECLS

#define BOTTEGA_TYPE_QUESTION_ROW (bottega_question_row_get_type ())
G_DECLARE_FINAL_TYPE (BottegaQuestionRow, bottega_question_row, BOTTEGA, QUESTION_ROW, GtkWidget)

GtkWidget *bottega_question_row_new (BottegaMessage *message);

G_END_DECLS
