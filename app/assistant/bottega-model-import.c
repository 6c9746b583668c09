/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copying big files with care: shared blocks, free space checked first, progress, cancel, fsync,
 * rename. It must not know what is in them. */
#define G_LOG_DOMAIN "bottega-model-import"
#include "config.h"

#include "app/assistant/bottega-model-import.h"
#include "app/assistant/bottega-model-store.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n-lib.h>
#include <glib/gstdio.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define TEMPORARY_PREFIX ".import-"
#define BLOCK_BYTES      (4 * 1024 * 1024)
#define N_SAMPLES        64
#define SAMPLE_BYTES     (64 * 1024)
/* Never fill a disk to its last byte. */
#define SPARE_BYTES (64 * 1024 * 1024)

static gboolean
fail (GError **error, int code, const char *path)
{
  gboolean full = code == ENOSPC;

  g_set_error (error, BOTTEGA_MODEL_STORE_ERROR,
               full ? BOTTEGA_MODEL_STORE_ERROR_NO_SPACE : BOTTEGA_MODEL_STORE_ERROR_FAILED,
               /* Translators: a path, and what the system says about it. */
               _ ("“%s” could not be imported: %s."), path, g_strerror (code));

  return FALSE;
}

static gboolean
check_space (const char *folder, guint64 needed_bytes, GError **error)
{
  struct statvfs disk;
  guint64 free_bytes;

  if (statvfs (folder, &disk) != 0)
    return TRUE;
  free_bytes = (guint64) disk.f_bavail * disk.f_frsize;
  if (free_bytes >= needed_bytes + SPARE_BYTES)
    return TRUE;

  g_autofree char *needed = g_format_size (needed_bytes);
  g_autofree char *available = g_format_size (free_bytes);
  g_set_error (error, BOTTEGA_MODEL_STORE_ERROR, BOTTEGA_MODEL_STORE_ERROR_NO_SPACE,
               _ ("The file needs %s and the disk has %s left. Free some space, then try again."),
               needed, available);

  return FALSE;
}

static gboolean
write_all (int fd, const char *data, gsize bytes)
{
  while (bytes > 0) {
    gssize n = write (fd, data, bytes);

    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return FALSE;
    data += n;
    bytes -= (gsize) n;
  }

  return TRUE;
}

typedef struct {
  BottegaImportReport report;
  gpointer user_data;
  GCancellable *cancellable;
} Watch;

static gboolean
copy_stream (GFile *file, int out, guint64 total_bytes, const char *target, const Watch *watch,
             GError **error)
{
  g_autoptr (GFileInputStream) in = g_file_read (file, watch->cancellable, error);
  g_autofree char *block = g_malloc (BLOCK_BYTES);
  guint64 done_bytes = 0;

  if (in == NULL)
    return FALSE;
  for (;;) {
    gsize n = 0;

    if (!g_input_stream_read_all (G_INPUT_STREAM (in), block, BLOCK_BYTES, &n, watch->cancellable,
                                  error))
      return FALSE;
    if (n == 0)
      return TRUE;
    if (!write_all (out, block, n))
      return fail (error, errno, target);
    done_bytes += n;
    if (watch->report != NULL)
      watch->report (done_bytes, MAX (done_bytes, total_bytes), watch->user_data);
  }
}

/* Shares the blocks of a local file. FALSE, without an error, where that cannot be. */
static gboolean
share_blocks (GFile *file, int out)
{
  const char *path = g_file_peek_path (file);
  int in = path != NULL ? open (path, O_RDONLY | O_CLOEXEC) : -1;
  gboolean ok;

  if (in < 0)
    return FALSE;
  ok = ioctl (out, FICLONE, in) == 0;
  close (in);

  return ok;
}

static gboolean
fill (GFile *file, int out, const char *folder, const char *target, const Watch *watch,
      GError **error)
{
  g_autoptr (GFileInfo) info = NULL;
  guint64 total_bytes;

  info = g_file_query_info (file, G_FILE_ATTRIBUTE_STANDARD_SIZE, G_FILE_QUERY_INFO_NONE,
                            watch->cancellable, error);
  if (info == NULL)
    return FALSE;
  total_bytes = (guint64) g_file_info_get_size (info);
  if (!share_blocks (file, out) &&
      (!check_space (folder, total_bytes, error) ||
       !copy_stream (file, out, total_bytes, target, watch, error)))
    return FALSE;
  if (g_cancellable_set_error_if_cancelled (watch->cancellable, error))
    return FALSE;
  if (watch->report != NULL)
    watch->report (total_bytes, total_bytes, watch->user_data);

  return fsync (out) == 0 || fail (error, errno, target);
}

char *
bottega_model_import_copy (GFile *file,
                           const char *folder,
                           BottegaImportReport report,
                           gpointer user_data,
                           GCancellable *cancellable,
                           GError **error)
{
  const Watch watch = { report, user_data, cancellable };
  g_autofree char *path = g_build_filename (folder, TEMPORARY_PREFIX "XXXXXX", NULL);
  int out;
  gboolean ok;

  if (g_mkdir_with_parents (folder, 0700) != 0 ||
      (out = g_mkstemp_full (path, O_RDWR | O_CLOEXEC, 0600)) < 0) {
    fail (error, errno, folder);
    return NULL;
  }
  ok = fill (file, out, folder, path, &watch, error);
  close (out);
  if (!ok) {
    g_unlink (path);
    return NULL;
  }

  return g_steal_pointer (&path);
}

char *
bottega_model_import_keep (const char *temporary, const char *folder, const char *basename,
                           GError **error)
{
  const char *dot = g_str_has_suffix (basename, ".gguf") ? strrchr (basename, '.') : NULL;
  g_autofree char *stem =
      dot != NULL ? g_strndup (basename, (gsize) (dot - basename)) : g_strdup (basename);

  for (guint i = 1; i < 1000; i++) {
    g_autofree char *name =
        i == 1 ? g_strdup_printf ("%s.gguf", stem) : g_strdup_printf ("%s-%u.gguf", stem, i);
    g_autofree char *path = g_build_filename (folder, name, NULL);

    /* link() never replaces a file; some file systems do not have it. */
    if (link (temporary, path) == 0) {
      g_unlink (temporary);
      return g_steal_pointer (&path);
    }
    if (errno == EEXIST)
      continue;
    if (!g_file_test (path, G_FILE_TEST_EXISTS) && g_rename (temporary, path) == 0)
      return g_steal_pointer (&path);
    break;
  }
  fail (error, errno, basename);

  return NULL;
}

static gboolean
same_at (int a, int b, guint64 offset, char *buffer)
{
  gssize n = pread (a, buffer, SAMPLE_BYTES, (off_t) offset);
  gssize m = pread (b, buffer + SAMPLE_BYTES, SAMPLE_BYTES, (off_t) offset);

  return n >= 0 && n == m && memcmp (buffer, buffer + SAMPLE_BYTES, (gsize) n) == 0;
}

gboolean
bottega_model_import_same (const char *path, const char *other)
{
  int a = open (path, O_RDONLY | O_CLOEXEC);
  int b = open (other, O_RDONLY | O_CLOEXEC);
  g_autofree char *buffer = g_malloc (2 * SAMPLE_BYTES);
  struct stat stat_a, stat_b;
  gboolean same = a >= 0 &&
                  b >= 0 &&
                  fstat (a, &stat_a) == 0 &&
                  fstat (b, &stat_b) == 0 &&
                  stat_a.st_size == stat_b.st_size;

  /* The metadata stand at the beginning, weights all over: two models that differ do so nearly
   * everywhere. */
  for (guint i = 0; i < N_SAMPLES && same; i++)
    same = same_at (a, b, (guint64) stat_a.st_size / N_SAMPLES * i, buffer);
  if (same && stat_a.st_size > SAMPLE_BYTES)
    same = same_at (a, b, (guint64) stat_a.st_size - SAMPLE_BYTES, buffer);
  if (a >= 0)
    close (a);
  if (b >= 0)
    close (b);

  return same;
}

void
bottega_model_import_sweep (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    if (g_str_has_prefix (name, TEMPORARY_PREFIX)) {
      g_autofree char *path = g_build_filename (folder, name, NULL);

      g_unlink (path);
    }
}
