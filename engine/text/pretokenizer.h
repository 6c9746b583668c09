/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Cuts text into the pieces ("words") inside which BPE merges. Private to engine/text. */
#pragma once

#include "engine/text/pretokenizer-families.h"

typedef struct _TextPretokenizer TextPretokenizer;

/* By tokenizer.ggml.pre; NULL for a name that is not known. */
const TextPretokenizer *text_pretokenizer_find (const char *name);

/* Whether a word that is a token as a whole is taken as it is, before any merge. */
gboolean
text_pretokenizer_takes_whole (const TextPretokenizer *pretokenizer, const char *word, size_t n);
/* Whether BOS is added when the file does not say, and whatever it says. */
gboolean text_pretokenizer_adds_bos (const TextPretokenizer *pretokenizer);
gboolean text_pretokenizer_insists_on_bos (const TextPretokenizer *pretokenizer);
/* Whether words are merged from characters, with marks for spaces, instead of bytes. */
gboolean text_pretokenizer_of_characters (const TextPretokenizer *pretokenizer);

typedef struct {
  size_t end;  /* of the piece of this pass */
  size_t next; /* where the one after it ends, if that is known; else no more than end */
} TextPieceLevel;

/* A walk over the pieces of a text. */
typedef struct {
  const TextPretokenizer *pretokenizer;
  const char *text;
  size_t n, at;
  TextPieceLevel levels[TEXT_MAX_PASSES];
} TextPieces;

/* text is borrowed. */
void text_pieces_begin (TextPieces *pieces,
                        const TextPretokenizer *pretokenizer,
                        const char *text,
                        size_t n);
/* Bytes of the next piece; 0 after the last. */
size_t text_pieces_next (TextPieces *pieces);
