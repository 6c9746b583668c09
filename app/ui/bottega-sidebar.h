/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The list of conversations with its search. Asks the window through actions, each with the
 * conversation's id: win.open-conversation, win.show-conversation (the same, but the focus stays in
 * the list), win.rename-conversation and win.delete-conversation. */
#pragma once

#include <adwaita.h>

#include "app/assistant/bottega-conversation-list.h"

G_BEGIN_DECLS

#define BOTTEGA_TYPE_SIDEBAR (bottega_sidebar_get_type ())
G_DECLARE_FINAL_TYPE (BottegaSidebar, bottega_sidebar, BOTTEGA, SIDEBAR, AdwBin)

/* The conversations of the open space; heading: its name. */
void bottega_sidebar_set_conversations (BottegaSidebar *self,
                                        BottegaConversationList *conversations,
                                        const char *heading);
/* Marks the row of what is shown: the conversation (none when it is NULL or not in the list), or
 * the place "library" or "models". */
void bottega_sidebar_set_current (BottegaSidebar *self, BottegaConversation *conversation,
                                  const char *place);
void bottega_sidebar_focus_search (BottegaSidebar *self);
void bottega_sidebar_search (BottegaSidebar *self, const char *query);
void bottega_sidebar_focus_list (BottegaSidebar *self);
/* The first conversation that is being answered or waits; FALSE: there is none. */
gboolean bottega_sidebar_focus_answers (BottegaSidebar *self);
void bottega_sidebar_popup_menu (BottegaSidebar *self);

G_END_DECLS
