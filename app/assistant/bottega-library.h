/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BottegaLibrary: the documents of the open space, a GListModel of BottegaDocumentItem by title;
 * the indexer, the searcher and the embedding model stand behind it. Main thread only.
 *
 * Properties (read-only, all notify):
 *   loaded         boolean: the list has been read
 *   n-ready        uint: documents whose words can be searched
 *   busy           boolean: documents are being read
 *   fraction       double 0 to 1 of the present run; < 0: not known yet
 *   progress-text  string or NULL: localised, "Reading 3 of 12 documents · 2 min left"
 *   error          string or NULL: what stopped the indexing
 *   available      boolean: FALSE in a space that is kept in memory only
 *   has-meaning    boolean: there is an embedding model; FALSE: only words are searched
 */
#pragma once

#include "app/assistant/bottega-document-item.h"
#include "app/assistant/bottega-passage.h"

#include <gio/gio.h>

G_BEGIN_DECLS

#define BOTTEGA_TYPE_LIBRARY (bottega_library_get_type ())
G_DECLARE_FINAL_TYPE (BottegaLibrary, bottega_library, BOTTEGA, LIBRARY, GObject)

/* TRUE for a folder, and for a file of a kind that can be read (by its name). */
gboolean bottega_library_accepts (GFile *file);
/* "pdf", "odt", …: NULL-terminated, for file dialogs. Borrowed. */
const char *const *bottega_library_suffixes (void);

/* Files and folders that from now on belong to the space. How many of them are of no use (not on
 * this computer's file systems, or of a kind that cannot be read): say so. */
guint bottega_library_add (BottegaLibrary *self, GSList *files);
/* Takes it out of the space; the file itself stays. */
void bottega_library_remove (BottegaLibrary *self, BottegaDocumentItem *item);
/* NULL: all. */
void bottega_library_reindex (BottegaLibrary *self, BottegaDocumentItem *item);
void bottega_library_refresh (BottegaLibrary *self);
void bottega_library_cancel (BottegaLibrary *self);
/* By id or, for completing @name, by the beginning of a word of its title or name (case and accents
 * do not matter), at most n. Borrowed; GPtrArray of BottegaDocumentItem. */
BottegaDocumentItem *bottega_library_find (BottegaLibrary *self, gint64 id);
GPtrArray *bottega_library_complete (BottegaLibrary *self, const char *beginning, guint n);

gboolean bottega_library_get_loaded (BottegaLibrary *self);
guint bottega_library_get_n_ready (BottegaLibrary *self);
gboolean bottega_library_get_busy (BottegaLibrary *self);
double bottega_library_get_fraction (BottegaLibrary *self);
const char *bottega_library_get_progress_text (BottegaLibrary *self);
const char *bottega_library_get_error (BottegaLibrary *self);
gboolean bottega_library_get_available (BottegaLibrary *self);
gboolean bottega_library_get_has_meaning (BottegaLibrary *self);

/* Where a passage stands on a page. */
typedef struct {
  double x, y, width, height; /* points, from the page's top left corner */
} BottegaMark;
/* For the sources pane. marks: GArray of BottegaMark, borrowed, empty where there are none. Main
 * thread; not called any more once cancellable is cancelled or the library is gone. */
typedef void (*BottegaLibraryMarks) (GArray *marks, gpointer user_data);
void bottega_library_find_marks (BottegaLibrary *self, gint64 document, guint page, guint offset,
                                 guint length, GCancellable *cancellable,
                                 BottegaLibraryMarks callback, gpointer user_data);

G_END_DECLS
