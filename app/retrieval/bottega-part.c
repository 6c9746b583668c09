/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where the text of a document is cut for keeping, and how its blocks and lines are packed. It must
 * not know of chunks, which overlap and follow the sense. */
#include "app/retrieval/bottega-part.h"

#include <string.h>

#define PART_BYTES 4096
#define MAX_BYTES  16384

/* ---- packing ---- */

static void
put (guint8 *bytes, guint i, guint32 value)
{
  value = GUINT32_TO_LE (value);
  memcpy (bytes + i * sizeof value, &value, sizeof value);
}

static guint32
get (const guint8 *bytes, guint i)
{
  guint32 value;

  memcpy (&value, bytes + i * sizeof value, sizeof value);

  return GUINT32_FROM_LE (value);
}

GBytes *
bottega_part_pack_blocks (const GArray *blocks, guint first, guint n)
{
  guint8 *bytes = g_malloc ((gsize) n * BOTTEGA_PART_BLOCK_BYTES + 1);

  for (guint i = 0; i < n; i++) {
    const BottegaBlock *block = &g_array_index (blocks, BottegaBlock, first + i);
    guint8 *row = bytes + (gsize) i * BOTTEGA_PART_BLOCK_BYTES;

    put (row, 0, block->offset);
    put (row, 1, block->length);
    put (row, 2, block->page);
    put (row, 3, block->kind | (guint32) block->level << 16);
  }

  return g_bytes_new_take (bytes, (gsize) n * BOTTEGA_PART_BLOCK_BYTES);
}

GBytes *
bottega_part_pack_lines (const GArray *lines, guint first, guint n)
{
  guint8 *bytes = g_malloc ((gsize) n * BOTTEGA_PART_LINE_BYTES + 1);

  for (guint i = 0; i < n; i++) {
    const BottegaLine *line = &g_array_index (lines, BottegaLine, first + i);
    guint8 *row = bytes + (gsize) i * BOTTEGA_PART_LINE_BYTES;
    const float places[] = { line->x, line->y, line->width, line->height };

    put (row, 0, line->offset);
    put (row, 1, line->length);
    put (row, 2, line->page);
    for (guint k = 0; k < G_N_ELEMENTS (places); k++) {
      guint32 bits;

      memcpy (&bits, &places[k], sizeof bits);
      put (row, 3 + k, bits);
    }
  }

  return g_bytes_new_take (bytes, (gsize) n * BOTTEGA_PART_LINE_BYTES);
}

BottegaBlock
bottega_part_get_block (gconstpointer packed, guint i)
{
  const guint8 *row = (const guint8 *) packed + (gsize) i * BOTTEGA_PART_BLOCK_BYTES;
  guint32 kind = get (row, 3);

  return (BottegaBlock) { get (row, 0), get (row, 1), get (row, 2), (guint16) (kind & 0xffff),
                          (guint16) (kind >> 16) };
}

BottegaLine
bottega_part_get_line (gconstpointer packed, guint i)
{
  const guint8 *row = (const guint8 *) packed + (gsize) i * BOTTEGA_PART_LINE_BYTES;
  float places[4];

  for (guint k = 0; k < G_N_ELEMENTS (places); k++) {
    guint32 bits = get (row, 3 + k);

    memcpy (&places[k], &bits, sizeof bits);
  }

  return (BottegaLine) { get (row, 0), get (row, 1), get (row, 2),
                         places[0], places[1], places[2], places[3] };
}

/* ---- cutting ---- */

/* The end of a part that begins inside a block at `begin`, at a boundary of characters. */
static guint32
cut_inside (const char *text, guint32 begin, guint32 end)
{
  guint32 cut = begin + MAX_BYTES;

  if (cut >= end)
    return end;
  while (cut > begin + 1 && ((guint8) text[cut] & 0xc0) == 0x80)
    cut--;

  return cut;
}

typedef struct {
  const BottegaDocument *document;
  GArray *parts;
  guint line; /* the first that is in no part yet */
} Cutter;

static void
add_part (Cutter *self, BottegaPart part, guint32 end)
{
  const GArray *lines = self->document->lines;

  part.length = end - part.offset;
  part.first_line = self->line;
  while (self->line < lines->len &&
         g_array_index (lines, BottegaLine, self->line).offset < end)
    self->line++;
  part.n_lines = self->line - part.first_line;
  g_array_append_val (self->parts, part);
}

GArray *
bottega_part_cut (const BottegaDocument *document)
{
  const GArray *blocks = document->blocks;
  guint32 text_end = (guint32) document->text->len;
  Cutter self = { document, g_array_new (FALSE, FALSE, sizeof (BottegaPart)), 0 };
  BottegaPart part = { 0 };

  for (guint i = 0; i < blocks->len; i++) {
    const BottegaBlock *block = &g_array_index (blocks, BottegaBlock, i);
    /* What stands between two blocks belongs to the first. */
    guint32 end = i + 1 < blocks->len ? g_array_index (blocks, BottegaBlock, i + 1).offset
                                      : text_end;

    if (block->offset > part.offset &&
        (block->page != part.page || end - part.offset > MAX_BYTES ||
         block->offset - part.offset >= PART_BYTES)) {
      add_part (&self, part, block->offset);
      part = (BottegaPart) { .offset = block->offset, .first_block = i };
    }
    if (block->offset == part.offset) {
      part.block = block->offset;
      part.page = block->page;
    }
    part.n_blocks++;
    while (end - part.offset > MAX_BYTES) {
      guint32 cut = cut_inside (document->text->str, part.offset, end);

      add_part (&self, part, cut);
      part = (BottegaPart) { .offset = cut, .block = block->offset, .page = block->page };
      part.first_block = i + 1;
    }
  }
  if (part.offset < text_end)
    add_part (&self, part, text_end);

  return self.parts;
}
