/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One row of the sidebar: the title of a conversation, when it was last written in, and whether an
 * answer is on its way. */
#pragma once

#include <adwaita.h>

#include "app/assistant/bottega-conversation.h"

G_BEGIN_DECLS

#define BOTTEGA_TYPE_CONVERSATION_ROW (bottega_conversation_row_get_type ())
G_DECLARE_FINAL_TYPE (BottegaConversationRow, bottega_conversation_row, BOTTEGA, CONVERSATION_ROW,
                      AdwBin)

GtkWidget *bottega_conversation_row_new (void);
BottegaConversation *
bottega_conversation_row_get_conversation (BottegaConversationRow *self); /* borrowed */
void bottega_conversation_row_set_conversation (BottegaConversationRow *self,
                                                BottegaConversation *conversation);

/* "14:05", "Yesterday", "3 November", "3 November 2025" as seen at now_us (both in microseconds
 * since 1970). Free with g_free. */
char *bottega_conversation_row_format_time (gint64 time_us, gint64 now_us);

/* "Writing…": how far an answer is; NULL: none is on its way. Borrowed. */
const char *bottega_conversation_row_format_state (BottegaConversationState state);

G_END_DECLS
