/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The folders of installed models, and the names of the parts of one, as llama-gguf-split gives
 * them. It must not touch a file. */
#define G_LOG_DOMAIN "bottega-model-files"
#include "config.h"

#include "app/assistant/bottega-model-files.h"

#include <string.h>

#define SUFFIX ".gguf"
/* "-00001-of-00002" */
#define TAIL_BYTES 15

static gboolean
read_digits (const char *text, guint *number)
{
  *number = 0;
  for (guint i = 0; i < 5; i++) {
    if (!g_ascii_isdigit (text[i]))
      return FALSE;
    *number = *number * 10 + (guint) (text[i] - '0');
  }

  return TRUE;
}

/* Bytes before the tail of parts; 0: the name has none. */
static gsize
find_tail (const char *path, guint *part, guint *n_parts)
{
  gsize bytes = strlen (path);
  const char *tail;

  if (!g_str_has_suffix (path, SUFFIX) || bytes <= strlen (SUFFIX) + TAIL_BYTES)
    return 0;
  bytes -= strlen (SUFFIX) + TAIL_BYTES;
  tail = path + bytes;
  if (tail[0] != '-' ||
      !read_digits (tail + 1, part) ||
      strncmp (tail + 6, "-of-", 4) != 0 ||
      !read_digits (tail + 10, n_parts) ||
      *part == 0 ||
      *part > *n_parts ||
      *n_parts > BOTTEGA_MODEL_MAX_PARTS)
    return 0;

  return bytes;
}

void
bottega_model_files_part (const char *path, guint *part, guint *n_parts)
{
  if (find_tail (path, part, n_parts) == 0)
    *part = *n_parts = 1;
}

GStrv
bottega_model_files_list (const char *path)
{
  g_autoptr (GStrvBuilder) files = g_strv_builder_new ();
  guint part, n_parts;
  gsize bytes = find_tail (path, &part, &n_parts);

  if (bytes == 0)
    g_strv_builder_add (files, path);
  for (guint i = 1; bytes > 0 && i <= n_parts; i++)
    g_strv_builder_take (files, g_strdup_printf ("%.*s-%05u-of-%05u" SUFFIX, (int) bytes, path, i,
                                                 n_parts));

  return g_strv_builder_end (files);
}

char *
bottega_model_files_number (const char *name, guint number)
{
  guint part, n_parts;
  gsize bytes = find_tail (name, &part, &n_parts);
  g_autofree char *mark = number > 1 ? g_strdup_printf ("-%u", number) : g_strdup ("");

  if (bytes > 0)
    return g_strdup_printf ("%.*s%s-%05u-of-%05u" SUFFIX, (int) bytes, name, mark, part, n_parts);
  bytes = strlen (name);
  if (g_str_has_suffix (name, SUFFIX))
    bytes -= strlen (SUFFIX);

  return g_strdup_printf ("%.*s%s" SUFFIX, (int) bytes, name, mark);
}

GStrv
bottega_model_files_folders (const char *own, const char *kind)
{
  g_autoptr (GStrvBuilder) folders = g_strv_builder_new ();
  const char *const *system = g_get_system_data_dirs ();

  g_strv_builder_take (folders, g_build_filename (own, kind, NULL));
  for (guint i = 0; system[i] != NULL; i++)
    g_strv_builder_take (folders, g_build_filename (system[i], "bottega", "models", kind, NULL));

  return g_strv_builder_end (folders);
}
