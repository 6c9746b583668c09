/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The transcript of one conversation. It follows what is written as long as the reader is at the
 * end, and opens a long conversation from its end. Main thread.
 *
 * Actions that its rows use: chat.regenerate (s: message id), chat.continue (s), chat.edit (ss: id
 * and new text). What goes wrong is said through the action win.say (s: a sentence).
 */
#pragma once

#include <gtk/gtk.h>

#include "app/assistant/bottega-conversation.h"

G_BEGIN_DECLS

#define BOTTEGA_TYPE_CHAT_VIEW (bottega_chat_view_get_type ())
G_DECLARE_FINAL_TYPE (BottegaChatView, bottega_chat_view, BOTTEGA, CHAT_VIEW, GtkWidget)

GtkWidget *bottega_chat_view_new (void);

/* Shows CONVERSATION (NULL: nothing) from its end. */
void bottega_chat_view_set_conversation (BottegaChatView *self,
                                         BottegaConversation *conversation);
BottegaConversation *bottega_chat_view_get_conversation (BottegaChatView *self);

/* Goes to the end and follows what is written there. */
void bottega_chat_view_go_to_end (BottegaChatView *self);

G_END_DECLS
