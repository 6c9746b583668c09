/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an extractor is: a function that reads bytes it must not trust and adds blocks to a
 * document. Everything here happens inside of bottega-extract: no file can be opened, memory and
 * time end hard, and a crash harms nobody. One row of extractors.def tells when it is called. */
#pragma once

#include "app/extract/bottega-document.h"

G_BEGIN_DECLS

/* Why there is no document; the sentences for people stand in failures.def. */
typedef enum {
  EXTRACT_OK,
#define FAILURE(name, error, sentence) EXTRACT_##name,
#include "app/extract/failures.def"
#undef FAILURE
  EXTRACT_N_FAILURES,
} ExtractFailure;

typedef struct {
  GBytes *bytes;        /* the whole file; borrowed */
  const guint8 *data;   /* the same */
  gsize size;           /* > 0 */
  const char *suffix;   /* of its name, in lower case without the dot: "md"; "": none */
  guint64 output_bytes; /* what unpacked parts and the text may be, each */
  guint pages;          /* at most */
} ExtractInput;

/* Adds what the file says to document (made with the row's media type; may be changed) and returns
 * TRUE, or FALSE with the reason. Blocks must be added in reading order. An extractor need not look
 * at output_bytes for the text that it adds: extract_is_full () tells it when to stop. A document
 * without any block becomes EXTRACT_EMPTY by itself. */
typedef gboolean (*ExtractFunc) (const ExtractInput *input, BottegaDocument *document,
                                 ExtractFailure *failure);

/* Rows may share a function. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wredundant-decls"
#define EXTRACTOR(id, suffixes, media_type, magic, name, function)         \
  gboolean function (const ExtractInput *input, BottegaDocument *document, \
                     ExtractFailure *failure);
#include "app/extract/extractors.def"
#undef EXTRACTOR
#pragma GCC diagnostic pop

/* TRUE once the document has more text than output_bytes: the extractor ends with
 * EXTRACT_TOO_MUCH_TEXT. */
gboolean extract_is_full (const ExtractInput *input, const BottegaDocument *document);

/* Sets a title or language that the document states, cleaned; NULL, what is empty, and titles that
 * a program invented ("untitled", "Microsoft Word - a.doc") change nothing. Languages are BCP 47
 * ("it-IT"); their first part in lower case is kept. */
void extract_set_title (BottegaDocument *document, const char *title);
void extract_set_language (BottegaDocument *document, const char *language);

/* The first heading as the title, where there is none yet. */
void extract_title_from_heading (BottegaDocument *document);

/* A number or letter before a heading ("1.2", "A.3", "IV."): its depth, from 1; 0: none. */
guint extract_section_depth (const char *text);

/* Chooses the extractor by the first bytes and the suffix and runs it; the result is a document
 * that says something. NULL: failure is set. */
BottegaDocument *extract_document (const ExtractInput *input, ExtractFailure *failure);

G_END_DECLS
