/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Office documents, books and pages through bottega-extract, against what make-office.py says of
 * them: blocks as "H2@3 text" (kind, level, page), or "! failure". Its arguments are Python and
 * make-office.py. */
#include "app/extract/bottega-extraction.h"

#include <glib/gstdio.h>
#include <string.h>

static const char *const failures[BOTTEGA_EXTRACTION_N_ERRORS] = {
  [BOTTEGA_EXTRACTION_ERROR_OPEN] = "open",
  [BOTTEGA_EXTRACTION_ERROR_UNSUPPORTED] = "unsupported",
  [BOTTEGA_EXTRACTION_ERROR_ENCRYPTED] = "encrypted",
  [BOTTEGA_EXTRACTION_ERROR_NO_TEXT] = "no-text",
  [BOTTEGA_EXTRACTION_ERROR_DAMAGED] = "damaged",
  [BOTTEGA_EXTRACTION_ERROR_TOO_BIG] = "too-big",
  [BOTTEGA_EXTRACTION_ERROR_CANCELLED] = "cancelled",
  [BOTTEGA_EXTRACTION_ERROR_FAILED] = "failed",
};

static void
append_block (GString *out, const BottegaDocument *document, const BottegaBlock *block)
{
  static const char *const kinds[BOTTEGA_BLOCK_N_KINDS] = { "P", "H", "L", "TH", "TR", "C" };
  g_autofree char *text = g_strndup (document->text->str + block->offset, block->length);
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

  g_string_append (out, kinds[block->kind]);
  if (block->level > 0)
    g_string_append_printf (out, "%u", block->level);
  if (block->page > 0)
    g_string_append_printf (out, "@%u", block->page);
  for (guint i = 0; lines[i] != NULL; i++)
    g_string_append_printf (out, "%s %s\n", i > 0 ? "|" : "", lines[i]);
}

static char *
describe (const char *path, const BottegaDocument *document, const GError *error)
{
  GString *out = g_string_new (NULL);

  if (document == NULL) {
    g_autofree char *name = g_path_get_basename (path);

    g_assert_error (error, BOTTEGA_EXTRACTION_ERROR, error->code);
    g_assert_nonnull (strstr (error->message, name));
    g_string_append_printf (out, "! %s\n", failures[error->code]);
    return g_string_free (out, FALSE);
  }
  if (document->title != NULL)
    g_string_append_printf (out, "title %s\n", document->title);
  if (document->language != NULL)
    g_string_append_printf (out, "language %s\n", document->language);
  if (document->n_pages > 0)
    g_string_append_printf (out, "pages %u\n", document->n_pages);
  for (guint i = 0; i < document->blocks->len; i++)
    append_block (out, document, &g_array_index (document->blocks, BottegaBlock, i));
  return g_string_free (out, FALSE);
}

static void
test_file (gconstpointer data)
{
  const char *path = data;
  g_autofree char *expected_path = g_strconcat (path, ".expected", NULL), *expected = NULL;
  g_autofree char *said = NULL;
  g_autoptr (BottegaDocument) document = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (g_file_get_contents (expected_path, &expected, NULL, NULL));
  document = bottega_extraction_run (path, NULL, NULL, NULL, &error);
  g_assert_true ((document == NULL) == (error != NULL));
  said = describe (path, document, error);
  g_assert_cmpstr (said, ==, expected);
  g_remove (path);
  g_remove (expected_path);
}

int
main (int argc, char **argv)
{
  g_autofree char *folder = g_dir_make_tmp ("bottega-office-XXXXXX", NULL);
  const char *const make[] = { argv[1], argv[2], folder, NULL };
  g_autoptr (GDir) files = NULL;
  const char *name;
  int status = -1, result;

  g_test_init (&argc, &argv, NULL);
  g_test_set_nonfatal_assertions ();
  g_assert_true (g_spawn_sync (NULL, (char **) make, NULL, 0, NULL, NULL, NULL, NULL, &status,
                               NULL));
  g_assert_cmpint (status, ==, 0);
  files = g_dir_open (folder, 0, NULL);
  g_assert_nonnull (files);
  while ((name = g_dir_read_name (files)) != NULL)
    if (!g_str_has_suffix (name, ".expected")) {
      g_autofree char *test = g_strconcat ("/extract/office/", name, NULL);

      g_test_add_data_func_full (test, g_build_filename (folder, name, NULL), test_file, g_free);
    }
  result = g_test_run ();
  g_rmdir (folder);
  return result;
}
