/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The time of a search among 100,000 passages of made-up words and vectors, the question's
 * embedding on the processor included, and the memory that the searcher takes beyond its vectors:
 *
 *   bench-search MODEL [N]
 *
 * The words of the passages are as common as those of real texts (Zipf), and so are the
 * questions'; the vectors are random. */
#include "app/assistant/bottega-local-embedder.h"
#include "app/retrieval/bottega-database.h"
#include "app/retrieval/bottega-searcher.h"
#include "app/retrieval/bottega-store.h"
#include "app/retrieval/bottega-vectors.h"

#include <glib/gstdio.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_PER_PASSAGE 150
#define N_WORDS           50000
#define N_QUESTIONS       200
#define N_DOCUMENTS       500

/* A word by its rank, often a common one. */
static void
add_word (GRand *random, GString *text)
{
  guint rank = (guint) (exp (g_rand_double (random) * log (N_WORDS)) - 1);

  g_string_append_printf (text, "%sw%c%c%u", text->len > 0 ? " " : "", 'a' + (int) (rank % 26),
                          'a' + (int) (rank / 26 % 26), rank);
}

static void
must (gboolean ok, GError *error)
{
  if (!ok)
    g_error ("%s", error != NULL ? error->message : "failed");
}

static void
put (BottegaDatabase *db, const char *sql, gint64 a, gint64 b, const char *text,
     const gint8 *codes, guint n)
{
  g_autoptr (GError) error = NULL;
  sqlite3_stmt *statement = bottega_database_statement (db, sql, &error);

  must (statement != NULL, error);
  sqlite3_bind_int64 (statement, 1, a);
  sqlite3_bind_int64 (statement, 2, b);
  if (text != NULL)
    bottega_database_bind_text (statement, 3, text);
  if (codes != NULL)
    sqlite3_bind_blob (statement, 3, codes, (int) n, SQLITE_STATIC);
  must (bottega_database_step (db, statement, &error), error);
}

static void
fill (BottegaDatabase *db, guint n_passages, guint dimensions, const char *id)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (1);
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (GError) error = NULL;
  g_autofree gint8 *codes = g_new (gint8, dimensions);
  g_autofree char *fact =
      g_strdup_printf ("INSERT INTO facts (name, value) VALUES ('embedder', '%s')", id);

  must (bottega_database_begin (db, BOTTEGA_STORE_QUICK, &error), error);
  must (bottega_database_exec (db, fact, &error), error);
  for (guint d = 1; d <= N_DOCUMENTS; d++) {
    g_autofree char *path = g_strdup_printf ("/document-%u.txt", d);

    put (db,
         "INSERT INTO documents (id, n_chunks, path, state, added_us) VALUES (?1, ?2, ?3, 2, 0)",
         d, n_passages / N_DOCUMENTS, path, NULL, 0);
  }
  for (guint i = 0; i < n_passages; i++) {
    gint64 document = 1 + i / MAX (n_passages / N_DOCUMENTS, 1);

    g_string_truncate (text, 0);
    for (guint w = 0; w < WORDS_PER_PASSAGE; w++)
      add_word (random, text);
    for (guint k = 0; k < dimensions; k++)
      codes[k] = (gint8) g_rand_int_range (random, -127, 128);
    put (db,
         "INSERT INTO chunks (id, document, edition, seq, offset, length, page, last_page, kind,"
         " n_tokens, language) VALUES (?1, ?2, 0, ?1, ?1 * 1000, 1000, 0, 0, 0, 250,"
         " CASE ?1 % 2 WHEN 0 THEN 'it' ELSE 'en' END)",
         i + 1, MIN (document, N_DOCUMENTS), NULL, NULL, 0);
    put (db, "INSERT INTO chunk_words (rowid, heading, body) VALUES (?1, ?2, ?3)", i + 1, 0,
         text->str, NULL, 0);
    put (db, "INSERT INTO vectors (chunk, document, codes, scale) VALUES (?1, ?2, ?3, 0.0007)",
         i + 1, MIN (document, N_DOCUMENTS), NULL, codes, dimensions);
  }
  must (bottega_database_end (db, TRUE, &error), error);
}

static double
resident_mb (void)
{
  g_autofree char *text = NULL;
  long pages = 0;

  if (g_file_get_contents ("/proc/self/statm", &text, NULL, NULL))
    pages = strtol (strchr (text, ' '), NULL, 10);

  return (double) pages * 4096 / 1e6;
}

static int
compare_times (gconstpointer a, gconstpointer b)
{
  return *(const double *) a < *(const double *) b ? -1 : 1;
}

static void
measure (const char *path, BottegaEmbedder *embedder, guint n_passages)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (BottegaSearcher) searcher = bottega_searcher_new (path, embedder, &error);
  g_autoptr (GRand) random = g_rand_new_with_seed (2);
  guint dimensions = bottega_embedder_get_dimensions (embedder);
  double total[N_QUESTIONS], embed[N_QUESTIONS], before;
  float *warm = g_new (float, dimensions);
  const char *const any = "any question at all";

  must (searcher != NULL, error);
  must (bottega_embedder_embed (embedder, BOTTEGA_EMBED_QUERY, &any, 1, warm, NULL, &error), error);
  g_free (warm);
  before = resident_mb ();
  for (gint i = -3; i < N_QUESTIONS; i++) {
    g_autoptr (GString) text = g_string_new (NULL);
    g_autoptr (BottegaResults) results = NULL;
    BottegaQuery query = { 0 };

    for (guint w = 0; w < 8; w++)
      add_word (random, text);
    query.text = text->str;
    results = bottega_searcher_search (searcher, &query, NULL, &error);
    must (results != NULL, error);
    if (i >= 0) {
      total[i] = results->total_ms;
      embed[i] = results->embed_ms;
    }
  }
  qsort (total, N_QUESTIONS, sizeof *total, compare_times);
  qsort (embed, N_QUESTIONS, sizeof *embed, compare_times);
  printf ("%u passages: p50 %.1f ms, p95 %.1f ms, of that embedding p50 %.1f ms;"
          " memory beyond the vectors %.1f MB\n",
          n_passages, total[N_QUESTIONS / 2], total[N_QUESTIONS * 95 / 100],
          embed[N_QUESTIONS / 2],
          resident_mb () - before - (double) n_passages * dimensions / 1e6);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (BottegaEmbedder) embedder = NULL;
  g_autofree char *folder = g_dir_make_tmp ("bench-search-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "space.sqlite", NULL);
  guint n_passages = argc > 2 ? (guint) atoi (argv[2]) : 100000;
  BottegaDatabase *db;

  if (argc < 2)
    g_error ("usage: bench-search MODEL [N]");
  embedder = bottega_local_embedder_new (argv[1], "cpu", 2);
  db = bottega_database_open (path, BOTTEGA_DATABASE_CREATE, &error);
  must (db != NULL, error);
  fill (db, n_passages, bottega_embedder_get_dimensions (embedder),
        bottega_embedder_get_id (embedder));
  bottega_database_free (db);
  measure (path, embedder, n_passages);
  for (guint i = 0; i < 3; i++) {
    g_autofree char *file = g_strconcat (path, (const char *[]) { "", "-wal", "-shm" }[i], NULL);

    g_unlink (file);
  }
  g_rmdir (folder);

  return 0;
}
