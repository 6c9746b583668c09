/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Conversations and messages in the store: plain rows in, plain rows out. Times are microseconds
 * since 1970 (g_get_real_time). Roles and states are words ("user", "complete") whose meaning is
 * the assistant's.
 *
 * Every `…_put` copies the row. Writing is asynchronous and in order; reading answers through a
 * callback on the main context. The callback is not called any more once the store is gone.
 */
#pragma once

#include "app/retrieval/bottega-store.h"

G_BEGIN_DECLS

/* The state word of an answer that is being written; found at open it becomes
 * BOTTEGA_STORE_STATE_INTERRUPTED. */
#define BOTTEGA_STORE_STATE_WRITING     "writing"
#define BOTTEGA_STORE_STATE_INTERRUPTED "interrupted"

typedef struct {
  char *id; /* UUID */
  char *title;
  char *first_message; /* id of the first message that the model still reads; NULL: all */
  gint64 created_us, updated_us;
  gboolean only_documents; /* answers say what the documents say, or nothing */
  char *pinned;            /* JSON: ids of the documents that it reads whole; NULL: none */
  char *recaps;            /* JSON: what the model reads in place of messages; NULL: nothing */
} BottegaStoreConversation;

typedef struct {
  char *id;           /* UUID */
  char *conversation; /* id */
  char *parent;       /* id of the message before it; NULL for the first */
  char *role;         /* "user", "assistant", "system-note" */
  char *state;        /* "queued", "writing", "complete", "stopped", "interrupted", "failed" */
  char *text;         /* UTF-8 */
  char *error;        /* the sentence of a failed one; NULL */
  char *model;        /* name of the model that wrote it; NULL */
  char *device;       /* sentence about the device; NULL */
  char *stats;        /* JSON object; NULL */
  char *sources;      /* JSON of the passages it was given; NULL */
  char *thought;      /* what the model thought before its text; NULL */
  gint64 created_us, updated_us;
  gint64 thought_us; /* how long it thought */
} BottegaStoreMessage;

void bottega_store_conversation_free (BottegaStoreConversation *row);
void bottega_store_message_free (BottegaStoreMessage *row);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BottegaStoreConversation, bottega_store_conversation_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BottegaStoreMessage, bottega_store_message_free)

/* Main context. error NULL: it is done (and durable when asked for); else nothing of it was
 * written. */
typedef void (*BottegaStoreDone) (const GError *error, gpointer user_data);
/* rows: GPtrArray of BottegaStoreConversation, BottegaStoreMessage or char * (ids), borrowed; NULL
 * on error. */
typedef void (*BottegaStoreRows) (GPtrArray *rows, const GError *error, gpointer user_data);

/* ---- writing ---- */

/* Inserts or replaces one conversation and any number of messages, in one transaction. conversation
 * may be NULL. Messages whose state is not "queued" or "writing" become searchable. done may be
 * NULL. */
void bottega_store_put (BottegaStore *self, const BottegaStoreConversation *conversation,
                        const BottegaStoreMessage *const *messages, guint n_messages,
                        BottegaStoreDurability durability, BottegaStoreDone done,
                        gpointer user_data);

/* The running text of an answer, at most once a second; state stays as it is. */
void bottega_store_put_text (BottegaStore *self, const char *message_id, const char *text);

/* Takes messages out of the conversation (regenerate, edit, a question taken back). Their rows
 * stay, out of sight and out of search, until the conversation is purged. */
void bottega_store_supersede (BottegaStore *self, const char *const *message_ids, guint n_ids,
                              BottegaStoreDone done, gpointer user_data);

/* Marks a conversation as deleted, or takes the mark back: undo. */
void bottega_store_set_deleted (BottegaStore *self, const char *conversation_id, gboolean deleted);
/* Removes what is marked as deleted from the file, overwriting it with zeros. conversation_id NULL:
 * all of it. */
void bottega_store_purge (BottegaStore *self, const char *conversation_id);

/* ---- reading ---- */

/* All conversations that are not deleted, newest first. */
void bottega_store_list_conversations (BottegaStore *self,
                                       BottegaStoreRows callback,
                                       gpointer user_data);
/* The messages of one, oldest first, without the superseded ones. */
void bottega_store_list_messages (BottegaStore *self,
                                  const char *conversation_id,
                                  BottegaStoreRows callback,
                                  gpointer user_data);
/* The last hundred messages of a role that have stats, newest first, of all conversations: without
 * text, thought and sources. */
void bottega_store_list_answers (BottegaStore *self, const char *role, BottegaStoreRows callback,
                                 gpointer user_data);
/* Ids of the conversations whose title or one of whose messages has every word of query (the last
 * may be the beginning of a word; case and accents do not matter), newest first, at most 500. */
void bottega_store_search_conversations (BottegaStore *self,
                                         const char *query,
                                         BottegaStoreRows callback,
                                         gpointer user_data);

G_END_DECLS
