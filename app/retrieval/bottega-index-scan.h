/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Looks at files and folders: which files of a space are there, how big and of when. Hidden files
 * and folders, what is built or fetched by tools, folders behind links and excluded places are left
 * out; a link to a file counts as the file.
 *
 * Any thread. */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* By the name's ending. */
typedef gboolean (*BottegaAccepts) (const char *name);

typedef struct {
  guint64 size_bytes;
  gint64 mtime_ns;
} BottegaFileStamp;

typedef struct {
  GHashTable *files; /* path -> BottegaFileStamp, owned */
  /* Paths of roots and folders that could not be looked at: nothing is known of what is below. */
  GPtrArray *unreachable;
  gboolean limited; /* there were more files than are taken */
} BottegaScan;
void bottega_scan_free (BottegaScan *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BottegaScan, bottega_scan_free)

/* roots, exclusions: of char *, absolute paths. NULL when cancelled. */
BottegaScan *bottega_scan_run (const GPtrArray *roots, const GPtrArray *exclusions,
                               BottegaAccepts accepts, GCancellable *cancellable);

/* FALSE: there is no regular file that can be looked at. */
gboolean bottega_scan_stamp (const char *path, BottegaFileStamp *stamp);
/* Is path this place, or below it? */
gboolean bottega_scan_is_below (const char *path, const char *place);
/* Was it handed to a sandbox by a portal? Then it may be there for this session alone. */
gboolean bottega_scan_is_handed (const char *path);
/* The lower-case SHA-256 of a file; NULL when it cannot be read. Free with g_free. */
char *bottega_scan_hash (const char *path, GCancellable *cancellable);

G_END_DECLS
