/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which documents there are and in which state, roots, exclusions and vectors. Their text and words
 * are the business of bottega-index-text.c; what is in files, of the indexer. */
#define G_LOG_DOMAIN "bottega-index"

#include "app/retrieval/bottega-index-private.h"
#include "app/retrieval/bottega-schema.h"
#include "app/retrieval/bottega-vectors.h"

#include <string.h>

/* ?2 with a slash at its end is the beginning of ?1's path. */
#define SQL_BELOW(path) "(" path " = ?1 OR substr (" path ", 1, length (?1) + 1) = ?1 || '/')"

static const char sql_list[] =
    "SELECT id, path, sha256, state, size_bytes, mtime_ns, n_chunks, n_vectors FROM documents"
    " WHERE edition >= 0 ORDER BY id";
static const char sql_list_roots[] = "SELECT path FROM roots ORDER BY path";
static const char sql_list_exclusions[] = "SELECT path FROM exclusions";
static const char sql_add_root[] =
    "INSERT INTO roots (path, kind, added_us) VALUES (?1, ?2, ?3) ON CONFLICT (path) DO UPDATE"
    " SET kind = excluded.kind";
static const char sql_take_back[] = "DELETE FROM exclusions WHERE " SQL_BELOW ("path");
static const char sql_remove_roots[] = "DELETE FROM roots WHERE " SQL_BELOW ("path");
/* Where a root above would bring it back. */
static const char sql_exclude[] =
    "INSERT OR IGNORE INTO exclusions (path, added_us) SELECT ?1, ?2 WHERE EXISTS (SELECT 1"
    " FROM roots WHERE substr (?1, 1, length (rtrim (path, '/')) + 1) = rtrim (path, '/') || '/')";
static const char sql_add[] =
    "INSERT OR IGNORE INTO documents (path, state, added_us) VALUES (?1, 0, ?2)";
static const char sql_renew[] = "UPDATE documents SET state = 0, mtime_ns = -1"
                                " WHERE edition >= 0 AND (?1 = 0 OR id = ?1) AND state <> 4";
static const char sql_set_gone[] = "UPDATE documents SET state = 4 WHERE id = ?1";
/* The state that the rest of the row tells of. */
static const char sql_set_back[] =
    "UPDATE documents SET state = CASE WHEN error IS NOT NULL THEN 3"
    " WHEN mtime_ns = -1 THEN 0"
    " WHEN n_vectors < n_chunks AND (SELECT value FROM facts WHERE name = '" BOTTEGA_FACT_EMBEDDER
    "') IS NOT NULL THEN 1 ELSE 2 END WHERE id = ?1";
static const char sql_move[] = "UPDATE documents SET path = ?2, mtime_ns = ?3 WHERE id = ?1";
static const char sql_wanting[] =
    "SELECT id FROM documents WHERE state = 1 AND edition >= 0 ORDER BY mtime_ns DESC, id";
static const char sql_passages[] =
    "SELECT c.id, c.seq, c.offset, c.length, c.page, c.heading, c.header, d.title, d.path"
    " FROM documents AS d JOIN chunks AS c ON c.document = d.id AND c.edition = d.edition"
    " WHERE d.id = ?1 AND c.seq >= ?2"
    " AND NOT EXISTS (SELECT 1 FROM vectors AS v WHERE v.chunk = c.id) ORDER BY c.seq LIMIT ?3";
static const char sql_put_vector[] =
    "INSERT OR IGNORE INTO vectors (chunk, document, scale, codes) SELECT c.id, c.document, ?2, ?3"
    " FROM chunks AS c JOIN documents AS d ON d.id = c.document AND d.edition = c.edition"
    " WHERE c.id = ?1";
static const char sql_count_vector[] =
    "UPDATE documents SET n_vectors = n_vectors + 1, state = CASE WHEN state = 1"
    " AND n_vectors + 1 >= n_chunks THEN 2 ELSE state END WHERE id = ?1";
static const char sql_get_embedder[] =
    "SELECT 1 FROM facts WHERE name = '" BOTTEGA_FACT_EMBEDDER "' AND value = ?1";
static const char sql_set_embedder[] =
    "INSERT OR REPLACE INTO facts (name, value) VALUES ('" BOTTEGA_FACT_EMBEDDER "', ?1)";
static const char sql_drop_vectors[] = "DELETE FROM vectors";
static const char sql_count_no_vectors[] = "UPDATE documents SET n_vectors = 0";
static const char sql_wait_for_vectors[] =
    "UPDATE documents SET state = 1 WHERE state = 2 AND n_vectors < n_chunks";
static const char sql_wait_no_more[] = "UPDATE documents SET state = 2 WHERE state = 1";

void
bottega_index_entry_free (BottegaIndexEntry *entry)
{
  if (entry == NULL)
    return;
  g_free (entry->path);
  g_free (entry->sha256);
  g_free (entry);
}

void
bottega_index_passage_clear (BottegaIndexPassage *passage)
{
  g_clear_pointer (&passage->text, g_free);
}

/* ---- small statements ---- */

gboolean
bottega_index_step (BottegaDatabase *db, const char *sql, gint64 id, GError **error)
{
  sqlite3_stmt *statement = bottega_database_statement (db, sql, error);

  if (statement == NULL)
    return FALSE;
  if (sqlite3_bind_parameter_count (statement) > 0)
    sqlite3_bind_int64 (statement, 1, id);

  return bottega_database_step (db, statement, error);
}

/* ?1 a text, ?2, if it has one, the time. */
static gboolean
run_on_text (BottegaDatabase *db, const char *sql, const char *text, GError **error)
{
  sqlite3_stmt *statement = bottega_database_statement (db, sql, error);

  if (statement == NULL)
    return FALSE;
  bottega_database_bind_text (statement, 1, text);
  if (sqlite3_bind_parameter_count (statement) > 1)
    sqlite3_bind_int64 (statement, 2, g_get_real_time ());

  return bottega_database_step (db, statement, error);
}

/* In a transaction of its own. */
static gboolean
run_alone (BottegaDatabase *db, const char *sql, gint64 id, GError **error)
{
  if (!bottega_database_begin (db, BOTTEGA_STORE_QUICK, error))
    return FALSE;

  return bottega_database_end (db, bottega_index_step (db, sql, id, error), error);
}

static GPtrArray *
list_texts (BottegaDatabase *db, const char *sql, GError **error)
{
  sqlite3_stmt *statement = bottega_database_statement (db, sql, error);
  g_autoptr (GPtrArray) texts = g_ptr_array_new_with_free_func (g_free);
  int result;

  if (statement == NULL)
    return NULL;
  while ((result = sqlite3_step (statement)) == SQLITE_ROW)
    g_ptr_array_add (texts, bottega_database_dup_column (statement, 0));
  if (result != SQLITE_DONE)
    bottega_database_fail (db, error);
  sqlite3_reset (statement);

  return result == SQLITE_DONE ? g_steal_pointer (&texts) : NULL;
}

/* ---- what belongs to the space ---- */

GPtrArray *
bottega_index_list_roots (BottegaDatabase *db, GError **error)
{
  return list_texts (db, sql_list_roots, error);
}

GPtrArray *
bottega_index_list_exclusions (BottegaDatabase *db, GError **error)
{
  return list_texts (db, sql_list_exclusions, error);
}

gboolean
bottega_index_add_root (BottegaDatabase *db, const char *path, gboolean folder, GError **error)
{
  sqlite3_stmt *statement;
  gboolean ok;

  if (!bottega_database_begin (db, BOTTEGA_STORE_DURABLE, error))
    return FALSE;
  statement = bottega_database_statement (db, sql_add_root, error);
  ok = statement != NULL;
  if (ok) {
    bottega_database_bind_text (statement, 1, path);
    bottega_database_bind_text (statement, 2, folder ? "folder" : "file");
    sqlite3_bind_int64 (statement, 3, g_get_real_time ());
    ok = bottega_database_step (db, statement, error) &&
         run_on_text (db, sql_take_back, path, error);
  }

  return bottega_database_end (db, ok, error);
}

gboolean
bottega_index_remove_roots (BottegaDatabase *db, const char *path, GError **error)
{
  gboolean ok;

  if (!bottega_database_begin (db, BOTTEGA_STORE_DURABLE, error))
    return FALSE;
  ok = run_on_text (db, sql_remove_roots, path, error) &&
       run_on_text (db, sql_take_back, path, error) &&
       run_on_text (db, sql_exclude, path, error);

  return bottega_database_end (db, ok, error);
}

/* ---- documents ---- */

GPtrArray *
bottega_index_list (BottegaDatabase *db, GError **error)
{
  sqlite3_stmt *statement = bottega_database_statement (db, sql_list, error);
  g_autoptr (GPtrArray) entries =
      g_ptr_array_new_with_free_func ((GDestroyNotify) bottega_index_entry_free);
  int result;

  if (statement == NULL)
    return NULL;
  while ((result = sqlite3_step (statement)) == SQLITE_ROW) {
    BottegaIndexEntry *entry = g_new0 (BottegaIndexEntry, 1);

    entry->id = sqlite3_column_int64 (statement, 0);
    entry->path = bottega_database_dup_column (statement, 1);
    entry->sha256 = bottega_database_dup_column (statement, 2);
    entry->state = (BottegaDocumentState) sqlite3_column_int (statement, 3);
    entry->size_bytes = (guint64) sqlite3_column_int64 (statement, 4);
    entry->mtime_ns = sqlite3_column_int64 (statement, 5);
    entry->n_chunks = (guint) sqlite3_column_int64 (statement, 6);
    entry->n_vectors = (guint) sqlite3_column_int64 (statement, 7);
    g_ptr_array_add (entries, entry);
  }
  if (result != SQLITE_DONE)
    bottega_database_fail (db, error);
  sqlite3_reset (statement);

  return result == SQLITE_DONE ? g_steal_pointer (&entries) : NULL;
}

gboolean
bottega_index_add (BottegaDatabase *db, const GPtrArray *paths, GError **error)
{
  gboolean ok = TRUE;

  for (guint i = 0; i < paths->len && ok; i += 256) {
    if (!bottega_database_begin (db, BOTTEGA_STORE_QUICK, error))
      return FALSE;
    for (guint k = i; k < MIN (i + 256, paths->len) && ok; k++)
      ok = run_on_text (db, sql_add, g_ptr_array_index (paths, k), error);
    ok = bottega_database_end (db, ok, error);
  }

  return ok;
}

gboolean
bottega_index_renew (BottegaDatabase *db, gint64 id, GError **error)
{
  return run_alone (db, sql_renew, id, error);
}

gboolean
bottega_index_set_gone (BottegaDatabase *db, gint64 id, gboolean gone, GError **error)
{
  return run_alone (db, gone ? sql_set_gone : sql_set_back, id, error);
}

gboolean
bottega_index_move (BottegaDatabase *db,
                    gint64 id,
                    const char *path,
                    gint64 mtime_ns,
                    GError **error)
{
  sqlite3_stmt *statement;
  gboolean ok;

  if (!bottega_database_begin (db, BOTTEGA_STORE_QUICK, error))
    return FALSE;
  statement = bottega_database_statement (db, sql_move, error);
  ok = statement != NULL;
  if (ok) {
    sqlite3_bind_int64 (statement, 1, id);
    bottega_database_bind_text (statement, 2, path);
    sqlite3_bind_int64 (statement, 3, mtime_ns);
    ok = bottega_database_step (db, statement, error) &&
         bottega_index_step (db, sql_set_back, id, error);
  }

  return bottega_database_end (db, ok, error);
}

/* ---- vectors ---- */

gboolean
bottega_index_set_embedder (BottegaDatabase *db, const char *embedder, GError **error)
{
  gboolean same, ok;

  if (!bottega_database_begin (db, BOTTEGA_STORE_QUICK, error))
    return FALSE;
  if (embedder == NULL)
    return bottega_database_end (db, bottega_index_step (db, sql_wait_no_more, 0, error), error);

  {
    sqlite3_stmt *statement = bottega_database_statement (db, sql_get_embedder, error);

    if (statement == NULL)
      return bottega_database_end (db, FALSE, error);
    bottega_database_bind_text (statement, 1, embedder);
    same = sqlite3_step (statement) == SQLITE_ROW;
    sqlite3_reset (statement);
  }
  ok = same || (bottega_index_step (db, sql_drop_vectors, 0, error) &&
                bottega_index_step (db, sql_count_no_vectors, 0, error) &&
                bottega_index_step (db, bottega_index_sql_count_removal, 0, error) &&
                run_on_text (db, sql_set_embedder, embedder, error));
  ok = ok && bottega_index_step (db, sql_wait_for_vectors, 0, error);

  return bottega_database_end (db, ok, error);
}

GArray *
bottega_index_list_wanting (BottegaDatabase *db, GError **error)
{
  sqlite3_stmt *statement = bottega_database_statement (db, sql_wanting, error);
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (gint64));
  int result;

  if (statement == NULL)
    return NULL;
  while ((result = sqlite3_step (statement)) == SQLITE_ROW) {
    gint64 id = sqlite3_column_int64 (statement, 0);

    g_array_append_val (ids, id);
  }
  if (result != SQLITE_DONE)
    bottega_database_fail (db, error);
  sqlite3_reset (statement);

  return result == SQLITE_DONE ? g_steal_pointer (&ids) : NULL;
}

/* The present row of sql_passages; NULL when its text cannot be read. */
static char *
passage_text (BottegaDatabase *db, sqlite3_stmt *row, gint64 document, GError **error)
{
  guint32 offset = (guint32) sqlite3_column_int64 (row, 2);
  guint32 length = (guint32) sqlite3_column_int64 (row, 3);
  g_autofree char *text = bottega_database_document_text (db, document, offset, length, error);
  g_autofree char *title = bottega_database_dup_column (row, 7);
  const BottegaChunk chunk = {
    .length = text != NULL ? (guint32) strlen (text) : 0,
    .page = (guint32) sqlite3_column_int64 (row, 4),
    .heading = (char *) sqlite3_column_text (row, 5),
    .header = (char *) sqlite3_column_text (row, 6),
  };

  if (text == NULL)
    return NULL;
  if (title == NULL)
    title = bottega_index_file_title ((const char *) sqlite3_column_text (row, 8));

  return bottega_chunk_indexed_text (&chunk, title, text);
}

gboolean
bottega_index_list_passages (BottegaDatabase *db,
                             gint64 document,
                             guint seq,
                             guint n,
                             GArray *passages,
                             GError **error)
{
  sqlite3_stmt *statement = bottega_database_statement (db, sql_passages, error);
  int result;

  if (statement == NULL)
    return FALSE;
  sqlite3_bind_int64 (statement, 1, document);
  sqlite3_bind_int64 (statement, 2, seq);
  sqlite3_bind_int64 (statement, 3, n);
  while ((result = sqlite3_step (statement)) == SQLITE_ROW) {
    BottegaIndexPassage passage = { .id = sqlite3_column_int64 (statement, 0),
                                    .document = document,
                                    .seq = (guint) sqlite3_column_int64 (statement, 1) };

    passage.text = passage_text (db, statement, document, error);
    if (passage.text == NULL)
      break;
    g_array_append_val (passages, passage);
  }
  if (result != SQLITE_DONE && result != SQLITE_ROW)
    bottega_database_fail (db, error);
  sqlite3_reset (statement);

  return result == SQLITE_DONE;
}

static gboolean
put_vector (BottegaDatabase *db, const BottegaIndexPassage *passage, const float *vector, guint n,
            gint8 *codes, GError **error)
{
  sqlite3_stmt *statement = bottega_database_statement (db, sql_put_vector, error);

  if (statement == NULL)
    return FALSE;
  sqlite3_bind_int64 (statement, 1, passage->id);
  sqlite3_bind_double (statement, 2, bottega_vectors_quantise (vector, n, codes));
  sqlite3_bind_blob (statement, 3, codes, (int) n, SQLITE_STATIC);
  if (!bottega_database_step (db, statement, error))
    return FALSE;

  return sqlite3_changes (bottega_database_get_handle (db)) == 0 ||
         bottega_index_step (db, sql_count_vector, passage->document, error);
}

gboolean
bottega_index_put_vectors (BottegaDatabase *db,
                           const GArray *passages,
                           const float *vectors,
                           guint n_dimensions,
                           GError **error)
{
  g_autofree gint8 *codes = g_new (gint8, n_dimensions);
  gboolean ok = TRUE;

  if (!bottega_database_begin (db, BOTTEGA_STORE_QUICK, error))
    return FALSE;
  for (guint i = 0; i < passages->len && ok; i++)
    ok = put_vector (db, &g_array_index (passages, BottegaIndexPassage, i),
                     vectors + (gsize) i * n_dimensions, n_dimensions, codes, error);

  return bottega_database_end (db, ok, error);
}
