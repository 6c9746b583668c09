/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of the store share: the connection, its prepared statements and its jobs.
 * Everything that takes a connection runs on the store's thread (or in open, before there is one).
 */
#pragma once

#include "app/retrieval/bottega-store.h"

#include <sqlite3.h>

G_BEGIN_DECLS

/* The statement of this SQL, prepared once and kept, reset and unbound. sql must be a string that
 * lives as long as the program. NULL on error. */
sqlite3_stmt *bottega_store_statement (BottegaStore *self, const char *sql, GError **error);
/* Steps a statement that gives no rows. */
gboolean bottega_store_step (BottegaStore *self, sqlite3_stmt *statement, GError **error);
/* Turns the connection's last failure into a sentence. Always FALSE. */
gboolean bottega_store_fail (BottegaStore *self, GError **error);

gboolean bottega_store_begin (BottegaStore *self,
                              BottegaStoreDurability durability,
                              GError **error);
/* Commits when ok, else rolls back (and keeps the error). */
gboolean bottega_store_end (BottegaStore *self, gboolean ok, GError **error);

/* Binds; NULL text is SQL NULL. The text must live until the statement is reset. */
void bottega_store_bind_text (sqlite3_stmt *statement, int index, const char *text);
char *bottega_store_dup_column (sqlite3_stmt *statement, int column);

/* Runs work on the store's thread, then done (may be NULL) on the main context with its error or
 * NULL. A failure of a job with write set is also told by the "failed" signal. Takes data. */
typedef gboolean (*BottegaStoreWork) (BottegaStore *self, gpointer data, GError **error);
typedef void (*BottegaStoreReply) (BottegaStore *self, gpointer data, const GError *error);
void bottega_store_push (BottegaStore *self, gboolean write, BottegaStoreWork work,
                         BottegaStoreReply done, gpointer data, GDestroyNotify destroy);

/* At open, on the bare connection: half-written answers become interrupted, the deleted go. */
gboolean bottega_store_recover_chats (BottegaStore *self, GError **error);

G_END_DECLS
