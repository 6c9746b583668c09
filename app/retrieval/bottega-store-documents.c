/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading the documents of a space: their rows, their text by parts, the places of lines. Only what
 * is in sight is read; who writes it is not its business. */
#define G_LOG_DOMAIN "bottega-store-documents"

#include "app/retrieval/bottega-store-documents.h"
#include "app/retrieval/bottega-part.h"
#include "app/retrieval/bottega-store-private.h"

#include <string.h>

static const char sql_list[] =
    "SELECT id, path, title, media_type, language, error, state, size_bytes, n_pages, n_chunks,"
    " n_vectors, added_us, indexed_us, text_bytes FROM documents WHERE edition >= 0";
/* Of document ?1, from the part that holds ?2 to the one before ?3. */
static const char sql_parts[] =
    "SELECT p.offset, p.block, p.text, p.blocks, p.lines FROM documents AS d JOIN parts AS p"
    " ON p.document = d.id AND p.edition = d.edition WHERE d.id = ?1 AND p.offset < ?3"
    " AND p.offset >= ifnull ((SELECT max (q.offset) FROM parts AS q WHERE q.document = d.id"
    "  AND q.edition = d.edition AND q.offset <= ?2), 0) ORDER BY p.offset";

void
bottega_document_row_free (BottegaDocumentRow *row)
{
  if (row == NULL)
    return;
  g_free (row->path);
  g_free (row->title);
  g_free (row->media_type);
  g_free (row->language);
  g_free (row->error);
  g_free (row);
}

/* ---- parts ---- */

typedef struct {
  guint32 offset, block;
  const char *text; /* borrowed, like the others, until the next step */
  guint32 n_bytes;
  gconstpointer blocks, lines;
  guint blocks_bytes, lines_bytes;
} Part;

/* FALSE ends it. */
typedef gboolean (*PartFunc) (const Part *part, gpointer data);

/* Calls back for each part that [offset, end) touches. */
static gboolean
each_part (BottegaDatabase *db, gint64 document, guint32 offset, guint64 end, PartFunc func,
           gpointer data, GError **error)
{
  sqlite3_stmt *statement = bottega_database_statement (db, sql_parts, error);
  int result;

  if (statement == NULL)
    return FALSE;
  sqlite3_bind_int64 (statement, 1, document);
  sqlite3_bind_int64 (statement, 2, offset);
  sqlite3_bind_int64 (statement, 3, (gint64) end);
  while ((result = sqlite3_step (statement)) == SQLITE_ROW) {
    const Part part = {
      .offset = (guint32) sqlite3_column_int64 (statement, 0),
      .block = (guint32) sqlite3_column_int64 (statement, 1),
      .text = (const char *) sqlite3_column_text (statement, 2),
      .n_bytes = (guint32) sqlite3_column_bytes (statement, 2),
      .blocks = sqlite3_column_blob (statement, 3),
      .blocks_bytes = (guint) sqlite3_column_bytes (statement, 3),
      .lines = sqlite3_column_blob (statement, 4),
      .lines_bytes = (guint) sqlite3_column_bytes (statement, 4),
    };

    if (!func (&part, data)) {
      result = SQLITE_DONE;
      break;
    }
  }
  if (result != SQLITE_DONE)
    bottega_database_fail (db, error);
  sqlite3_reset (statement);

  return result == SQLITE_DONE;
}

typedef struct {
  guint64 begin, end; /* bytes of the document's text */
  GString *text;
  guint32 block;
  GArray *found; /* of BottegaBlock or BottegaLine */
  guint page;
} Range;

static Range
range_of (guint32 offset, guint32 length)
{
  return (Range) { .begin = offset, .end = length == 0 ? G_MAXINT64 : (guint64) offset + length };
}

static gboolean
is_continuation (char c)
{
  return ((guint8) c & 0xc0) == 0x80;
}

static gboolean
add_text (const Part *part, gpointer data)
{
  Range *range = data;
  guint64 from = MAX (range->begin, part->offset) - part->offset;
  guint64 to = MIN (range->end, (guint64) part->offset + part->n_bytes) - part->offset;

  /* An offset that is no boundary of characters must not make invalid UTF-8. */
  while (from < to && is_continuation (part->text[from]))
    from++;
  while (to > from && to < part->n_bytes && is_continuation (part->text[to]))
    to--;
  if (from < to)
    g_string_append_len (range->text, part->text + from, (gssize) (to - from));

  return TRUE;
}

char *
bottega_database_document_text (BottegaDatabase *db,
                                gint64 document,
                                guint32 offset,
                                guint32 length,
                                GError **error)
{
  g_autoptr (GString) text = g_string_new (NULL);
  Range range = range_of (offset, length);

  range.text = text;
  if (!each_part (db, document, offset, range.end, add_text, &range, error))
    return NULL;

  return g_string_free (g_steal_pointer (&text), FALSE);
}

static gboolean
find_block (const Part *part, gpointer data)
{
  Range *range = data;

  range->block = part->block;

  return FALSE;
}

static gboolean
add_blocks (const Part *part, gpointer data)
{
  Range *range = data;
  guint n = part->blocks_bytes / BOTTEGA_PART_BLOCK_BYTES;

  for (guint i = 0; i < n; i++) {
    BottegaBlock block = bottega_part_get_block (part->blocks, i);

    if (block.offset >= range->end)
      return FALSE;
    if ((guint64) block.offset + block.length > range->begin)
      g_array_append_val (range->found, block);
  }

  return TRUE;
}

GArray *
bottega_database_document_blocks (BottegaDatabase *db,
                                  gint64 document,
                                  guint32 offset,
                                  guint32 length,
                                  GError **error)
{
  g_autoptr (GArray) blocks = g_array_new (FALSE, FALSE, sizeof (BottegaBlock));
  Range range = range_of (offset, length);

  range.block = offset;
  range.found = blocks;
  if (!each_part (db, document, offset, range.end, find_block, &range, error) ||
      !each_part (db, document, MIN (range.block, offset), range.end, add_blocks, &range, error))
    return NULL;

  return g_steal_pointer (&blocks);
}

static gboolean
add_lines (const Part *part, gpointer data)
{
  Range *range = data;
  guint n = part->lines_bytes / BOTTEGA_PART_LINE_BYTES;

  for (guint i = 0; i < n; i++) {
    BottegaLine line = bottega_part_get_line (part->lines, i);

    if (line.page == range->page &&
        line.offset < range->end &&
        (guint64) line.offset + line.length > range->begin)
      g_array_append_val (range->found, line);
  }

  return TRUE;
}

/* ---- for the main thread ---- */

typedef struct {
  GPtrArray *rows;
  BottegaDocumentRows callback;
  gpointer user_data;
} Listing;

static void
listing_free (gpointer data)
{
  Listing *listing = data;

  g_ptr_array_unref (listing->rows);
  g_free (listing);
}

static BottegaDocumentRow *
row_from_columns (sqlite3_stmt *statement)
{
  BottegaDocumentRow *row = g_new0 (BottegaDocumentRow, 1);

  row->id = sqlite3_column_int64 (statement, 0);
  row->path = bottega_database_dup_column (statement, 1);
  row->title = bottega_database_dup_column (statement, 2);
  if (row->title == NULL)
    row->title = g_filename_display_basename (row->path);
  row->media_type = bottega_database_dup_column (statement, 3);
  row->language = bottega_database_dup_column (statement, 4);
  row->error = bottega_database_dup_column (statement, 5);
  row->state = (BottegaDocumentState) sqlite3_column_int (statement, 6);
  row->size_bytes = (guint64) sqlite3_column_int64 (statement, 7);
  row->n_pages = (guint) sqlite3_column_int64 (statement, 8);
  row->n_chunks = (guint) sqlite3_column_int64 (statement, 9);
  row->n_vectors = (guint) sqlite3_column_int64 (statement, 10);
  row->added_us = sqlite3_column_int64 (statement, 11);
  row->indexed_us = sqlite3_column_int64 (statement, 12);
  row->text_bytes = (guint64) sqlite3_column_int64 (statement, 13);

  return row;
}

static int
compare_rows (gconstpointer a, gconstpointer b)
{
  const BottegaDocumentRow *first = *(BottegaDocumentRow *const *) a;
  const BottegaDocumentRow *second = *(BottegaDocumentRow *const *) b;
  int order = g_utf8_collate (first->title, second->title);

  return order != 0 ? order : strcmp (first->path, second->path);
}

static gboolean
list_work (BottegaDatabase *db, gpointer data, GError **error)
{
  Listing *listing = data;
  sqlite3_stmt *statement = bottega_database_statement (db, sql_list, error);
  int result;

  if (statement == NULL)
    return FALSE;
  while ((result = sqlite3_step (statement)) == SQLITE_ROW)
    g_ptr_array_add (listing->rows, row_from_columns (statement));
  if (result != SQLITE_DONE)
    bottega_database_fail (db, error);
  sqlite3_reset (statement);
  g_ptr_array_sort (listing->rows, compare_rows);

  return result == SQLITE_DONE;
}

static void
list_done (BottegaStore *self, gpointer data, const GError *error)
{
  const Listing *listing = data;

  listing->callback (error == NULL ? listing->rows : NULL, error, listing->user_data);
}

void
bottega_store_list_documents (BottegaStore *self, BottegaDocumentRows callback, gpointer user_data)
{
  Listing *listing;

  g_return_if_fail (BOTTEGA_IS_STORE (self) && callback != NULL);

  listing = g_new0 (Listing, 1);
  listing->rows = g_ptr_array_new_with_free_func ((GDestroyNotify) bottega_document_row_free);
  listing->callback = callback;
  listing->user_data = user_data;
  bottega_store_push (self, FALSE, list_work, list_done, listing, listing_free);
}

typedef struct {
  gint64 document;
  Range range;
  BottegaDocumentLines callback;
  gpointer user_data;
} LineQuery;

static void
line_query_free (gpointer data)
{
  LineQuery *query = data;

  g_array_unref (query->range.found);
  g_free (query);
}

static gboolean
lines_work (BottegaDatabase *db, gpointer data, GError **error)
{
  LineQuery *query = data;

  return each_part (db, query->document, (guint32) query->range.begin, query->range.end, add_lines,
                    &query->range, error);
}

static void
lines_done (BottegaStore *self, gpointer data, const GError *error)
{
  const LineQuery *query = data;

  query->callback (error == NULL ? query->range.found : NULL, error, query->user_data);
}

void
bottega_store_list_lines (BottegaStore *self,
                          gint64 document,
                          guint page,
                          guint32 offset,
                          guint32 length,
                          BottegaDocumentLines callback,
                          gpointer user_data)
{
  LineQuery *query;

  g_return_if_fail (BOTTEGA_IS_STORE (self) && callback != NULL);

  query = g_new0 (LineQuery, 1);
  query->document = document;
  query->range = (Range) { .begin = offset, .end = (guint64) offset + length, .page = page };
  query->range.found = g_array_new (FALSE, FALSE, sizeof (BottegaLine));
  query->callback = callback;
  query->user_data = user_data;
  bottega_store_push (self, FALSE, lines_work, lines_done, query, line_query_free);
}
