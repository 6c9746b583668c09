/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The indexer is killed (SIGKILL) at chance points while it reads files, writes a big text, makes
 * vectors, takes out what is gone; started again it ends with the same rows as one that was left in
 * peace: nothing twice, nothing missing. The child is this program with arguments. */
#include "tests/app/index-fixture.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define N_FILES 40
#define N_KILLS 12 /* in each of two rounds */

static char *program;

/* ---- the child ---- */

static int
child_main (const char *data_dir, const char *documents)
{
  const char *const paths[] = { documents, NULL };
  g_autoptr (BottegaStore) store = bottega_store_open (data_dir, "test", NULL);
  g_autoptr (FakeEmbedder) embedder = fake_embedder_new ("fake:16");
  g_autoptr (BottegaIndexer) indexer = NULL;

  if (store == NULL)
    return 1;
  fake_embedder_set_delay (embedder, 4000);
  indexer = bottega_indexer_new_with_extract (bottega_store_get_path (store),
                                              BOTTEGA_EMBEDDER (embedder), fake_extract,
                                              fake_accepts);
  bottega_indexer_add (indexer, paths);
  index_fixture_wait (indexer);

  return 0;
}

/* Runs a child; kill_us > 0: kills it after that time. TRUE: it came to its end. */
static gboolean
run_child (const char *data_dir, const char *documents, guint kill_us)
{
  const char *argv[] = { program, "--child", data_dir, documents, NULL };
  g_autoptr (GError) error = NULL;
  GPid pid;
  int status;

  g_spawn_async (NULL, (char **) argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &pid, &error);
  g_assert_no_error (error);
  if (kill_us > 0) {
    g_usleep (kill_us);
    kill (pid, SIGKILL);
  }
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  if (WIFEXITED (status))
    g_assert_cmpint (WEXITSTATUS (status), ==, 0);

  return WIFEXITED (status);
}

/* ---- files ---- */

static void
write_file (IndexFixture *fixture, guint i, const char *word)
{
  g_autofree char *name = g_strdup_printf ("%u/%u.txt", i % 4, i);
  g_autoptr (GString) text = g_string_new (NULL);

  g_string_append_printf (text, "# File %u\n", i);
  for (guint k = 0; k < 5 + i * 3; k++)
    g_string_append_printf (text, "Sentence %u of file %u with the word %s%u.%s", k, i, word, k,
                            k % 7 == 6 ? "\n" : " ");
  index_fixture_write (fixture, name, text->str);
}

static void
write_big (IndexFixture *fixture, const char *word)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint k = 0; k < 8000; k++)
    g_string_append_printf (text, "Sentence %u of the big file with %s.%s", k, word,
                            k % 9 == 8 ? "\n" : " ");
  index_fixture_write (fixture, "big.txt", text->str);
}

static void
change_files (IndexFixture *fixture)
{
  g_autofree char *from = index_fixture_path (fixture, "1/1.txt");
  g_autofree char *to = index_fixture_path (fixture, "2/renamed.txt");

  write_big (fixture, "anotherword");
  for (guint i = 5; i < 15; i++)
    write_file (fixture, i, "changed");
  for (guint i = 20; i < 25; i++) {
    g_autofree char *name = g_strdup_printf ("%u/%u.txt", i % 4, i);

    index_fixture_delete (fixture, name);
  }
  for (guint i = N_FILES; i < N_FILES + 5; i++)
    write_file (fixture, i, "new");
  index_fixture_write (fixture, "broken.txt", "FAIL It is broken.");
  g_assert_cmpint (g_rename (from, to), ==, 0);
}

/* ---- the test ---- */

static void
assert_same (IndexFixture *fixture, const char *calm_dir)
{
  g_autofree char *calm_path = g_build_filename (calm_dir, "spaces", "test.sqlite", NULL);
  g_autofree char *calm = index_fixture_dump (calm_path);
  g_autofree char *killed = index_fixture_dump (fixture->path);

  g_assert_cmpuint (strlen (calm), >, 100000);
  if (strcmp (calm, killed) != 0) {
    gsize i = 0;

    while (calm[i] == killed[i])
      i++;
    g_error ("not the same from byte %zu on:\n%.300s\n---\n%.300s", i, calm + i, killed + i);
  }
}

static void
round_of_kills (IndexFixture *fixture, const char *calm_dir)
{
  gint64 start = g_get_monotonic_time ();
  guint whole_us, n_ended = 0;

  g_assert_true (run_child (calm_dir, fixture->documents, 0));
  whole_us = (guint) (g_get_monotonic_time () - start);
  for (guint i = 0; i < N_KILLS; i++)
    n_ended += run_child (fixture->folder, fixture->documents,
                          (guint) g_test_rand_int_range (1000, (gint32) whole_us / 3));
  g_test_message ("%u ms undisturbed; %u of %u came to their end before they were killed",
                  whole_us / 1000, n_ended, N_KILLS);
  g_assert_cmpuint (n_ended, <, N_KILLS);
  g_assert_true (run_child (fixture->folder, fixture->documents, 0));
  assert_same (fixture, calm_dir);
}

static void
test_killed (void)
{
  IndexFixture fixture;
  g_autofree char *calm_dir = NULL;

  index_fixture_set_up (&fixture);
  g_clear_object (&fixture.store); /* its lock is the children's */
  calm_dir = g_build_filename (fixture.folder, "calm", NULL);
  g_assert_cmpint (g_mkdir (calm_dir, 0700), ==, 0);
  for (guint i = 0; i < N_FILES; i++)
    write_file (&fixture, i, "word");
  write_big (&fixture, "oneword");
  round_of_kills (&fixture, calm_dir);
  change_files (&fixture);
  round_of_kills (&fixture, calm_dir);

  index_fixture_tear_down (&fixture);
}

int
main (int argc, char **argv)
{
  program = argv[0];
  if (argc == 4 && strcmp (argv[1], "--child") == 0)
    return child_main (argv[2], argv[3]);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/index-crash/killed", test_killed);

  return g_test_run ();
}
