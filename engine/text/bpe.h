/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Byte-pair merges of one word. Private to engine/text. */
#pragma once

#include "engine/model/gguf.h"
#include "engine/text/byte-strings.h"

typedef struct _TextBpe TextBpe;

/* Vocabularies of byte-level BPE write each byte as a printable character. Appends the bytes
 * that text stands for; FALSE when it has a character that stands for none (out is then as it
 * was). */
gboolean text_bpe_bytes_of_text (const char *text, size_t n, GByteArray *out);

/* merges: "left right" in the printable form, the most important first. symbols: the tokens by
 * their bytes; parts that are no tokens are appended to it. NULL when there would be more than
 * max_symbols of both. */
TextBpe *text_bpe_new (const ModelArray *merges, TextStrings *symbols, uint32_t max_symbols);
void text_bpe_free (TextBpe *bpe);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TextBpe, text_bpe_free)

/* Memory that merging needs, kept from word to word. Init with { 0 }. */
typedef struct {
  struct _TextBpeSymbol *symbols;
  struct _TextBpePair *heap;
  size_t n_symbols, n_heap;     /* in use */
  size_t max_symbols, max_heap; /* allocated */
} TextBpeScratch;
void text_bpe_scratch_clear (TextBpeScratch *scratch);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (TextBpeScratch, text_bpe_scratch_clear)

/* Appends the ids (below n_tokens) of a word of n bytes to tokens (GArray of int32_t). Time n
 * log n. */
void text_bpe_encode (const TextBpe *bpe,
                      const TextStrings *symbols,
                      uint32_t n_tokens,
                      const char *word,
                      size_t n,
                      TextBpeScratch *scratch,
                      GArray *tokens);
