/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tells text that answers from what surrounds it in a document: tables of contents, indexes,
 * licences, bibliographies.
 *
 * Pure functions; any thread. */
#pragma once

#include "app/retrieval/bottega-chunker.h"

G_BEGIN_DECLS

/* text: of a chunk, UTF-8, n_bytes long; a line of it is a block. heading: the path of headings
 * above it; NULL. tabular: it is made of rows of tables, where numbers at the end mean nothing. */
BottegaChunkKind bottega_chunk_kind (const char *text, gsize n_bytes, const char *heading,
                                     gboolean tabular);

G_END_DECLS
