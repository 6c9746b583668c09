/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Growing Markdown as a flat row of blocks. Pure text; one object belongs to one thread. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum {
  BOTTEGA_MARKDOWN_TEXT,
  BOTTEGA_MARKDOWN_HEADING,
  BOTTEGA_MARKDOWN_CODE,
  BOTTEGA_MARKDOWN_TABLE,
  BOTTEGA_MARKDOWN_RULE,
} BottegaMarkdownKind;

/* Markers of list items that are not numbers. */
#define BOTTEGA_MARKDOWN_DISC   "•"
#define BOTTEGA_MARKDOWN_CIRCLE "◦"
#define BOTTEGA_MARKDOWN_SQUARE "▪"
#define BOTTEGA_MARKDOWN_OPEN   "☐"
#define BOTTEGA_MARKDOWN_DONE   "☑"

typedef enum {
  BOTTEGA_MARKDOWN_START,
  BOTTEGA_MARKDOWN_CENTER,
  BOTTEGA_MARKDOWN_END,
} BottegaMarkdownAlignment;

/* One block as it is shown: lists and quotes are flattened to an indentation. */
typedef struct {
  BottegaMarkdownKind kind;
  guint level;        /* HEADING: 1 to 6 */
  guint indent;       /* how many lists it is in */
  guint quotes;       /* how many quotes it is in */
  gboolean continues; /* goes on with the paragraph above, which was too long for one block */
  char *marker;       /* what stands before the first block of a list item, or NULL */
  char *text;         /* TEXT, HEADING: Pango markup; CODE: the code */
  char *language;     /* CODE: as written behind the fence, or NULL */
  GPtrArray *cells;   /* TABLE: char * of Pango markup, row by row, the header first */
  guint n_columns;    /* TABLE */
  guint8 *alignments; /* TABLE: n_columns of BottegaMarkdownAlignment */
} BottegaMarkdownBlock;

void bottega_markdown_block_free (BottegaMarkdownBlock *block);

/* Whether both look the same. */
gboolean bottega_markdown_block_equal (const BottegaMarkdownBlock *a,
                                       const BottegaMarkdownBlock *b);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BottegaMarkdownBlock, bottega_markdown_block_free)

typedef struct _BottegaMarkdownBlocks BottegaMarkdownBlocks;

BottegaMarkdownBlocks *bottega_markdown_blocks_new (void);
void bottega_markdown_blocks_free (BottegaMarkdownBlocks *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BottegaMarkdownBlocks, bottega_markdown_blocks_free)

/* The names of what [1], [2] … in the text refer to (NULL-terminated, or NULL: nothing); copied.
 * Counts for what is parsed from now on. */
void bottega_markdown_blocks_set_sources (BottegaMarkdownBlocks *self,
                                          const char *const *names);

/* Adds TEXT to the end. Cheap: nothing is parsed. */
void bottega_markdown_blocks_append (BottegaMarkdownBlocks *self,
                                     const char *text);

/* Parses what is open: the blocks (of BottegaMarkdownBlock, owned by the array) that follow those
 * which earlier calls declared closed. The first *N_CLOSED of them are closed by this call: they
 * never change again and are not in the next array. FINISHED: no more text comes, all of it counts
 * as written. The work depends on the open block only, not on the text before it. */
GPtrArray *bottega_markdown_blocks_update (BottegaMarkdownBlocks *self,
                                           gboolean finished,
                                           guint *n_closed);

/* All the text so far; valid until the next append. */
const char *bottega_markdown_blocks_get_text (BottegaMarkdownBlocks *self);

G_END_DECLS
