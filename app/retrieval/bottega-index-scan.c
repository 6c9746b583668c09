/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Walks through folders. It must not know what is indexed already. */
#define G_LOG_DOMAIN "bottega-index"

#include "app/retrieval/bottega-index-scan.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_DEPTH 64
#define MAX_FILES 200000

/* Folders that tools fill. */
static const char *const tool_folders[] = {
  "node_modules",
  "__pycache__",
  "bower_components",
  "CMakeFiles",
  "site-packages",
  "lost+found",
};
/* … where one of these files lies beside them. */
static const char *const build_folders[] = {
  "build",
  "builddir",
  "target",
  "dist",
  "out",
  "vendor",
};
static const char *const build_files[] = {
  "meson.build",
  "CMakeLists.txt",
  "Makefile",
  "Cargo.toml",
  "package.json",
  "pom.xml",
  "build.gradle",
  "go.mod",
  "setup.py",
  "pyproject.toml",
};

typedef struct {
  BottegaScan *scan;
  GHashTable *excluded; /* paths */
  BottegaAccepts accepts;
  GCancellable *cancellable;
} Walk;

void
bottega_scan_free (BottegaScan *self)
{
  if (self == NULL)
    return;
  g_hash_table_unref (self->files);
  g_ptr_array_unref (self->unreachable);
  g_free (self);
}

gboolean
bottega_scan_is_below (const char *path, const char *place)
{
  gsize n = strlen (place);

  return strncmp (path, place, n) == 0 &&
         (path[n] == '\0' || path[n] == '/' || (n > 0 && place[n - 1] == '/'));
}

gboolean
bottega_scan_is_handed (const char *path)
{
  g_autofree char *portal = g_build_filename (g_get_user_runtime_dir (), "doc", NULL);

  return bottega_scan_is_below (path, portal);
}

static BottegaFileStamp
stamp_of (const struct stat *status)
{
  return (BottegaFileStamp) {
    .size_bytes = (guint64) status->st_size,
    .mtime_ns = status->st_mtim.tv_sec * G_GINT64_CONSTANT (1000000000) + status->st_mtim.tv_nsec,
  };
}

gboolean
bottega_scan_stamp (const char *path, BottegaFileStamp *stamp)
{
  struct stat status;

  if (stat (path, &status) != 0 || !S_ISREG (status.st_mode))
    return FALSE;
  *stamp = stamp_of (&status);

  return TRUE;
}

char *
bottega_scan_hash (const char *path, GCancellable *cancellable)
{
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  g_autofree guint8 *buffer = g_malloc (65536);
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  gssize n = -1;

  if (fd < 0)
    return NULL;
  while (!g_cancellable_is_cancelled (cancellable) && (n = read (fd, buffer, 65536)) > 0)
    g_checksum_update (checksum, buffer, n);
  close (fd);

  return n == 0 ? g_strdup (g_checksum_get_string (checksum)) : NULL;
}

/* ---- the walk ---- */

static void
add_file (Walk *self, const char *path, const struct stat *status)
{
  BottegaFileStamp stamp = stamp_of (status);

  if (g_hash_table_size (self->scan->files) >= MAX_FILES) {
    self->scan->limited = TRUE;
    return;
  }
  g_hash_table_insert (self->scan->files, g_strdup (path), g_memdup2 (&stamp, sizeof stamp));
}

static gboolean
is_one_of (const char *name, const char *const *names, guint n)
{
  for (guint i = 0; i < n; i++)
    if (strcmp (name, names[i]) == 0)
      return TRUE;

  return FALSE;
}

static gboolean
has_build_file (int folder)
{
  for (guint i = 0; i < G_N_ELEMENTS (build_files); i++)
    if (faccessat (folder, build_files[i], F_OK, 0) == 0)
      return TRUE;

  return FALSE;
}

static gboolean
is_of_tools (int folder, const char *name)
{
  return is_one_of (name, tool_folders, G_N_ELEMENTS (tool_folders)) ||
         (is_one_of (name, build_folders, G_N_ELEMENTS (build_folders)) && has_build_file (folder));
}

/* Looks at one entry of a folder; appends folders to `below`. */
static void
look_at (Walk *self, int folder, const char *folder_path, const char *name, GPtrArray *below)
{
  g_autofree char *path = g_build_filename (folder_path, name, NULL);
  struct stat status;

  if (g_hash_table_contains (self->excluded, path) ||
      fstatat (folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
    return;
  if (S_ISDIR (status.st_mode)) {
    if (!is_of_tools (folder, name))
      g_ptr_array_add (below, g_steal_pointer (&path));
    return;
  }
  if (!self->accepts (name))
    return;
  if (S_ISLNK (status.st_mode) && fstatat (folder, name, &status, 0) != 0)
    return;
  if (S_ISREG (status.st_mode))
    add_file (self, path, &status);
}

/* Cache folders say so themselves (bford.info/cachedir). */
static gboolean
is_cache (int folder)
{
  return faccessat (folder, "CACHEDIR.TAG", F_OK, 0) == 0;
}

static void
mark_unreachable (Walk *self, const char *path)
{
  g_ptr_array_add (self->scan->unreachable, g_strdup (path));
}

static void
walk_folder (Walk *self, const char *path, guint depth)
{
  g_autoptr (GPtrArray) below = g_ptr_array_new_with_free_func (g_free);
  int fd = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (depth > 0 ? O_NOFOLLOW : 0));
  DIR *folder = fd >= 0 ? fdopendir (fd) : NULL;
  guint n_entries = 0;
  const struct dirent *entry;

  if (folder == NULL) {
    if (fd >= 0)
      close (fd);
    mark_unreachable (self, path);
    return;
  }
  if (depth == 0 || !is_cache (fd))
    while (!g_cancellable_is_cancelled (self->cancellable) && (entry = readdir (folder)) != NULL) {
      if (strcmp (entry->d_name, ".") == 0 || strcmp (entry->d_name, "..") == 0)
        continue;
      n_entries++;
      if (entry->d_name[0] != '.')
        look_at (self, fd, path, entry->d_name, below);
    }
  closedir (folder);

  /* The place where a disk would be is an empty folder while it is not there. */
  if (depth == 0 && n_entries == 0)
    mark_unreachable (self, path);
  for (guint i = 0; i < below->len && depth < MAX_DEPTH && !self->scan->limited; i++)
    walk_folder (self, g_ptr_array_index (below, i), depth + 1);
}

BottegaScan *
bottega_scan_run (const GPtrArray *roots,
                  const GPtrArray *exclusions,
                  BottegaAccepts accepts,
                  GCancellable *cancellable)
{
  g_autoptr (BottegaScan) scan = g_new0 (BottegaScan, 1);
  g_autoptr (GHashTable) excluded = g_hash_table_new (g_str_hash, g_str_equal);
  Walk self = { scan, excluded, accepts, cancellable };

  scan->files = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  scan->unreachable = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; i < exclusions->len; i++)
    g_hash_table_add (excluded, g_ptr_array_index (exclusions, i));
  for (guint i = 0; i < roots->len; i++) {
    const char *path = g_ptr_array_index (roots, i);
    struct stat status;

    if (stat (path, &status) != 0)
      mark_unreachable (&self, path);
    else if (S_ISDIR (status.st_mode))
      walk_folder (&self, path, 0);
    else if (S_ISREG (status.st_mode))
      add_file (&self, path, &status);
  }
  if (g_cancellable_is_cancelled (cancellable))
    return NULL;

  return g_steal_pointer (&scan);
}
