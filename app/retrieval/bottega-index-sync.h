/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Makes the rows of documents true to the files: new ones wait to be read, changed ones too, moved
 * ones keep their index, those that are not there are taken out or, when nothing can be known of
 * them, marked as gone.
 *
 * On the thread of the connection. */
#pragma once

#include "app/retrieval/bottega-database.h"
#include "app/retrieval/bottega-index-scan.h"

G_BEGIN_DECLS

/* only: paths (char *) to look at; NULL: all that belongs to the space. A cancelled one is no error
 * and may have done a part. */
gboolean bottega_index_sync (BottegaDatabase *db, const GPtrArray *only, BottegaAccepts accepts,
                             GCancellable *cancellable, GError **error);

G_END_DECLS
