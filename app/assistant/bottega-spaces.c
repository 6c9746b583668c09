/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Spaces as files. It must not know what is in them. */
#include "config.h"

#include "app/assistant/bottega-spaces.h"

#include "app/assistant/bottega-kept-files.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n-lib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define ENDING     ".sqlite"
#define MOST_BYTES 64
#define ZERO_BYTES 65536

static char *
path_of (const char *data_dir, const char *name, const char *after)
{
  g_autofree char *file = g_strconcat (name, ENDING, after, NULL);

  return g_build_filename (data_dir, "spaces", file, NULL);
}

char *
bottega_spaces_get_data_dir (const char *dir)
{
  return dir != NULL ? g_canonicalize_filename (dir, NULL)
                     : g_build_filename (g_get_user_data_dir (), "bottega", NULL);
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return g_utf8_collate (*(const char *const *) a, *(const char *const *) b);
}

char **
bottega_spaces_list (const char *data_dir)
{
  g_autofree char *folder = g_build_filename (data_dir, "spaces", NULL);
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  GPtrArray *names = g_ptr_array_new_null_terminated (0, g_free, TRUE);
  const char *file;

  while (dir != NULL && (file = g_dir_read_name (dir)) != NULL)
    if (g_str_has_suffix (file, ENDING)) {
      g_autofree char *name = g_strndup (file, strlen (file) - strlen (ENDING));

      if (strcmp (name, BOTTEGA_SPACE_DEFAULT) != 0 && bottega_spaces_check_name (name, NULL))
        g_ptr_array_add (names, g_steal_pointer (&name));
    }
  g_ptr_array_sort (names, compare_names);
  g_ptr_array_insert (names, 0, g_strdup (BOTTEGA_SPACE_DEFAULT));

  return (char **) g_ptr_array_free (names, FALSE);
}

char *
bottega_spaces_get_path (const char *data_dir, const char *name)
{
  return path_of (data_dir, name, "");
}

gboolean
bottega_spaces_exists (const char *data_dir, const char *name)
{
  g_autofree char *path = path_of (data_dir, name, "");

  return g_file_test (path, G_FILE_TEST_IS_REGULAR);
}

gboolean
bottega_spaces_check_name (const char *name, GError **error)
{
  gboolean ok = *name != '\0' && *name != '.' && strlen (name) <= MOST_BYTES &&
                g_utf8_validate (name, -1, NULL) && strchr (name, '/') == NULL;

  for (const char *at = name; ok && *at != '\0'; at = g_utf8_next_char (at))
    ok = g_unichar_isprint (g_utf8_get_char (at));
  if (!ok)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_FILENAME,
                         _ ("A space’s name is short, does not begin with a full stop and has no "
                            "slash."));

  return ok;
}

/* As the conversations that are deleted: nothing stays on the disk where the file was. */
static gboolean
overwrite (int fd)
{
  g_autofree char *zeros = g_malloc0 (ZERO_BYTES);
  goffset left = lseek (fd, 0, SEEK_END);

  if (left < 0 || lseek (fd, 0, SEEK_SET) < 0)
    return FALSE;
  while (left > 0) {
    gssize n = write (fd, zeros, (gsize) MIN (left, ZERO_BYTES));

    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return FALSE;
    left -= n;
  }

  return fsync (fd) == 0;
}

gboolean
bottega_spaces_remove_file (const char *path, GError **error)
{
  int fd = g_open (path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0);
  gboolean ok = fd >= 0 ? overwrite (fd) : errno == ENOENT;

  ok = ok && (fd < 0 || g_unlink (path) == 0);
  if (!ok) {
    int code = errno;

    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (code), _ ("“%s” cannot be removed: %s."),
                 path, g_strerror (code));
  }
  if (fd >= 0)
    close (fd);

  return ok;
}

gboolean
bottega_spaces_delete (const char *data_dir, const char *name, GError **error)
{
  static const char *const endings[] = { "-wal", "-shm", "", ".lock" };
  g_autofree char *store = path_of (data_dir, name, "");
  g_autofree char *kept = bottega_kept_files_get_folder (store);

  for (guint i = 0; i < G_N_ELEMENTS (endings); i++) {
    g_autofree char *path = path_of (data_dir, name, endings[i]);

    if (!bottega_spaces_remove_file (path, error))
      return FALSE;
  }
  bottega_kept_files_wipe (kept);

  return TRUE;
}
