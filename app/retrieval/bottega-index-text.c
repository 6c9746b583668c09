/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Writing and removing the text, chunks and words of documents. It must not know where they come
 * from.
 *
 * Transactions stay short whatever the size: work is done in batches of some ten KiB of text. The
 * new edition of a document is out of sight until it is complete; then one UPDATE puts it in the
 * place of the old one, whose rows are taken out after that. */
#define G_LOG_DOMAIN "bottega-index"

#include "app/retrieval/bottega-index-private.h"
#include "app/retrieval/bottega-language.h"
#include "app/retrieval/bottega-part.h"
#include "app/retrieval/bottega-schema.h"

#include <string.h>

#define BATCH_BYTES 65536
/* What a row costs beside its text. */
#define ROW_BYTES 256
/* Pages of a word index that are merged at a time. */
#define MERGE_PAGES 200
/* Pieces of a text that are asked for its language, and how much of each. */
#define LANGUAGE_SAMPLES      9
#define MIN_SAMPLE_BYTES      512
#define LANGUAGE_SAMPLE_BYTES 2048

static const char sql_untidy_documents[] = "SELECT id, 0 FROM documents WHERE untidy = 1 LIMIT 1";
static const char sql_mark_untidy[] = "UPDATE documents SET untidy = 1 WHERE id = ?1";
static const char sql_mark_tidy[] = "UPDATE documents SET untidy = 0 WHERE id = ?1";
static const char sql_hide[] = "UPDATE documents SET edition = -1, untidy = 1 WHERE id = ?1";
static const char sql_delete[] = "DELETE FROM documents WHERE id = ?1 AND edition = -1";
static const char sql_path[] = "SELECT path, edition FROM documents WHERE id = ?1";
static const char sql_put_part[] =
    "INSERT INTO parts (document, edition, offset, block, page, text, blocks, lines)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
static const char sql_put_chunk[] =
    "INSERT INTO chunks (document, edition, seq, offset, length, page, last_page, heading, header,"
    " kind, n_tokens, language) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
static const char sql_put_words[] =
    "INSERT INTO chunk_words (rowid, title, heading, body) VALUES (?1, ?2, ?3, ?4)";
static const char sql_put_document[] =
    "UPDATE documents SET edition = ?2, state = ?3, size_bytes = ?4, mtime_ns = ?5, sha256 = ?6,"
    " media_type = ?7, title = ?8, language = ?9, n_pages = ?10, text_bytes = ?11, n_chunks = ?12,"
    " n_vectors = 0, indexed_us = ?13, error = NULL WHERE id = ?1";
static const char sql_put_failure[] =
    "UPDATE documents SET edition = edition + 1, untidy = 1, state = 3, error = ?2,"
    " size_bytes = ?3, mtime_ns = ?4, sha256 = NULL, n_pages = 0, text_bytes = 0,"
    " n_chunks = 0, n_vectors = 0 WHERE id = ?1";
/* Two ranges of an index; “<>” would be a scan of the edition in sight. */
static const char sql_old_chunk[] =
    "SELECT c.id, c.length FROM documents AS d JOIN chunks AS c ON c.document = d.id"
    " WHERE d.id = ?1 AND c.edition < d.edition"
    " UNION ALL SELECT c.id, c.length FROM documents AS d JOIN chunks AS c ON c.document = d.id"
    " WHERE d.id = ?1 AND c.edition > d.edition LIMIT 1";
static const char sql_old_part[] =
    "SELECT p.id, length (p.text) FROM documents AS d JOIN parts AS p ON p.document = d.id"
    " WHERE d.id = ?1 AND p.edition < d.edition"
    " UNION ALL SELECT p.id, length (p.text) FROM documents AS d JOIN parts AS p"
    " ON p.document = d.id WHERE d.id = ?1 AND p.edition > d.edition LIMIT 1";
static const char sql_delete_words[] = "DELETE FROM chunk_words WHERE rowid = ?1";
static const char sql_delete_vector[] = "DELETE FROM vectors WHERE chunk = ?1";
static const char sql_delete_chunk[] = "DELETE FROM chunks WHERE id = ?1";
static const char sql_delete_part[] = "DELETE FROM parts WHERE id = ?1";
const char bottega_index_sql_count_removal[] =
    "INSERT INTO facts (name, value) VALUES ('" BOTTEGA_FACT_REMOVALS "', 1)"
    " ON CONFLICT (name) DO UPDATE SET value = value + 1";
static const char sql_words_untidy[] =
    "INSERT OR REPLACE INTO facts (name, value) VALUES ('" BOTTEGA_FACT_UNTIDY "', 1)";
static const char sql_next_merge[] =
    "SELECT value, 0 FROM facts WHERE name = '" BOTTEGA_FACT_UNTIDY "'";
static const char sql_set_next_merge[] =
    "UPDATE facts SET value = ?1 WHERE name = '" BOTTEGA_FACT_UNTIDY "'";
static const char sql_words_tidy[] = "DELETE FROM facts WHERE name = '" BOTTEGA_FACT_UNTIDY "'";
static const char sql_checkpoint[] = "PRAGMA wal_checkpoint (TRUNCATE)";

/* A merge with a negative number makes all parts of the index one job, which those with a positive
 * one go on with (FTS5, “the merge command”). */
static const struct {
  const char *sql;
  gboolean again; /* until there is nothing left to do */
} merges[] = {
  { "INSERT INTO chunk_words (chunk_words, rank) VALUES ('merge', -?1)", FALSE },
  { "INSERT INTO chunk_words (chunk_words, rank) VALUES ('merge', ?1)", TRUE },
};

/* ---- batches ---- */

typedef struct {
  BottegaDatabase *db;
  gsize bytes;   /* of the present transaction */
  gboolean open; /* there is one */
} Batch;

static gboolean
batch_begin (Batch *self, GError **error)
{
  self->bytes = 0;
  self->open = bottega_database_begin (self->db, BOTTEGA_STORE_QUICK, error);

  return self->open;
}

/* Begins another transaction when this one is long enough. */
static gboolean
batch_spend (Batch *self, gsize bytes, GError **error)
{
  self->bytes += bytes + ROW_BYTES;
  if (self->bytes < BATCH_BYTES)
    return TRUE;
  self->open = FALSE;

  return bottega_database_end (self->db, TRUE, error) && batch_begin (self, error);
}

static gboolean
batch_end (Batch *self, gboolean ok, GError **error)
{
  return self->open ? bottega_database_end (self->db, ok, error) : FALSE;
}

/* ---- sweeping ---- */

/* The first row of a query on a document; FALSE: there is none, or an error (then set). */
static gboolean
first_row (BottegaDatabase *db, const char *sql, gint64 document, gint64 *id, gsize *bytes,
           GError **error)
{
  sqlite3_stmt *statement = bottega_database_statement (db, sql, error);
  int result;

  if (statement == NULL)
    return FALSE;
  if (sqlite3_bind_parameter_count (statement) > 0)
    sqlite3_bind_int64 (statement, 1, document);
  result = sqlite3_step (statement);
  if (result == SQLITE_ROW) {
    *id = sqlite3_column_int64 (statement, 0);
    *bytes = (gsize) sqlite3_column_int64 (statement, 1);
  } else if (result != SQLITE_DONE)
    bottega_database_fail (db, error);
  sqlite3_reset (statement);

  return result == SQLITE_ROW;
}

static gboolean
delete_chunk (BottegaDatabase *db, gint64 id, GError **error)
{
  if (!bottega_index_step (db, sql_delete_words, id, error) ||
      !bottega_index_step (db, sql_words_untidy, 0, error) ||
      !bottega_index_step (db, sql_delete_vector, id, error))
    return FALSE;
  if (sqlite3_changes (bottega_database_get_handle (db)) > 0 &&
      !bottega_index_step (db, bottega_index_sql_count_removal, 0, error))
    return FALSE;

  return bottega_index_step (db, sql_delete_chunk, id, error);
}

/* Takes out all that is not of the document's present edition. */
static gboolean
sweep (Batch *batch, gint64 document, GError **error)
{
  BottegaDatabase *db = batch->db;
  g_autoptr (GError) local = NULL;
  gint64 id;
  gsize bytes;

  while (first_row (db, sql_old_chunk, document, &id, &bytes, &local))
    if (!delete_chunk (db, id, error) || !batch_spend (batch, bytes, error))
      return FALSE;
  while (local == NULL && first_row (db, sql_old_part, document, &id, &bytes, &local))
    if (!bottega_index_step (db, sql_delete_part, id, error) || !batch_spend (batch, bytes, error))
      return FALSE;
  if (local != NULL) {
    g_propagate_error (error, g_steal_pointer (&local));
    return FALSE;
  }

  return bottega_index_step (db, sql_mark_tidy, document, error) &&
         bottega_index_step (db, sql_delete, document, error);
}

static gboolean
sweep_alone (BottegaDatabase *db, gint64 document, GError **error)
{
  Batch batch = { .db = db };

  return batch_begin (&batch, error) && batch_end (&batch, sweep (&batch, document, error), error);
}

gboolean
bottega_index_recover (BottegaDatabase *db, GError **error)
{
  g_autoptr (GError) local = NULL;
  gint64 id;
  gsize bytes;

  while (first_row (db, sql_untidy_documents, 0, &id, &bytes, &local))
    if (!sweep_alone (db, id, error))
      return FALSE;
  if (local != NULL) {
    g_propagate_error (error, g_steal_pointer (&local));
    return FALSE;
  }

  return TRUE;
}

gboolean
bottega_index_remove (BottegaDatabase *db, gint64 id, GError **error)
{
  Batch batch = { .db = db };
  gboolean ok;

  if (!batch_begin (&batch, error))
    return FALSE;
  ok = bottega_index_step (db, sql_hide, id, error) && sweep (&batch, id, error);

  return batch_end (&batch, ok, error);
}

gboolean
bottega_index_tidy (BottegaDatabase *db, gboolean *more, GError **error)
{
  sqlite3 *handle = bottega_database_get_handle (db);
  g_autoptr (GError) local = NULL;
  gint64 next;
  gsize bytes;
  gboolean ok;
  int before;

  *more = first_row (db, sql_next_merge, 0, &next, &bytes, &local) && next > 0;
  if (local != NULL) {
    g_propagate_error (error, g_steal_pointer (&local));
    return FALSE;
  }
  if (!*more)
    return TRUE;
  if (next > (gint64) G_N_ELEMENTS (merges)) {
    *more = FALSE;
    /* The log still has the old pages. */
    return bottega_index_step (db, sql_words_tidy, 0, error) &&
           bottega_index_step (db, sql_checkpoint, 0, error);
  }

  if (!bottega_database_begin (db, BOTTEGA_STORE_QUICK, error))
    return FALSE;
  before = sqlite3_total_changes (handle);
  ok = bottega_index_step (db, merges[next - 1].sql, MERGE_PAGES, error);
  if (!merges[next - 1].again || sqlite3_total_changes (handle) - before < 2)
    next++;

  return bottega_database_end (db, ok && bottega_index_step (db, sql_set_next_merge, next, error),
                               error);
}

/* ---- putting ---- */

char *
bottega_index_file_title (const char *path)
{
  g_autofree char *name = g_filename_display_basename (path);
  char *dot = strrchr (name, '.');

  if (dot != NULL && dot != name)
    *dot = '\0';

  return g_steal_pointer (&name);
}

static gboolean
put_part (BottegaDatabase *db, const BottegaIndexText *text, gint64 edition,
          const BottegaPart *part, GError **error)
{
  const BottegaDocument *document = text->document;
  g_autoptr (GBytes) blocks =
      bottega_part_pack_blocks (document->blocks, part->first_block, part->n_blocks);
  g_autoptr (GBytes) lines =
      bottega_part_pack_lines (document->lines, part->first_line, part->n_lines);
  sqlite3_stmt *statement = bottega_database_statement (db, sql_put_part, error);
  const gint64 numbers[] = { text->id, edition, part->offset, part->block, part->page };

  if (statement == NULL)
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    sqlite3_bind_int64 (statement, (int) i + 1, numbers[i]);
  sqlite3_bind_text (statement, 6, document->text->str + part->offset, (int) part->length,
                     SQLITE_STATIC);
  sqlite3_bind_blob (statement, 7, g_bytes_get_data (blocks, NULL), (int) g_bytes_get_size (blocks),
                     SQLITE_STATIC);
  sqlite3_bind_blob (statement, 8, g_bytes_get_data (lines, NULL), (int) g_bytes_get_size (lines),
                     SQLITE_STATIC);

  return bottega_database_step (db, statement, error);
}

static gboolean
put_words (BottegaDatabase *db, gint64 id, const char *title, const BottegaChunk *chunk,
           const char *body, GError **error)
{
  sqlite3_stmt *words = bottega_database_statement (db, sql_put_words, error);

  if (words == NULL)
    return FALSE;
  sqlite3_bind_int64 (words, 1, id);
  bottega_database_bind_text (words, 2, title);
  bottega_database_bind_text (words, 3, chunk->heading);
  bottega_database_bind_text (words, 4, body);

  return bottega_database_step (db, words, error);
}

/* What a program says of a text's language is often what it is set to: where most pieces of the
 * text are clearly in another one, they are right. */
static const char *
document_language (const BottegaDocument *document)
{
  gsize step = MAX (document->text->len / LANGUAGE_SAMPLES + 1, MIN_SAMPLE_BYTES);
  guint counts[BOTTEGA_N_LANGUAGES] = { 0 }, n_samples = 0;
  BottegaLanguage most = BOTTEGA_LANGUAGE_UNKNOWN;

  for (gsize at = 0; at < document->text->len; at += step, n_samples++) {
    gsize n_bytes = MIN (MIN (step, LANGUAGE_SAMPLE_BYTES), document->text->len - at);

    counts[bottega_language_detect (document->text->str + at, (gssize) n_bytes)]++;
  }
  for (guint i = BOTTEGA_LANGUAGE_UNKNOWN + 1; i < BOTTEGA_N_LANGUAGES; i++)
    if (counts[i] * 2 > n_samples)
      most = i;
  if (most == bottega_language_from_code (document->language) ||
      (most == BOTTEGA_LANGUAGE_UNKNOWN && document->language != NULL))
    return document->language;
  if (most == BOTTEGA_LANGUAGE_UNKNOWN)
    most = bottega_language_detect (document->text->str, -1);

  return bottega_language_code (most);
}

/* As the chunk looks, else as the document does. */
static const char *
chunk_language (const BottegaIndexText *text, const BottegaChunk *chunk, const char *language)
{
  BottegaLanguage own = bottega_language_detect (text->document->text->str + chunk->offset,
                                                 chunk->length);

  if (own == BOTTEGA_LANGUAGE_UNKNOWN)
    own = bottega_language_from_code (language);

  return bottega_language_code (own);
}

static gboolean
put_chunk (BottegaDatabase *db, const BottegaIndexText *text, gint64 edition, guint seq,
           const char *title, const char *language, GError **error)
{
  const BottegaChunk *chunk = &g_array_index (text->chunks, BottegaChunk, seq);
  g_autofree char *own = g_strndup (text->document->text->str + chunk->offset, chunk->length);
  g_autofree char *body =
      chunk->header != NULL ? g_strconcat (chunk->header, "\n", own, NULL) : g_steal_pointer (&own);
  sqlite3_stmt *statement = bottega_database_statement (db, sql_put_chunk, error);
  const gint64 numbers[] = { text->id, edition, seq, chunk->offset, chunk->length, chunk->page,
                             chunk->last_page };

  if (statement == NULL)
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    sqlite3_bind_int64 (statement, (int) i + 1, numbers[i]);
  bottega_database_bind_text (statement, 8, chunk->heading);
  bottega_database_bind_text (statement, 9, chunk->header);
  sqlite3_bind_int64 (statement, 10, chunk->kind);
  sqlite3_bind_int64 (statement, 11, chunk->n_tokens);
  bottega_database_bind_text (statement, 12, chunk_language (text, chunk, language));

  return bottega_database_step (db, statement, error) &&
         put_words (db, sqlite3_last_insert_rowid (bottega_database_get_handle (db)), title, chunk,
                    body, error);
}

static gboolean
put_document (BottegaDatabase *db, const BottegaIndexText *text, gint64 edition,
              const char *language, GError **error)
{
  const BottegaDocument *document = text->document;
  sqlite3_stmt *statement = bottega_database_statement (db, sql_put_document, error);
  gboolean wants = text->vectors && text->chunks->len > 0;

  if (statement == NULL)
    return FALSE;
  sqlite3_bind_int64 (statement, 1, text->id);
  sqlite3_bind_int64 (statement, 2, edition);
  sqlite3_bind_int64 (statement, 3, wants ? BOTTEGA_DOCUMENT_WORDS : BOTTEGA_DOCUMENT_READY);
  sqlite3_bind_int64 (statement, 4, (gint64) text->size_bytes);
  sqlite3_bind_int64 (statement, 5, text->mtime_ns);
  bottega_database_bind_text (statement, 6, text->sha256);
  bottega_database_bind_text (statement, 7, document->media_type);
  bottega_database_bind_text (statement, 8, document->title);
  bottega_database_bind_text (statement, 9, language);
  sqlite3_bind_int64 (statement, 10, document->n_pages);
  sqlite3_bind_int64 (statement, 11, (gint64) document->text->len);
  sqlite3_bind_int64 (statement, 12, text->chunks->len);
  sqlite3_bind_int64 (statement, 13, g_get_real_time ());

  return bottega_database_step (db, statement, error);
}

/* The words of the title and of the file's name. */
static char *
indexed_title (const BottegaIndexText *text, const char *path)
{
  g_autofree char *name = bottega_index_file_title (path);
  const char *title = text->document->title;

  return title != NULL ? g_strconcat (title, "\n", name, NULL) : g_steal_pointer (&name);
}

static gboolean
put (Batch *batch, const BottegaIndexText *text, const char *path, gint64 edition, GError **error)
{
  BottegaDatabase *db = batch->db;
  g_autofree char *title = indexed_title (text, path);
  g_autoptr (GArray) parts = bottega_part_cut (text->document);
  const char *language = document_language (text->document);

  /* What an earlier try left, then the mark for the case that this one is killed too. */
  if (!sweep (batch, text->id, error) ||
      !bottega_index_step (db, sql_mark_untidy, text->id, error))
    return FALSE;
  for (guint i = 0; i < parts->len; i++) {
    const BottegaPart *part = &g_array_index (parts, BottegaPart, i);

    if (!put_part (db, text, edition, part, error) || !batch_spend (batch, part->length, error))
      return FALSE;
  }
  for (guint i = 0; i < text->chunks->len; i++)
    if (!put_chunk (db, text, edition, i, title, language, error) ||
        !batch_spend (batch, 2 * g_array_index (text->chunks, BottegaChunk, i).length, error))
      return FALSE;

  return put_document (db, text, edition, language, error) && sweep (batch, text->id, error);
}

gboolean
bottega_index_put (BottegaDatabase *db, const BottegaIndexText *text, GError **error)
{
  sqlite3_stmt *statement;
  Batch batch = { .db = db };
  g_autofree char *path = NULL;
  gint64 edition = 0;

  if (!batch_begin (&batch, error))
    return FALSE;
  statement = bottega_database_statement (db, sql_path, error);
  if (statement == NULL)
    return batch_end (&batch, FALSE, error);
  sqlite3_bind_int64 (statement, 1, text->id);
  if (sqlite3_step (statement) == SQLITE_ROW) {
    path = bottega_database_dup_column (statement, 0);
    edition = sqlite3_column_int64 (statement, 1) + 1;
  }
  sqlite3_reset (statement);
  if (path == NULL) /* removed in the meantime */
    return batch_end (&batch, TRUE, error);

  return batch_end (&batch, put (&batch, text, path, edition, error), error);
}

gboolean
bottega_index_put_failure (BottegaDatabase *db,
                           gint64 id,
                           const char *sentence,
                           guint64 size_bytes,
                           gint64 mtime_ns,
                           GError **error)
{
  Batch batch = { .db = db };
  sqlite3_stmt *statement;
  gboolean ok;

  if (!batch_begin (&batch, error))
    return FALSE;
  ok = sweep (&batch, id, error); /* an unfinished edition would be in sight after the next step */
  statement = ok ? bottega_database_statement (db, sql_put_failure, error) : NULL;
  ok = statement != NULL;
  if (ok) {
    sqlite3_bind_int64 (statement, 1, id);
    bottega_database_bind_text (statement, 2, sentence);
    sqlite3_bind_int64 (statement, 3, (gint64) size_bytes);
    sqlite3_bind_int64 (statement, 4, mtime_ns);
    ok = bottega_database_step (db, statement, error) && sweep (&batch, id, error);
  }

  return batch_end (&batch, ok, error);
}
