/* SPDX-License-Identifier: GPL-3.0-or-later */
/* WordPiece, the tokenizer of BERT: lower case, no accents, words, then the longest pieces from the
 * left. Private to engine/text. */
#pragma once

#include "engine/model/gguf.h"
#include "engine/text/byte-strings.h"

/* How a file writes pieces: BERT marks those that go on ("##ing"), converters to GGUF mark those
 * that begin a word ("▁play"). */
typedef enum {
  TEXT_WORDPIECE_HASHES,
  TEXT_WORDPIECE_SPACES,
} TextWordpieceStyle;
TextWordpieceStyle text_wordpiece_style (const ModelArray *pieces);

/* Appends the bytes that a piece stands for: those that begin a word have a space before them. */
void text_wordpiece_bytes_of_piece (TextWordpieceStyle style,
                                    const char *piece,
                                    size_t n,
                                    GByteArray *out);

typedef struct {
  const TextStrings *symbols; /* the pieces' bytes, linked; kept, must live as long */
  size_t longest_bytes;       /* of them */
  int32_t unknown;            /* -1: what is unknown is left out */
  gboolean lowercase;
  gboolean strips_accents; /* and all other marks */
  TextWordpieceStyle style;
} TextWordpiece;

/* Appends the ids of a text of n bytes to tokens (GArray of int32_t). */
void text_wordpiece_encode (const TextWordpiece *wordpiece,
                            const char *text,
                            size_t n,
                            GArray *tokens);
