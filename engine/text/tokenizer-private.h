/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files that make up a tokenizer share: vocabulary.c reads tokens out of a file, kinds.c
 * knows the ways from text to ids, tokenizer.c is the public side. Nobody else includes this. */
#pragma once

#include "engine/text/bpe.h"
#include "engine/text/pretokenizer.h"
#include "engine/text/special.h"
#include "engine/text/spm.h"
#include "engine/text/tokenizer.h"
#include "engine/text/unigram.h"
#include "engine/text/wordpiece.h"

/* tokenizer.ggml.token_type */
enum {
  TEXT_TYPE_NORMAL = 1,
  TEXT_TYPE_UNKNOWN = 2,
  TEXT_TYPE_CONTROL = 3,
  TEXT_TYPE_USER_DEFINED = 4,
  TEXT_TYPE_UNUSED = 5,
  TEXT_TYPE_BYTE = 6,
};

enum {
  TEXT_FLAG_SPECIAL = 1 << 0,      /* control or unknown: never from a person's text, not shown */
  TEXT_FLAG_END = 1 << 1,          /* ends an answer */
  TEXT_FLAG_STRIPS_AFTER = 1 << 2, /* white space after it in a text is part of it */
};

/* What is only needed while a vocabulary is read. */
typedef struct {
  TextTokenizer *tokenizer;
  const ModelGguf *gguf;
  ModelArray texts;
  guint8 *types;            /* [texts.n] */
  float *scores;            /* [texts.n]; NULL: the file has none */
  GByteArray *bytes;        /* of the token at hand; empty between two */
  int32_t unknown;          /* id of the token for what is unknown, or -1 */
  GArray *pieces;           /* uint32_t: ids of normal tokens, for kinds that ask for them */
  int32_t byte_tokens[256]; /* -1: none */
} TextVocabulary;

typedef struct {
  const char *model;           /* tokenizer.ggml.model */
  gboolean adds_bos, adds_eos; /* where the file does not say */
  int32_t bos, eos, unknown;   /* where the file does not say; -1: none */
  /* Appends to vocabulary->bytes what a token of text stands for and returns TRUE when it can be
   * found by it. */
  gboolean (*read_token) (TextVocabulary *vocabulary, uint32_t id);
  gboolean (*load) (TextTokenizer *tokenizer, const ModelGguf *gguf, GError **error);
  /* n > 0 bytes between two special tokens or an end of the text. */
  void (*encode) (const TextTokenizer *tokenizer, const char *text, size_t n,
                  TextMergeScratch *scratch, GArray *tokens);
} TextKind;

struct _TextTokenizer {
  const TextKind *kind;
  char *description, *warning;
  uint32_t n_tokens;
  uint64_t vocabulary;  /* the hash of the tokens */
  TextStrings *symbols; /* the first n_tokens are the tokens, as bytes that they stand for */
  guint8 *flags;        /* [n_tokens] */
  TextSpecials always;  /* found in any text: user-defined tokens */
  TextSpecials asked;   /* found in templates: those and the control tokens */
  int32_t bos, eos;
  gboolean adds_bos, adds_eos;
  gboolean insists_on_bos; /* whatever the file says */
  gboolean adds_prefix;    /* a text begins with a space that nobody wrote */

  /* Of the kind. */
  const TextPretokenizer *pretokenizer;
  TextBpe *bpe;
  gboolean part_words; /* of BPE: a piece can be merged word by word */
  TextSpm *spm;
  TextUnigram *unigram;
  TextWordpiece wordpiece;
};

/* kinds.c: by tokenizer.ggml.model, NULL for one that is not known. */
const TextKind *text_kind_find (const char *model);
/* The names of all, separated by commas. */
char *text_kind_names (void);

/* vocabulary.c. All return FALSE with a sentence. */

/* The strings under key, with limits on their number and total size. */
gboolean text_vocabulary_strings (const ModelGguf *gguf, const char *key, uint64_t max,
                                  ModelArray *array, GError **error);
/* The tokens, through the kind's read_token. vocabulary: zeros; it is what was read of the file,
 * to be cleared by the caller. */
gboolean text_vocabulary_load (TextVocabulary *vocabulary, TextTokenizer *tokenizer,
                               const ModelGguf *gguf, GError **error);
/* BOS, EOS and what ends an answer, once the tokens are there. */
gboolean
text_vocabulary_load_ends (TextTokenizer *tokenizer, const ModelGguf *gguf, GError **error);
void text_vocabulary_clear (TextVocabulary *vocabulary);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (TextVocabulary, text_vocabulary_clear)

/* The largest known have 262,208 tokens and 514,906 merges. */
#define TEXT_MAX_TOKENS (UINT64_C (512) << 10)
#define TEXT_MAX_MERGES (UINT64_C (640) << 10)
