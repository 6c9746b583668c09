/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Compares files with rows, by path, then size and time, then content. It must not know what is in
 * a file. */
#define G_LOG_DOMAIN "bottega-index"

#include "app/retrieval/bottega-index-sync.h"
#include "app/retrieval/bottega-index-rows.h"

#include <string.h>

typedef struct {
  BottegaDatabase *db;
  const GPtrArray *roots;
  BottegaScan *scan;  /* files that have found their row are taken out of it */
  GPtrArray *missing; /* of BottegaIndexEntry, borrowed */
  GCancellable *cancellable;
} Sync;

static gboolean
is_below_any (const char *path, const GPtrArray *places)
{
  for (guint i = 0; i < places->len; i++)
    if (bottega_scan_is_below (path, g_ptr_array_index (places, i)))
      return TRUE;

  return FALSE;
}

static gboolean
has_content (Sync *self, const char *path, const char *sha256)
{
  g_autofree char *hash =
      sha256 != NULL ? bottega_scan_hash (path, self->cancellable) : NULL;

  return hash != NULL && strcmp (hash, sha256) == 0;
}

/* A row whose file is there. */
static gboolean
sync_present (Sync *self, const BottegaIndexEntry *entry, const BottegaFileStamp *stamp,
              GError **error)
{
  if (entry->state == BOTTEGA_DOCUMENT_GONE &&
      !bottega_index_set_gone (self->db, entry->id, FALSE, error))
    return FALSE;
  if (entry->mtime_ns == stamp->mtime_ns && entry->size_bytes == stamp->size_bytes)
    return TRUE;
  if (entry->mtime_ns != -1 && entry->size_bytes == stamp->size_bytes &&
      has_content (self, entry->path, entry->sha256))
    return bottega_index_move (self->db, entry->id, entry->path, stamp->mtime_ns, error);

  return bottega_index_renew (self->db, entry->id, error);
}

static gboolean
sync_entry (Sync *self, BottegaIndexEntry *entry, GError **error)
{
  const BottegaFileStamp *stamp = g_hash_table_lookup (self->scan->files, entry->path);

  if (stamp != NULL) {
    gboolean ok = sync_present (self, entry, stamp, error);

    g_hash_table_remove (self->scan->files, entry->path);
    return ok;
  }
  if (self->scan->limited)
    return TRUE;
  /* A file that was put in by itself stays until it is taken out; where a portal may have handed it
   * over for a session, in sight too. */
  if (is_below_any (entry->path, self->scan->unreachable) ||
      g_ptr_array_find_with_equal_func ((GPtrArray *) self->roots, entry->path, g_str_equal, NULL))
    return entry->state == BOTTEGA_DOCUMENT_GONE ||
           bottega_scan_is_handed (entry->path) ||
           bottega_index_set_gone (self->db, entry->id, TRUE, error);
  g_ptr_array_add (self->missing, entry);

  return TRUE;
}

/* A new file with the content of a missing one is that one, moved. *moved tells. */
static gboolean
sync_moved (Sync *self, const char *path, const BottegaFileStamp *stamp, gboolean *moved,
            GError **error)
{
  g_autofree char *hash = NULL;

  *moved = FALSE;
  for (guint i = 0; i < self->missing->len; i++) {
    const BottegaIndexEntry *entry = g_ptr_array_index (self->missing, i);

    if (entry->sha256 == NULL || entry->size_bytes != stamp->size_bytes)
      continue;
    if (hash == NULL)
      hash = bottega_scan_hash (path, self->cancellable);
    if (hash == NULL || strcmp (hash, entry->sha256) != 0)
      continue;
    *moved = TRUE;
    if (!bottega_index_move (self->db, entry->id, path, stamp->mtime_ns, error))
      return FALSE;
    g_ptr_array_remove_index_fast (self->missing, i);
    return TRUE;
  }

  return TRUE;
}

static gboolean
sync_new (Sync *self, GError **error)
{
  g_autoptr (GPtrArray) paths = g_ptr_array_new ();
  GHashTableIter iter;
  gpointer path, stamp;

  g_hash_table_iter_init (&iter, self->scan->files);
  while (g_hash_table_iter_next (&iter, &path, &stamp)) {
    gboolean moved;

    if (!sync_moved (self, path, stamp, &moved, error))
      return FALSE;
    if (!moved)
      g_ptr_array_add (paths, path);
  }

  return bottega_index_add (self->db, paths, error);
}

gboolean
bottega_index_sync (BottegaDatabase *db,
                    const GPtrArray *only,
                    BottegaAccepts accepts,
                    GCancellable *cancellable,
                    GError **error)
{
  g_autoptr (GPtrArray) roots = bottega_index_list_roots (db, error);
  g_autoptr (GPtrArray) exclusions =
      roots != NULL ? bottega_index_list_exclusions (db, error) : NULL;
  g_autoptr (GPtrArray) entries = exclusions != NULL ? bottega_index_list (db, error) : NULL;
  g_autoptr (GPtrArray) missing = g_ptr_array_new ();
  g_autoptr (BottegaScan) scan = NULL;
  Sync self = { .db = db, .roots = roots, .missing = missing, .cancellable = cancellable };

  if (entries == NULL)
    return FALSE;
  self.scan = scan = bottega_scan_run (only != NULL ? only : roots, exclusions, accepts,
                                       cancellable);
  if (scan == NULL)
    return TRUE;

  for (guint i = 0; i < entries->len; i++) {
    BottegaIndexEntry *entry = g_ptr_array_index (entries, i);

    if ((only == NULL || is_below_any (entry->path, only)) && !sync_entry (&self, entry, error))
      return FALSE;
    if (g_cancellable_is_cancelled (cancellable))
      return TRUE;
  }
  if (!sync_new (&self, error))
    return FALSE;
  for (guint i = 0; i < missing->len && !g_cancellable_is_cancelled (cancellable); i++) {
    const BottegaIndexEntry *entry = g_ptr_array_index (missing, i);

    if (!bottega_index_remove (db, entry->id, error))
      return FALSE;
  }

  return TRUE;
}
