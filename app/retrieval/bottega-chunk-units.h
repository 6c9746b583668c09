/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The units that chunks are put together from: sentences, rows, lines of code, headings. Private to
 * the chunker. They tile the blocks of a document: nothing is lost between two of one block.
 *
 * Pure functions; any thread. */
#pragma once

#include "app/retrieval/bottega-chunker.h"

G_BEGIN_DECLS

/* No unit has more tokens, and no chunk. */
#define BOTTEGA_CHUNK_MAX_TOKENS 300

typedef enum {
  BOTTEGA_UNIT_SENTENCE,
  BOTTEGA_UNIT_HEADING,
  BOTTEGA_UNIT_ROW,
  BOTTEGA_UNIT_HEADER, /* of a table */
  BOTTEGA_UNIT_CODE,
} BottegaUnitKind;

typedef struct {
  guint32 offset, end; /* in the document's text; blanks at the end are the unit's */
  guint32 page, last_page;
  guint32 n_tokens;
  guint32 section; /* index in sections */
  guint32 header;  /* of a row: index of its table's header unit + 1; 0: none */
  guint8 kind;
  gboolean begins_block;
} BottegaUnit;

typedef struct {
  char *path;   /* "Rent › Increase"; NULL before the first heading */
  gboolean top; /* begins with a heading of the document's main divisions */
} BottegaSection;

typedef struct {
  GArray *units;    /* of BottegaUnit, in the order of offset */
  GArray *sections; /* of BottegaSection; the first stands before all headings */
} BottegaUnits;

BottegaUnits *bottega_units_new (const BottegaDocument *document, BottegaTokenCount count,
                                 gpointer user_data);
void bottega_units_free (BottegaUnits *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BottegaUnits, bottega_units_free)

G_END_DECLS
