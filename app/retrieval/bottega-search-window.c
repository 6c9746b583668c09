/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Chunks in sight, and the windows around them. It must not know why a chunk was chosen. */
#include "app/retrieval/bottega-search-private.h"

#include <string.h>

/* To either side. */
#define MOST_NEIGHBOURS 8

static const char sql_row[] =
    "SELECT id, document, edition, seq, offset, length, page, last_page, heading, kind, n_tokens,"
    " path, title FROM chunks_in_sight WHERE id = ?1";
static const char sql_neighbours[] =
    "SELECT seq, offset, length, page, heading, n_tokens FROM chunks WHERE document = ?1"
    " AND edition = ?2 AND seq BETWEEN ?3 AND ?4 ORDER BY seq";

void
bottega_chunk_row_clear (BottegaChunkRow *row)
{
  g_clear_pointer (&row->heading, g_free);
  g_clear_pointer (&row->path, g_free);
  g_clear_pointer (&row->title, g_free);
}

int
bottega_chunk_row_read (BottegaDatabase *db, gint64 chunk, BottegaChunkRow *row, GError **error)
{
  sqlite3_stmt *statement = bottega_database_statement (db, sql_row, error);
  int result;

  *row = (BottegaChunkRow) { 0 };
  if (statement == NULL)
    return -1;
  sqlite3_bind_int64 (statement, 1, chunk);
  result = sqlite3_step (statement);
  if (result == SQLITE_ROW) {
    row->id = sqlite3_column_int64 (statement, 0);
    row->document = sqlite3_column_int64 (statement, 1);
    row->edition = sqlite3_column_int64 (statement, 2);
    row->seq = (guint) sqlite3_column_int (statement, 3);
    row->offset = (guint32) sqlite3_column_int64 (statement, 4);
    row->length = (guint32) sqlite3_column_int64 (statement, 5);
    row->page = (guint) sqlite3_column_int (statement, 6);
    row->last_page = (guint) sqlite3_column_int (statement, 7);
    row->heading = bottega_database_dup_column (statement, 8);
    row->kind = (guint) sqlite3_column_int (statement, 9);
    row->n_tokens = (guint) sqlite3_column_int (statement, 10);
    row->path = bottega_database_dup_column (statement, 11);
    row->title = bottega_database_dup_column (statement, 12);
    if (row->title == NULL)
      row->title = g_path_get_basename (row->path);
  } else if (result != SQLITE_DONE) {
    bottega_database_fail (db, error);
  }
  sqlite3_reset (statement);

  return result == SQLITE_ROW ? 1 : result == SQLITE_DONE ? 0
                                                          : -1;
}

typedef struct {
  guint seq, page, n_tokens;
  guint32 offset, length;
  gboolean related; /* below the same main heading */
} Neighbour;

static gboolean
same_main_heading (const char *a, const char *b)
{
  const char *end_a = a != NULL ? strstr (a, " › ") : NULL;
  const char *end_b = b != NULL ? strstr (b, " › ") : NULL;
  gsize n_a = a == NULL ? 0 : end_a != NULL ? (gsize) (end_a - a)
                                            : strlen (a);
  gsize n_b = b == NULL ? 0 : end_b != NULL ? (gsize) (end_b - b)
                                            : strlen (b);

  return n_a == n_b && (n_a == 0 || memcmp (a, b, n_a) == 0);
}

static GArray *
read_neighbours (BottegaDatabase *db, const BottegaChunkRow *row, GError **error)
{
  sqlite3_stmt *statement = bottega_database_statement (db, sql_neighbours, error);
  g_autoptr (GArray) found = g_array_new (FALSE, FALSE, sizeof (Neighbour));
  int result;

  if (statement == NULL)
    return NULL;
  sqlite3_bind_int64 (statement, 1, row->document);
  sqlite3_bind_int64 (statement, 2, row->edition);
  sqlite3_bind_int64 (statement, 3, (gint64) row->seq - MOST_NEIGHBOURS);
  sqlite3_bind_int64 (statement, 4, (gint64) row->seq + MOST_NEIGHBOURS);
  while ((result = sqlite3_step (statement)) == SQLITE_ROW) {
    Neighbour neighbour = {
      .seq = (guint) sqlite3_column_int (statement, 0),
      .offset = (guint32) sqlite3_column_int64 (statement, 1),
      .length = (guint32) sqlite3_column_int64 (statement, 2),
      .page = (guint) sqlite3_column_int (statement, 3),
      .related = same_main_heading (row->heading,
                                    (const char *) sqlite3_column_text (statement, 4)),
      .n_tokens = (guint) sqlite3_column_int (statement, 5),
    };

    g_array_append_val (found, neighbour);
  }
  if (result != SQLITE_DONE)
    bottega_database_fail (db, error);
  sqlite3_reset (statement);

  return result == SQLITE_DONE ? g_steal_pointer (&found) : NULL;
}

/* Takes a neighbour in if it is there, related, and fits. */
static gboolean
take (const GArray *all, gint64 index, guint most_tokens, BottegaWindow *window)
{
  const Neighbour *n;
  guint32 begin, end, n_bytes, tokens;

  if (index < 0 || index >= all->len)
    return FALSE;
  n = &g_array_index (all, Neighbour, index);
  begin = MIN (window->offset, n->offset);
  end = MAX (window->offset + window->length, n->offset + n->length);
  n_bytes = end - begin - window->length; /* without what overlaps */
  tokens = (guint32) ((guint64) n->n_tokens * n_bytes / MAX (n->length, 1));
  if (!n->related || window->n_tokens + tokens > most_tokens)
    return FALSE;
  if (n->offset < window->offset)
    window->page = n->page;
  window->offset = begin;
  window->length = end - begin;
  window->n_tokens += tokens;

  return TRUE;
}

gboolean
bottega_window_find (BottegaDatabase *db,
                     const BottegaChunkRow *row,
                     guint most_tokens,
                     BottegaWindow *window,
                     GError **error)
{
  g_autoptr (GArray) all = NULL;
  gint64 own = 0, after, before;

  *window = (BottegaWindow) { row->offset, row->length, row->page, row->n_tokens };
  if (row->n_tokens >= most_tokens)
    return TRUE;
  all = read_neighbours (db, row, error);
  if (all == NULL)
    return FALSE;

  while (own < all->len && g_array_index (all, Neighbour, own).seq != row->seq)
    own++;
  for (after = own + 1, before = own - 1; after >= 0 || before >= 0;) {
    if (after >= 0 && !take (all, after++, most_tokens, window))
      after = -1;
    if (before >= 0 && !take (all, before--, most_tokens, window))
      before = -1;
  }

  return TRUE;
}
