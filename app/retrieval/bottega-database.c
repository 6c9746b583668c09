/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One connection to a space's file: opening, migrations, statements, transactions, and sentences
 * for SQLite's errors. It must not know what is in the tables.
 *
 * SQLite lets one connection write at a time and has the others try again and again. Inside this
 * process the writers of a file stand in a line instead (Line), so that a question that must reach
 * the disk waits for one short transaction of the indexer and never longer. */
#define G_LOG_DOMAIN "bottega-database"
#include "config.h"

#include "app/retrieval/bottega-database.h"
#include "app/retrieval/bottega-schema.h"

#include <glib/gi18n-lib.h>

/* "Btga": marks the file as ours in its header. */
#define APPLICATION_ID   0x42746761
#define CHECKPOINT_PAGES 256
/* For other processes alone: a person waits for twice of it when a writer of ours comes first. */
#define BUSY_TIMEOUT_MS 3000

/* The writers of one file, first come first served. */
typedef struct {
  char *path;
  guint refs;           /* guarded by lines_lock */
  guint64 next, served; /* tickets; guarded by lines_lock */
} Line;

struct _BottegaDatabase {
  char *path; /* NULL: in memory */
  sqlite3 *handle;
  GHashTable *statements; /* SQL -> sqlite3_stmt */
  int synchronous;        /* -1: not set yet; else the BottegaStoreDurability */
  Line *line;             /* NULL: in memory */
};

static GMutex lines_lock;
static GCond lines_moved;
static GHashTable *lines; /* path -> Line */

/* ---- the line of writers ---- */

static Line *
line_join (const char *path)
{
  Line *line;

  g_mutex_lock (&lines_lock);
  if (lines == NULL)
    lines = g_hash_table_new (g_str_hash, g_str_equal);
  line = g_hash_table_lookup (lines, path);
  if (line == NULL) {
    line = g_new0 (Line, 1);
    line->path = g_strdup (path);
    g_hash_table_insert (lines, line->path, line);
  }
  line->refs++;
  g_mutex_unlock (&lines_lock);

  return line;
}

static void
line_leave (Line *line)
{
  if (line == NULL)
    return;

  g_mutex_lock (&lines_lock);
  if (--line->refs == 0) {
    g_hash_table_remove (lines, line->path);
    g_free (line->path);
    g_free (line);
  }
  if (g_hash_table_size (lines) == 0)
    g_clear_pointer (&lines, g_hash_table_unref);
  g_mutex_unlock (&lines_lock);
}

static void
line_wait (Line *line)
{
  guint64 ticket;

  if (line == NULL)
    return;

  g_mutex_lock (&lines_lock);
  ticket = line->next++;
  while (line->served != ticket)
    g_cond_wait (&lines_moved, &lines_lock);
  g_mutex_unlock (&lines_lock);
}

static void
line_go_on (Line *line)
{
  if (line == NULL)
    return;

  g_mutex_lock (&lines_lock);
  line->served++;
  g_cond_broadcast (&lines_moved);
  g_mutex_unlock (&lines_lock);
}

/* ---- errors ---- */

/* Sentences by SQLite's primary result code; %s is the file. */
static const struct {
  int code;
  BottegaStoreError error;
  const char *sentence;
} sentences[] = {
  { SQLITE_NOTADB, BOTTEGA_STORE_ERROR_CORRUPT,
    N_ ("“%s” is not a database. It was left as it is; move it away to begin anew.") },
  { SQLITE_CORRUPT, BOTTEGA_STORE_ERROR_CORRUPT,
    N_ ("“%s” is damaged. It was left as it is; restore it from a backup, or move it away.") },
  { SQLITE_FULL, BOTTEGA_STORE_ERROR_FULL,
    N_ ("There is no space left on the disk for “%s”. Free some, then try again.") },
  { SQLITE_BUSY, BOTTEGA_STORE_ERROR_LOCKED,
    N_ ("“%s” is in use by another program. Close it, then try again.") },
  { SQLITE_LOCKED, BOTTEGA_STORE_ERROR_LOCKED,
    N_ ("“%s” is in use by another program. Close it, then try again.") },
  { SQLITE_CANTOPEN, BOTTEGA_STORE_ERROR_OPEN,
    N_ ("“%s” cannot be opened. Look whether you may read and write it.") },
  { SQLITE_READONLY, BOTTEGA_STORE_ERROR_OPEN,
    N_ ("“%s” cannot be written. Look whether you may write it and its folder.") },
  { SQLITE_PERM, BOTTEGA_STORE_ERROR_OPEN,
    N_ ("“%s” cannot be opened. Look whether you may read and write it.") },
};

gboolean
bottega_database_fail (BottegaDatabase *self, GError **error)
{
  int code = sqlite3_errcode (self->handle) & 0xff;
  const char *name = self->path != NULL ? self->path : _ ("the store in memory");

  for (guint i = 0; i < G_N_ELEMENTS (sentences); i++)
    if (sentences[i].code == code) {
      g_set_error (error, BOTTEGA_STORE_ERROR, sentences[i].error, _ (sentences[i].sentence), name);
      return FALSE;
    }
  /* Translators: the second %s is a message of SQLite, in English. */
  g_set_error (error, BOTTEGA_STORE_ERROR, BOTTEGA_STORE_ERROR_FAILED, _ ("“%s”: %s."), name,
               sqlite3_errmsg (self->handle));

  return FALSE;
}

/* ---- statements and transactions ---- */

gboolean
bottega_database_exec (BottegaDatabase *self, const char *sql, GError **error)
{
  if (sqlite3_exec (self->handle, sql, NULL, NULL, NULL) != SQLITE_OK)
    return bottega_database_fail (self, error);

  return TRUE;
}

sqlite3_stmt *
bottega_database_statement (BottegaDatabase *self, const char *sql, GError **error)
{
  sqlite3_stmt *statement = g_hash_table_lookup (self->statements, sql);

  if (statement == NULL) {
    if (sqlite3_prepare_v3 (self->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement,
                            NULL) != SQLITE_OK) {
      bottega_database_fail (self, error);
      return NULL;
    }
    g_hash_table_insert (self->statements, (gpointer) sql, statement);
  }
  sqlite3_reset (statement);
  sqlite3_clear_bindings (statement);

  return statement;
}

gboolean
bottega_database_step (BottegaDatabase *self, sqlite3_stmt *statement, GError **error)
{
  int result = sqlite3_step (statement);
  gboolean ok = result == SQLITE_DONE || result == SQLITE_ROW;

  if (!ok)
    bottega_database_fail (self, error);
  sqlite3_reset (statement);

  return ok;
}

gboolean
bottega_database_begin (BottegaDatabase *self, BottegaStoreDurability durability, GError **error)
{
  /* Cannot be changed inside a transaction. */
  if (self->synchronous != (int) durability) {
    if (!bottega_database_exec (self,
                                durability == BOTTEGA_STORE_DURABLE ? "PRAGMA synchronous = FULL"
                                                                    : "PRAGMA synchronous = NORMAL",
                                error))
      return FALSE;
    self->synchronous = (int) durability;
  }

  line_wait (self->line);
  if (bottega_database_exec (self, "BEGIN IMMEDIATE", error))
    return TRUE;
  line_go_on (self->line);

  return FALSE;
}

gboolean
bottega_database_end (BottegaDatabase *self, gboolean ok, GError **error)
{
  ok = ok && bottega_database_exec (self, "COMMIT", error);
  if (!ok)
    sqlite3_exec (self->handle, "ROLLBACK", NULL, NULL, NULL);
  line_go_on (self->line);

  return ok;
}

void
bottega_database_bind_text (sqlite3_stmt *statement, int index, const char *text)
{
  sqlite3_bind_text (statement, index, text, -1, SQLITE_STATIC);
}

char *
bottega_database_dup_column (sqlite3_stmt *statement, int column)
{
  return g_strdup ((const char *) sqlite3_column_text (statement, column));
}

/* ---- opening ---- */

/* A number that a PRAGMA or a SELECT gives. */
static gboolean
query_int (BottegaDatabase *self, const char *sql, gint64 *value, GError **error)
{
  sqlite3_stmt *statement = NULL;
  gboolean ok = sqlite3_prepare_v2 (self->handle, sql, -1, &statement, NULL) == SQLITE_OK &&
                sqlite3_step (statement) == SQLITE_ROW;

  if (ok)
    *value = sqlite3_column_int64 (statement, 0);
  else
    bottega_database_fail (self, error);
  sqlite3_finalize (statement);

  return ok;
}

/* Reads the header, before anything is written: is it ours, and not newer than us? */
static gboolean
check_header (BottegaDatabase *self, gint64 *version, GError **error)
{
  gint64 application, n_tables;

  if (!query_int (self, "PRAGMA application_id", &application, error) ||
      !query_int (self, "PRAGMA user_version", version, error) ||
      !query_int (self, "SELECT count(*) FROM sqlite_schema", &n_tables, error))
    return FALSE;

  if (n_tables > 0 && application != APPLICATION_ID) {
    g_set_error (error, BOTTEGA_STORE_ERROR, BOTTEGA_STORE_ERROR_CORRUPT,
                 _ ("“%s” is a database of another program. It was left as it is."), self->path);
    return FALSE;
  }
  if (*version > bottega_schema_n_steps) {
    g_set_error (error, BOTTEGA_STORE_ERROR, BOTTEGA_STORE_ERROR_NEWER,
                 _ ("“%s” was written by a newer version of Bottega. Update Bottega to open it; it "
                    "was left as it is."),
                 self->path);
    return FALSE;
  }

  return TRUE;
}

static gboolean
migrate (BottegaDatabase *self, gint64 version, GError **error)
{
  for (guint i = (guint) version; i < bottega_schema_n_steps; i++) {
    g_autofree char *mark =
        g_strdup_printf ("PRAGMA application_id = %d; PRAGMA user_version = %u", APPLICATION_ID,
                         i + 1);
    gboolean ok;

    if (!bottega_database_begin (self, BOTTEGA_STORE_DURABLE, error))
      return FALSE;
    ok = bottega_database_exec (self, bottega_schema_steps[i], error) &&
         bottega_database_exec (self, mark, error);
    if (!bottega_database_end (self, ok, error))
      return FALSE;
  }

  return TRUE;
}

static gboolean
set_up (BottegaDatabase *self, BottegaDatabaseMode mode, GError **error)
{
  gint64 version;
  g_autofree char *checkpoint = g_strdup_printf ("PRAGMA wal_autocheckpoint = %d",
                                                 CHECKPOINT_PAGES);

  sqlite3_busy_timeout (self->handle, BUSY_TIMEOUT_MS);
  if (!check_header (self, &version, error))
    return FALSE;
  if (mode == BOTTEGA_DATABASE_CREATE) {
    if (!bottega_database_exec (self, "PRAGMA journal_mode = WAL", error) ||
        !migrate (self, version, error))
      return FALSE;
  } else if (version < bottega_schema_n_steps) {
    g_set_error (error, BOTTEGA_STORE_ERROR, BOTTEGA_STORE_ERROR_FAILED,
                 _ ("“%s” is of an older version of Bottega and was not brought up to date yet."),
                 self->path);
    return FALSE;
  }
  if (mode == BOTTEGA_DATABASE_READ)
    return TRUE;

  /* secure_delete: what a person deletes is overwritten with zeros. */
  return bottega_database_exec (self, "PRAGMA foreign_keys = ON", error) &&
         bottega_database_exec (self, "PRAGMA secure_delete = ON", error) &&
         bottega_database_exec (self, checkpoint, error);
}

static void
finalize_statement (gpointer statement)
{
  sqlite3_finalize (statement);
}

BottegaDatabase *
bottega_database_open (const char *path, BottegaDatabaseMode mode, GError **error)
{
  static const int flags[] = {
    [BOTTEGA_DATABASE_CREATE] = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
    [BOTTEGA_DATABASE_WRITE] = SQLITE_OPEN_READWRITE,
    [BOTTEGA_DATABASE_READ] = SQLITE_OPEN_READONLY,
  };
  g_autoptr (BottegaDatabase) self = NULL;

  g_return_val_if_fail (path != NULL || mode == BOTTEGA_DATABASE_CREATE, NULL);

  self = g_new0 (BottegaDatabase, 1);
  self->path = g_strdup (path);
  self->synchronous = -1;
  self->statements = g_hash_table_new_full (NULL, NULL, NULL, finalize_statement);
  if (path != NULL)
    self->line = line_join (path);
  if (sqlite3_open_v2 (path != NULL ? path : ":memory:", &self->handle,
                       flags[mode] | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
    bottega_database_fail (self, error);
    return NULL;
  }

  return set_up (self, mode, error) ? g_steal_pointer (&self) : NULL;
}

void
bottega_database_free (BottegaDatabase *self)
{
  if (self == NULL)
    return;

  g_hash_table_unref (self->statements);
  sqlite3_close (self->handle);
  line_leave (self->line);
  g_free (self->path);
  g_free (self);
}

const char *
bottega_database_get_path (BottegaDatabase *self)
{
  return self->path;
}

sqlite3 *
bottega_database_get_handle (BottegaDatabase *self)
{
  return self->handle;
}
