/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns what counts as a hit for the desktop's search. It must not know who asks. */
#include "app/retrieval/bottega-quick-search.h"

#include "app/retrieval/bottega-store-private.h"

/* Chunks that are looked at for the words: enough for a list of a dozen documents, and no more than
 * a beginning such as "a" takes a moment for. */
#define MOST_CHUNKS "400"

static const char sql_conversations[] =
    "SELECT id, title FROM conversations WHERE " BOTTEGA_STORE_SQL_MATCHES
    " ORDER BY updated_us DESC LIMIT ?2";
static const char sql_documents[] =
    "SELECT id, title, path FROM documents WHERE edition >= 0 AND state <> 4"
    " ORDER BY indexed_us DESC";
static const char sql_by_words[] =
    "SELECT DISTINCT d.id, d.title, d.path FROM documents AS d JOIN chunks_in_sight AS c"
    " ON c.document = d.id WHERE c.id IN (SELECT rowid FROM chunk_words WHERE chunk_words MATCH ?1"
    " LIMIT " MOST_CHUNKS ") LIMIT ?2";

void
bottega_quick_hit_free (BottegaQuickHit *hit)
{
  g_free (hit->id);
  g_free (hit->title);
  g_free (hit->path);
  g_free (hit);
}

static BottegaQuickHit *
read_conversation (sqlite3_stmt *statement)
{
  BottegaQuickHit *hit = g_new0 (BottegaQuickHit, 1);

  hit->id = bottega_database_dup_column (statement, 0);
  hit->title = bottega_database_dup_column (statement, 1);
  return hit;
}

static BottegaQuickHit *
read_document (sqlite3_stmt *statement)
{
  BottegaQuickHit *hit = g_new0 (BottegaQuickHit, 1);

  hit->is_document = TRUE;
  hit->id = bottega_database_dup_column (statement, 0);
  hit->title = bottega_database_dup_column (statement, 1);
  hit->path = bottega_database_dup_column (statement, 2);
  if (hit->title == NULL)
    hit->title = g_filename_display_basename (hit->path);
  return hit;
}

static gboolean
is_there (GPtrArray *hits, const BottegaQuickHit *hit)
{
  for (guint i = 0; i < hits->len; i++) {
    const BottegaQuickHit *other = g_ptr_array_index (hits, i);

    if (other->is_document == hit->is_document && g_str_equal (other->id, hit->id))
      return TRUE;
  }
  return FALSE;
}

static gboolean
is_called (const BottegaQuickHit *hit, const char *query)
{
  g_autofree char *name = g_filename_display_basename (hit->path);
  g_autofree char *all = g_strconcat (hit->title, " ", name, NULL);

  return g_str_match_string (query, all, TRUE);
}

/* Adds what a statement gives until there are N more; query NULL: all of it, else what is called
 * so. match NULL: the statement has no parameters. */
static gboolean
add_hits (BottegaDatabase *db, const char *sql, BottegaQuickHit *(*read) (sqlite3_stmt *),
          const char *match, const char *query, guint most, GPtrArray *hits, GError **error)
{
  sqlite3_stmt *statement = bottega_database_statement (db, sql, error);
  int status = SQLITE_DONE;

  if (statement == NULL)
    return FALSE;
  if (match != NULL) {
    bottega_database_bind_text (statement, 1, match);
    sqlite3_bind_int (statement, 2, (int) most);
  }
  while (hits->len < most && (status = sqlite3_step (statement)) == SQLITE_ROW) {
    BottegaQuickHit *hit = read (statement);

    if ((query == NULL || is_called (hit, query)) && !is_there (hits, hit))
      g_ptr_array_add (hits, hit);
    else
      bottega_quick_hit_free (hit);
  }
  sqlite3_reset (statement);
  return status == SQLITE_DONE || status == SQLITE_ROW || bottega_database_fail (db, error);
}

GPtrArray *
bottega_quick_search (const char *path, const char *query, guint n, GError **error)
{
  g_autoptr (BottegaDatabase) db = NULL;
  g_autoptr (GPtrArray) hits =
      g_ptr_array_new_with_free_func ((GDestroyNotify) bottega_quick_hit_free);
  g_autofree char *match = NULL;
  guint most;

  g_return_val_if_fail (path != NULL && query != NULL, NULL);

  db = bottega_database_open (path, BOTTEGA_DATABASE_READ, error);
  if (db == NULL)
    return NULL;
  match = bottega_store_make_match (query);
  if (*match == '\0')
    return g_steal_pointer (&hits);
  if (!add_hits (db, sql_conversations, read_conversation, match, NULL, n, hits, error))
    return NULL;
  most = hits->len + n;
  if (!add_hits (db, sql_documents, read_document, NULL, query, most, hits, error) ||
      !add_hits (db, sql_by_words, read_document, match, NULL, most, hits, error))
    return NULL;

  return g_steal_pointer (&hits);
}
