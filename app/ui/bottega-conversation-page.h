/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The conversation that is shown: its header bar, the transcript or the starting page, and the
 * composer. */
#pragma once

#include <adwaita.h>

#include "app/assistant/bottega-assistant.h"

G_BEGIN_DECLS

#define BOTTEGA_TYPE_CONVERSATION_PAGE (bottega_conversation_page_get_type ())
G_DECLARE_FINAL_TYPE (BottegaConversationPage, bottega_conversation_page, BOTTEGA,
                      CONVERSATION_PAGE, AdwBin)

/* Properties: "narrow" (boolean), "title" (string, read-only, notifies). */
void bottega_conversation_page_set_assistant (BottegaConversationPage *self,
                                              BottegaAssistant *assistant);
/* What is written in the composer stays with the conversation that is left. */
void bottega_conversation_page_set_conversation (BottegaConversationPage *self,
                                                 BottegaConversation *conversation);
BottegaConversation *
bottega_conversation_page_get_conversation (BottegaConversationPage *self); /* borrowed */
/* A message of it by its id, owned by the caller; NULL: there is none. */
BottegaMessage *bottega_conversation_page_dup_message (BottegaConversationPage *self,
                                                       const char *id);
void bottega_conversation_page_focus_composer (BottegaConversationPage *self);
/* FALSE when there is no answer yet. */
gboolean bottega_conversation_page_copy_answer (BottegaConversationPage *self);
/* The next question is asked in these documents and folders (of GFile) that the library has or is
 * about to read; others are passed over. */
void bottega_conversation_page_ask_in (BottegaConversationPage *self, GSList *files);

/* Shows the sources of the last answer that has any, or puts them away. */
void bottega_conversation_page_toggle_sources (BottegaConversationPage *self);

G_END_DECLS
