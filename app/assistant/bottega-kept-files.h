/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where the engine's memory of conversations is kept: beside the file of a space, NAME.sqlite, a
 * folder NAME.kv with a file for each conversation, ID.kv, and one for each set of pinned documents
 * that conversations begin with, pins-DOCUMENTS-HASH.kv. They only save time: one that is missing
 * costs a reading. They hold what was written, so that they go with their conversation and their
 * space. Plain functions; the engine thread, which alone writes there, or tests. */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Of the file of a space; NULL without one. Free with g_free. */
char *bottega_kept_files_get_folder (const char *store_path);
char *bottega_kept_files_get_path (const char *store_path, const char *conversation_id);

/* "pins-3.17" for the documents 3 and 17, in their order: what a sweep knows them by. */
char *bottega_kept_files_get_pins_id (const gint64 *documents, guint n);
/* The file of those documents with this text, all that is read before the first question. */
char *bottega_kept_files_get_pins_path (const char *store_path, const gint64 *documents, guint n,
                                        const char *text);
/* The same documents have had another text. */
void bottega_kept_files_remove_older (const char *pins_path);

/* Makes the folder of a file that is to be written. FALSE: not possible, or the disk would have no
 * room for much else after so many bytes. */
gboolean bottega_kept_files_prepare (const char *path, guint64 bytes);
/* This one was of use now. */
void bottega_kept_files_touch (const char *path);

/* Of all spaces in that folder: removes the files used longest ago until the rest takes no more
 * than this, and what was being written when a program was killed. */
void bottega_kept_files_fit (const char *spaces_folder, guint64 most_bytes);
/* Removes from the folder of a space all but the files of conversations and pins of these ids. */
void bottega_kept_files_sweep (const char *folder, const char *const *ids);
/* Overwrites a file, or all of a folder, with zeros and removes it. */
void bottega_kept_files_wipe (const char *path);

G_END_DECLS
