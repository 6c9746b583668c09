/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Documents as they are kept: the parts put together are the text, a range is read with its blocks
 * and the lines to mark; and two connections that write at the same time wait for each other. */
#include "app/retrieval/bottega-part.h"
#include "tests/app/index-fixture.h"

#include <string.h>

static BottegaDocument *
make_document (GRand *rand)
{
  BottegaDocument *document = bottega_document_new ("text/plain");
  guint n = (guint) g_rand_int_range (rand, 1, 40);

  for (guint i = 0; i < n; i++) {
    gboolean huge = g_rand_int_range (rand, 0, 12) == 0;
    g_autoptr (GString) text = g_string_new (NULL);
    guint n_words = (guint) g_rand_int_range (rand, 1, huge ? 12000 : 300);

    for (guint k = 0; k < n_words; k++)
      g_string_append (text, k % 3 == 0 ? "perché" : "word ");
    bottega_document_add_block (document, BOTTEGA_BLOCK_PARAGRAPH, 0, i / 3 + 1, text->str, -1);
  }
  for (guint i = 0; i < document->blocks->len; i++) {
    const BottegaBlock *block = &g_array_index (document->blocks, BottegaBlock, i);
    BottegaLine line = { block->offset, block->length, block->page, 1.5f, 2.5f, 3, (float) i };

    g_array_append_val (document->lines, line);
  }

  return document;
}

/* Parts tile the text, none is much larger than it may be, each block and line begins in one. */
static void
test_parts (void)
{
  for (guint32 seed = 0; seed < 100; seed++) {
    g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
    g_autoptr (BottegaDocument) document = make_document (rand);
    g_autoptr (GArray) parts = bottega_part_cut (document);
    guint32 end = 0;
    guint n_blocks = 0, n_lines = 0;

    for (guint i = 0; i < parts->len; i++) {
      const BottegaPart *part = &g_array_index (parts, BottegaPart, i);
      g_autoptr (GBytes) packed =
          bottega_part_pack_blocks (document->blocks, part->first_block, part->n_blocks);

      g_assert_cmpuint (part->offset, ==, end);
      g_assert_cmpuint (part->length, <=, 16384);
      g_assert_true (g_utf8_validate (document->text->str + part->offset, part->length, NULL));
      g_assert_cmpuint (part->block, <=, part->offset);
      end += part->length;
      for (guint k = 0; k < part->n_blocks; k++) {
        BottegaBlock block = bottega_part_get_block (g_bytes_get_data (packed, NULL), k);

        g_assert_cmpmem (&block, sizeof block,
                         &g_array_index (document->blocks, BottegaBlock, n_blocks), sizeof block);
        g_assert_cmpuint (block.offset, >=, part->offset);
        g_assert_cmpuint (block.offset, <, end);
        n_blocks++;
      }
      g_assert_cmpuint (part->first_line, ==, n_lines);
      n_lines += part->n_lines;
    }
    g_assert_cmpuint (end, ==, document->text->len);
    g_assert_cmpuint (n_blocks, ==, document->blocks->len);
    g_assert_cmpuint (n_lines, ==, document->lines->len);
  }
}

typedef struct {
  char *lines; /* "offset page y height" of each, joined by "|" */
  gboolean done;
} Lines;

static void
on_lines (GArray *lines, const GError *error, gpointer data)
{
  Lines *found = data;
  g_autoptr (GString) text = g_string_new (NULL);

  g_assert_no_error (error);
  for (guint i = 0; i < lines->len; i++) {
    const BottegaLine *line = &g_array_index (lines, BottegaLine, i);

    g_string_append_printf (text, "%s%u %u %g %g", i > 0 ? "|" : "", line->offset, line->page,
                            (double) line->y, (double) line->height);
  }
  found->lines = g_strdup (text->str);
  found->done = TRUE;
}

static void
assert_lines (IndexFixture *fixture, gint64 id, guint page, guint32 offset, guint32 length,
              const char *expected)
{
  Lines found = { 0 };

  bottega_store_list_lines (fixture->store, id, page, offset, length, on_lines, &found);
  fixture_wait_flag (&found.done);
  g_assert_cmpstr (found.lines, ==, expected);
  g_free (found.lines);
}

static void
test_ranges (void)
{
  IndexFixture fixture;
  g_autoptr (BottegaIndexer) indexer = NULL;
  g_autoptr (BottegaDatabase) db = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *whole = NULL, *range = NULL, *cut = NULL, *none = NULL;
  g_autoptr (GArray) blocks = NULL;
  const char *paths[] = { NULL, NULL };
  gint64 id;

  index_fixture_set_up (&fixture);
  index_fixture_write (&fixture, "a.txt",
                       "\f# Title\nFirst page, perché.\n\fSecond page.\nIts end.\n\fThird.");
  indexer = index_fixture_indexer (&fixture, NULL);
  paths[0] = fixture.documents;
  bottega_indexer_add (indexer, paths);
  index_fixture_wait (indexer);
  id = index_fixture_id (&fixture, "a.txt");

  db = bottega_database_open (fixture.path, BOTTEGA_DATABASE_READ, &error);
  g_assert_no_error (error);
  whole = bottega_database_document_text (db, id, 0, 0, &error);
  g_assert_cmpstr (whole, ==, "Title\nFirst page, perché.\nSecond page.\nIts end.\nThird.\n");
  range = bottega_database_document_text (db, id, 18, 22, &error);
  g_assert_cmpstr (range, ==, "perché.\nSecond page.\n");
  /* An end inside a character leaves it out. */
  cut = bottega_database_document_text (db, id, 18, 6, &error);
  g_assert_cmpstr (cut, ==, "perch");
  none = bottega_database_document_text (db, id + 1, 0, 0, &error);
  g_assert_cmpstr (none, ==, "");
  g_assert_no_error (error);
  blocks = bottega_database_document_blocks (db, id, 20, 10, &error);
  g_assert_cmpuint (blocks->len, ==, 2);
  g_assert_cmpuint (g_array_index (blocks, BottegaBlock, 0).offset, ==, 6);
  g_assert_cmpuint (g_array_index (blocks, BottegaBlock, 1).page, ==, 2);

  assert_lines (&fixture, id, 1, 6, 5, "6 1 12 11");
  assert_lines (&fixture, id, 1, 0, 60, "0 1 0 11|6 1 12 11");
  assert_lines (&fixture, id, 2, 0, 60, "27 2 24 11|40 2 36 11");
  assert_lines (&fixture, id, 9, 0, 60, "");
  index_fixture_assert_query (&fixture, "SELECT count(*) FROM parts", "3");

  g_clear_object (&indexer);
  index_fixture_tear_down (&fixture);
}

/* ---- connections ---- */

static gpointer
write_facts (gpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (BottegaDatabase) db = bottega_database_open (data, BOTTEGA_DATABASE_WRITE, &error);

  g_assert_no_error (error);
  for (guint i = 0; i < 200; i++) {
    gboolean ok;

    g_assert_true (bottega_database_begin (db, BOTTEGA_STORE_QUICK, &error));
    ok = bottega_database_exec (db,
                                "INSERT INTO facts (name, value) VALUES ('n', 1)"
                                " ON CONFLICT (name) DO UPDATE SET value = value + 1",
                                &error);
    g_assert_true (bottega_database_end (db, ok, &error));
  }

  return NULL;
}

static void
test_writers (void)
{
  IndexFixture fixture;
  GThread *threads[4];
  g_autoptr (GError) error = NULL;
  g_autoptr (BottegaDatabase) db = NULL;

  index_fixture_set_up (&fixture);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("writer", write_facts, fixture.path);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  index_fixture_assert_query (&fixture, "SELECT value FROM facts WHERE name = 'n'", "800");

  /* A reader cannot write; what is not there is not made. */
  db = bottega_database_open (fixture.path, BOTTEGA_DATABASE_READ, &error);
  g_assert_no_error (error);
  g_assert_false (bottega_database_exec (db, "DELETE FROM facts", &error));
  g_assert_error (error, BOTTEGA_STORE_ERROR, BOTTEGA_STORE_ERROR_OPEN);
  g_clear_error (&error);
  g_assert_null (bottega_database_open ("/nowhere/a.sqlite", BOTTEGA_DATABASE_WRITE, &error));
  g_assert_error (error, BOTTEGA_STORE_ERROR, BOTTEGA_STORE_ERROR_OPEN);

  index_fixture_tear_down (&fixture);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/documents/parts", test_parts);
  g_test_add_func ("/documents/ranges", test_ranges);
  g_test_add_func ("/documents/writers", test_writers);

  return g_test_run ();
}
