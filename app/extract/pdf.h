/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between the files of the PDF extractor: lines as they were set on pages, which become blocks.
 * Poppler gives the lines in reading order, column by column; what is a heading, a table, a running
 * head is for us to see from where and how they were set. */
#pragma once

#include "app/extract/extract.h"

#include <poppler.h>

G_BEGIN_DECLS

/* A piece of a line that was set in one go. Points from the page's top left corner. */
typedef struct {
  char *text; /* cleaned (bottega_document_clean ()), without the bullet */
  guint page;
  float x0, y0, x1, y1;
  float size;       /* of most of its letters */
  float bullet;     /* where its bullet stood; < 0: it had none */
  float first_word; /* width of its first word */
  gboolean bold, mono;
  gboolean is_off;          /* stands right of the one before, in the next column perhaps */
  guint table, row, column; /* of pdf_find_tables (); table 0: none */
} PdfLine;

/* What holds for the whole document. */
typedef struct {
  float body;    /* size of most letters */
  float leading; /* from line to line, in sizes */
} PdfStyle;

/* Appends the page's lines (PdfLine, in poppler's order) to lines, whose clear function frees
 * their text. Returns how many letters the page has. */
gsize pdf_add_lines (GArray *lines, PopplerPage *page, guint number);
GArray *pdf_lines_new (void);

PdfStyle pdf_measure (const GArray *lines);

/* Takes out running heads, feet and page numbers. */
void pdf_drop_running (GArray *lines, PdfStyle style, guint n_pages);

/* Marks the lines that are cells of tables: table counts from 1, row and column from 0 in it. */
void pdf_find_tables (GArray *lines);

/* Makes blocks of lines; FALSE: more text than may be. */
gboolean pdf_add_blocks (const ExtractInput *input, BottegaDocument *document, const GArray *lines,
                         PdfStyle style);

G_END_DECLS
