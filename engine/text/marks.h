/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How SentencePiece writes pieces: a space as the mark U+2581, a byte as "<0x41>". Private to
 * engine/text. */
#pragma once

#include "engine/model/gguf.h"
#include "engine/text/byte-strings.h"

#define TEXT_MARK "\xe2\x96\x81"

/* Appends text with a space for each mark. */
void text_marks_to_spaces (const char *text, size_t n, GByteArray *out);

/* The byte that "<0x41>" stands for, or -1. */
int text_marks_byte (const ModelString *token);

/* Whether words can be merged one by one: in no string that can be found a space follows another
 * character. */
gboolean text_marks_part_words (const TextStrings *strings);
/* Bytes of the first word of text (n > 0 bytes), spaces before it included; part_words FALSE: of
 * all of it, as far as memory allows. */
size_t text_marks_word_bytes (gboolean part_words, const char *text, size_t n);
