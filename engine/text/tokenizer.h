/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Text to token ids and back, as the model file says: byte-level BPE, unigram or WordPiece.
 *
 * Special tokens are found in a text only when the caller asks for it (templates); text from
 * people or documents never turns into a control token.
 * Thread: immutable after creation; all functions are safe from any thread. */
#pragma once

#include "engine/model/gguf.h"

typedef struct _TextTokenizer TextTokenizer;

/* Copies what it needs; gguf may be freed afterwards. */
TextTokenizer *text_tokenizer_new (const ModelGguf *gguf, GError **error);
void text_tokenizer_free (TextTokenizer *tokenizer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TextTokenizer, text_tokenizer_free)

uint32_t text_tokenizer_n_vocab (const TextTokenizer *tokenizer);
/* A hash of the ids and texts of all tokens but control, user-defined and unused ones, of which
 * each model of a family may have its own: where it is the same, they mean the same. */
uint64_t text_tokenizer_vocabulary (const TextTokenizer *tokenizer);
/* "gpt2 (smollm)", "unigram": kind and pre-tokenizer, for `info`. Borrowed. */
const char *text_tokenizer_description (const TextTokenizer *tokenizer);
/* A sentence when the file names a pre-tokenizer that we do not know and a default is used; else
 * NULL. Borrowed. */
const char *text_tokenizer_warning (const TextTokenizer *tokenizer);

/* The tokens that begin and end a text ([CLS] and [SEP] of BERT), -1 where the model has none; and
 * whether the model wants them. */
int32_t text_tokenizer_bos (const TextTokenizer *tokenizer);
gboolean text_tokenizer_adds_bos (const TextTokenizer *tokenizer);
int32_t text_tokenizer_eos (const TextTokenizer *tokenizer);
gboolean text_tokenizer_adds_eos (const TextTokenizer *tokenizer);
/* Ends an answer: EOS, EOT, EOM and the like. */
gboolean text_tokenizer_is_end (const TextTokenizer *tokenizer, int32_t id);
gboolean text_tokenizer_is_special (const TextTokenizer *tokenizer, int32_t id);
/* The id of a special token by its exact text, or -1. */
int32_t text_tokenizer_special (const TextTokenizer *tokenizer, const char *text);

/* Appends the ids of text to tokens (GArray of int32_t). n_bytes -1: NUL-terminated. Bytes that
 * are not UTF-8 are encoded as bytes by byte-level BPE, as U+FFFD by the other kinds, which also
 * normalise the text. parse_special: control tokens written out
 * in text become ids. BOS and EOS are not added. */
void text_tokenizer_encode (const TextTokenizer *tokenizer, const char *text, gssize n_bytes,
                            gboolean parse_special, GArray *tokens);

/* The same for a text of several origins: control tokens count only where all of their bytes are
 * trusted. Words are cut across the borders of parts, so that the ids are those of the whole
 * text. */
typedef struct {
  const char *text;
  gssize n_bytes;   /* -1: NUL-terminated */
  gboolean trusted; /* from the template, not from people or documents */
} TextPart;
void text_tokenizer_encode_parts (const TextTokenizer *tokenizer, const TextPart *parts,
                                  size_t n_parts, GArray *tokens);

/* Appends the bytes of one token (not always whole UTF-8 characters) to out; nothing for special
 * tokens unless with_special. */
void text_tokenizer_decode (const TextTokenizer *tokenizer, int32_t id, gboolean with_special,
                            GString *out);

/* Tokenizers of SentencePiece put a space before a text, which nobody wrote and nobody shall see.
 * bytes: those of the first token of a text that follows the token previous (-1: none). */
void text_tokenizer_drop_prefix (const TextTokenizer *tokenizer, int32_t previous, GString *bytes);

/* Streaming: bytes come in, whole UTF-8 characters come out; an incomplete one is held back
 * until it is whole, invalid ones become U+FFFD. Init with { 0 }. */
typedef struct {
  char held[4];
  unsigned n_held;
} TextUtf8Stream;
void text_utf8_stream_push (TextUtf8Stream *stream, const char *bytes, size_t n, GString *out);
/* What was held at the end becomes U+FFFD. */
void text_utf8_stream_end (TextUtf8Stream *stream, GString *out);
