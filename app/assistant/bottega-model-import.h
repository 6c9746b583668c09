/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bringing model files into a folder: the work of the model store's thread. Private to the model
 * store. Nothing here may be called on the main thread. */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Now and then; done_bytes never falls. */
typedef void (*BottegaImportReport) (guint64 done_bytes, guint64 total_bytes, gpointer user_data);

/* Who watches an import. report and cancellable may be NULL. */
typedef struct {
  BottegaImportReport report;
  gpointer user_data;
  GCancellable *cancellable;
  guint64 before_bytes, total_bytes; /* of all files: done before this one, and in all */
} BottegaImportWatch;

/* Copies a file into folder (which is made) under a temporary name, sharing its blocks where the
 * file system can, and makes it durable. Gives the temporary path, to be kept with
 * bottega_model_import_keep () or unlinked, and in *sha256 the checksum of what was written, 64
 * hexadecimal digits (both free with g_free). NULL and a sentence on error
 * (BOTTEGA_MODEL_STORE_ERROR or G_IO_ERROR_CANCELLED), nothing is left behind then. */
char *bottega_model_import_copy (GFile *file, const char *folder, const BottegaImportWatch *watch,
                                 char **sha256, GError **error);
/* The checksum of a file as it is. */
char *bottega_model_import_hash (const char *path, const BottegaImportWatch *watch, GError **error);
/* FALSE and a sentence with both numbers when the disk of folder has not room for this much. */
gboolean bottega_model_import_check_space (const char *folder, guint64 needed_bytes,
                                           GError **error);
/* Bytes that the disk of folder, or of the nearest one above it that is there, has left. */
guint64 bottega_model_import_free_bytes (const char *folder);
/* TRUE when a copy of path in folder would take no room and no time: tried with one block. */
gboolean bottega_model_import_can_share (const char *path, const char *folder);
/* Gives n temporary files their names (char *[n]; NULL-terminated both): these, or all with a
 * number when another file has one of them. Never replaces a file; all or none. Gives the path of
 * the first. */
char *bottega_model_import_keep (const char *const *temporaries, const char *folder,
                                 const char *const *basenames, GError **error);
/* TRUE when both look the same: size, beginning, end and samples between are compared. */
gboolean bottega_model_import_same (const char *path, const char *other);
/* Removes what imports that were killed have left in folder. */
void bottega_model_import_sweep (const char *folder);

G_END_DECLS
