/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of the store share: its jobs. Work runs on the store's thread, which alone uses
 * the store's connection. */
#pragma once

#include "app/retrieval/bottega-database.h"

G_BEGIN_DECLS

/* Runs work on the store's thread, then done (may be NULL) on the main context with its error or
 * NULL. A failure of a job with write set is also told by the "failed" signal. Takes data. */
typedef gboolean (*BottegaStoreWork) (BottegaDatabase *db, gpointer data, GError **error);
typedef void (*BottegaStoreReply) (BottegaStore *self, gpointer data, const GError *error);
void bottega_store_push (BottegaStore *self, gboolean write, BottegaStoreWork work,
                         BottegaStoreReply done, gpointer data, GDestroyNotify destroy);

/* At open: half-written answers become interrupted, the deleted go. */
gboolean bottega_store_recover_chats (BottegaDatabase *db, GError **error);
/* The words of a query as FTS5 takes them, the last one as a beginning; "" when there is none. Free
 * with g_free. */
char *bottega_store_make_match (const char *query);
/* Of table conversations: those in sight that have all of ?1, in the title or in one message. */
#define BOTTEGA_STORE_SQL_MATCHES                                                             \
  "deleted_us IS NULL AND (seq IN (SELECT rowid FROM title_words WHERE title_words MATCH ?1)" \
  " OR id IN (SELECT m.conversation FROM message_words AS w JOIN messages AS m"               \
  "  ON m.seq = w.rowid WHERE w.message_words MATCH ?1))"

G_END_DECLS
