/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BottegaDocument: what a file says, as normalised text with its structure: blocks (headings,
 * paragraphs, list items, rows of tables, code) and, where there are pages, their numbers and the
 * place of each line on them. bottega-extract fills one and writes it out; the app reads it back
 * and believes nothing of it.
 *
 * A plain value, not tied to a thread. Offsets and lengths are bytes in text, on the boundaries of
 * characters. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum {
  BOTTEGA_BLOCK_PARAGRAPH,
  BOTTEGA_BLOCK_HEADING,      /* level 1 to 6 */
  BOTTEGA_BLOCK_LIST_ITEM,    /* level: depth, from 1 */
  BOTTEGA_BLOCK_TABLE_HEADER, /* cells joined by " | "; the rows after it belong to it */
  BOTTEGA_BLOCK_TABLE_ROW,
  BOTTEGA_BLOCK_CODE,
  BOTTEGA_BLOCK_N_KINDS,
} BottegaBlockKind;

/* Blocks lie in text in order, without overlap, each followed by a newline that belongs to none. */
typedef struct {
  guint32 offset, length;
  guint32 page; /* from 1, of its first line; 0: the format has no pages */
  guint16 kind, level;
} BottegaBlock;

/* A line of a page as it was set: for marking a passage. In points (1/72 inch) from the page's top
 * left corner. In the order of offset. */
typedef struct {
  guint32 offset, length, page;
  float x, y, width, height;
} BottegaLine;

typedef struct {
  char *media_type; /* "application/pdf" */
  char *title;      /* of the document's own metadata or first heading; NULL: none */
  char *language;   /* "it", "en", …, as the document says; NULL: it does not */
  guint32 n_pages;  /* 0: no pages */
  GString *text;    /* UTF-8 in NFC without NUL, control characters or runs of white space */
  GArray *blocks;   /* of BottegaBlock */
  GArray *lines;    /* of BottegaLine; empty where there are no pages to show */
} BottegaDocument;

BottegaDocument *bottega_document_new (const char *media_type);
void bottega_document_free (BottegaDocument *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BottegaDocument, bottega_document_free)

/* Appends a block: text (n_bytes, -1: NUL-terminated) is made valid UTF-8, normalised to NFC, its
 * white space folded (in CODE lines and indentation stay), soft hyphens and control characters
 * dropped, Latin ligatures taken apart. A block of nothing is left out: FALSE. */
gboolean bottega_document_add_block (BottegaDocument *self, BottegaBlockKind kind, guint level,
                                     guint page, const char *text, gssize n_bytes);

/* What the line above does to text; free with g_free. */
char *bottega_document_clean (const char *text, gssize n_bytes, gboolean is_code);

/* To bytes and back. Parsing checks everything: FALSE for NULL where the bytes are not what
 * bottega_document_serialize () makes. The format is private to this file and has a version. */
GBytes *bottega_document_serialize (const BottegaDocument *self);
BottegaDocument *bottega_document_parse (GBytes *bytes);

G_END_DECLS
