/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reads a zip container once, in its own order, and keeps the parts that hold text. Names are keys
 * of a table and never paths of a file system, so none can lead anywhere. */
#include "app/extract/extract-archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <string.h>

#define MAX_ENTRIES 65536
/* Markup outweighs its text: parts together may be this many times what the text may be. */
#define PARTS_PER_OUTPUT 4
/* Deflate packs the most repetitive real spreadsheets about 200 times, zeros 1,030 times. */
#define MAX_RATIO        400
#define RATIO_FROM_BYTES (16 << 20)
#define STEP_BYTES       (64 << 10)

struct _ExtractArchive {
  GHashTable *parts; /* of GBytes by name */
};

typedef struct archive LibArchive;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LibArchive, archive_read_free)

static gboolean
is_text_part (const char *name)
{
  static const char *const suffixes[] = { ".xml", ".rels", ".xhtml", ".html",
                                          ".htm", ".xht", ".opf" };

  for (guint i = 0; i < G_N_ELEMENTS (suffixes); i++) {
    gsize n = strlen (name), n_suffix = strlen (suffixes[i]);

    if (n > n_suffix && g_ascii_strcasecmp (name + n - n_suffix, suffixes[i]) == 0)
      return TRUE;
  }
  return FALSE;
}

static GBytes *
unpack (LibArchive *reader, gsize max_bytes, ExtractFailure *failure)
{
  g_autoptr (GByteArray) part = g_byte_array_new ();

  for (;;) {
    gsize n = part->len;
    la_ssize_t got;

    g_byte_array_set_size (part, (guint) (n + STEP_BYTES));
    got = archive_read_data (reader, part->data + n, STEP_BYTES);
    g_byte_array_set_size (part, (guint) (n + (got > 0 ? (gsize) got : 0)));
    if (got == 0)
      return g_byte_array_free_to_bytes (g_steal_pointer (&part));
    *failure = got < 0 ? EXTRACT_DAMAGED : EXTRACT_TOO_MUCH_TEXT;
    if (got < 0 || part->len > max_bytes)
      return NULL;
  }
}

static gboolean
add_part (ExtractArchive *self, LibArchive *reader, struct archive_entry *entry, gsize *budget,
          ExtractFailure *failure)
{
  const char *name = archive_entry_pathname_utf8 (entry);
  GBytes *part;

  if (name == NULL)
    name = archive_entry_pathname (entry);
  if (name == NULL || !is_text_part (name) || g_hash_table_contains (self->parts, name))
    return TRUE;
  *failure = EXTRACT_ENCRYPTED;
  if (archive_entry_is_data_encrypted (entry))
    return FALSE;
  part = unpack (reader, *budget, failure);
  if (part == NULL)
    return FALSE;
  *budget -= g_bytes_get_size (part);
  g_hash_table_insert (self->parts, g_strdup (name), part);
  return TRUE;
}

ExtractArchive *
extract_archive_open (const ExtractInput *input, ExtractFailure *failure)
{
  g_autoptr (ExtractArchive) self = g_new0 (ExtractArchive, 1);
  g_autoptr (LibArchive) reader = archive_read_new ();
  struct archive_entry *entry;
  gsize budget = MIN (input->output_bytes * PARTS_PER_OUTPUT,
                      MAX (RATIO_FROM_BYTES, input->size * MAX_RATIO));
  int status;

  self->parts = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                       (GDestroyNotify) g_bytes_unref);
  *failure = EXTRACT_DAMAGED;
  if (archive_read_support_format_zip_seekable (reader) != ARCHIVE_OK ||
      archive_read_open_memory (reader, input->data, input->size) != ARCHIVE_OK)
    return NULL;
  for (guint n = 0; (status = archive_read_next_header (reader, &entry)) != ARCHIVE_EOF; n++) {
    *failure = n < MAX_ENTRIES ? EXTRACT_DAMAGED : EXTRACT_TOO_MUCH_TEXT;
    if (status < ARCHIVE_WARN || n >= MAX_ENTRIES)
      return NULL;
    if (!add_part (self, reader, entry, &budget, failure))
      return NULL;
  }
  return g_steal_pointer (&self);
}

void
extract_archive_free (ExtractArchive *self)
{
  g_hash_table_unref (self->parts);
  g_free (self);
}

GBytes *
extract_archive_get (ExtractArchive *self, const char *name)
{
  return g_hash_table_lookup (self->parts, name);
}

char *
extract_archive_find_top (ExtractArchive *self, const char *name)
{
  GHashTableIter iter;
  const char *part;

  if (g_hash_table_contains (self->parts, name))
    return g_strdup ("");
  g_hash_table_iter_init (&iter, self->parts);
  while (g_hash_table_iter_next (&iter, (gpointer *) &part, NULL)) {
    const char *slash = strchr (part, '/');

    if (slash != NULL && strcmp (slash + 1, name) == 0)
      return g_strndup (part, (gsize) (slash + 1 - part));
  }
  return NULL;
}

char *
extract_archive_resolve (const char *base, const char *reference)
{
  g_autofree char *cut = g_strndup (reference, strcspn (reference, "#?"));
  g_autofree char *plain = g_uri_unescape_string (cut, NULL);
  g_autofree char *folder = g_strndup (base, strrchr (base, '/') ? strrchr (base, '/') - base : 0);
  g_autofree char *joined = NULL;
  g_auto (GStrv) steps = NULL;
  g_autoptr (GPtrArray) path = g_ptr_array_new ();

  if (plain == NULL)
    return NULL;
  joined = plain[0] == '/' ? g_strdup (plain) : g_strconcat (folder, "/", plain, NULL);
  steps = g_strsplit (joined, "/", -1);
  for (char **step = steps; *step != NULL; step++) {
    if (strcmp (*step, "..") == 0) {
      if (path->len == 0)
        return NULL;
      g_ptr_array_set_size (path, (int) path->len - 1);
    } else if (**step != '\0' && strcmp (*step, ".") != 0) {
      g_ptr_array_add (path, *step);
    }
  }
  g_ptr_array_add (path, NULL);
  return g_strjoinv ("/", (char **) path->pdata);
}
