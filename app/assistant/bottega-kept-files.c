/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The files of kept conversations: names, room, age. It must not know what is in them, nor when
 * they are written. What cannot be done here is no error for anybody: they only save time. */
#include "config.h"

#include "app/assistant/bottega-kept-files.h"

#include "app/assistant/bottega-spaces.h"

#include <glib/gstdio.h>
#include <string.h>
#include <utime.h>

#define STORE_ENDING ".sqlite"
#define ENDING       ".kv"
#define PINS         "pins-"
#define HASH_CHARS   16
#define PART_ENDING  ".kv.part" /* while it is written: see engine_session_save () */
/* Left to everything else on the disk. */
#define SPARE_BYTES ((guint64) 1 << 30)

char *
bottega_kept_files_get_folder (const char *store_path)
{
  g_autofree char *space = NULL;

  if (store_path == NULL || !g_str_has_suffix (store_path, STORE_ENDING))
    return NULL;
  space = g_strndup (store_path, strlen (store_path) - strlen (STORE_ENDING));

  return g_strconcat (space, ENDING, NULL);
}

char *
bottega_kept_files_get_path (const char *store_path, const char *conversation_id)
{
  g_autofree char *folder = bottega_kept_files_get_folder (store_path);
  g_autofree char *name = g_strconcat (conversation_id, ENDING, NULL);

  return folder != NULL ? g_build_filename (folder, name, NULL) : NULL;
}

char *
bottega_kept_files_get_pins_id (const gint64 *documents, guint n)
{
  GString *id = g_string_new (PINS);

  for (guint i = 0; i < n; i++)
    g_string_append_printf (id, "%s%" G_GINT64_FORMAT, i > 0 ? "." : "", documents[i]);

  return g_string_free (id, FALSE);
}

char *
bottega_kept_files_get_pins_path (const char *store_path, const gint64 *documents, guint n,
                                  const char *text)
{
  g_autofree char *folder = bottega_kept_files_get_folder (store_path);
  g_autofree char *id = bottega_kept_files_get_pins_id (documents, n);
  g_autofree char *hash = g_compute_checksum_for_string (G_CHECKSUM_SHA256, text, -1);
  g_autofree char *name = g_strdup_printf ("%s-%.*s" ENDING, id, HASH_CHARS, hash);

  return folder != NULL ? g_build_filename (folder, name, NULL) : NULL;
}

gboolean
bottega_kept_files_prepare (const char *path, guint64 bytes)
{
  g_autofree char *folder = g_path_get_dirname (path);
  g_autoptr (GFile) file = g_file_new_for_path (folder);
  g_autoptr (GFileInfo) info = NULL;

  if (g_mkdir (folder, 0700) != 0 && !g_file_test (folder, G_FILE_TEST_IS_DIR))
    return FALSE;
  info = g_file_query_filesystem_info (file, G_FILE_ATTRIBUTE_FILESYSTEM_FREE, NULL, NULL);

  return info == NULL ||
         !g_file_info_has_attribute (info, G_FILE_ATTRIBUTE_FILESYSTEM_FREE) ||
         g_file_info_get_attribute_uint64 (info, G_FILE_ATTRIBUTE_FILESYSTEM_FREE) >=
             bytes + SPARE_BYTES;
}

void
bottega_kept_files_touch (const char *path)
{
  utime (path, NULL);
}

/* ---- all files of a folder ---- */

typedef void (*FileFunc) (const char *path, gpointer user_data);

static void
for_each (const char *folder, const char *ending, FileFunc function, gpointer user_data)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    if (g_str_has_suffix (name, ending)) {
      g_autofree char *path = g_build_filename (folder, name, NULL);

      function (path, user_data);
    }
}

typedef struct {
  char *path;
  guint64 bytes;
  gint64 used_us;
} File;

static void
file_free (gpointer data)
{
  g_free (((File *) data)->path);
  g_free (data);
}

static void
add_file (const char *path, gpointer user_data)
{
  GStatBuf info;
  File *file;

  if (g_lstat (path, &info) != 0 || !S_ISREG (info.st_mode))
    return;
  file = g_new (File, 1);
  *file = (File) { g_strdup (path), (guint64) info.st_size,
                   info.st_mtim.tv_sec * G_USEC_PER_SEC + info.st_mtim.tv_nsec / 1000 };
  g_ptr_array_add (user_data, file);
}

static void
remove_part (const char *path, gpointer user_data)
{
  g_unlink (path);
}

/* Nothing is being written now: what is half written was so when a program was killed. */
static void
add_folder (const char *path, gpointer user_data)
{
  for_each (path, PART_ENDING, remove_part, NULL);
  for_each (path, ENDING, add_file, user_data);
}

static int
compare_age (gconstpointer a, gconstpointer b)
{
  const File *x = *(const File *const *) a, *y = *(const File *const *) b;

  return (x->used_us > y->used_us) - (x->used_us < y->used_us);
}

void
bottega_kept_files_fit (const char *spaces_folder, guint64 most_bytes)
{
  g_autoptr (GPtrArray) files = g_ptr_array_new_with_free_func (file_free);
  guint64 bytes = 0;

  for_each (spaces_folder, ENDING, add_folder, files);
  g_ptr_array_sort (files, compare_age);
  for (guint i = 0; i < files->len; i++)
    bytes += ((const File *) files->pdata[i])->bytes;
  for (guint i = 0; i < files->len && bytes > most_bytes; i++) {
    const File *file = files->pdata[i];

    if (g_unlink (file->path) == 0)
      bytes -= file->bytes;
  }
}

/* ---- what must not stay ---- */

static void
remove_other (const char *path, gpointer user_data)
{
  const char *pins_path = user_data;

  if (strcmp (path, pins_path) != 0 &&
      strncmp (path, pins_path, (gsize) (strrchr (pins_path, '-') + 1 - pins_path)) == 0)
    bottega_spaces_remove_file (path, NULL);
}

void
bottega_kept_files_remove_older (const char *pins_path)
{
  g_autofree char *folder = g_path_get_dirname (pins_path);

  for_each (folder, ENDING, remove_other, (gpointer) pins_path);
}

static void
remove_stranger (const char *path, gpointer user_data)
{
  g_autofree char *name = g_path_get_basename (path);

  if (g_str_has_suffix (name, ENDING)) {
    name[strlen (name) - strlen (ENDING)] = '\0';
    if (g_str_has_prefix (name, PINS))
      *strrchr (name, '-') = '\0';
  }
  if (!g_strv_contains (user_data, name))
    bottega_spaces_remove_file (path, NULL);
}

void
bottega_kept_files_sweep (const char *folder, const char *const *ids)
{
  for_each (folder, "", remove_stranger, (gpointer) ids);
}

static void
remove_file (const char *path, gpointer user_data)
{
  bottega_spaces_remove_file (path, NULL);
}

void
bottega_kept_files_wipe (const char *path)
{
  if (!g_file_test (path, G_FILE_TEST_IS_DIR)) {
    remove_file (path, NULL);
    return;
  }
  for_each (path, "", remove_file, NULL);
  g_rmdir (path);
}
