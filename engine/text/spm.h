/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SentencePiece BPE: a text as a whole, its characters merged into the piece of the best score.
 * Private to engine/text. */
#pragma once

#include "engine/text/merge.h"

typedef struct _TextSpm TextSpm;

/* What a vocabulary is made of. */
typedef struct {
  const TextStrings *symbols; /* kept: must live as long; tokens by their bytes, pieces linked */
  uint32_t n_tokens;
  const float *scores;      /* [n_tokens]; NULL: all the same */
  int32_t byte_tokens[256]; /* what an unknown character falls back to; -1: there is none */
  int32_t unknown;          /* where bytes have no tokens; -1: left out */
} TextSpmVocabulary;

TextSpm *text_spm_new (const TextSpmVocabulary *vocabulary);
void text_spm_free (TextSpm *spm);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TextSpm, text_spm_free)

/* Appends the ids of n bytes (spaces and no marks) to tokens (GArray of int32_t). Time n log n. */
void text_spm_encode (const TextSpm *spm,
                      const char *text,
                      size_t n,
                      TextMergeScratch *scratch,
                      GArray *tokens);
