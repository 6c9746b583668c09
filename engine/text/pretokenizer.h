/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Cuts text into the pieces ("words") inside which byte-level BPE merges. Private to
 * engine/text. */
#pragma once

#include <glib.h>

typedef struct _TextPretokenizer TextPretokenizer;

/* By tokenizer.ggml.pre; NULL for a name that is not known. */
const TextPretokenizer *text_pretokenizer_find (const char *name);
/* What is used when nothing better is known. */
const TextPretokenizer *text_pretokenizer_default (void);

/* A word that is a token as a whole is taken as it is, before any merge. */
gboolean text_pretokenizer_ignores_merges (const TextPretokenizer *pretokenizer);
/* Whether BOS is added when the file does not say. */
gboolean text_pretokenizer_adds_bos (const TextPretokenizer *pretokenizer);

/* Bytes of the first piece of text; 1..n for n > 0. */
size_t text_pretokenizer_next (const TextPretokenizer *pretokenizer, const char *text, size_t n);
