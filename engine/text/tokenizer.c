/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tokenizer of a model file, as others see it: special tokens are cut out of a text here, the
 * rest is left to the kind. What a vocabulary says vocabulary.c reads; how text is cut kinds.c
 * knows. */
#include "engine/text/tokenizer-private.h"

#include "engine/error.h"

#include <string.h>

static gboolean
find_kind (TextTokenizer *tokenizer, const ModelGguf *gguf, GError **error)
{
  const char *model = model_gguf_get_string (gguf, "tokenizer.ggml.model");
  g_autofree char *supported = NULL;

  if (model == NULL)
    return model_gguf_refuse (gguf, ENGINE_ERROR_BAD_FILE, error, "has no tokenizer");
  tokenizer->kind = text_kind_find (model);
  if (tokenizer->kind != NULL)
    return TRUE;
  supported = text_kind_names ();
  return model_gguf_refuse (
      gguf, ENGINE_ERROR_UNSUPPORTED, error,
      "has a tokenizer of the kind “%.40s”, which this version cannot run (it runs: %s)", model,
      supported);
}

TextTokenizer *
text_tokenizer_new (const ModelGguf *gguf, GError **error)
{
  g_autoptr (TextTokenizer) tokenizer = g_new0 (TextTokenizer, 1);

  tokenizer->symbols = text_strings_new ();
  if (!find_kind (tokenizer, gguf, error))
    return NULL;
  tokenizer->adds_bos = tokenizer->kind->adds_bos;
  tokenizer->adds_eos = tokenizer->kind->adds_eos;
  if (!tokenizer->kind->load (tokenizer, gguf, error) ||
      !text_vocabulary_load_ends (tokenizer, gguf, error))
    return NULL;
  return g_steal_pointer (&tokenizer);
}

void
text_tokenizer_free (TextTokenizer *tokenizer)
{
  if (tokenizer == NULL)
    return;
  text_bpe_free (tokenizer->bpe);
  text_spm_free (tokenizer->spm);
  text_unigram_free (tokenizer->unigram);
  text_specials_finish (&tokenizer->always);
  text_specials_finish (&tokenizer->asked);
  text_strings_free (tokenizer->symbols);
  g_free (tokenizer->flags);
  g_free (tokenizer->description);
  g_free (tokenizer->warning);
  g_free (tokenizer);
}

uint32_t
text_tokenizer_n_vocab (const TextTokenizer *tokenizer)
{
  return tokenizer->n_tokens;
}

uint64_t
text_tokenizer_vocabulary (const TextTokenizer *tokenizer)
{
  return tokenizer->vocabulary;
}

const char *
text_tokenizer_description (const TextTokenizer *tokenizer)
{
  return tokenizer->description;
}

const char *
text_tokenizer_warning (const TextTokenizer *tokenizer)
{
  return tokenizer->warning;
}

int32_t
text_tokenizer_bos (const TextTokenizer *tokenizer)
{
  return tokenizer->bos;
}

gboolean
text_tokenizer_adds_bos (const TextTokenizer *tokenizer)
{
  return tokenizer->adds_bos;
}

int32_t
text_tokenizer_eos (const TextTokenizer *tokenizer)
{
  return tokenizer->eos;
}

gboolean
text_tokenizer_adds_eos (const TextTokenizer *tokenizer)
{
  return tokenizer->adds_eos;
}

static gboolean
has_flag (const TextTokenizer *tokenizer, int32_t id, guint8 flag)
{
  return id >= 0 && (uint32_t) id < tokenizer->n_tokens && (tokenizer->flags[id] & flag) != 0;
}

gboolean
text_tokenizer_is_end (const TextTokenizer *tokenizer, int32_t id)
{
  return has_flag (tokenizer, id, TEXT_FLAG_END);
}

gboolean
text_tokenizer_is_special (const TextTokenizer *tokenizer, int32_t id)
{
  return has_flag (tokenizer, id, TEXT_FLAG_SPECIAL);
}

int32_t
text_tokenizer_special (const TextTokenizer *tokenizer, const char *text)
{
  size_t length = strlen (text);

  for (guint i = 0; i < tokenizer->asked.ids->len; i++) {
    uint32_t id = g_array_index (tokenizer->asked.ids, uint32_t, i);
    size_t n;
    const char *data = text_strings_get (tokenizer->symbols, id, &n);

    if (n == length && memcmp (data, text, n) == 0)
      return (int32_t) id;
  }
  return -1;
}

/* The bytes of all parts, and which of them control tokens may stand in. */
typedef struct {
  const TextTokenizer *tokenizer;
  GByteArray *text, *trusted;
} Joined;

static gboolean
match_allowed (const TextSpecialMatch *match, gconstpointer data)
{
  const Joined *joined = data;

  return !text_tokenizer_is_special (joined->tokenizer, (int32_t) match->id) ||
         memchr (joined->trusted->data + match->offset, 0, match->bytes) == NULL;
}

static void
join_parts (Joined *joined, const TextPart *parts, size_t n_parts)
{
  for (size_t i = 0; i < n_parts; i++) {
    guint before = joined->text->len;
    size_t n = parts[i].n_bytes < 0 ? strlen (parts[i].text) : (size_t) parts[i].n_bytes;

    if (n == 0) /* no array yet to point into */
      continue;
    g_byte_array_append (joined->text, (const guint8 *) parts[i].text, (guint) n);
    g_byte_array_set_size (joined->trusted, joined->text->len);
    memset (joined->trusted->data + before, parts[i].trusted ? 1 : 0, n);
  }
}

/* What stands between two special tokens or an end of the text. */
static void
encode_between (const TextTokenizer *tokenizer, const char *text, size_t begin, size_t end,
                TextMergeScratch *scratch, GArray *tokens)
{
  if (begin < end)
    tokenizer->kind->encode (tokenizer, text + begin, end - begin, scratch, tokens);
}

void
text_tokenizer_encode_parts (const TextTokenizer *tokenizer, const TextPart *parts, size_t n_parts,
                             GArray *tokens)
{
  g_autoptr (GByteArray) text = g_byte_array_new (), trusted = g_byte_array_new ();
  g_autoptr (GArray) matches = g_array_new (FALSE, FALSE, sizeof (TextSpecialMatch));
  g_auto (TextMergeScratch) scratch = { 0 };
  Joined joined = { tokenizer, text, trusted };
  const char *bytes;
  size_t done = 0;

  join_parts (&joined, parts, n_parts);
  if (text->len == 0)
    return;
  bytes = (const char *) text->data;
  text_specials_find (memchr (trusted->data, 1, trusted->len) != NULL ? &tokenizer->asked
                                                                      : &tokenizer->always,
                      tokenizer->symbols, bytes, text->len, match_allowed, &joined, matches);
  for (guint i = 0; i < matches->len; i++) {
    const TextSpecialMatch *match = &g_array_index (matches, TextSpecialMatch, i);
    int32_t token = (int32_t) match->id;

    if (match->offset < done) /* in white space that was taken away */
      continue;
    encode_between (tokenizer, bytes, done, match->offset, &scratch, tokens);
    g_array_append_val (tokens, token);
    done = match->offset + match->bytes;
    if (has_flag (tokenizer, token, TEXT_FLAG_STRIPS_AFTER))
      while (done < text->len && (bytes[done] == ' ' || (bytes[done] >= 9 && bytes[done] <= 13)))
        done++;
  }
  encode_between (tokenizer, bytes, done, text->len, &scratch, tokens);
}

void
text_tokenizer_encode (const TextTokenizer *tokenizer, const char *text, gssize n_bytes,
                       gboolean parse_special, GArray *tokens)
{
  TextPart part = { text, n_bytes, parse_special };

  text_tokenizer_encode_parts (tokenizer, &part, 1, tokens);
}

void
text_tokenizer_decode (const TextTokenizer *tokenizer, int32_t id, gboolean with_special,
                       GString *out)
{
  size_t n;
  const char *bytes;

  if (id < 0 || (uint32_t) id >= tokenizer->n_tokens ||
      (!with_special && text_tokenizer_is_special (tokenizer, id)))
    return;
  bytes = text_strings_get (tokenizer->symbols, (uint32_t) id, &n);
  g_string_append_len (out, bytes, (gssize) n);
}

void
text_tokenizer_drop_prefix (const TextTokenizer *tokenizer, int32_t previous, GString *bytes)
{
  if (tokenizer->adds_prefix && bytes->len > 0 && bytes->str[0] == ' ' &&
      (previous < 0 || text_tokenizer_is_special (tokenizer, previous)))
    g_string_erase (bytes, 0, 1);
}
