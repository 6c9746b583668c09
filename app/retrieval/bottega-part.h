/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Parts: a document's text cut into the rows that are kept of it, so that a passage of ten thousand
 * pages is read without the rest; and the packed form of the blocks and lines beside it.
 *
 * A part is the text of a page, or about 4 KiB where there are no pages; it ends with a block, but
 * for blocks of more than 16 KiB, which are cut. Blocks and lines are packed as little-endian
 * 32-bit numbers: offset, length, page, kind | level << 16; offset, length, page, then x, y, width
 * and height as floats.
 *
 * Pure functions; any thread. */
#pragma once

#include "app/extract/bottega-document.h"

G_BEGIN_DECLS

#define BOTTEGA_PART_BLOCK_BYTES 16
#define BOTTEGA_PART_LINE_BYTES  28

typedef struct {
  guint32 offset, length; /* in the document's text; the parts cover it without gaps */
  guint32 block;          /* offset of the block that it begins in */
  guint32 page;
  guint first_block, n_blocks; /* those that begin in it */
  guint first_line, n_lines;
} BottegaPart;

/* GArray of BottegaPart; free with g_array_unref. */
GArray *bottega_part_cut (const BottegaDocument *document);

/* n of them from first on, packed; free with g_bytes_unref. */
GBytes *bottega_part_pack_blocks (const GArray *blocks, guint first, guint n);
GBytes *bottega_part_pack_lines (const GArray *lines, guint first, guint n);
/* The i-th of packed ones. */
BottegaBlock bottega_part_get_block (gconstpointer packed, guint i);
BottegaLine bottega_part_get_line (gconstpointer packed, guint i);

G_END_DECLS
