/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copying big files with care: shared blocks, free space checked first, checksum, progress, cancel,
 * fsync, rename. It must not know what is in them. */
#define G_LOG_DOMAIN "bottega-model-import"
#include "config.h"

#include "app/assistant/bottega-model-files.h"
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

guint64
bottega_model_import_free_bytes (const char *folder)
{
  g_autofree char *at = g_strdup (folder);
  struct statvfs disk;

  while (statvfs (at, &disk) != 0) {
    char *above = g_path_get_dirname (at);
    gboolean top = strcmp (above, at) == 0;

    g_free (at);
    at = above;
    if (top)
      return G_MAXUINT64;
  }

  return (guint64) disk.f_bavail * disk.f_frsize;
}

gboolean
bottega_model_import_check_space (const char *folder, guint64 needed_bytes, GError **error)
{
  guint64 free_bytes = bottega_model_import_free_bytes (folder);

  if (free_bytes >= SPARE_BYTES && free_bytes - SPARE_BYTES >= needed_bytes)
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

static void
report (const BottegaImportWatch *watch, guint64 done_bytes)
{
  done_bytes += watch->before_bytes;
  if (watch->report != NULL)
    watch->report (done_bytes, MAX (done_bytes, watch->total_bytes), watch->user_data);
}

/* Reads all of in; out < 0: only the checksum is made. */
static char *
read_through (GInputStream *in,
              int out,
              const char *target,
              const BottegaImportWatch *watch,
              GError **error)
{
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  g_autofree char *block = g_malloc (BLOCK_BYTES);
  guint64 done_bytes = 0;

  for (;;) {
    gsize n = 0;

    if (!g_input_stream_read_all (in, block, BLOCK_BYTES, &n, watch->cancellable, error))
      return NULL;
    if (n == 0)
      return g_strdup (g_checksum_get_string (checksum));
    if (out >= 0 && !write_all (out, block, n)) {
      fail (error, errno, target);
      return NULL;
    }
    g_checksum_update (checksum, (const guchar *) block, (gssize) n);
    done_bytes += n;
    report (watch, done_bytes);
  }
}

char *
bottega_model_import_hash (const char *path, const BottegaImportWatch *watch, GError **error)
{
  g_autoptr (GFile) file = g_file_new_for_path (path);
  g_autoptr (GFileInputStream) in = g_file_read (file, watch->cancellable, error);

  return in != NULL ? read_through (G_INPUT_STREAM (in), -1, path, watch, error) : NULL;
}

/* Shares the first block of a local file, or all of it. FALSE, without an error, where that cannot
 * be. */
static gboolean
share_blocks (const char *path, int out, gboolean all)
{
  int in = path != NULL ? open (path, O_RDONLY | O_CLOEXEC) : -1;
  struct file_clone_range range = { .src_fd = in };
  struct stat status;
  gboolean ok;

  if (in < 0)
    return FALSE;
  /* Whole blocks alone can be shared; a file of less than one shares its end. */
  if (fstat (in, &status) == 0 && status.st_size > status.st_blksize)
    range.src_length = (guint64) status.st_blksize;
  ok = all ? ioctl (out, FICLONE, in) == 0 : ioctl (out, FICLONERANGE, &range) == 0;
  close (in);

  return ok;
}

static gboolean
fill (GFile *file,
      int out,
      const char *folder,
      const char *target,
      const BottegaImportWatch *watch,
      char **sha256,
      GError **error)
{
  g_autoptr (GFileInfo) info = NULL;
  g_autoptr (GFileInputStream) in = NULL;
  gboolean shared = share_blocks (g_file_peek_path (file), out, TRUE);

  info = g_file_query_info (file, G_FILE_ATTRIBUTE_STANDARD_SIZE, G_FILE_QUERY_INFO_NONE,
                            watch->cancellable, error);
  if (info == NULL)
    return FALSE;
  if (!shared &&
      !bottega_model_import_check_space (folder, (guint64) g_file_info_get_size (info), error))
    return FALSE;
  /* What was shared is read back, so that the checksum is of what is here. */
  if (shared)
    *sha256 = bottega_model_import_hash (target, watch, error);
  else if ((in = g_file_read (file, watch->cancellable, error)) != NULL)
    *sha256 = read_through (G_INPUT_STREAM (in), out, target, watch, error);
  if (*sha256 == NULL || g_cancellable_set_error_if_cancelled (watch->cancellable, error))
    return FALSE;

  return fsync (out) == 0 || fail (error, errno, target);
}

static int
open_temporary (const char *folder, char **path)
{
  *path = g_build_filename (folder, TEMPORARY_PREFIX "XXXXXX", NULL);
  if (g_mkdir_with_parents (folder, 0700) != 0)
    return -1;

  return g_mkstemp_full (*path, O_RDWR | O_CLOEXEC, 0600);
}

gboolean
bottega_model_import_can_share (const char *path, const char *folder)
{
  g_autofree char *temporary = NULL;
  int out = open_temporary (folder, &temporary);
  gboolean shared;

  if (out < 0)
    return FALSE;
  shared = share_blocks (path, out, FALSE);
  close (out);
  g_unlink (temporary);

  return shared;
}

char *
bottega_model_import_copy (GFile *file,
                           const char *folder,
                           const BottegaImportWatch *watch,
                           char **sha256,
                           GError **error)
{
  g_autofree char *path = NULL;
  int out = open_temporary (folder, &path);
  gboolean ok;

  *sha256 = NULL;
  if (out < 0) {
    fail (error, errno, folder);
    return NULL;
  }
  ok = fill (file, out, folder, path, watch, sha256, error);
  close (out);
  if (!ok) {
    g_clear_pointer (sha256, g_free);
    g_unlink (path);
    return NULL;
  }

  return g_steal_pointer (&path);
}

/* link() never replaces a file; some file systems do not have it. */
static gboolean
give_name (const char *temporary, const char *path)
{
  if (link (temporary, path) == 0) {
    g_unlink (temporary);
    return TRUE;
  }
  if (errno == EEXIST)
    return FALSE;
  if (g_file_test (path, G_FILE_TEST_EXISTS)) {
    errno = EEXIST;
    return FALSE;
  }

  return g_rename (temporary, path) == 0;
}

/* All of them under one number, or none: what had its name already is a temporary one again. */
static char *
keep_numbered (const char *const *temporaries,
               const char *folder,
               const char *const *basenames,
               guint number)
{
  g_autoptr (GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);
  int code;

  for (guint i = 0; temporaries[i] != NULL; i++) {
    g_autofree char *name = bottega_model_files_number (basenames[i], number);
    g_autofree char *path = g_build_filename (folder, name, NULL);

    if (give_name (temporaries[i], path)) {
      g_ptr_array_add (paths, g_steal_pointer (&path));
      continue;
    }
    code = errno;
    for (guint done = 0; done < paths->len; done++)
      g_rename (g_ptr_array_index (paths, done), temporaries[done]);
    errno = code;
    return NULL;
  }

  return g_strdup (g_ptr_array_index (paths, 0));
}

/* The names are on the disk, too: a power cut does not take them back. */
static void
sync_folder (const char *folder)
{
  int fd = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (fd >= 0) {
    fsync (fd);
    close (fd);
  }
}

char *
bottega_model_import_keep (const char *const *temporaries,
                           const char *folder,
                           const char *const *basenames,
                           GError **error)
{
  for (guint number = 1; number < 1000; number++) {
    char *path = keep_numbered (temporaries, folder, basenames, number);

    if (path != NULL) {
      sync_folder (folder);
      return path;
    }
    if (errno != EEXIST)
      break;
  }
  fail (error, errno, basenames[0]);

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
