/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The indexer: what is in folders is found, what changed is read again and nothing else, what moved
 * keeps its index, what is gone goes, failures are the document's own, words come before vectors,
 * and a big text is written in short transactions. Killing it has a test of its own. */
#include "app/retrieval/bottega-chunker.h"
#include "app/retrieval/bottega-index-rows.h"
#include "app/retrieval/bottega-store-chats.h"
#include "tests/app/index-fixture.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

static void
refresh (BottegaIndexer *indexer)
{
  bottega_indexer_refresh (indexer);
  index_fixture_wait (indexer);
}

static char *
words_match (const char *word)
{
  return g_strdup_printf ("SELECT count(*) FROM chunk_words JOIN chunks_in_sight AS c"
                          " ON c.id = chunk_words.rowid WHERE chunk_words MATCH '%s'",
                          word);
}

static void
assert_found (IndexFixture *fixture, const char *word, const char *n)
{
  g_autofree char *sql = words_match (word);

  index_fixture_assert_query (fixture, sql, n);
}

static void
test_folder (void)
{
  IndexFixture fixture;
  g_autoptr (FakeEmbedder) embedder = fake_embedder_new ("fake:16");
  g_autoptr (BottegaIndexer) indexer = NULL;
  g_autofree char *link = NULL;
  guint done, total;

  index_fixture_set_up (&fixture);
  index_fixture_write (&fixture, "a.txt", "# Affitto\nIl canone è di settecento euro.");
  index_fixture_write (&fixture, "sub/b.txt", "Another text about perché.");
  index_fixture_write (&fixture, "sub/.hidden.txt", "hidden");
  index_fixture_write (&fixture, ".git/c.txt", "hidden");
  index_fixture_write (&fixture, "node_modules/d.txt", "of a tool");
  index_fixture_write (&fixture, "meson.build", "project");
  index_fixture_write (&fixture, "build/e.txt", "built");
  index_fixture_write (&fixture, "cache/CACHEDIR.TAG", "Signature");
  index_fixture_write (&fixture, "cache/f.txt", "cached");
  index_fixture_write (&fixture, "g.bin", "not a text");
  link = index_fixture_path (&fixture, "sub/loop");
  g_assert_cmpint (symlink (fixture.documents, link), ==, 0);

  indexer = index_fixture_indexer (&fixture, embedder);
  index_fixture_add (&fixture, indexer);
  index_fixture_assert (&fixture, "a.txt ready 1/1|b.txt ready 1/1");
  g_object_get (indexer, "passages-done", &done, "passages-total", &total, NULL);
  g_assert_cmpuint (done, ==, 2);
  g_assert_cmpuint (total, ==, 2);
  /* Text, file's name and heading; accents do not matter. */
  assert_found (&fixture, "canone", "1");
  assert_found (&fixture, "perche", "1");
  assert_found (&fixture, "heading : affitto", "1");
  assert_found (&fixture, "title : b", "1");
  index_fixture_assert_query (&fixture, "SELECT count(*) FROM vectors WHERE length (codes) = 16",
                              "2");

  /* Nothing changed: nothing is read or made again. */
  refresh (indexer);
  g_object_get (indexer, "files-total", &total, NULL);
  g_assert_cmpuint (total, ==, 0);
  g_assert_cmpuint (fake_embedder_get_n_texts (embedder), ==, 2);

  g_clear_object (&indexer);
  index_fixture_tear_down (&fixture);
}

static void
test_changes (void)
{
  IndexFixture fixture;
  g_autoptr (FakeEmbedder) embedder = fake_embedder_new ("fake:16");
  g_autoptr (BottegaIndexer) indexer = NULL;
  g_autofree char *from = NULL, *to = NULL;
  gint64 moved;

  index_fixture_set_up (&fixture);
  index_fixture_write (&fixture, "changed.txt", "The oldword stands here.");
  index_fixture_write (&fixture, "touched.txt", "Untouched text.");
  index_fixture_write (&fixture, "deleted.txt", "The doomedword stands here.");
  index_fixture_write (&fixture, "moved.txt", "The movedword stands here.");
  indexer = index_fixture_indexer (&fixture, embedder);
  index_fixture_add (&fixture, indexer);
  assert_found (&fixture, "oldword", "1");
  assert_found (&fixture, "doomedword", "1");
  g_assert_cmpuint (fake_embedder_get_n_texts (embedder), ==, 4);
  moved = index_fixture_id (&fixture, "moved.txt");

  index_fixture_write (&fixture, "changed.txt", "The newword stands here.");
  index_fixture_write (&fixture, "touched.txt", "Untouched text.");
  index_fixture_delete (&fixture, "deleted.txt");
  from = index_fixture_path (&fixture, "moved.txt");
  to = index_fixture_path (&fixture, "sub/elsewhere.txt");
  index_fixture_write (&fixture, "sub/new.txt", "A new one.");
  g_assert_cmpint (g_rename (from, to), ==, 0);
  refresh (indexer);
  index_fixture_assert (&fixture, "changed.txt ready 1/1|elsewhere.txt ready 1/1|new.txt ready 1/1|"
                                  "touched.txt ready 1/1");
  assert_found (&fixture, "oldword", "0");
  assert_found (&fixture, "newword", "1");
  assert_found (&fixture, "doomedword", "0");
  assert_found (&fixture, "movedword", "1");
  g_assert_cmpint (index_fixture_id (&fixture, "elsewhere.txt"), ==, moved);
  /* Made: the changed one and the new one. */
  g_assert_cmpuint (fake_embedder_get_n_texts (embedder), ==, 6);
  index_fixture_assert_query (&fixture, "SELECT count(*) FROM chunk_words", "4");
  index_fixture_assert_query (&fixture, "SELECT count(*) FROM vectors", "4");
  index_fixture_assert_query (&fixture, "SELECT value >= 2 FROM facts WHERE name = 'removals'",
                              "1");

  g_clear_object (&indexer);
  index_fixture_tear_down (&fixture);
}

static void
test_gone (void)
{
  IndexFixture fixture;
  g_autoptr (BottegaIndexer) indexer = NULL;
  g_autofree char *away = NULL, *single = NULL;
  const char *paths[] = { NULL, NULL };

  index_fixture_set_up (&fixture);
  index_fixture_write (&fixture, "a.txt", "Onlyword.");
  away = g_strconcat (fixture.documents, ".away", NULL);
  single = g_build_filename (fixture.folder, "single.txt", NULL);
  g_assert_true (g_file_set_contents (single, "Singleword.", -1, NULL));
  indexer = index_fixture_indexer (&fixture, NULL);
  index_fixture_add (&fixture, indexer);
  paths[0] = single;
  bottega_indexer_add (indexer, paths);
  index_fixture_wait (indexer);
  index_fixture_assert (&fixture, "a.txt ready 1/0|single.txt ready 1/0");

  /* A root that is not there, or an empty place where a disk was: out of sight, not lost. */
  g_assert_cmpint (g_rename (fixture.documents, away), ==, 0);
  refresh (indexer);
  index_fixture_assert (&fixture, "a.txt gone 1/0|single.txt ready 1/0");
  assert_found (&fixture, "onlyword", "0");
  g_assert_cmpint (g_mkdir (fixture.documents, 0700), ==, 0);
  refresh (indexer);
  index_fixture_assert (&fixture, "a.txt gone 1/0|single.txt ready 1/0");
  g_assert_cmpint (g_rmdir (fixture.documents), ==, 0);
  g_assert_cmpint (g_rename (away, fixture.documents), ==, 0);
  refresh (indexer);
  index_fixture_assert (&fixture, "a.txt ready 1/0|single.txt ready 1/0");
  assert_found (&fixture, "onlyword", "1");

  /* A file that was put in by itself is a root too. */
  g_assert_cmpint (g_unlink (single), ==, 0);
  refresh (indexer);
  index_fixture_assert (&fixture, "a.txt ready 1/0|single.txt gone 1/0");

  g_clear_object (&indexer);
  index_fixture_tear_down (&fixture);
}

/* What a portal handed over may be there for one session: what was read of it stays in sight. */
static void
test_handed (void)
{
  IndexFixture fixture;
  g_autoptr (BottegaIndexer) indexer = NULL;
  g_autofree char *folder = g_build_filename (g_get_user_runtime_dir (), "doc", "1a2b", NULL);
  g_autofree char *handed = g_build_filename (folder, "handed.txt", NULL);
  const char *paths[] = { handed, NULL };

  index_fixture_set_up (&fixture);
  g_assert_cmpint (g_mkdir_with_parents (folder, 0700), ==, 0);
  g_assert_true (g_file_set_contents (handed, "Handedword.", -1, NULL));
  indexer = index_fixture_indexer (&fixture, NULL);
  bottega_indexer_add (indexer, paths);
  index_fixture_wait (indexer);
  index_fixture_assert (&fixture, "handed.txt ready 1/0");

  g_assert_cmpint (g_unlink (handed), ==, 0);
  g_assert_cmpint (g_rmdir (folder), ==, 0);
  refresh (indexer);
  index_fixture_assert (&fixture, "handed.txt ready 1/0");
  assert_found (&fixture, "handedword", "1");

  g_clear_object (&indexer);
  index_fixture_tear_down (&fixture);
}

static void
test_failures (void)
{
  IndexFixture fixture;
  g_autoptr (BottegaIndexer) indexer = NULL;
  g_autofree char *locked = NULL;
  g_autofree char *missing = NULL;
  const char *paths[] = { NULL, NULL };
  guint total;

  index_fixture_set_up (&fixture);
  index_fixture_write (&fixture, "bad.txt", "FAIL It is damaged.");
  index_fixture_write (&fixture, "good.txt", "Good.");
  index_fixture_write (&fixture, "empty.txt", "");
  indexer = index_fixture_indexer (&fixture, NULL);
  missing = index_fixture_path (&fixture, "missing.txt");
  paths[0] = missing;
  bottega_indexer_add (indexer, paths);
  index_fixture_add (&fixture, indexer);
  index_fixture_assert (&fixture, "bad.txt failed (It is damaged.)|empty.txt ready 0/0|"
                                  "good.txt ready 1/0|missing.txt gone 0/0");

  /* Damaged stays damaged until it changes. */
  refresh (indexer);
  g_object_get (indexer, "files-total", &total, NULL);
  g_assert_cmpuint (total, ==, 0);
  index_fixture_write (&fixture, "bad.txt", "Mended.");
  index_fixture_write (&fixture, "good.txt", "FAIL Now this one.");
  refresh (indexer);
  index_fixture_assert (&fixture, "bad.txt ready 1/0|empty.txt ready 0/0|"
                                  "good.txt failed (Now this one.)|missing.txt gone 0/0");
  assert_found (&fixture, "good", "0");
  index_fixture_assert_query (&fixture, "SELECT count(*) FROM parts", "1");

  g_clear_object (&indexer);
  index_fixture_tear_down (&fixture);
}

static gboolean
file_has (const char *path, const char *word)
{
  g_autofree char *bytes = NULL;
  gsize n;

  if (!g_file_get_contents (path, &bytes, &n, NULL))
    return FALSE;

  return memmem (bytes, n, word, strlen (word)) != NULL;
}

/* Removed text is overwritten, in the file and its log; it is not found again in its folder. */
static void
test_remove (void)
{
  IndexFixture fixture;
  g_autoptr (FakeEmbedder) embedder = fake_embedder_new ("fake:16");
  g_autoptr (BottegaIndexer) indexer = NULL;
  g_autofree char *log = NULL, *keep = NULL;
  g_autoptr (GString) text = g_string_new (NULL);
  const char *paths[] = { NULL, NULL };
  gint64 id;

  index_fixture_set_up (&fixture);
  for (guint i = 0; i < 3000; i++)
    g_string_append_printf (text, "Xylophagous insects of row %u eat wood.%s", i,
                            i % 10 == 9 ? "\n" : " ");
  index_fixture_write (&fixture, "secret.txt", text->str);
  index_fixture_write (&fixture, "keep.txt", "Nothing but harmless.");
  indexer = index_fixture_indexer (&fixture, embedder);
  index_fixture_add (&fixture, indexer);
  log = g_strconcat (fixture.path, "-wal", NULL);
  g_assert_true (file_has (fixture.path, "ylophagous") || file_has (log, "ylophagous"));

  id = index_fixture_id (&fixture, "secret.txt");
  bottega_indexer_remove (indexer, &id, 1);
  index_fixture_wait (indexer);
  index_fixture_assert (&fixture, "keep.txt ready 1/1");
  g_assert_false (file_has (fixture.path, "ylophagous"));
  g_assert_false (file_has (log, "ylophagous"));
  refresh (indexer);
  index_fixture_assert (&fixture, "keep.txt ready 1/1");
  assert_found (&fixture, "harmless", "1");

  /* Putting it in again takes that back; a folder goes with what is below it. */
  keep = index_fixture_path (&fixture, "secret.txt");
  paths[0] = keep;
  bottega_indexer_add (indexer, paths);
  index_fixture_wait (indexer);
  g_assert_cmpint (index_fixture_id (&fixture, "secret.txt"), !=, id);
  paths[0] = fixture.documents;
  bottega_indexer_remove_paths (indexer, paths);
  index_fixture_wait (indexer);
  index_fixture_assert (&fixture, "");
  index_fixture_assert_query (&fixture, "SELECT count(*) FROM roots", "0");
  g_assert_false (file_has (fixture.path, "ylophagous"));
  g_assert_false (file_has (fixture.path, "armless"));

  g_clear_object (&indexer);
  index_fixture_tear_down (&fixture);
}

static void
test_embedder_changes (void)
{
  IndexFixture fixture;
  g_autoptr (FakeEmbedder) first = fake_embedder_new ("first:16");
  g_autoptr (FakeEmbedder) second = fake_embedder_new ("second:16");
  g_autoptr (BottegaIndexer) indexer = NULL;
  static const char sql_id[] = "SELECT value FROM facts WHERE name = 'embedder'";

  index_fixture_set_up (&fixture);
  index_fixture_write (&fixture, "a.txt", "One.");
  indexer = index_fixture_indexer (&fixture, NULL);
  index_fixture_add (&fixture, indexer);
  index_fixture_assert (&fixture, "a.txt ready 1/0");
  g_clear_object (&indexer);

  indexer = index_fixture_indexer (&fixture, first);
  index_fixture_wait (indexer);
  index_fixture_assert (&fixture, "a.txt ready 1/1");
  index_fixture_assert_query (&fixture, sql_id, "first:16");
  g_clear_object (&indexer);

  indexer = index_fixture_indexer (&fixture, second);
  index_fixture_wait (indexer);
  index_fixture_assert (&fixture, "a.txt ready 1/1");
  index_fixture_assert_query (&fixture, sql_id, "second:16");
  g_assert_cmpuint (fake_embedder_get_n_texts (second), ==, 1);

  g_clear_object (&indexer);
  index_fixture_tear_down (&fixture);
}

#define N_FILES 60

static gboolean
has_words (gpointer data)
{
  g_autofree char *list = index_fixture_list (data);
  g_auto (GStrv) files = g_strsplit (list, "|", -1);

  return g_strv_length (files) == N_FILES && strstr (list, "waiting") == NULL;
}

/* Words of all files, then vectors; cancelled in the middle, all that is there stays, and the next
 * one goes on. */
static void
test_order_and_cancel (void)
{
  IndexFixture fixture;
  g_autoptr (FakeEmbedder) embedder = fake_embedder_new ("fake:16");
  g_autoptr (BottegaIndexer) indexer = NULL;
  const char *paths[] = { NULL, NULL };
  g_autofree char *n = NULL;

  index_fixture_set_up (&fixture);
  for (guint i = 0; i < N_FILES; i++) {
    g_autofree char *name = g_strdup_printf ("%02u.txt", i);

    index_fixture_write (&fixture, name, "Some words of a small file.");
  }
  fake_embedder_set_delay (embedder, 200000);
  indexer = index_fixture_indexer (&fixture, embedder);
  paths[0] = fixture.documents;
  bottega_indexer_add (indexer, paths);
  fixture_wait (has_words, &fixture);
  bottega_indexer_cancel (indexer);
  index_fixture_wait (indexer);
  index_fixture_assert_query (&fixture, "SELECT count(*) FROM chunk_words",
                              G_STRINGIFY (N_FILES));
  n = index_fixture_query (&fixture, "SELECT count(*) FROM vectors");
  g_assert_cmpint (atoi (n), <, N_FILES);
  /* The newest file was read first. */
  index_fixture_assert_query (&fixture,
                              "SELECT substr (path, -6) FROM documents ORDER BY indexed_us LIMIT 1",
                              "59.txt");

  fake_embedder_set_delay (embedder, 0);
  refresh (indexer);
  index_fixture_assert_query (&fixture, "SELECT count(*) FROM vectors",
                              G_STRINGIFY (N_FILES));
  g_assert_cmpuint (fake_embedder_get_n_texts (embedder), >=, N_FILES);
  g_assert_cmpuint (fake_embedder_get_n_texts (embedder), <=, N_FILES + 16);

  g_clear_object (&indexer);
  index_fixture_tear_down (&fixture);
}

static void
test_paused (void)
{
  IndexFixture fixture;
  g_autoptr (BottegaIndexer) indexer = NULL;
  const char *paths[] = { NULL, NULL };
  gboolean busy;

  index_fixture_set_up (&fixture);
  index_fixture_write (&fixture, "a.txt", "One.");
  indexer = index_fixture_indexer (&fixture, NULL);
  index_fixture_wait (indexer);
  g_object_set (indexer, "paused", TRUE, NULL);
  paths[0] = fixture.documents;
  bottega_indexer_add (indexer, paths);
  fixture_turn (0.3);
  g_object_get (indexer, "busy", &busy, NULL);
  g_assert_true (busy);
  index_fixture_assert (&fixture, "a.txt waiting 0/0");
  g_object_set (indexer, "paused", FALSE, NULL);
  index_fixture_wait (indexer);
  index_fixture_assert (&fixture, "a.txt ready 1/0");

  g_clear_object (&indexer);
  index_fixture_tear_down (&fixture);
}

typedef struct {
  gint64 worst_us, start_us;
  guint n;
  gboolean done;
} Latency;

static void
on_put (const GError *error, gpointer data)
{
  Latency *latency = data;

  g_assert_no_error (error);
  latency->worst_us = MAX (latency->worst_us, g_get_monotonic_time () - latency->start_us);
  latency->done = TRUE;
}

/* While a text of 8 MB is written questions still reach the disk soon, and half of a text is never
 * in sight. */
static void
test_big_text_and_chat (void)
{
  IndexFixture fixture;
  g_autoptr (BottegaIndexer) indexer = NULL;
  g_autoptr (GString) text = g_string_new (NULL);
  const char *paths[] = { NULL, NULL };
  Latency latency = { 0 };
  gboolean busy = TRUE;

  index_fixture_set_up (&fixture);
  for (guint i = 0; text->len < 8 << 20; i++)
    g_string_append_printf (text, "Sentence number %u of a big text, which has many words.%s", i,
                            i % 20 == 19 ? "\n" : " ");
  index_fixture_write (&fixture, "big.txt", text->str);
  indexer = index_fixture_indexer (&fixture, NULL);
  paths[0] = fixture.documents;
  bottega_indexer_add (indexer, paths);
  while (busy) {
    const BottegaStoreConversation row = { .id = (char *) "chat", .title = (char *) "Chat" };
    g_autofree char *n = index_fixture_query (&fixture, "SELECT count(*) FROM chunks_in_sight");

    g_assert_true (strcmp (n, "0") == 0 || atoi (n) > 5000);
    latency.done = FALSE;
    latency.start_us = g_get_monotonic_time ();
    bottega_store_put (fixture.store, &row, NULL, 0, BOTTEGA_STORE_DURABLE, on_put, &latency);
    fixture_wait_flag (&latency.done);
    latency.n++;
    fixture_turn (0.02);
    g_object_get (indexer, "busy", &busy, NULL);
  }
  g_test_message ("%u questions, the slowest took %.0f ms", latency.n,
                  (double) latency.worst_us / 1e3);
  g_assert_cmpuint (latency.n, >, 5);
  g_assert_cmpint (latency.worst_us, <, 2000000);
  index_fixture_assert_query (&fixture, "SELECT count(*) > 5000 FROM chunks_in_sight", "1");

  g_clear_object (&indexer);
  index_fixture_tear_down (&fixture);
}

/* A page that says it is English and is not; one that is in a language that nobody here knows. */
static void
test_language (void)
{
  BottegaDocument *document = bottega_document_new ("text/html");
  GArray *chunks = g_array_new (FALSE, FALSE, sizeof (BottegaChunk));
  static const struct {
    const char *says, *text, *language;
  } cases[] = {
    { "en", "Il conduttore deve pagare il canone entro i primi cinque giorni di ogni mese.", "it" },
    { "it", "The tenant must pay the rent on or before the fifth day of each month.", "en" },
    { "en", "The tenant must pay the rent on or before the fifth day of each month.", "en" },
    { "de", "Der Mieter zahlt die Miete am ersten Tag eines jeden Monats an den Vermieter.", "de" },
    { "de", "Il conduttore deve pagare il canone entro i primi cinque giorni.", "it" },
    { NULL, "Il conduttore deve pagare il canone entro i primi cinque giorni.", "it" },
    { "en", "int x = y[0] + 12;", "en" },
    { NULL, "int x = y[0] + 12;", "NULL" },
  };
  IndexFixture fixture;
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) paths = g_ptr_array_new ();
  BottegaDatabase *db;

  index_fixture_set_up (&fixture);
  db = bottega_database_open (fixture.path, BOTTEGA_DATABASE_CREATE, &error);
  g_assert_no_error (error);
  g_ptr_array_add (paths, (gpointer) "/a.html");
  g_assert_true (bottega_index_add (db, paths, &error));
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    const BottegaIndexText text = { .id = 1, .document = document, .chunks = chunks };

    g_test_message ("%s", cases[i].text);
    g_set_str (&document->language, cases[i].says);
    g_string_assign (document->text, cases[i].text);
    g_assert_true (bottega_index_put (db, &text, &error));
    index_fixture_assert_query (&fixture, "SELECT ifnull (language, 'NULL') FROM documents",
                                cases[i].language);
  }
  bottega_database_free (db);
  g_array_unref (chunks);
  bottega_document_free (document);
  index_fixture_tear_down (&fixture);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);
  g_test_add_func ("/indexer/folder", test_folder);
  g_test_add_func ("/indexer/changes", test_changes);
  g_test_add_func ("/indexer/gone", test_gone);
  g_test_add_func ("/indexer/handed", test_handed);
  g_test_add_func ("/indexer/failures", test_failures);
  g_test_add_func ("/indexer/remove", test_remove);
  g_test_add_func ("/indexer/embedder-changes", test_embedder_changes);
  g_test_add_func ("/indexer/order-and-cancel", test_order_and_cancel);
  g_test_add_func ("/indexer/paused", test_paused);
  g_test_add_func ("/indexer/language", test_language);
  g_test_add_func ("/indexer/big-text-and-chat", test_big_text_and_chat);

  return g_test_run ();
}
