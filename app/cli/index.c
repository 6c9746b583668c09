/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bottega-cli index: files and folders into a space, or what is new in those that are there. */
#include "app/cli/cli-space.h"

#include "app/retrieval/bottega-indexer.h"
#include "app/retrieval/bottega-store-documents.h"

#include <stdio.h>
#include <unistd.h>

static char *space;
static gboolean take_out;

static const GOptionEntry entries[] = {
  { "space", 0, 0, G_OPTION_ARG_STRING, &space, "The space (default: the one of the window)",
    "SPACE" },
  { "remove", 0, 0, G_OPTION_ARG_NONE, &take_out, "Take PATH out of the space; the files stay",
    NULL },
  { 0 },
};

/* How the space looks at the end. */
typedef struct {
  guint n_documents, n_passages, n_vectors;
  GPtrArray *failed; /* of char *: path, reason, … */
  char *error;       /* reading it failed; NULL */
  gboolean done;
} Counts;

static void
counts_clear (Counts *counts)
{
  g_clear_pointer (&counts->failed, g_ptr_array_unref);
  g_clear_pointer (&counts->error, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Counts, counts_clear)

static void
on_rows (GPtrArray *rows, const GError *error, gpointer data)
{
  Counts *counts = data;

  counts->done = TRUE;
  counts->error = error != NULL ? g_strdup (error->message) : NULL;
  for (guint i = 0; rows != NULL && i < rows->len; i++) {
    const BottegaDocumentRow *row = g_ptr_array_index (rows, i);

    if (row->state == BOTTEGA_DOCUMENT_FAILED) {
      g_ptr_array_add (counts->failed, g_filename_display_name (row->path));
      g_ptr_array_add (counts->failed, g_strdup (row->error));
    } else if (row->state != BOTTEGA_DOCUMENT_GONE && row->indexed_us > 0) {
      counts->n_documents++;
      counts->n_passages += row->n_chunks;
      counts->n_vectors += row->n_vectors;
    }
  }
}

static gboolean
is_counted (gpointer data)
{
  return ((Counts *) data)->done;
}

static gboolean
is_idle (gpointer indexer)
{
  gboolean busy;

  g_object_get (indexer, "busy", &busy, NULL);

  return !busy;
}

static gboolean
cancel (gpointer indexer)
{
  bottega_indexer_cancel (indexer);

  return G_SOURCE_CONTINUE;
}

/* ---- progress, on stderr ---- */

/* One line that is written over on a terminal, else a line every five seconds. */
static gboolean
show_progress (gpointer indexer)
{
  static gint64 last_us;
  gboolean terminal = isatty (STDERR_FILENO);
  guint files_done, files_total, passages_done, passages_total;
  double seconds;
  g_autoptr (GString) line = g_string_new (NULL);

  if (!terminal && g_get_monotonic_time () - last_us < 5 * G_USEC_PER_SEC)
    return G_SOURCE_CONTINUE;
  last_us = g_get_monotonic_time ();
  g_object_get (indexer, "files-done", &files_done, "files-total", &files_total, "passages-done",
                &passages_done, "passages-total", &passages_total, "seconds-left", &seconds, NULL);
  if (files_total == 0 && passages_total == 0)
    return G_SOURCE_CONTINUE;
  g_string_append_printf (line, "%u of %u documents", files_done, files_total);
  if (passages_total > 0)
    g_string_append_printf (line, ", %u of %u passages", passages_done, passages_total);
  if (seconds > 0)
    g_string_append_printf (line, ", %.0f s left", seconds);
  if (terminal)
    fprintf (stderr, "\r%s\033[K", line->str);
  else
    fprintf (stderr, "%s\n", line->str);

  return G_SOURCE_CONTINUE;
}

/* ---- the command ---- */

/* Absolute paths; NULL and a sentence where one is not there. */
static char **
make_paths (int argc, char **argv, GError **error)
{
  g_autoptr (GStrvBuilder) paths = g_strv_builder_new ();

  for (int i = 1; i < argc; i++) {
    g_autofree char *path = g_canonicalize_filename (argv[i], NULL);

    if (!take_out && !g_file_test (path, G_FILE_TEST_EXISTS)) {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "There is no file or folder “%s”.",
                   argv[i]);
      return NULL;
    }
    g_strv_builder_add (paths, path);
  }

  return g_strv_builder_end (paths);
}

static void
print_json (const Counts *counts, double seconds)
{
  JsonBuilder *builder = json_builder_new ();
  const struct {
    const char *name;
    guint value;
  } numbers[] = {
    { "documents", counts->n_documents },
    { "passages", counts->n_passages },
    { "vectors", counts->n_vectors },
  };

  json_builder_begin_object (builder);
  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++) {
    json_builder_set_member_name (builder, numbers[i].name);
    json_builder_add_int_value (builder, numbers[i].value);
  }
  json_builder_set_member_name (builder, "failed");
  json_builder_begin_array (builder);
  for (guint i = 0; i < counts->failed->len; i += 2) {
    json_builder_begin_object (builder);
    json_builder_set_member_name (builder, "path");
    json_builder_add_string_value (builder, g_ptr_array_index (counts->failed, i));
    json_builder_set_member_name (builder, "reason");
    json_builder_add_string_value (builder, g_ptr_array_index (counts->failed, i + 1));
    json_builder_end_object (builder);
  }
  json_builder_end_array (builder);
  json_builder_set_member_name (builder, "seconds");
  json_builder_add_double_value (builder, seconds);
  json_builder_end_object (builder);
  cli_print_json (builder);
}

static void
print_text (const Counts *counts, double seconds)
{
  printf ("%u documents, %u passages, %u vectors, %.1f s\n", counts->n_documents,
          counts->n_passages, counts->n_vectors, seconds);
  for (guint i = 0; i < counts->failed->len; i += 2)
    printf ("not read  %s\n          %s\n", (char *) g_ptr_array_index (counts->failed, i),
            (char *) g_ptr_array_index (counts->failed, i + 1));
}

/* FALSE with a sentence when it was stopped, by Ctrl+C or by something like a full disk. */
static gboolean
index_paths (const CliOptions *options, BottegaStore *store, const char *const *paths,
             GError **error)
{
  g_autoptr (BottegaEmbedder) embedder = cli_open_embedder (options);
  g_autoptr (BottegaIndexer) indexer =
      bottega_indexer_new (bottega_store_get_path (store), embedder);
  g_autofree char *reason = NULL;
  guint progress;
  gboolean whole;

  if (take_out)
    bottega_indexer_remove_paths (indexer, paths);
  else if (paths[0] != NULL)
    bottega_indexer_add (indexer, paths);
  else
    bottega_indexer_refresh (indexer);
  progress = options->json ? 0 : g_timeout_add (200, show_progress, indexer);
  whole = cli_wait (is_idle, cancel, indexer);
  if (progress != 0)
    g_source_remove (progress);
  if (progress != 0 && isatty (STDERR_FILENO))
    fputs ("\r\033[K", stderr);
  g_object_get (indexer, "error", &reason, NULL);
  bottega_indexer_shutdown (indexer);
  if (!whole)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED,
                 "Interrupted; what was done is kept, “bottega-cli index” goes on with the rest.");
  else if (reason != NULL)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED, reason);

  return whole && reason == NULL;
}

static gboolean
nothing (gpointer data)
{
  return G_SOURCE_CONTINUE;
}

static int
run (const CliOptions *options, int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (BottegaStore) store = NULL;
  g_auto (GStrv) paths = NULL;
  g_auto (Counts) counts = { .failed = g_ptr_array_new_with_free_func (g_free) };
  gint64 start = g_get_monotonic_time ();
  double seconds;

  if (take_out && argc < 2)
    return cli_usage ("say what is to be taken out: index --remove PATH");
  paths = make_paths (argc, argv, &error);
  if (paths == NULL)
    return cli_fail (error);
  store = cli_open_space (options, space, &error);
  if (store == NULL || !index_paths (options, store, (const char *const *) paths, &error))
    return cli_fail (error);

  seconds = (double) (g_get_monotonic_time () - start) / 1e6;
  bottega_store_list_documents (store, on_rows, &counts);
  cli_wait (is_counted, nothing, &counts);
  if (counts.error != NULL) {
    g_set_error_literal (&error, G_IO_ERROR, G_IO_ERROR_FAILED, counts.error);
    return cli_fail (error);
  }
  if (options->json)
    print_json (&counts, seconds);
  else
    print_text (&counts, seconds);

  return CLI_DONE;
}

const CliCommand cli_index = {
  .name = "index",
  .arguments = "[PATH…] [--space SPACE]",
  .summary = "files and folders into a space; without PATH what is new",
  .run = run,
  .extra_options = entries,
  .max_arguments = -1,
};
