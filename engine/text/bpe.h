/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Byte-pair merges of one word. Private to engine/text. */
#pragma once

#include "engine/model/gguf.h"
#include "engine/text/merge.h"

typedef struct _TextBpe TextBpe;

/* Vocabularies of byte-level BPE write each byte as a printable character. Appends the bytes
 * that text stands for; FALSE when it has a character that stands for none (out is then as it
 * was). */
gboolean text_bpe_bytes_of_text (const char *text, size_t n, GByteArray *out);

/* merges: "left right", the most important first. symbols: the tokens by their bytes; parts that
 * are no tokens are appended to it, and it must outlive the result. NULL when there would be more
 * than max_symbols of both. byte_tokens NULL: words are merged from bytes, and merges are written
 * in the printable form. Else: from characters, merges are written in UTF-8 with marks for spaces,
 * and byte_tokens[256] (-1: none) are taken for what is no token. */
TextBpe *text_bpe_new (const ModelArray *merges,
                       TextStrings *symbols,
                       uint32_t max_symbols,
                       const int32_t *byte_tokens);
void text_bpe_free (TextBpe *bpe);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TextBpe, text_bpe_free)

/* Appends the ids of a word of n bytes to tokens (GArray of int32_t). Time n log n. */
void text_bpe_encode (const TextBpe *bpe,
                      const char *word,
                      size_t n,
                      TextMergeScratch *scratch,
                      GArray *tokens);
