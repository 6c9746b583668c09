/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From the nested world of word processors and web pages to the flat blocks of a BottegaDocument:
 * paragraphs inside of cells inside of tables, notes and frames in the middle of a sentence, merged
 * and repeated cells. It knows no format; an extractor opens and closes what its file says, in any
 * order, and nothing recurses.
 *
 *   a row is joined to "a | b"; a row of one cell, or with headings inside, is layout and comes
 *   out as the blocks it holds; equal neighbouring rows are said once
 *   an aside (note, text frame) comes right after the block it interrupts */
#pragma once

#include "app/extract/extract.h"

G_BEGIN_DECLS

typedef struct _ExtractFlow ExtractFlow;

/* Both are borrowed. Free with extract_flow_free (), which ends what is still open. */
ExtractFlow *extract_flow_new (const ExtractInput *input, BottegaDocument *document);
void extract_flow_free (ExtractFlow *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ExtractFlow, extract_flow_free)

/* EXTRACT_OK, or why the extractor should stop. */
ExtractFailure extract_flow_failure (ExtractFlow *self);
void extract_flow_set_page (ExtractFlow *self, guint page);

/* Begins a block and ends the one before. Neighbouring blocks of code become one. */
void extract_flow_open (ExtractFlow *self, BottegaBlockKind kind, guint level);
void extract_flow_close (ExtractFlow *self);
gboolean extract_flow_is_open (ExtractFlow *self);
/* Of the open block; nothing where none is open. */
void extract_flow_text (ExtractFlow *self, const char *text, gsize n_bytes);

void extract_flow_open_aside (ExtractFlow *self);
void extract_flow_close_aside (ExtractFlow *self);

typedef enum {
  EXTRACT_TABLE,
  EXTRACT_SHEET, /* its first row of several texts is the header */
} ExtractTableKind;

typedef struct {
  guint columns, rows; /* that it spans; 0 is 1 */
  guint repeat;        /* the same cell that many times; 0 is 1 */
  gboolean header;     /* a row of header cells is a header */
  gboolean number;     /* so a sheet's row is no header */
  gboolean continued;  /* goes on from the cell above it */
} ExtractCell;

/* What is closed closes what is open inside of it; what was never opened is not closed. */
void extract_flow_open_table (ExtractFlow *self, ExtractTableKind kind);
void extract_flow_close_table (ExtractFlow *self);
void extract_flow_open_row (ExtractFlow *self, gboolean header);
void extract_flow_close_row (ExtractFlow *self);
/* Its cell, which may still be changed while it is open; NULL: there is no table. */
ExtractCell *extract_flow_open_cell (ExtractFlow *self, const ExtractCell *cell);
void extract_flow_close_cell (ExtractFlow *self);

/* The label of an item in a numbered list: "4. ", "d. ", "IV. " for style '1', 'a', 'A', 'i', 'I';
 * NULL for another. Free with g_free. */
char *extract_flow_label (char style, guint number);

G_END_DECLS
