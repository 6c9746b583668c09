/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the tests of tokenizers share: tokenizers of files written for a test, ids as text, and
 * files of texts with the ids that they must have. */
#pragma once

#include "engine/text/tokenizer.h"
#include "tests/engine/make-gguf.h"

/* NULL with error when the file is refused. */
TextTokenizer *test_tokenizer_of_gguf (const TestGguf *gguf, GError **error);

/* Ids of a text as "1 2 3"; n -1: it ends in NUL. */
char *
test_ids (const TextTokenizer *tokenizer, const char *text, gssize n, gboolean parse_special);
/* The same with the ids that the model wants at its ends. */
char *test_ids_with_ends (const TextTokenizer *tokenizer,
                          const char *text,
                          gssize n,
                          gboolean parse_special);

/* Asserts that the texts of a file have the ids that stand there: lines of text (escaped as by
 * g_strescape), a tab, and ids with ends. */
void test_vectors (const char *model_path, const char *vectors_path);
