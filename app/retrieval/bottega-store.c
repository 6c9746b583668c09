/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The file of a space: opening, migrations, transactions, the thread that owns the connection, and
 * sentences for SQLite's errors. It must not know what is in the tables; that is for the files
 * beside it.
 *
 * A lock file (flock) tells a second process that the space is in use: it would take the first
 * one's answers in progress for interrupted ones. */
#define G_LOG_DOMAIN "bottega-store"
#include "config.h"

#include "app/retrieval/bottega-store-private.h"
#include "app/retrieval/bottega-worker.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n-lib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* "Btga": marks the file as ours in its header. */
#define APPLICATION_ID   0x42746761
#define CHECKPOINT_PAGES 256
#define BUSY_TIMEOUT_MS  2000

/* Each string brings a database from the version of its index to the next. Never change one that
 * has been released; add one. */
static const char *const migrations[] = {
  "CREATE TABLE conversations ("
  "  seq INTEGER PRIMARY KEY,"
  "  id TEXT NOT NULL UNIQUE,"
  "  title TEXT NOT NULL,"
  "  first_message TEXT," /* the model reads from here; NULL: from the beginning */
  "  created_us INTEGER NOT NULL,"
  "  updated_us INTEGER NOT NULL,"
  "  deleted_us INTEGER" /* NULL: not deleted */
  ") STRICT;"
  "CREATE INDEX conversations_by_time ON conversations (updated_us);"
  "CREATE TABLE messages ("
  "  seq INTEGER PRIMARY KEY,"
  "  id TEXT NOT NULL UNIQUE,"
  "  conversation TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,"
  "  parent TEXT,"
  "  role TEXT NOT NULL,"
  "  state TEXT NOT NULL,"
  "  text TEXT NOT NULL,"
  "  error TEXT,"
  "  model TEXT,"
  "  device TEXT,"
  "  stats TEXT," /* JSON */
  "  created_us INTEGER NOT NULL,"
  "  updated_us INTEGER NOT NULL,"
  "  superseded_us INTEGER" /* replaced by a later branch; NULL: in sight */
  ") STRICT;"
  "CREATE INDEX messages_by_conversation ON messages (conversation, created_us);"
  "CREATE INDEX messages_being_written ON messages (state) WHERE state = 'writing';"
  /* Only the words are kept here: the text is in the tables above. */
  "CREATE VIRTUAL TABLE title_words USING fts5 (text, content = '', contentless_delete = 1,"
  "  tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3');"
  "CREATE VIRTUAL TABLE message_words USING fts5 (text, content = '', contentless_delete = 1,"
  "  tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3');",
};

struct _BottegaStore {
  GObject parent_instance;

  char *path;  /* NULL: in memory */
  int lock_fd; /* -1: none */
  BottegaWorker *worker;
  sqlite3 *db;            /* the worker's, once it runs */
  GHashTable *statements; /* SQL -> sqlite3_stmt; the worker's */
  int synchronous;        /* -1: not set yet; else the BottegaStoreDurability; the worker's */
};

typedef struct {
  BottegaStore *store; /* borrowed: the worker ends before the store does */
  gboolean write;
  BottegaStoreWork work;
  BottegaStoreReply done;
  gpointer data;
  GDestroyNotify destroy;
  GError *error;
} StoreJob;

static guint failed_signal;

G_DEFINE_QUARK (bottega-store-error-quark, bottega_store_error)
G_DEFINE_FINAL_TYPE (BottegaStore, bottega_store, G_TYPE_OBJECT)

static void
bottega_store_finalize (GObject *object)
{
  BottegaStore *self = BOTTEGA_STORE (object);

  g_clear_pointer (&self->worker, bottega_worker_free);
  g_clear_pointer (&self->statements, g_hash_table_unref);
  sqlite3_close (self->db);
  if (self->lock_fd >= 0)
    close (self->lock_fd);
  g_free (self->path);

  G_OBJECT_CLASS (bottega_store_parent_class)->finalize (object);
}

static void
bottega_store_class_init (BottegaStoreClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = bottega_store_finalize;
  failed_signal = g_signal_new ("failed", BOTTEGA_TYPE_STORE, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                NULL,
                                G_TYPE_NONE, 1, G_TYPE_STRING);
}

static void
finalize_statement (gpointer statement)
{
  sqlite3_finalize (statement);
}

static void
bottega_store_init (BottegaStore *self)
{
  self->lock_fd = -1;
  self->synchronous = -1;
  self->statements = g_hash_table_new_full (NULL, NULL, NULL, finalize_statement);
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
bottega_store_fail (BottegaStore *self, GError **error)
{
  int code = sqlite3_errcode (self->db) & 0xff;
  const char *name = self->path != NULL ? self->path : _ ("the store in memory");

  for (guint i = 0; i < G_N_ELEMENTS (sentences); i++)
    if (sentences[i].code == code) {
      g_set_error (error, BOTTEGA_STORE_ERROR, sentences[i].error, _ (sentences[i].sentence), name);
      return FALSE;
    }
  /* Translators: the second %s is a message of SQLite, in English. */
  g_set_error (error, BOTTEGA_STORE_ERROR, BOTTEGA_STORE_ERROR_FAILED, _ ("“%s”: %s."), name,
               sqlite3_errmsg (self->db));

  return FALSE;
}

/* ---- statements and transactions ---- */

static gboolean
exec (BottegaStore *self, const char *sql, GError **error)
{
  if (sqlite3_exec (self->db, sql, NULL, NULL, NULL) != SQLITE_OK)
    return bottega_store_fail (self, error);

  return TRUE;
}

sqlite3_stmt *
bottega_store_statement (BottegaStore *self, const char *sql, GError **error)
{
  sqlite3_stmt *statement = g_hash_table_lookup (self->statements, sql);

  if (statement == NULL) {
    if (sqlite3_prepare_v3 (self->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement,
                            NULL) != SQLITE_OK) {
      bottega_store_fail (self, error);
      return NULL;
    }
    g_hash_table_insert (self->statements, (gpointer) sql, statement);
  }
  sqlite3_reset (statement);
  sqlite3_clear_bindings (statement);

  return statement;
}

gboolean
bottega_store_step (BottegaStore *self, sqlite3_stmt *statement, GError **error)
{
  int result = sqlite3_step (statement);
  gboolean ok = result == SQLITE_DONE || result == SQLITE_ROW;

  if (!ok)
    bottega_store_fail (self, error);
  sqlite3_reset (statement);

  return ok;
}

gboolean
bottega_store_begin (BottegaStore *self, BottegaStoreDurability durability, GError **error)
{
  /* Cannot be changed inside a transaction. */
  if (self->synchronous != (int) durability) {
    if (!exec (self,
               durability == BOTTEGA_STORE_DURABLE ? "PRAGMA synchronous = FULL"
                                                   : "PRAGMA synchronous = NORMAL",
               error))
      return FALSE;
    self->synchronous = (int) durability;
  }

  return exec (self, "BEGIN IMMEDIATE", error);
}

gboolean
bottega_store_end (BottegaStore *self, gboolean ok, GError **error)
{
  if (ok && exec (self, "COMMIT", error))
    return TRUE;
  sqlite3_exec (self->db, "ROLLBACK", NULL, NULL, NULL);

  return FALSE;
}

void
bottega_store_bind_text (sqlite3_stmt *statement, int index, const char *text)
{
  sqlite3_bind_text (statement, index, text, -1, SQLITE_STATIC);
}

char *
bottega_store_dup_column (sqlite3_stmt *statement, int column)
{
  return g_strdup ((const char *) sqlite3_column_text (statement, column));
}

/* ---- opening ---- */

/* A number that a PRAGMA or a SELECT gives. */
static gboolean
query_int (BottegaStore *self, const char *sql, gint64 *value, GError **error)
{
  sqlite3_stmt *statement = NULL;
  gboolean ok = sqlite3_prepare_v2 (self->db, sql, -1, &statement, NULL) == SQLITE_OK &&
                sqlite3_step (statement) == SQLITE_ROW;

  if (ok)
    *value = sqlite3_column_int64 (statement, 0);
  else
    bottega_store_fail (self, error);
  sqlite3_finalize (statement);

  return ok;
}

/* Reads the header, before anything is written: is it ours, and not newer than us? */
static gboolean
check_header (BottegaStore *self, gint64 *version, GError **error)
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
  if (*version > (gint64) G_N_ELEMENTS (migrations)) {
    g_set_error (error, BOTTEGA_STORE_ERROR, BOTTEGA_STORE_ERROR_NEWER,
                 _ ("“%s” was written by a newer version of Bottega. Update Bottega to open it; it "
                    "was left as it is."),
                 self->path);
    return FALSE;
  }

  return TRUE;
}

static gboolean
migrate (BottegaStore *self, gint64 version, GError **error)
{
  for (gint64 i = version; i < (gint64) G_N_ELEMENTS (migrations); i++) {
    g_autofree char *mark =
        g_strdup_printf ("PRAGMA application_id = %d; PRAGMA user_version = %d", APPLICATION_ID,
                         (int) i + 1);
    gboolean ok;

    if (!bottega_store_begin (self, BOTTEGA_STORE_DURABLE, error))
      return FALSE;
    ok = exec (self, migrations[i], error) && exec (self, mark, error);
    if (!bottega_store_end (self, ok, error))
      return FALSE;
  }

  return TRUE;
}

static gboolean
set_up (BottegaStore *self, GError **error)
{
  gint64 version;
  g_autofree char *checkpoint = g_strdup_printf ("PRAGMA wal_autocheckpoint = %d",
                                                 CHECKPOINT_PAGES);

  sqlite3_busy_timeout (self->db, BUSY_TIMEOUT_MS);

  /* secure_delete: what a person deletes is overwritten with zeros. */
  return check_header (self, &version, error) &&
         exec (self, "PRAGMA journal_mode = WAL", error) &&
         exec (self, "PRAGMA foreign_keys = ON", error) &&
         exec (self, "PRAGMA secure_delete = ON", error) &&
         exec (self, checkpoint, error) &&
         migrate (self, version, error) &&
         bottega_store_recover_chats (self, error);
}

/* Takes the space for this process. */
static gboolean
take_lock (BottegaStore *self, GError **error)
{
  g_autofree char *path = g_strconcat (self->path, ".lock", NULL);

  self->lock_fd = g_open (path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  if (self->lock_fd < 0) {
    int code = errno;

    g_set_error (error, BOTTEGA_STORE_ERROR, BOTTEGA_STORE_ERROR_OPEN,
                 _ ("“%s” cannot be written: %s."), path, g_strerror (code));
    return FALSE;
  }
  if (flock (self->lock_fd, LOCK_EX | LOCK_NB) != 0) {
    g_set_error (error, BOTTEGA_STORE_ERROR, BOTTEGA_STORE_ERROR_LOCKED,
                 _ ("“%s” is in use by another Bottega. Close it, then try again."), self->path);
    return FALSE;
  }

  return TRUE;
}

static BottegaStore *
open_database (BottegaStore *store, const char *path, GError **error)
{
  g_autoptr (BottegaStore) self = store;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;

  if (sqlite3_open_v2 (path, &self->db, flags, NULL) != SQLITE_OK) {
    bottega_store_fail (self, error);
    return NULL;
  }
  if (!set_up (self, error))
    return NULL;
  self->worker = bottega_worker_new ("store");

  return g_steal_pointer (&self);
}

BottegaStore *
bottega_store_open (const char *data_dir, const char *name, GError **error)
{
  g_autoptr (BottegaStore) self = NULL;
  g_autofree char *folder = NULL;
  g_autofree char *file = NULL;

  g_return_val_if_fail (data_dir != NULL && name != NULL && strchr (name, '/') == NULL, NULL);

  self = g_object_new (BOTTEGA_TYPE_STORE, NULL);
  folder = g_build_filename (data_dir, "spaces", NULL);
  file = g_strconcat (name, ".sqlite", NULL);
  self->path = g_build_filename (folder, file, NULL);
  if (g_mkdir_with_parents (folder, 0700) != 0) {
    int code = errno;

    g_set_error (error, BOTTEGA_STORE_ERROR, BOTTEGA_STORE_ERROR_OPEN,
                 _ ("The folder “%s” cannot be made: %s."), folder, g_strerror (code));
    return NULL;
  }
  if (!take_lock (self, error))
    return NULL;

  return open_database (g_object_ref (self), self->path, error);
}

BottegaStore *
bottega_store_open_in_memory (GError **error)
{
  return open_database (g_object_new (BOTTEGA_TYPE_STORE, NULL), ":memory:", error);
}

/* ---- jobs ---- */

static void
job_run (gpointer data)
{
  StoreJob *job = data;

  job->work (job->store, job->data, &job->error);
}

static void
job_done (gpointer data)
{
  StoreJob *job = data;
  g_autoptr (BottegaStore) self = g_object_ref (job->store);

  if (job->error != NULL && job->write)
    g_signal_emit (self, failed_signal, 0, job->error->message);
  if (job->done != NULL)
    job->done (self, job->data, job->error);
}

static void
job_free (gpointer data)
{
  StoreJob *job = data;

  if (job->destroy != NULL)
    job->destroy (job->data);
  g_clear_error (&job->error);
  g_free (job);
}

void
bottega_store_push (BottegaStore *self,
                    gboolean write,
                    BottegaStoreWork work,
                    BottegaStoreReply done,
                    gpointer data,
                    GDestroyNotify destroy)
{
  StoreJob *job = g_new0 (StoreJob, 1);

  *job = (StoreJob) { self, write, work, done, data, destroy, NULL };
  bottega_worker_push (self->worker, job_run, job_done, job, job_free);
}

const char *
bottega_store_get_path (BottegaStore *self)
{
  g_return_val_if_fail (BOTTEGA_IS_STORE (self), NULL);

  return self->path;
}

void
bottega_store_flush (BottegaStore *self)
{
  g_return_if_fail (BOTTEGA_IS_STORE (self));

  bottega_worker_wait (self->worker);
}
