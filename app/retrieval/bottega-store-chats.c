/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Conversations and messages as rows, and the words of both for the search. What roles and states
 * mean is not its business, but for the two that matter after a crash. */
#define G_LOG_DOMAIN "bottega-store-chats"

#include "app/retrieval/bottega-store-chats.h"
#include "app/retrieval/bottega-store-private.h"

#include <string.h>

#define SEARCH_LIMIT 500

static const char sql_put_conversation[] =
    "INSERT INTO conversations (id, title, first_message, created_us, updated_us, only_documents,"
    " pinned, recaps) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
    " ON CONFLICT (id) DO UPDATE SET title = excluded.title,"
    " first_message = excluded.first_message, updated_us = excluded.updated_us,"
    " only_documents = excluded.only_documents, pinned = excluded.pinned,"
    " recaps = excluded.recaps RETURNING seq";
static const char sql_put_message[] =
    "INSERT INTO messages (id, conversation, parent, role, state, text, error, model, device,"
    " stats, sources, thought, created_us, updated_us, thought_us)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)"
    " ON CONFLICT (id) DO UPDATE SET parent = excluded.parent, state = excluded.state,"
    " text = excluded.text, error = excluded.error, model = excluded.model,"
    " device = excluded.device, stats = excluded.stats, sources = excluded.sources,"
    " thought = excluded.thought, thought_us = excluded.thought_us,"
    " created_us = excluded.created_us, updated_us = excluded.updated_us RETURNING seq";
static const char sql_put_text[] = "UPDATE messages SET text = ?2, updated_us = ?3 WHERE id = ?1";
static const char sql_put_title_words[] =
    "INSERT OR REPLACE INTO title_words (rowid, text) VALUES (?1, ?2)";
static const char sql_put_message_words[] =
    "INSERT OR REPLACE INTO message_words (rowid, text) VALUES (?1, ?2)";
static const char sql_supersede[] = "UPDATE messages SET superseded_us = ?2 WHERE id = ?1";
static const char sql_forget_message_words[] =
    "DELETE FROM message_words WHERE rowid = (SELECT seq FROM messages WHERE id = ?1)";
static const char sql_set_deleted[] = "UPDATE conversations SET deleted_us = ?2 WHERE id = ?1";
static const char sql_list_conversations[] =
    "SELECT id, title, first_message, created_us, updated_us, only_documents, pinned, recaps"
    " FROM conversations"
    " WHERE deleted_us IS NULL ORDER BY updated_us DESC, seq DESC";
static const char sql_list_messages[] =
    "SELECT id, conversation, parent, role, state, text, error, model, device, stats, sources,"
    " thought, created_us, updated_us, thought_us FROM messages"
    " WHERE conversation = ?1 AND superseded_us IS NULL ORDER BY created_us, seq";
static const char sql_list_answers[] =
    "SELECT m.id, m.conversation, m.parent, m.role, m.state, '', m.error, m.model, m.device,"
    " m.stats, NULL, NULL, m.created_us, m.updated_us, m.thought_us"
    " FROM messages AS m JOIN conversations AS c ON c.id = m.conversation"
    " WHERE m.role = ?1 AND m.stats IS NOT NULL AND m.superseded_us IS NULL"
    " AND c.deleted_us IS NULL ORDER BY m.created_us DESC LIMIT 100";
static const char sql_list_ids[] = "SELECT id FROM conversations WHERE deleted_us IS NULL"
                                   " ORDER BY updated_us DESC, seq DESC";
static const char sql_search[] = "SELECT id FROM conversations WHERE " BOTTEGA_STORE_SQL_MATCHES
                                 " ORDER BY updated_us DESC LIMIT ?2";

/* Purging, step by step: ?1 is the conversation, or NULL for all that are marked as deleted. */
#define SQL_DOOMED \
  "SELECT id FROM conversations WHERE deleted_us IS NOT NULL AND id = ifnull (?1, id)"
static const char *const sql_purge[] = {
  "DELETE FROM message_words WHERE rowid IN (SELECT seq FROM messages WHERE conversation IN"
  " (" SQL_DOOMED "))",
  "DELETE FROM title_words WHERE rowid IN (SELECT seq FROM conversations WHERE id IN"
  " (" SQL_DOOMED "))",
  "DELETE FROM conversations WHERE id IN (" SQL_DOOMED ")",
};
/* A deleted entry of a word index is only marked; merging its parts takes the words themselves out.
 * */
static const char sql_merge_title_words[] =
    "INSERT INTO title_words (title_words) VALUES ('optimize')";
static const char sql_merge_message_words[] =
    "INSERT INTO message_words (message_words) VALUES ('optimize')";
/* The log still has the old pages. */
static const char sql_checkpoint[] = "PRAGMA wal_checkpoint (TRUNCATE)";

static const char sql_recover_words[] =
    "INSERT OR REPLACE INTO message_words (rowid, text)"
    " SELECT seq, text FROM messages WHERE state = '" BOTTEGA_STORE_STATE_WRITING "'";
static const char sql_recover_states[] =
    "UPDATE messages SET state = '" BOTTEGA_STORE_STATE_INTERRUPTED "'"
    " WHERE state = '" BOTTEGA_STORE_STATE_WRITING "'";
static const char sql_has_deleted[] =
    "SELECT 1 FROM conversations WHERE deleted_us IS NOT NULL LIMIT 1";

/* ---- rows ---- */

static BottegaStoreConversation *
conversation_copy (const BottegaStoreConversation *row)
{
  BottegaStoreConversation *copy = g_new (BottegaStoreConversation, 1);

  *copy = *row;
  copy->id = g_strdup (row->id);
  copy->title = g_strdup (row->title);
  copy->first_message = g_strdup (row->first_message);
  copy->pinned = g_strdup (row->pinned);
  copy->recaps = g_strdup (row->recaps);

  return copy;
}

static BottegaStoreMessage *
message_copy (const BottegaStoreMessage *row)
{
  BottegaStoreMessage *copy = g_new (BottegaStoreMessage, 1);

  *copy = *row;
  copy->id = g_strdup (row->id);
  copy->conversation = g_strdup (row->conversation);
  copy->parent = g_strdup (row->parent);
  copy->role = g_strdup (row->role);
  copy->state = g_strdup (row->state);
  copy->text = g_strdup (row->text);
  copy->error = g_strdup (row->error);
  copy->model = g_strdup (row->model);
  copy->device = g_strdup (row->device);
  copy->stats = g_strdup (row->stats);
  copy->sources = g_strdup (row->sources);
  copy->thought = g_strdup (row->thought);

  return copy;
}

void
bottega_store_conversation_free (BottegaStoreConversation *row)
{
  if (row == NULL)
    return;
  g_free (row->id);
  g_free (row->title);
  g_free (row->first_message);
  g_free (row->pinned);
  g_free (row->recaps);
  g_free (row);
}

void
bottega_store_message_free (BottegaStoreMessage *row)
{
  if (row == NULL)
    return;
  g_free (row->id);
  g_free (row->conversation);
  g_free (row->parent);
  g_free (row->role);
  g_free (row->state);
  g_free (row->text);
  g_free (row->error);
  g_free (row->model);
  g_free (row->device);
  g_free (row->stats);
  g_free (row->sources);
  g_free (row->thought);
  g_free (row);
}

static gpointer
conversation_from_columns (sqlite3_stmt *statement)
{
  BottegaStoreConversation *row = g_new0 (BottegaStoreConversation, 1);

  row->id = bottega_database_dup_column (statement, 0);
  row->title = bottega_database_dup_column (statement, 1);
  row->first_message = bottega_database_dup_column (statement, 2);
  row->created_us = sqlite3_column_int64 (statement, 3);
  row->updated_us = sqlite3_column_int64 (statement, 4);
  row->only_documents = sqlite3_column_int (statement, 5) != 0;
  row->pinned = bottega_database_dup_column (statement, 6);
  row->recaps = bottega_database_dup_column (statement, 7);

  return row;
}

static gpointer
message_from_columns (sqlite3_stmt *statement)
{
  BottegaStoreMessage *row = g_new0 (BottegaStoreMessage, 1);
  char **const columns[] = { &row->id, &row->conversation, &row->parent, &row->role, &row->state,
                             &row->text, &row->error, &row->model, &row->device, &row->stats,
                             &row->sources, &row->thought };

  for (guint i = 0; i < G_N_ELEMENTS (columns); i++)
    *columns[i] = bottega_database_dup_column (statement, (int) i);
  row->created_us = sqlite3_column_int64 (statement, 12);
  row->updated_us = sqlite3_column_int64 (statement, 13);
  row->thought_us = sqlite3_column_int64 (statement, 14);

  return row;
}

static gpointer
id_from_columns (sqlite3_stmt *statement)
{
  return bottega_database_dup_column (statement, 0);
}

/* ---- putting ---- */

typedef struct {
  BottegaStoreConversation *conversation; /* NULL: none */
  GPtrArray *messages;                    /* of BottegaStoreMessage */
  BottegaStoreDurability durability;
  BottegaStoreDone done;
  gpointer user_data;
} Put;

static void
put_free (gpointer data)
{
  Put *put = data;

  bottega_store_conversation_free (put->conversation);
  g_ptr_array_unref (put->messages);
  g_free (put);
}

/* Steps an upsert that returns the row's number. */
static gboolean
step_seq (BottegaDatabase *db, sqlite3_stmt *statement, gint64 *seq, GError **error)
{
  gboolean ok = sqlite3_step (statement) == SQLITE_ROW;

  if (ok) {
    *seq = sqlite3_column_int64 (statement, 0);
    ok = sqlite3_step (statement) == SQLITE_DONE;
  }
  if (!ok)
    bottega_database_fail (db, error);
  sqlite3_reset (statement);

  return ok;
}

static gboolean
put_words (BottegaDatabase *db, const char *sql, gint64 seq, const char *text, GError **error)
{
  sqlite3_stmt *statement = bottega_database_statement (db, sql, error);

  if (statement == NULL)
    return FALSE;
  sqlite3_bind_int64 (statement, 1, seq);
  bottega_database_bind_text (statement, 2, text);

  return bottega_database_step (db, statement, error);
}

static gboolean
put_conversation (BottegaDatabase *db, const BottegaStoreConversation *row, GError **error)
{
  sqlite3_stmt *statement = bottega_database_statement (db, sql_put_conversation, error);
  gint64 seq;

  if (statement == NULL)
    return FALSE;
  bottega_database_bind_text (statement, 1, row->id);
  bottega_database_bind_text (statement, 2, row->title);
  bottega_database_bind_text (statement, 3, row->first_message);
  sqlite3_bind_int64 (statement, 4, row->created_us);
  sqlite3_bind_int64 (statement, 5, row->updated_us);
  sqlite3_bind_int (statement, 6, row->only_documents != FALSE);
  bottega_database_bind_text (statement, 7, row->pinned);
  bottega_database_bind_text (statement, 8, row->recaps);

  return step_seq (db, statement, &seq, error) &&
         put_words (db, sql_put_title_words, seq, row->title, error);
}

static gboolean
put_message (BottegaDatabase *db, const BottegaStoreMessage *row, GError **error)
{
  sqlite3_stmt *statement = bottega_database_statement (db, sql_put_message, error);
  const char *const columns[] = { row->id, row->conversation, row->parent, row->role, row->state,
                                  row->text, row->error, row->model, row->device, row->stats,
                                  row->sources, row->thought };
  gint64 seq;

  if (statement == NULL)
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (columns); i++)
    bottega_database_bind_text (statement, (int) i + 1, columns[i]);
  sqlite3_bind_int64 (statement, 13, row->created_us);
  sqlite3_bind_int64 (statement, 14, row->updated_us);
  sqlite3_bind_int64 (statement, 15, row->thought_us);
  if (!step_seq (db, statement, &seq, error))
    return FALSE;

  /* An unfinished text changes every second: its words come at its end. */
  if (strcmp (row->state, BOTTEGA_STORE_STATE_WRITING) == 0 || strcmp (row->state, "queued") == 0)
    return TRUE;

  return put_words (db, sql_put_message_words, seq, row->text, error);
}

static gboolean
put_work (BottegaDatabase *db, gpointer data, GError **error)
{
  const Put *put = data;
  gboolean ok;

  if (!bottega_database_begin (db, put->durability, error))
    return FALSE;
  ok = put->conversation == NULL || put_conversation (db, put->conversation, error);
  for (guint i = 0; i < put->messages->len && ok; i++)
    ok = put_message (db, g_ptr_array_index (put->messages, i), error);

  return bottega_database_end (db, ok, error);
}

static void
put_done (BottegaStore *self, gpointer data, const GError *error)
{
  const Put *put = data;

  if (put->done != NULL)
    put->done (error, put->user_data);
}

void
bottega_store_put (BottegaStore *self,
                   const BottegaStoreConversation *conversation,
                   const BottegaStoreMessage *const *messages,
                   guint n_messages,
                   BottegaStoreDurability durability,
                   BottegaStoreDone done,
                   gpointer user_data)
{
  Put *put;

  g_return_if_fail (BOTTEGA_IS_STORE (self));

  put = g_new0 (Put, 1);
  put->conversation = conversation != NULL ? conversation_copy (conversation) : NULL;
  put->messages = g_ptr_array_new_with_free_func ((GDestroyNotify) bottega_store_message_free);
  for (guint i = 0; i < n_messages; i++)
    g_ptr_array_add (put->messages, message_copy (messages[i]));
  put->durability = durability;
  put->done = done;
  put->user_data = user_data;
  bottega_store_push (self, TRUE, put_work, put_done, put, put_free);
}

static gboolean
put_text_work (BottegaDatabase *db, gpointer data, GError **error)
{
  char **strings = data; /* id, text */
  sqlite3_stmt *statement;
  gboolean ok;

  if (!bottega_database_begin (db, BOTTEGA_STORE_QUICK, error))
    return FALSE;
  statement = bottega_database_statement (db, sql_put_text, error);
  ok = statement != NULL;
  if (ok) {
    bottega_database_bind_text (statement, 1, strings[0]);
    bottega_database_bind_text (statement, 2, strings[1]);
    sqlite3_bind_int64 (statement, 3, g_get_real_time ());
    ok = bottega_database_step (db, statement, error);
  }

  return bottega_database_end (db, ok, error);
}

void
bottega_store_put_text (BottegaStore *self, const char *message_id, const char *text)
{
  char **strings;

  g_return_if_fail (BOTTEGA_IS_STORE (self));
  g_return_if_fail (message_id != NULL && text != NULL);

  strings = g_new0 (char *, 3);
  strings[0] = g_strdup (message_id);
  strings[1] = g_strdup (text);
  bottega_store_push (self, TRUE, put_text_work, NULL, strings, (GDestroyNotify) g_strfreev);
}

/* ---- taking away ---- */

/* Runs a statement whose ?1 is an id (or NULL) and whose ?2, if it has one, a time (0: NULL). */
static gboolean
run_on_id (BottegaDatabase *db, const char *sql, const char *id, gint64 time_us, GError **error)
{
  sqlite3_stmt *statement = bottega_database_statement (db, sql, error);

  if (statement == NULL)
    return FALSE;
  bottega_database_bind_text (statement, 1, id);
  if (time_us != 0)
    sqlite3_bind_int64 (statement, 2, time_us);

  return bottega_database_step (db, statement, error);
}

typedef struct {
  char **ids;
  gboolean deleted;
  BottegaStoreDone done;
  gpointer user_data;
} Removal;

static void
removal_free (gpointer data)
{
  Removal *removal = data;

  g_strfreev (removal->ids);
  g_free (removal);
}

static Removal *
removal_new (const char *const *ids, guint n_ids)
{
  Removal *removal = g_new0 (Removal, 1);

  removal->ids = g_new0 (char *, n_ids + 1);
  for (guint i = 0; i < n_ids; i++)
    removal->ids[i] = g_strdup (ids[i]);

  return removal;
}

static gboolean
supersede_work (BottegaDatabase *db, gpointer data, GError **error)
{
  const Removal *removal = data;
  gboolean ok = TRUE;

  if (!bottega_database_begin (db, BOTTEGA_STORE_DURABLE, error))
    return FALSE;
  for (guint i = 0; removal->ids[i] != NULL && ok; i++)
    ok = run_on_id (db, sql_supersede, removal->ids[i], g_get_real_time (), error) &&
         run_on_id (db, sql_forget_message_words, removal->ids[i], 0, error);

  return bottega_database_end (db, ok, error);
}

static void
removal_done (BottegaStore *self, gpointer data, const GError *error)
{
  const Removal *removal = data;

  if (removal->done != NULL)
    removal->done (error, removal->user_data);
}

void
bottega_store_supersede (BottegaStore *self,
                         const char *const *message_ids,
                         guint n_ids,
                         BottegaStoreDone done,
                         gpointer user_data)
{
  Removal *removal;

  g_return_if_fail (BOTTEGA_IS_STORE (self));

  removal = removal_new (message_ids, n_ids);
  removal->done = done;
  removal->user_data = user_data;
  bottega_store_push (self, TRUE, supersede_work, removal_done, removal, removal_free);
}

static gboolean
set_deleted_work (BottegaDatabase *db, gpointer data, GError **error)
{
  const Removal *removal = data;
  gboolean ok;

  if (!bottega_database_begin (db, BOTTEGA_STORE_DURABLE, error))
    return FALSE;
  ok = run_on_id (db, sql_set_deleted, removal->ids[0],
                  removal->deleted ? g_get_real_time () : 0, error);

  return bottega_database_end (db, ok, error);
}

void
bottega_store_set_deleted (BottegaStore *self, const char *conversation_id, gboolean deleted)
{
  Removal *removal;

  g_return_if_fail (BOTTEGA_IS_STORE (self));
  g_return_if_fail (conversation_id != NULL);

  removal = removal_new (&conversation_id, 1);
  removal->deleted = deleted;
  bottega_store_push (self, TRUE, set_deleted_work, NULL, removal, removal_free);
}

static gboolean
purge (BottegaDatabase *db, const char *id, GError **error)
{
  sqlite3_stmt *checkpoint;
  gboolean ok = TRUE;

  if (!bottega_database_begin (db, BOTTEGA_STORE_DURABLE, error))
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (sql_purge) && ok; i++)
    ok = run_on_id (db, sql_purge[i], id, 0, error);
  ok = ok &&
       run_on_id (db, sql_merge_title_words, NULL, 0, error) &&
       run_on_id (db, sql_merge_message_words, NULL, 0, error);
  if (!bottega_database_end (db, ok, error))
    return FALSE;
  checkpoint = bottega_database_statement (db, sql_checkpoint, error);

  return checkpoint != NULL && bottega_database_step (db, checkpoint, error);
}

static gboolean
purge_work (BottegaDatabase *db, gpointer data, GError **error)
{
  return purge (db, ((const Removal *) data)->ids[0], error);
}

void
bottega_store_purge (BottegaStore *self, const char *conversation_id)
{
  g_return_if_fail (BOTTEGA_IS_STORE (self));

  bottega_store_push (self, TRUE, purge_work, NULL,
                      removal_new (&conversation_id, conversation_id != NULL ? 1 : 0),
                      removal_free);
}

gboolean
bottega_store_recover_chats (BottegaDatabase *db, GError **error)
{
  sqlite3_stmt *has_deleted = bottega_database_statement (db, sql_has_deleted, error);
  gboolean ok;

  if (has_deleted == NULL || !bottega_database_begin (db, BOTTEGA_STORE_DURABLE, error))
    return FALSE;
  ok = run_on_id (db, sql_recover_words, NULL, 0, error) &&
       run_on_id (db, sql_recover_states, NULL, 0, error);
  if (!bottega_database_end (db, ok, error))
    return FALSE;

  ok = sqlite3_step (has_deleted) == SQLITE_ROW;
  sqlite3_reset (has_deleted);

  return !ok || purge (db, NULL, error);
}

/* ---- reading ---- */

typedef struct {
  const char *sql;
  char *argument; /* ?1; NULL: none */
  int limit;      /* ?2; 0: none */
  gpointer (*row_from_columns) (sqlite3_stmt *statement);
  GPtrArray *rows;
  BottegaStoreRows callback;
  gpointer user_data;
} Query;

static void
query_free (gpointer data)
{
  Query *query = data;

  g_free (query->argument);
  g_ptr_array_unref (query->rows);
  g_free (query);
}

static gboolean
query_work (BottegaDatabase *db, gpointer data, GError **error)
{
  Query *query = data;
  sqlite3_stmt *statement = bottega_database_statement (db, query->sql, error);
  int result;

  if (statement == NULL)
    return FALSE;
  if (query->argument != NULL)
    bottega_database_bind_text (statement, 1, query->argument);
  if (query->limit > 0)
    sqlite3_bind_int (statement, 2, query->limit);
  while ((result = sqlite3_step (statement)) == SQLITE_ROW)
    g_ptr_array_add (query->rows, query->row_from_columns (statement));
  if (result != SQLITE_DONE)
    bottega_database_fail (db, error);
  sqlite3_reset (statement);

  return result == SQLITE_DONE;
}

static void
query_done (BottegaStore *self, gpointer data, const GError *error)
{
  const Query *query = data;

  query->callback (error == NULL ? query->rows : NULL, error, query->user_data);
}

static Query *
query_new (const char *sql,
           gpointer (*row_from_columns) (sqlite3_stmt *statement),
           GDestroyNotify row_free,
           BottegaStoreRows callback,
           gpointer user_data)
{
  Query *query = g_new0 (Query, 1);

  query->sql = sql;
  query->row_from_columns = row_from_columns;
  query->rows = g_ptr_array_new_with_free_func (row_free);
  query->callback = callback;
  query->user_data = user_data;

  return query;
}

void
bottega_store_list_conversations (BottegaStore *self, BottegaStoreRows callback, gpointer user_data)
{
  Query *query;

  g_return_if_fail (BOTTEGA_IS_STORE (self) && callback != NULL);

  query = query_new (sql_list_conversations, conversation_from_columns,
                     (GDestroyNotify) bottega_store_conversation_free, callback, user_data);
  bottega_store_push (self, FALSE, query_work, query_done, query, query_free);
}

void
bottega_store_list_messages (BottegaStore *self,
                             const char *conversation_id,
                             BottegaStoreRows callback,
                             gpointer user_data)
{
  Query *query;

  g_return_if_fail (BOTTEGA_IS_STORE (self) && callback != NULL && conversation_id != NULL);

  query = query_new (sql_list_messages, message_from_columns,
                     (GDestroyNotify) bottega_store_message_free, callback, user_data);
  query->argument = g_strdup (conversation_id);
  bottega_store_push (self, FALSE, query_work, query_done, query, query_free);
}

void
bottega_store_list_answers (BottegaStore *self, const char *role, BottegaStoreRows callback,
                            gpointer user_data)
{
  Query *query;

  g_return_if_fail (BOTTEGA_IS_STORE (self) && callback != NULL && role != NULL);

  query = query_new (sql_list_answers, message_from_columns,
                     (GDestroyNotify) bottega_store_message_free, callback, user_data);
  query->argument = g_strdup (role);
  bottega_store_push (self, FALSE, query_work, query_done, query, query_free);
}

/* Each in quotes. Words are runs of letters and digits, as the unicode61 tokenizer cuts them; so
 * nothing of FTS5's own syntax can come through. */
char *
bottega_store_make_match (const char *query)
{
  GString *match = g_string_new (NULL);
  gboolean in_word = FALSE;

  for (const char *p = query; *p != '\0'; p = g_utf8_next_char (p)) {
    gunichar c = g_utf8_get_char (p);
    gboolean word = g_unichar_isalnum (c) || g_unichar_ismark (c);

    if (word && !in_word)
      g_string_append (match, match->len > 0 ? " \"" : "\"");
    if (word)
      g_string_append_unichar (match, c);
    else if (in_word)
      g_string_append_c (match, '"');
    in_word = word;
  }
  if (in_word)
    g_string_append (match, "\" *");

  return g_string_free (match, FALSE);
}

void
bottega_store_search_conversations (BottegaStore *self,
                                    const char *query,
                                    BottegaStoreRows callback,
                                    gpointer user_data)
{
  g_autofree char *valid = NULL;
  g_autofree char *match = NULL;
  Query *search;

  g_return_if_fail (BOTTEGA_IS_STORE (self) && callback != NULL && query != NULL);

  valid = g_utf8_make_valid (query, -1);
  match = bottega_store_make_match (valid);
  search = query_new (*match != '\0' ? sql_search : sql_list_ids, id_from_columns, g_free, callback,
                      user_data);
  if (*match != '\0') {
    search->argument = g_steal_pointer (&match);
    search->limit = SEARCH_LIMIT;
  }
  bottega_store_push (self, FALSE, query_work, query_done, search, query_free);
}
