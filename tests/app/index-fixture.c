/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The fakes and helpers of the tests of the index. */
#include "tests/app/index-fixture.h"
#include "app/extract/bottega-extraction.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>

/* ---- files ---- */

void
index_fixture_set_up (IndexFixture *fixture)
{
  g_autoptr (GError) error = NULL;

  fixture->folder = fixture_make_folder ();
  fixture->documents = g_build_filename (fixture->folder, "documents", NULL);
  g_assert_cmpint (g_mkdir (fixture->documents, 0700), ==, 0);
  fixture->store = bottega_store_open (fixture->folder, "test", &error);
  g_assert_no_error (error);
  fixture->path = g_strdup (bottega_store_get_path (fixture->store));
}

void
index_fixture_tear_down (IndexFixture *fixture)
{
  g_clear_object (&fixture->store);
  g_free (fixture->documents);
  g_free (fixture->path);
  fixture_remove_folder (fixture->folder);
}

char *
index_fixture_path (IndexFixture *fixture, const char *name)
{
  return g_build_filename (fixture->documents, name, NULL);
}

void
index_fixture_write (IndexFixture *fixture, const char *name, const char *text)
{
  static time_t second = 1700000000;
  g_autofree char *path = index_fixture_path (fixture, name);
  g_autofree char *folder = g_path_get_dirname (path);
  g_autoptr (GError) error = NULL;
  const struct timespec times[2] = { { .tv_sec = second }, { .tv_sec = second } };

  g_assert_cmpint (g_mkdir_with_parents (folder, 0700), ==, 0);
  g_file_set_contents (path, text, -1, &error);
  g_assert_no_error (error);
  g_assert_cmpint (utimensat (AT_FDCWD, path, times, 0), ==, 0);
  second++;
}

void
index_fixture_delete (IndexFixture *fixture, const char *name)
{
  g_autofree char *path = index_fixture_path (fixture, name);

  g_assert_cmpint (g_unlink (path), ==, 0);
}

/* ---- the extractor ---- */

gboolean
fake_accepts (const char *name)
{
  return g_str_has_suffix (name, ".txt");
}

BottegaDocument *
fake_extract (const char *path, char **sha256, GCancellable *cancellable, GError **error)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;
  BottegaDocument *document;
  guint page = 0;

  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return NULL;
  if (!g_file_get_contents (path, &text, NULL, NULL)) {
    g_set_error (error, BOTTEGA_EXTRACTION_ERROR, BOTTEGA_EXTRACTION_ERROR_OPEN,
                 "“%s” cannot be read.", path);
    return NULL;
  }
  if (g_str_has_prefix (text, "FAIL ")) {
    g_set_error_literal (error, BOTTEGA_EXTRACTION_ERROR, BOTTEGA_EXTRACTION_ERROR_DAMAGED,
                         g_strstrip (text + strlen ("FAIL ")));
    return NULL;
  }
  *sha256 = g_compute_checksum_for_string (G_CHECKSUM_SHA256, text, -1);
  document = bottega_document_new ("text/plain");
  lines = g_strsplit (text, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++) {
    const char *line = lines[i];
    BottegaLine place = { .offset = (guint32) document->text->len, .width = 300, .height = 11 };

    place.x = 72;
    place.y = (float) i * 12;
    if (*line == '\f') {
      line++;
      document->n_pages = ++page;
    }
    if (!bottega_document_add_block (document,
                                     g_str_has_prefix (line, "# ") ? BOTTEGA_BLOCK_HEADING
                                                                   : BOTTEGA_BLOCK_PARAGRAPH,
                                     1, page, g_str_has_prefix (line, "# ") ? line + 2 : line, -1))
      continue;
    place.length = (guint32) document->text->len - place.offset - 1;
    place.page = page;
    if (page > 0)
      g_array_append_val (document->lines, place);
  }

  return document;
}

/* ---- the embedder ---- */

struct _FakeEmbedder {
  GObject parent_instance;

  char *id;
  guint n_texts, delay_us; /* atomic */
};

static guint
fake_embedder_get_dimensions (BottegaEmbedder *embedder)
{
  return FAKE_DIMENSIONS;
}

static const char *
fake_embedder_get_id (BottegaEmbedder *embedder)
{
  return FAKE_EMBEDDER (embedder)->id;
}

static gboolean
fake_embedder_embed (BottegaEmbedder *embedder, BottegaEmbedKind kind, const char *const *texts,
                     guint n, float *vectors, GCancellable *cancellable, GError **error)
{
  FakeEmbedder *self = FAKE_EMBEDDER (embedder);

  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;
  g_usleep (g_atomic_int_get (&self->delay_us));
  for (guint i = 0; i < n; i++) {
    float *vector = vectors + (gsize) i * FAKE_DIMENSIONS;
    float sum = 0;

    for (guint k = 0; k < FAKE_DIMENSIONS; k++)
      vector[k] = 1;
    for (const char *p = texts[i]; *p != '\0'; p++)
      vector[(guint8) *p % FAKE_DIMENSIONS] += 1;
    for (guint k = 0; k < FAKE_DIMENSIONS; k++)
      sum += vector[k] * vector[k];
    for (guint k = 0; k < FAKE_DIMENSIONS; k++)
      vector[k] /= sqrtf (sum);
  }
  g_atomic_int_add (&self->n_texts, (gint) n);

  return TRUE;
}

static guint
fake_embedder_count_tokens (BottegaEmbedder *embedder, const char *text, gssize n_bytes)
{
  return (guint) n_bytes / 4 + 1;
}

static void
fake_embedder_iface_init (BottegaEmbedderInterface *iface)
{
  iface->get_dimensions = fake_embedder_get_dimensions;
  iface->get_id = fake_embedder_get_id;
  iface->embed = fake_embedder_embed;
  iface->count_tokens = fake_embedder_count_tokens;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (FakeEmbedder, fake_embedder, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (BOTTEGA_TYPE_EMBEDDER,
                                                      fake_embedder_iface_init))

static void
fake_embedder_finalize (GObject *object)
{
  g_free (FAKE_EMBEDDER (object)->id);

  G_OBJECT_CLASS (fake_embedder_parent_class)->finalize (object);
}

static void
fake_embedder_class_init (FakeEmbedderClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = fake_embedder_finalize;
}

static void
fake_embedder_init (FakeEmbedder *self)
{
}

FakeEmbedder *
fake_embedder_new (const char *id)
{
  FakeEmbedder *self = g_object_new (FAKE_TYPE_EMBEDDER, NULL);

  self->id = g_strdup (id);

  return self;
}

guint
fake_embedder_get_n_texts (FakeEmbedder *self)
{
  return (guint) g_atomic_int_get (&self->n_texts);
}

void
fake_embedder_set_delay (FakeEmbedder *self, guint us)
{
  g_atomic_int_set (&self->delay_us, us);
}

/* ---- running and looking ---- */

BottegaIndexer *
index_fixture_indexer (IndexFixture *fixture, FakeEmbedder *embedder)
{
  return bottega_indexer_new_with_extract (fixture->path,
                                           embedder != NULL ? BOTTEGA_EMBEDDER (embedder) : NULL,
                                           fake_extract, fake_accepts);
}

static gboolean
is_idle (gpointer indexer)
{
  gboolean busy;

  g_object_get (indexer, "busy", &busy, NULL);

  return !busy;
}

void
index_fixture_wait (BottegaIndexer *indexer)
{
  fixture_wait (is_idle, indexer);
}

void
index_fixture_add (const IndexFixture *fixture, BottegaIndexer *indexer)
{
  const char *const paths[] = { fixture->documents, NULL };

  bottega_indexer_add (indexer, paths);
  index_fixture_wait (indexer);
}

typedef struct {
  GPtrArray *found; /* of char * */
  const char *name;
  gint64 id;
  gboolean done;
} Listing;

static void
on_rows (GPtrArray *rows, const GError *error, gpointer data)
{
  static const char *const states[] = { "waiting", "words", "ready", "failed", "gone" };
  Listing *listing = data;

  g_assert_no_error (error);
  for (guint i = 0; i < rows->len; i++) {
    const BottegaDocumentRow *row = g_ptr_array_index (rows, i);
    g_autofree char *name = g_path_get_basename (row->path);

    if (listing->name != NULL && strcmp (name, listing->name) == 0)
      listing->id = row->id;
    g_ptr_array_add (listing->found,
                     row->error != NULL
                         ? g_strdup_printf ("%s %s (%s)", name, states[row->state], row->error)
                         : g_strdup_printf ("%s %s %u/%u", name, states[row->state], row->n_chunks,
                                            row->n_vectors));
  }
  listing->done = TRUE;
}

static Listing
list_documents (IndexFixture *fixture, const char *name)
{
  Listing listing = { .found = g_ptr_array_new_with_free_func (g_free), .name = name };

  bottega_store_list_documents (fixture->store, on_rows, &listing);
  fixture_wait_flag (&listing.done);

  return listing;
}

char *
index_fixture_list (IndexFixture *fixture)
{
  Listing listing = list_documents (fixture, NULL);
  char *joined;

  g_ptr_array_sort_values (listing.found, (GCompareFunc) strcmp);
  g_ptr_array_add (listing.found, NULL);
  joined = g_strjoinv ("|", (char **) listing.found->pdata);
  g_ptr_array_unref (listing.found);

  return joined;
}

void
index_fixture_assert (IndexFixture *fixture, const char *expected)
{
  g_autofree char *found = index_fixture_list (fixture);

  g_assert_cmpstr (found, ==, expected);
}

gint64
index_fixture_id (IndexFixture *fixture, const char *name)
{
  Listing listing = list_documents (fixture, name);

  g_ptr_array_unref (listing.found);
  g_assert_cmpint (listing.id, !=, 0);

  return listing.id;
}

/* All rows, columns joined by a blank, one a line. */
static char *
query (const char *path, const char *sql)
{
  sqlite3 *handle = NULL;
  sqlite3_stmt *statement = NULL;
  GString *rows = g_string_new (NULL);
  int result;

  g_assert_cmpint (sqlite3_open_v2 (path, &handle, SQLITE_OPEN_READONLY, NULL), ==, SQLITE_OK);
  sqlite3_busy_timeout (handle, 5000);
  if (sqlite3_prepare_v2 (handle, sql, -1, &statement, NULL) != SQLITE_OK)
    g_error ("%s: %s", sql, sqlite3_errmsg (handle));
  while ((result = sqlite3_step (statement)) == SQLITE_ROW) {
    if (rows->len > 0)
      g_string_append_c (rows, '\n');
    for (int i = 0; i < sqlite3_column_count (statement); i++) {
      const char *text = (const char *) sqlite3_column_text (statement, i);

      g_string_append_printf (rows, "%s%s", i > 0 ? " " : "", text != NULL ? text : "NULL");
    }
  }
  if (result != SQLITE_DONE)
    g_error ("%s: %s", sql, sqlite3_errmsg (handle));
  sqlite3_finalize (statement);
  sqlite3_close (handle);

  return g_string_free (rows, FALSE);
}

char *
index_fixture_query (IndexFixture *fixture, const char *sql)
{
  return query (fixture->path, sql);
}

void
index_fixture_assert_query (IndexFixture *fixture, const char *sql, const char *expected)
{
  g_autofree char *found = query (fixture->path, sql);

  g_assert_cmpstr (found, ==, expected);
}

char *
index_fixture_dump (const char *path)
{
  static const char *const queries[] = {
    "SELECT path, kind FROM roots ORDER BY path",
    "SELECT path FROM exclusions ORDER BY path",
    "SELECT path, state, untidy, size_bytes, mtime_ns, sha256, media_type, title, language, error,"
    " n_pages, text_bytes, n_chunks, n_vectors FROM documents ORDER BY path",
    "SELECT d.path, p.edition = d.edition, p.offset, p.block, p.page, p.text, hex (p.blocks),"
    " hex (p.lines) FROM parts AS p LEFT JOIN documents AS d ON d.id = p.document"
    " ORDER BY d.path, p.edition, p.offset",
    "SELECT d.path, c.edition = d.edition, c.seq, c.offset, c.length, c.page, c.last_page,"
    " c.heading, c.header, c.kind, c.n_tokens, w.rowid IS NOT NULL, v.scale,"
    " hex (v.codes) FROM chunks AS c LEFT JOIN documents AS d ON d.id = c.document"
    " LEFT JOIN vectors AS v ON v.chunk = c.id LEFT JOIN chunk_words AS w ON w.rowid = c.id"
    " ORDER BY d.path, c.edition, c.seq",
    "SELECT count(*) FROM chunk_words",
    "SELECT count(*) FROM vectors",
    "SELECT term, doc, cnt FROM chunk_vocabulary ORDER BY term",
    "SELECT name FROM facts WHERE name = 'untidy'",
  };
  GString *dump = g_string_new (NULL);

  for (guint i = 0; i < G_N_ELEMENTS (queries); i++) {
    g_autofree char *rows = query (path, queries[i]);

    g_string_append_printf (dump, "%s\n\n", rows);
  }

  return g_string_free (dump, FALSE);
}
