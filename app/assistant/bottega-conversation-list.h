/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BottegaConversationList: a GListModel of BottegaConversation, newest first, kept in step with the
 * store. Main thread only.
 *
 * Properties: loaded (boolean, read-only, notifies): the list has been read from the store.
 */
#pragma once

#include "app/assistant/bottega-conversation.h"
#include "app/assistant/bottega-engine-thread.h"
#include "app/assistant/bottega-library.h"
#include "app/assistant/bottega-settings.h"
#include "app/retrieval/bottega-store.h"

G_BEGIN_DECLS

#define BOTTEGA_TYPE_CONVERSATION_LIST (bottega_conversation_list_get_type ())
G_DECLARE_FINAL_TYPE (BottegaConversationList, bottega_conversation_list, BOTTEGA,
                      CONVERSATION_LIST, GObject)

/* Begins to read the list at once. library NULL: answers without documents. Keeps references to all
 * four. */
BottegaConversationList *bottega_conversation_list_new (BottegaStore *store,
                                                        BottegaEngineThread *engine,
                                                        BottegaSettings *settings,
                                                        BottegaLibrary *library);

gboolean bottega_conversation_list_get_loaded (BottegaConversationList *self);

/* An empty conversation, transfer full. It joins the list (at the top) and the store with its first
 * question; until then the same one is given again, so that "New" twice does not make two. */
BottegaConversation *bottega_conversation_list_create (BottegaConversationList *self);

/* The one with this id, or NULL. Borrowed. */
BottegaConversation *bottega_conversation_list_find (BottegaConversationList *self, const char *id);

/* Takes it out of the list and marks it as deleted in the store; its answer, if one is on its way,
 * is stopped. */
void bottega_conversation_list_delete (BottegaConversationList *self,
                                       BottegaConversation *conversation);
/* Puts a deleted one back in its place: the toast's Undo. FALSE when it has been purged. */
gboolean bottega_conversation_list_undo_delete (BottegaConversationList *self,
                                                BottegaConversation *conversation);
/* Removes it from the file for good: the toast is gone. What is not purged here is purged at the
 * next start. */
void bottega_conversation_list_purge (BottegaConversationList *self,
                                      BottegaConversation *conversation);

/* A live list of those that match, newest first, transfer full: it fills when the store has
 * answered. An empty query gives the whole list. Titles, questions and answers are searched; the
 * last word may be unfinished. */
GListModel *bottega_conversation_list_search (BottegaConversationList *self, const char *query);

/* The last answers of all conversations, newest first, at most a hundred: BottegaMessages that have
 * stats and no text. Borrowed, the same one for ever; it fills when the store has answered, and is
 * read anew at each call. */
GListModel *bottega_conversation_list_read_answers (BottegaConversationList *self);

G_END_DECLS
