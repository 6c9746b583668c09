/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bringing one model file into a folder: the work of the model store's thread. Private to the model
 * store. */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* On the worker's thread, now and then. */
typedef void (*BottegaImportReport) (guint64 done_bytes, guint64 total_bytes, gpointer user_data);

/* Copies a file into folder (which is made) under a temporary name, sharing its blocks where the
 * file system can, and makes it durable. Gives the temporary path, to be kept with
 * bottega_model_import_keep () or unlinked; NULL and a sentence on error (BOTTEGA_MODEL_STORE_ERROR
 * or G_IO_ERROR_CANCELLED), nothing is left behind then. Any thread. */
char *bottega_model_import_copy (GFile *file, const char *folder, BottegaImportReport report,
                                 gpointer user_data, GCancellable *cancellable, GError **error);
/* Gives the copy its name: basename, or with a number when another file has that. Gives the path.
 * */
char *bottega_model_import_keep (const char *temporary, const char *folder, const char *basename,
                                 GError **error);
/* TRUE when both hold the same: size, beginning, end and samples between are compared. */
gboolean bottega_model_import_same (const char *path, const char *other);
/* Removes what imports that were killed have left in folder. */
void bottega_model_import_sweep (const char *folder);

G_END_DECLS
