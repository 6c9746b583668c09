/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BottegaDatabase: one connection to a space's SQLite file: opening, migrations, prepared
 * statements, transactions, SQLite's errors as sentences. The store has one for conversations, the
 * indexer one for writing, each searcher one for reading (WAL: readers never wait).
 *
 * A connection belongs to one thread at a time. */
#pragma once

#include "app/retrieval/bottega-store.h"

#include <sqlite3.h>

G_BEGIN_DECLS

typedef struct _BottegaDatabase BottegaDatabase;

typedef enum {
  BOTTEGA_DATABASE_CREATE, /* read and write; made, and brought up to date, where needed */
  BOTTEGA_DATABASE_WRITE,  /* read and write; it must be there and up to date */
  BOTTEGA_DATABASE_READ,   /* the same, read only */
} BottegaDatabaseMode;

/* path NULL (CREATE only): in memory. NULL and a sentence (BOTTEGA_STORE_ERROR) on failure; an
 * existing file is then unchanged. */
BottegaDatabase *bottega_database_open (const char *path, BottegaDatabaseMode mode, GError **error);
void bottega_database_free (BottegaDatabase *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BottegaDatabase, bottega_database_free)

/* Borrowed; NULL for one in memory. */
const char *bottega_database_get_path (BottegaDatabase *self);
sqlite3 *bottega_database_get_handle (BottegaDatabase *self);

/* Runs SQL without parameters and results. */
gboolean bottega_database_exec (BottegaDatabase *self, const char *sql, GError **error);
/* The statement of this SQL, prepared once and kept, reset and unbound. sql must be a string that
 * lives as long as the program. NULL on error. */
sqlite3_stmt *bottega_database_statement (BottegaDatabase *self, const char *sql, GError **error);
/* Steps a statement that gives no rows. */
gboolean bottega_database_step (BottegaDatabase *self, sqlite3_stmt *statement, GError **error);
/* Turns the connection's last failure into a sentence. Always FALSE. */
gboolean bottega_database_fail (BottegaDatabase *self, GError **error);

gboolean bottega_database_begin (BottegaDatabase *self, BottegaStoreDurability durability,
                                 GError **error);
/* Commits when ok, else rolls back (and keeps the error). */
gboolean bottega_database_end (BottegaDatabase *self, gboolean ok, GError **error);

/* Binds; NULL text is SQL NULL. The text must live until the statement is reset. */
void bottega_database_bind_text (sqlite3_stmt *statement, int index, const char *text);
/* A copy, NULL for SQL NULL; free with g_free. */
char *bottega_database_dup_column (sqlite3_stmt *statement, int column);

G_END_DECLS
