/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Cuts a document into chunks, the units of search: 200 to 300 tokens along its structure (heading,
 * then paragraph, then sentence), about 12 % overlap at the boundaries of sentences where a section
 * is longer, small pieces joined forward, tables by rows with their header repeated. Never cuts
 * inside a word; never loses a byte of text.
 *
 * Pure functions; any thread. */
#pragma once

#include "app/extract/bottega-document.h"

G_BEGIN_DECLS

/* What crowds out answers when it is not told apart. */
typedef enum {
  BOTTEGA_CHUNK_TEXT,
  BOTTEGA_CHUNK_CONTENTS,   /* a table of contents */
  BOTTEGA_CHUNK_INDEX,      /* an index of words, with pages */
  BOTTEGA_CHUNK_LICENCE,    /* of software or documents, boilerplate of copyright */
  BOTTEGA_CHUNK_REFERENCES, /* a bibliography */
} BottegaChunkKind;

typedef struct {
  guint32 offset, length;  /* in the document's text */
  guint32 page, last_page; /* 0: no pages */
  guint32 n_tokens;        /* of the text alone */
  BottegaChunkKind kind;
  char *heading; /* path of headings above it, "Rent › Increase"; NULL: none */
  char *header;  /* of the table whose rows it begins with, when not in its text; NULL */
} BottegaChunk;
void bottega_chunk_clear (BottegaChunk *chunk);

typedef guint (*BottegaTokenCount) (const char *text, gsize n_bytes, gpointer user_data);

/* GArray of BottegaChunk in the order of offset; free with g_array_unref. count NULL: an
 * estimate. */
GArray *bottega_chunker_run (const BottegaDocument *document, BottegaTokenCount count,
                             gpointer user_data);

/* What is indexed for a chunk: "title › heading › p. 3" on a line of its own, then the table header
 * it lacks, then its text. Free with g_free. */
char *bottega_chunk_indexed_text (const BottegaChunk *chunk, const char *title,
                                  const char *document_text);

G_END_DECLS
