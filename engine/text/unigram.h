/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Unigram tokenizers: of all ways to cut a text into pieces the one whose scores add up to the
 * most, after SentencePiece's normalisation. Private to engine/text. */
#pragma once

#include "engine/model/gguf.h"
#include "engine/text/byte-strings.h"

typedef struct _TextUnigram TextUnigram;

/* What a vocabulary is made of. */
typedef struct {
  const TextStrings *symbols; /* kept: must live as long; the tokens by their bytes */
  const uint32_t *pieces;     /* [n_pieces] ids of those that normal text is cut into */
  size_t n_pieces;
  const float *scores;      /* one a token; NULL: the file has none, which is refused */
  int32_t byte_tokens[256]; /* what an unknown character falls back to; -1: there is none */
  int32_t unknown;          /* -1: what is unknown is left out */
} TextUnigramVocabulary;

/* Normalisation and how spaces are treated come from the file. */
TextUnigram *text_unigram_new (const ModelGguf *gguf,
                               const TextUnigramVocabulary *vocabulary,
                               GError **error);
void text_unigram_free (TextUnigram *unigram);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TextUnigram, text_unigram_free)

/* Appends the ids of a text of n bytes to tokens (GArray of int32_t). Unknown characters that
 * follow each other become one token. Time proportional to n. */
void text_unigram_encode (const TextUnigram *unigram, const char *text, size_t n, GArray *tokens);
