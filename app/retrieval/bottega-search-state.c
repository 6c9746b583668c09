/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a searcher keeps of the file: numbers, languages, and the vectors in memory; read again when
 * somebody wrote, the vectors only as far as they are new. It must not know what is searched. */
#include "app/retrieval/bottega-schema.h"
#include "app/retrieval/bottega-search-private.h"

#include <string.h>

static const char sql_version[] = "PRAGMA data_version";
static const char sql_n_chunks[] = "SELECT count (*) FROM chunks";
static const char sql_n_documents[] =
    "SELECT count (*) FROM documents WHERE edition >= 0 AND state <> 4 AND n_chunks > 0";
static const char sql_languages[] =
    "SELECT ifnull (language, ''), count (*) FROM chunks GROUP BY language";
static const char sql_fact[] = "SELECT value FROM facts WHERE name = ?1";
static const char sql_vectors[] =
    "SELECT v.seq, v.chunk, v.document, v.scale, v.codes, c.language FROM vectors AS v"
    " JOIN chunks AS c ON c.id = v.chunk WHERE v.seq > ?1 ORDER BY v.seq";

/* The first number of the first row; 0 without a row. name: bound to ?1, may be NULL. */
static gboolean
read_number (BottegaSearcher *self, const char *sql, const char *name, gint64 *number,
             GError **error)
{
  sqlite3_stmt *statement = bottega_database_statement (self->database, sql, error);
  int result;

  if (statement == NULL)
    return FALSE;
  if (name != NULL)
    bottega_database_bind_text (statement, 1, name);
  result = sqlite3_step (statement);
  *number = result == SQLITE_ROW ? sqlite3_column_int64 (statement, 0) : 0;
  if (result != SQLITE_ROW && result != SQLITE_DONE)
    bottega_database_fail (self->database, error);
  sqlite3_reset (statement);

  return result == SQLITE_ROW || result == SQLITE_DONE;
}

static gboolean
read_languages (BottegaSearcher *self, GError **error)
{
  sqlite3_stmt *statement = bottega_database_statement (self->database, sql_languages, error);
  int result;

  if (statement == NULL)
    return FALSE;
  memset (self->shares, 0, sizeof self->shares);
  while ((result = sqlite3_step (statement)) == SQLITE_ROW) {
    BottegaLanguage language =
        bottega_language_from_code ((const char *) sqlite3_column_text (statement, 0));

    self->shares[language] +=
        (double) sqlite3_column_int64 (statement, 1) / (double) MAX (self->n_chunks, 1);
  }
  if (result != SQLITE_DONE)
    bottega_database_fail (self->database, error);
  sqlite3_reset (statement);

  return result == SQLITE_DONE;
}

/* Vectors of the embedder's own model are in the file. */
static gboolean
has_vectors (BottegaSearcher *self, gboolean *has, GError **error)
{
  sqlite3_stmt *statement;
  const char *id = self->embedder != NULL ? bottega_embedder_get_id (self->embedder) : NULL;
  int result;

  *has = FALSE;
  if (id == NULL || bottega_embedder_get_dimensions (self->embedder) == 0)
    return TRUE;
  statement = bottega_database_statement (self->database, sql_fact, error);
  if (statement == NULL)
    return FALSE;
  bottega_database_bind_text (statement, 1, BOTTEGA_FACT_EMBEDDER);
  result = sqlite3_step (statement);
  *has = result == SQLITE_ROW &&
         g_strcmp0 ((const char *) sqlite3_column_text (statement, 0), id) == 0;
  if (result != SQLITE_ROW && result != SQLITE_DONE)
    bottega_database_fail (self->database, error);
  sqlite3_reset (statement);

  return result == SQLITE_ROW || result == SQLITE_DONE;
}

static gboolean
append_vectors (BottegaSearcher *self, guint dimensions, GError **error)
{
  sqlite3_stmt *statement = bottega_database_statement (self->database, sql_vectors, error);
  int result;

  if (statement == NULL)
    return FALSE;
  sqlite3_bind_int64 (statement, 1, self->last_seq);
  while ((result = sqlite3_step (statement)) == SQLITE_ROW) {
    self->last_seq = sqlite3_column_int64 (statement, 0);
    if (sqlite3_column_bytes (statement, 4) != (int) dimensions)
      continue;
    bottega_vectors_append (
        self->vectors, sqlite3_column_int64 (statement, 1), sqlite3_column_int64 (statement, 2),
        bottega_language_from_code ((const char *) sqlite3_column_text (statement, 5)),
        (float) sqlite3_column_double (statement, 3), sqlite3_column_blob (statement, 4));
  }
  if (result != SQLITE_DONE)
    bottega_database_fail (self->database, error);
  sqlite3_reset (statement);

  return result == SQLITE_DONE;
}

/* New vectors are added; all are read again when some went away or the model is another one. */
static gboolean
update_vectors (BottegaSearcher *self, GError **error)
{
  gboolean has;
  gint64 removals;
  guint dimensions;

  if (!has_vectors (self, &has, error) ||
      !read_number (self, sql_fact, BOTTEGA_FACT_REMOVALS, &removals, error))
    return FALSE;
  dimensions = has ? bottega_embedder_get_dimensions (self->embedder) : 0;
  if (self->vectors != NULL && (removals != self->removals ||
                                bottega_vectors_get_dimensions (self->vectors) != dimensions)) {
    g_clear_pointer (&self->vectors, bottega_vectors_free);
    g_clear_pointer (&self->neutral, g_free);
  }
  if (!has)
    return TRUE;
  if (self->vectors == NULL) {
    self->vectors = bottega_vectors_new (dimensions);
    self->last_seq = 0;
    self->removals = removals;
  }

  return append_vectors (self, dimensions, error);
}

gboolean
bottega_searcher_update (BottegaSearcher *self, GError **error)
{
  gint64 version, n_chunks, n_documents;
  const char *model = self->embedder != NULL ? bottega_embedder_get_id (self->embedder) : NULL;

  if (!read_number (self, sql_version, NULL, &version, error))
    return FALSE;
  if (version == self->version && g_strcmp0 (model, self->model) == 0)
    return TRUE;
  if (!read_number (self, sql_n_chunks, NULL, &n_chunks, error) ||
      !read_number (self, sql_n_documents, NULL, &n_documents, error))
    return FALSE;
  self->n_chunks = (guint64) n_chunks;
  self->n_documents = (guint) n_documents;
  if (!read_languages (self, error) || !update_vectors (self, error))
    return FALSE;
  self->version = version;
  g_set_str (&self->model, model);

  return TRUE;
}
