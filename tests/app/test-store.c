/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The store: what is written is found again, what must not be opened is left alone, what is deleted
 * is gone from the bytes of the file, and words are found whatever their accents. */
#include "app/retrieval/bottega-schema.h"
#include "app/retrieval/bottega-store-chats.h"
#include "tests/app/fixture.h"

#include <glib/gstdio.h>
#include <sqlite3.h>
#include <string.h>

typedef struct {
  GPtrArray *words; /* of char *: what a row boils down to */
  char *error;
  gboolean done;
} Answer;

static void
answer_clear (Answer *answer)
{
  g_clear_pointer (&answer->words, g_ptr_array_unref);
  g_clear_pointer (&answer->error, g_free);
  answer->done = FALSE;
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Answer, answer_clear)

static void
begin_answer (Answer *answer, const GError *error)
{
  answer_clear (answer);
  answer->words = g_ptr_array_new_with_free_func (g_free);
  answer->error = error != NULL ? g_strdup (error->message) : NULL;
  answer->done = TRUE;
}

static void
on_conversations (GPtrArray *rows, const GError *error, gpointer data)
{
  Answer *answer = data;

  begin_answer (answer, error);
  for (guint i = 0; rows != NULL && i < rows->len; i++) {
    const BottegaStoreConversation *row = g_ptr_array_index (rows, i);

    g_ptr_array_add (answer->words, g_strdup_printf ("%s=%s%s", row->id, row->title,
                                                     row->pinned != NULL ? row->pinned : ""));
    g_assert_cmpstr (row->recaps, ==, row->pinned); /* as put_pinned () has it */
  }
}

static void
on_messages (GPtrArray *rows, const GError *error, gpointer data)
{
  Answer *answer = data;

  begin_answer (answer, error);
  for (guint i = 0; rows != NULL && i < rows->len; i++) {
    const BottegaStoreMessage *row = g_ptr_array_index (rows, i);

    g_ptr_array_add (answer->words, g_strdup_printf ("%s %s %s: %s", row->id, row->role,
                                                     row->state, row->text));
  }
}

static void
on_ids (GPtrArray *rows, const GError *error, gpointer data)
{
  Answer *answer = data;

  begin_answer (answer, error);
  for (guint i = 0; rows != NULL && i < rows->len; i++)
    g_ptr_array_add (answer->words, g_strdup (g_ptr_array_index (rows, i)));
}

static char *
join (const Answer *answer)
{
  g_autoptr (GPtrArray) copy = g_ptr_array_new ();

  g_assert_null (answer->error);
  for (guint i = 0; i < answer->words->len; i++)
    g_ptr_array_add (copy, g_ptr_array_index (answer->words, i));
  g_ptr_array_add (copy, NULL);

  return g_strjoinv ("|", (char **) copy->pdata);
}

static void
assert_conversations (BottegaStore *store, const char *expected)
{
  g_auto (Answer) answer = { 0 };
  g_autofree char *found = NULL;

  bottega_store_list_conversations (store, on_conversations, &answer);
  fixture_wait_flag (&answer.done);
  found = join (&answer);
  g_assert_cmpstr (found, ==, expected);
}

static void
assert_messages (BottegaStore *store, const char *conversation, const char *expected)
{
  g_auto (Answer) answer = { 0 };
  g_autofree char *found = NULL;

  bottega_store_list_messages (store, conversation, on_messages, &answer);
  fixture_wait_flag (&answer.done);
  found = join (&answer);
  g_assert_cmpstr (found, ==, expected);
}

static void
assert_search (BottegaStore *store, const char *query, const char *expected)
{
  g_auto (Answer) answer = { 0 };
  g_autofree char *found = NULL;

  bottega_store_search_conversations (store, query, on_ids, &answer);
  fixture_wait_flag (&answer.done);
  found = join (&answer);
  g_assert_cmpstr (found, ==, expected);
}

static BottegaStore *
open_store (const char *folder)
{
  g_autoptr (GError) error = NULL;
  BottegaStore *store = bottega_store_open (folder, "personal", &error);

  g_assert_no_error (error);
  g_assert_nonnull (store);

  return store;
}

static void
on_put (const GError *error, gpointer data)
{
  g_assert_no_error (error);
  *(gboolean *) data = TRUE;
}

/* A conversation with one message. time_us orders both. */
static void
put (BottegaStore *store, const char *id, const char *title, const char *message, const char *state,
     const char *text, gint64 time_us)
{
  const BottegaStoreConversation conversation = { (char *) id, (char *) title, NULL, time_us,
                                                  time_us };
  const BottegaStoreMessage row = {
    .id = (char *) message,
    .conversation = (char *) id,
    .role = (char *) "user",
    .state = (char *) state,
    .text = (char *) text,
    .created_us = time_us,
    .updated_us = time_us,
  };
  const BottegaStoreMessage *rows[] = { &row };
  gboolean done = FALSE;

  bottega_store_put (store, &conversation, rows, 1, BOTTEGA_STORE_DURABLE, on_put, &done);
  fixture_wait_flag (&done);
}

static void
test_rows (void)
{
  char *folder = fixture_make_folder ();
  BottegaStore *store = open_store (folder);

  assert_conversations (store, "");
  put (store, "c1", "First", "m1", "complete", "one", 10);
  put (store, "c2", "Second", "m2", "complete", "two", 20);
  put (store, "c1", "First again", "m3", "complete", "three", 30);
  assert_conversations (store, "c1=First again|c2=Second");
  assert_messages (store, "c1", "m1 user complete: one|m3 user complete: three");

  /* A second writing of a row replaces it. */
  put (store, "c1", "First again", "m3", "failed", "four", 30);
  assert_messages (store, "c1", "m1 user complete: one|m3 user failed: four");
  g_assert_finalize_object (store);

  store = open_store (folder);
  assert_conversations (store, "c1=First again|c2=Second");
  assert_messages (store, "c1", "m1 user complete: one|m3 user failed: four");
  g_assert_finalize_object (store);
  fixture_remove_folder (folder);
}

static void
run_sql (const char *folder, const char *sql)
{
  g_autofree char *spaces = g_build_filename (folder, "spaces", NULL);
  g_autofree char *path = g_build_filename (spaces, "personal.sqlite", NULL);
  sqlite3 *db = NULL;

  g_mkdir_with_parents (spaces, 0700);
  g_assert_cmpint (sqlite3_open (path, &db), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_exec (db, sql, NULL, NULL, NULL), ==, SQLITE_OK);
  sqlite3_close (db);
}

static void
put_pinned (BottegaStore *store, const char *pinned)
{
  const BottegaStoreConversation row = {
    (char *) "c1", (char *) "First", NULL, 10, 10, FALSE, (char *) pinned, (char *) pinned
  };
  gboolean done = FALSE;

  bottega_store_put (store, &row, NULL, 0, BOTTEGA_STORE_DURABLE, on_put, &done);
  fixture_wait_flag (&done);
}

/* Also in a file of a version that knew nothing of pins. */
static void
test_pinned (void)
{
  char *folder = fixture_make_folder ();
  BottegaStore *store = open_store (folder);
  g_autofree char *sql = g_strdup_printf ("ALTER TABLE conversations DROP COLUMN pinned;"
                                          "ALTER TABLE conversations DROP COLUMN recaps;"
                                          "PRAGMA user_version = %u",
                                          bottega_schema_n_steps - 2);

  put (store, "c1", "First", "m1", "complete", "one", 10);
  g_assert_finalize_object (store);
  run_sql (folder, sql);
  store = open_store (folder);
  assert_conversations (store, "c1=First");
  assert_messages (store, "c1", "m1 user complete: one");
  put_pinned (store, "[3,17]");
  g_assert_finalize_object (store);
  store = open_store (folder);
  assert_conversations (store, "c1=First[3,17]");
  put_pinned (store, NULL);
  assert_conversations (store, "c1=First");
  g_assert_finalize_object (store);
  fixture_remove_folder (folder);
}

static void
test_interrupted (void)
{
  char *folder = fixture_make_folder ();
  BottegaStore *store = open_store (folder);

  put (store, "c1", "First", "m1", "writing", "", 10);
  bottega_store_put_text (store, "m1", "half a marzipan");
  assert_messages (store, "c1", "m1 user writing: half a marzipan");
  /* Its words are found when it has ended, and that is now. */
  assert_search (store, "marzipan", "");
  g_assert_finalize_object (store);

  store = open_store (folder);
  assert_messages (store, "c1", "m1 user interrupted: half a marzipan");
  assert_search (store, "marzipan", "c1");
  g_assert_finalize_object (store);
  fixture_remove_folder (folder);
}

static void
test_search (void)
{
  char *folder = fixture_make_folder ();
  BottegaStore *store = open_store (folder);
  const char *const superseded[] = { "m3" };

  put (store, "c1", "Contratto d'affitto", "m1", "complete", "Perché è così caro?", 10);
  put (store, "c2", "Pasta al forno", "m2", "complete", "The LANDLORD's oven, C++ and 3.14", 20);
  put (store, "c3", "Other", "m3", "complete", "nothing about rent", 30);

  assert_search (store, "perche", "c1");
  assert_search (store, "PERCHÉ caro", "c1");
  assert_search (store, "caro perche", "c1");
  assert_search (store, "affitt", "c1");
  assert_search (store, "landlord", "c2");
  assert_search (store, "pasta", "c2");
  assert_search (store, "c++ 3.14", "c2");
  assert_search (store, "perche landlord", "");
  assert_search (store, "\"' OR * NEAR(", "");
  assert_search (store, "or", "");
  assert_search (store, "", "c3|c2|c1");
  assert_search (store, "  -*\" ", "c3|c2|c1");
  assert_search (store, "o", "c3|c2");

  bottega_store_supersede (store, superseded, 1, NULL, NULL);
  assert_search (store, "rent", "");
  assert_messages (store, "c3", "");
  bottega_store_set_deleted (store, "c1", TRUE);
  assert_search (store, "perche", "");
  g_assert_finalize_object (store);
  fixture_remove_folder (folder);
}

static void
test_delete_and_undo (void)
{
  char *folder = fixture_make_folder ();
  BottegaStore *store = open_store (folder);

  put (store, "c1", "First", "m1", "complete", "one", 10);
  bottega_store_set_deleted (store, "c1", TRUE);
  assert_conversations (store, "");
  /* A late answer does not bring it back. */
  put (store, "c1", "First", "m2", "complete", "two", 20);
  assert_conversations (store, "");
  bottega_store_set_deleted (store, "c1", FALSE);
  assert_conversations (store, "c1=First");
  assert_messages (store, "c1", "m1 user complete: one|m2 user complete: two");

  /* What is still deleted at the end is gone at the next start. */
  bottega_store_set_deleted (store, "c1", TRUE);
  g_assert_finalize_object (store);
  store = open_store (folder);
  bottega_store_set_deleted (store, "c1", FALSE);
  assert_conversations (store, "");
  g_assert_finalize_object (store);
  fixture_remove_folder (folder);
}

/* Whether any file of the space holds these bytes. */
static gboolean
space_holds (const char *folder, const char *secret)
{
  g_autofree char *spaces = g_build_filename (folder, "spaces", NULL);
  g_autoptr (GDir) dir = g_dir_open (spaces, 0, NULL);
  const char *name;
  gboolean holds = FALSE;

  while ((name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *path = g_build_filename (spaces, name, NULL);
    g_autofree char *bytes = NULL;
    gsize length = 0;

    if (g_file_get_contents (path, &bytes, &length, NULL))
      holds = holds || memmem (bytes, length, secret, strlen (secret)) != NULL;
  }

  return holds;
}

static void
test_purge_overwrites (void)
{
  char *folder = fixture_make_folder ();
  BottegaStore *store = open_store (folder);

  put (store, "c1", "Zanzibarese", "m1", "complete", "the xylophonist knows", 10);
  put (store, "c2", "Kept", "m2", "complete", "this stays", 20);
  g_assert_true (space_holds (folder, "xylophonist"));
  g_assert_true (space_holds (folder, "Zanzibarese"));

  bottega_store_set_deleted (store, "c1", TRUE);
  bottega_store_purge (store, "c1");
  bottega_store_purge (store, "c2"); /* not deleted: stays */
  bottega_store_flush (store);
  g_assert_false (space_holds (folder, "xylophonist"));
  g_assert_false (space_holds (folder, "Zanzibarese"));
  g_assert_false (space_holds (folder, "zanzibarese"));
  assert_conversations (store, "c2=Kept");
  assert_search (store, "stays", "c2");
  g_assert_finalize_object (store);
  fixture_remove_folder (folder);
}

/* Opening must fail with this code and leave the file as it was. */
static void
assert_refused (const char *folder, BottegaStoreError code)
{
  g_autofree char *path = g_build_filename (folder, "spaces", "personal.sqlite", NULL);
  g_autofree char *before = NULL;
  g_autofree char *after = NULL;
  gsize before_bytes, after_bytes;
  g_autoptr (GError) error = NULL;
  BottegaStore *store;

  g_assert_true (g_file_get_contents (path, &before, &before_bytes, NULL));
  store = bottega_store_open (folder, "personal", &error);
  g_assert_null (store);
  g_assert_error (error, BOTTEGA_STORE_ERROR, (int) code);
  g_assert_nonnull (strstr (error->message, "personal.sqlite"));
  g_assert_true (g_file_get_contents (path, &after, &after_bytes, NULL));
  g_assert_cmpmem (before, before_bytes, after, after_bytes);
}

static void
test_refused_files (void)
{
  char *folder = fixture_make_folder ();
  g_autofree char *path = g_build_filename (folder, "spaces", "personal.sqlite", NULL);
  BottegaStore *store;

  /* Newer than us. */
  store = open_store (folder);
  g_assert_finalize_object (store);
  run_sql (folder, "PRAGMA user_version = 1000");
  assert_refused (folder, BOTTEGA_STORE_ERROR_NEWER);

  /* Of another program. */
  g_unlink (path);
  run_sql (folder, "CREATE TABLE birds (name TEXT)");
  assert_refused (folder, BOTTEGA_STORE_ERROR_CORRUPT);

  /* Not a database. */
  g_file_set_contents (path, "Dear diary, today I wrote a text file into a folder of SQLite.", -1,
                       NULL);
  assert_refused (folder, BOTTEGA_STORE_ERROR_CORRUPT);

  /* An empty file is a new database. */
  g_file_set_contents (path, "", 0, NULL);
  store = open_store (folder);
  assert_conversations (store, "");
  g_assert_finalize_object (store);
  fixture_remove_folder (folder);
}

static void
test_damaged_pages (void)
{
  char *folder = fixture_make_folder ();
  g_autofree char *path = g_build_filename (folder, "spaces", "personal.sqlite", NULL);
  g_autofree char *bytes = NULL;
  gsize length;
  BottegaStore *store = open_store (folder);

  put (store, "c1", "First", "m1", "complete", "one", 10);
  g_assert_finalize_object (store);
  g_assert_true (g_file_get_contents (path, &bytes, &length, NULL));
  g_assert_cmpuint (length, >, 8192);
  /* The schema's own page stays; every other one turns to noise. */
  memset (bytes + 4096, 0x5a, length - 4096);
  g_assert_true (g_file_set_contents (path, bytes, (gssize) length, NULL));
  assert_refused (folder, BOTTEGA_STORE_ERROR_CORRUPT);
  fixture_remove_folder (folder);
}

static void
test_locked (void)
{
  char *folder = fixture_make_folder ();
  g_autoptr (GError) error = NULL;
  BottegaStore *store = open_store (folder);

  g_assert_null (bottega_store_open (folder, "personal", &error));
  g_assert_error (error, BOTTEGA_STORE_ERROR, BOTTEGA_STORE_ERROR_LOCKED);
  g_assert_finalize_object (store);
  store = open_store (folder);
  g_assert_finalize_object (store);
  fixture_remove_folder (folder);
}

/* A newer program finds the older file and brings it up to date, without losing a row. */
static void
test_migration_keeps_rows (void)
{
  char *folder = fixture_make_folder ();
  BottegaStore *store = open_store (folder);
  g_autofree char *path = g_build_filename (folder, "spaces", "personal.sqlite", NULL);
  sqlite3 *db = NULL;
  sqlite3_stmt *statement = NULL;

  put (store, "c1", "First", "m1", "complete", "one", 10);
  g_assert_finalize_object (store);

  g_assert_cmpint (sqlite3_open (path, &db), ==, SQLITE_OK);
  sqlite3_prepare_v2 (db, "PRAGMA user_version", -1, &statement, NULL);
  g_assert_cmpint (sqlite3_step (statement), ==, SQLITE_ROW);
  g_assert_cmpint (sqlite3_column_int (statement, 0), >=, 1);
  sqlite3_finalize (statement);
  sqlite3_prepare_v2 (db, "PRAGMA journal_mode", -1, &statement, NULL);
  g_assert_cmpint (sqlite3_step (statement), ==, SQLITE_ROW);
  g_assert_cmpstr ((const char *) sqlite3_column_text (statement, 0), ==, "wal");
  sqlite3_finalize (statement);
  sqlite3_close (db);

  store = open_store (folder);
  assert_conversations (store, "c1=First");
  g_assert_finalize_object (store);
  fixture_remove_folder (folder);
}

static void
on_failed (BottegaStore *store, const char *sentence, char **told)
{
  g_set_str (told, sentence);
}

static void
test_failed_write_is_told (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *told = NULL;
  BottegaStore *store = bottega_store_open_in_memory (&error);
  const BottegaStoreMessage row = {
    .id = (char *) "m1",
    .conversation = (char *) "nowhere",
    .role = (char *) "user",
    .state = (char *) "complete",
    .text = (char *) "orphan",
  };
  const BottegaStoreMessage *rows[] = { &row };

  g_assert_no_error (error);
  g_signal_connect (store, "failed", G_CALLBACK (on_failed), &told);
  bottega_store_put (store, NULL, rows, 1, BOTTEGA_STORE_QUICK, NULL, NULL);
  bottega_store_flush (store);
  g_assert_nonnull (told);
  /* Nothing half-done stays open: the next write works. */
  put (store, "c1", "First", "m1", "complete", "one", 10);
  assert_messages (store, "c1", "m1 user complete: one");
  g_assert_finalize_object (store);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/app/store/rows", test_rows);
  g_test_add_func ("/app/store/pinned", test_pinned);
  g_test_add_func ("/app/store/interrupted", test_interrupted);
  g_test_add_func ("/app/store/search", test_search);
  g_test_add_func ("/app/store/delete-and-undo", test_delete_and_undo);
  g_test_add_func ("/app/store/purge-overwrites", test_purge_overwrites);
  g_test_add_func ("/app/store/refused-files", test_refused_files);
  g_test_add_func ("/app/store/damaged-pages", test_damaged_pages);
  g_test_add_func ("/app/store/locked", test_locked);
  g_test_add_func ("/app/store/migration-keeps-rows", test_migration_keeps_rows);
  g_test_add_func ("/app/store/failed-write-is-told", test_failed_write_is_told);

  return g_test_run ();
}
