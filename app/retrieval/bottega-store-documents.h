/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Documents in the space's file: rows of what belongs to it, their text by parts, their chunks,
 * words and vectors. The functions that take a BottegaDatabase are for the indexer and the searcher
 * on their own connections; those that take a BottegaStore are for the main thread and answer
 * through a callback. */
#pragma once

#include "app/extract/bottega-document.h"
#include "app/retrieval/bottega-database.h"

G_BEGIN_DECLS

typedef enum {
  BOTTEGA_DOCUMENT_WAITING, /* known, not read yet */
  BOTTEGA_DOCUMENT_WORDS,   /* text and words are in; vectors follow */
  BOTTEGA_DOCUMENT_READY,
  BOTTEGA_DOCUMENT_FAILED, /* error says why */
  BOTTEGA_DOCUMENT_GONE,   /* the file is not there at the moment (a disk that was unplugged) */
} BottegaDocumentState;

typedef struct {
  gint64 id;
  char *path;       /* absolute */
  char *title;      /* never NULL: the file's name where it says none */
  char *media_type; /* NULL until it was read */
  char *language;   /* "it", "en", … or NULL */
  char *error;      /* the sentence of a failed one; NULL */
  BottegaDocumentState state;
  guint64 size_bytes; /* of the file */
  guint64 text_bytes;
  guint n_pages; /* 0: no pages */
  guint n_chunks, n_vectors;
  gint64 added_us, indexed_us; /* indexed: 0 until then */
} BottegaDocumentRow;
void bottega_document_row_free (BottegaDocumentRow *row);

/* rows: GPtrArray of BottegaDocumentRow by title, borrowed; NULL on error. Main context. */
typedef void (*BottegaDocumentRows) (GPtrArray *rows, const GError *error, gpointer user_data);
void bottega_store_list_documents (BottegaStore *self, BottegaDocumentRows callback,
                                   gpointer user_data);

/* The lines of a page (GArray of BottegaLine, offsets in the document's text) that touch [offset,
 * offset + length): the places to mark. Empty where there are none. */
typedef void (*BottegaDocumentLines) (GArray *lines, const GError *error, gpointer user_data);
void bottega_store_list_lines (BottegaStore *self, gint64 document, guint page, guint32 offset,
                               guint32 length, BottegaDocumentLines callback, gpointer user_data);

/* The text of [offset, offset + length), for showing a document that has no pages and for reading a
 * whole one. length 0: to the end. Free with g_free; NULL on error. */
char *bottega_database_document_text (BottegaDatabase *db, gint64 document, guint32 offset,
                                      guint32 length, GError **error);
/* The blocks that touch it, in order, whole; NULL on error. GArray of BottegaBlock. */
GArray *bottega_database_document_blocks (BottegaDatabase *db, gint64 document, guint32 offset,
                                          guint32 length, GError **error);

G_END_DECLS
