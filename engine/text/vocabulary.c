/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The vocabulary of a model file: its tokens, which of them are special, which end an answer. How
 * text becomes ids, kinds.c knows. Source of the keys: the GGUF specification. */
#include "engine/text/tokenizer-private.h"

#include "engine/error.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define MAX_TEXT_BYTES (UINT64_C (32) << 20) /* of all tokens, and of all merges */

/* Tokens that are control tokens by their text, whatever type the file gives them; some end an
 * answer. Files often name only one of several, or none. */
static const struct {
  const char *key;       /* not by text when the file has this; NULL: always */
  const char *other_key; /* the same under an old name */
  gboolean ends;
  const char *texts[9];
} known_tokens[] = {
  { NULL,
    NULL,
    TRUE,
    { "<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|end|>", "<|return|>", "<|call|>", "<|flush|>",
      "<|calls|>", "<|endoftext|>" } },
  { NULL,
    NULL,
    TRUE,
    { "<|end_of_text|>", "<end_of_turn>", "<end_of_utterance>", "<eos>", "</s>", "<EOT>", "_<EOT>",
      "[EOT]", "[EOS]" } },
  { NULL,
    NULL,
    TRUE,
    { "<|eot|>", "<turn|>", "<|tool_response>", "<｜end▁of▁sentence｜>", "[e~[" } },
  { "tokenizer.ggml.fim_pre_token_id",
    "tokenizer.ggml.prefix_token_id",
    FALSE,
    { "<|fim_prefix|>", "<fim-prefix>", "<fim_prefix>", "<｜fim▁begin｜>", "<PRE>", "▁<PRE>",
      "<|code_prefix|>", "<|prefix|>" } },
  { "tokenizer.ggml.fim_suf_token_id",
    "tokenizer.ggml.suffix_token_id",
    FALSE,
    { "<|fim_suffix|>", "<fim-suffix>", "<fim_suffix>", "<｜fim▁hole｜>", "<SUF>", "▁<SUF>",
      "<|code_suffix|>", "<|suffix|>" } },
  { "tokenizer.ggml.fim_mid_token_id",
    "tokenizer.ggml.middle_token_id",
    FALSE,
    { "<|fim_middle|>", "<fim-middle>", "<fim_middle>", "<｜fim▁end｜>", "<MID>", "▁<MID>",
      "<|code_middle|>", "<|middle|>" } },
  { "tokenizer.ggml.fim_pad_token_id",
    NULL,
    TRUE,
    { "<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]" } },
  { "tokenizer.ggml.fim_rep_token_id",
    NULL,
    TRUE,
    { "<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>", "<reponame>" } },
  { "tokenizer.ggml.fim_sep_token_id", NULL, TRUE, { "<|file_sep|>" } },
};

/* Keys of tokens that end an answer. */
static const char *const end_keys[] = {
  "tokenizer.ggml.eos_token_id",
  "tokenizer.ggml.eot_token_id",
  "tokenizer.ggml.eom_token_id",
  "tokenizer.ggml.fim_pad_token_id",
  "tokenizer.ggml.fim_rep_token_id",
  "tokenizer.ggml.fim_sep_token_id",
};

/* Tokens that do not end an answer in a vocabulary that has both others: there they end a part
 * of it. */
static const struct {
  const char *text, *others[2];
} no_ends[] = {
  { "<|end|>", { "<|return|>", "<|call|>" } },
  { "<|end|>", { "<|flush|>", "<|call|>" } },
  { "<|end|>", { "<|return|>", "<|calls|>" } },
  { "<|end|>", { "<|flush|>", "<|calls|>" } },
  { "</s>", { "<|tool_response>", "<|tool_response>" } },
};

gboolean
text_vocabulary_strings (const ModelGguf *gguf, const char *key, uint64_t max, ModelArray *array,
                         GError **error)
{
  uint64_t bytes = 0;

  if (!model_gguf_get_array (gguf, key, array) || array->type != MODEL_VALUE_STRING)
    return model_gguf_refuse (gguf, ENGINE_ERROR_BAD_FILE, error, "has no list of texts “%s”", key);
  for (uint64_t i = 0; i < array->n; i++)
    bytes += array->strings[i].length;
  if (array->n > max || bytes > MAX_TEXT_BYTES)
    return model_gguf_refuse (gguf, ENGINE_ERROR_BAD_FILE, error,
                              "has %" PRIu64 " entries (%" PRIu64
                              " bytes) in “%s”, more than the limit",
                              array->n, bytes, key);
  return TRUE;
}

/* ---- types and scores ----------------------------------------------------------------- */

/* Types of the tokens, one a token; a type that the file does not give is normal. */
static gboolean
get_types (const ModelGguf *gguf, uint64_t n, guint8 *types, GError **error)
{
  ModelArray array;

  memset (types, TEXT_TYPE_NORMAL, n);
  if (!model_gguf_get_array (gguf, "tokenizer.ggml.token_type", &array))
    return TRUE;
  if (array.data == NULL || array.n != n)
    return model_gguf_refuse (gguf, ENGINE_ERROR_BAD_FILE, error,
                              "is damaged: it has %" PRIu64 " token types for %" PRIu64 " tokens",
                              array.n, n);
  for (uint64_t i = 0; i < n; i++)
    types[i] = (guint8) CLAMP (model_array_int (&array, i), 0, 255);
  return TRUE;
}

/* *scores is NULL when the file has none. */
static gboolean
get_scores (const ModelGguf *gguf, uint64_t n, float **scores, GError **error)
{
  ModelArray array;

  if (!model_gguf_get_array (gguf, "tokenizer.ggml.scores", &array))
    return TRUE;
  if (array.data == NULL || array.n != n)
    return model_gguf_refuse (gguf, ENGINE_ERROR_BAD_FILE, error,
                              "is damaged: it has %" PRIu64 " scores for %" PRIu64 " tokens",
                              array.n, n);
  *scores = g_new (float, n);
  for (uint64_t i = 0; i < n; i++) {
    (*scores)[i] = (float) model_array_float (&array, i);
    if (!isfinite ((*scores)[i]))
      return model_gguf_refuse (gguf, ENGINE_ERROR_BAD_FILE, error,
                                "is damaged: the score of token %" PRIu64 " is no number", i);
  }
  return TRUE;
}

/* ---- tokens --------------------------------------------------------------------------- */

static gboolean
has_number (const ModelGguf *gguf, const char *key)
{
  uint64_t value;
  gboolean found;

  return key != NULL && model_gguf_get_u64 (gguf, key, &value, &found, NULL) && found;
}

/* The flags that a token has by its text. */
static guint8
known_flags (const ModelGguf *gguf, const ModelString *text)
{
  for (size_t i = 0; i < G_N_ELEMENTS (known_tokens); i++)
    for (size_t k = 0; k < G_N_ELEMENTS (known_tokens[i].texts); k++) {
      const char *known = known_tokens[i].texts[k];

      if (known == NULL)
        break;
      if (text->length == 0 || text->data[0] != known[0] || strlen (known) != text->length ||
          memcmp (known, text->data, text->length) != 0)
        continue;
      if (has_number (gguf, known_tokens[i].key) || has_number (gguf, known_tokens[i].other_key))
        return 0;
      return known_tokens[i].ends ? TEXT_FLAG_SPECIAL | TEXT_FLAG_END : TEXT_FLAG_SPECIAL;
    }
  return 0;
}

/* FNV-1a. */
static uint64_t
add_to_hash (uint64_t hash, const void *bytes, size_t n)
{
  for (size_t i = 0; i < n; i++)
    hash = (hash ^ ((const guint8 *) bytes)[i]) * UINT64_C (0x100000001b3);
  return hash;
}

/* Of all tokens that stand for text. */
static uint64_t
hash_tokens (const TextVocabulary *vocabulary)
{
  uint64_t hash = UINT64_C (0xcbf29ce484222325);

  for (uint32_t i = 0; i < vocabulary->texts.n; i++) {
    const ModelString *text = &vocabulary->texts.strings[i];

    if (vocabulary->types[i] != TEXT_TYPE_NORMAL && vocabulary->types[i] != TEXT_TYPE_BYTE)
      continue;
    hash = (hash ^ ((uint64_t) text->length << 32 | i)) * UINT64_C (0x100000001b3);
    hash = add_to_hash (hash, text->data, text->length);
  }
  return hash;
}

/* Tokens of text become the bytes that they stand for; the others keep their text and are found by
 * text_specials_find alone. */
static void
add_tokens (TextVocabulary *vocabulary)
{
  TextTokenizer *tokenizer = vocabulary->tokenizer;
  GArray *always = g_array_new (FALSE, FALSE, sizeof (uint32_t));
  GArray *asked = g_array_new (FALSE, FALSE, sizeof (uint32_t));

  for (uint32_t i = 0; i < tokenizer->n_tokens; i++) {
    const ModelString *text = &vocabulary->texts.strings[i];
    guint8 type = vocabulary->types[i];
    guint8 flags = known_flags (vocabulary->gguf, text);
    gboolean found = FALSE;

    if (type == TEXT_TYPE_CONTROL || type == TEXT_TYPE_UNKNOWN)
      flags |= TEXT_FLAG_SPECIAL;
    tokenizer->flags[i] = flags;
    g_byte_array_set_size (vocabulary->bytes, 0);
    if ((flags & TEXT_FLAG_SPECIAL) != 0 || type == TEXT_TYPE_USER_DEFINED) {
      g_array_append_val (asked, i);
      if ((flags & TEXT_FLAG_SPECIAL) == 0)
        g_array_append_val (always, i);
    } else {
      found = tokenizer->kind->read_token (vocabulary, i);
    }
    if (vocabulary->bytes->len > 0)
      text_strings_append (tokenizer->symbols, (const char *) vocabulary->bytes->data,
                           vocabulary->bytes->len);
    else /* as it is written, to be shown */
      text_strings_append (tokenizer->symbols, text->data, text->length);
    if (found)
      text_strings_link (tokenizer->symbols, i);
  }
  text_specials_init (&tokenizer->always, tokenizer->symbols, always);
  text_specials_init (&tokenizer->asked, tokenizer->symbols, asked);
}

/* -1 when the file does not name one. */
static gboolean
get_token_id (const TextTokenizer *tokenizer, const ModelGguf *gguf, const char *key, int32_t *id,
              GError **error)
{
  uint64_t value = 0;
  gboolean found;

  *id = -1;
  if (!model_gguf_get_u64 (gguf, key, &value, &found, error))
    return FALSE;
  if (!found)
    return TRUE;
  if (value >= tokenizer->n_tokens)
    return model_gguf_refuse (gguf, ENGINE_ERROR_BAD_FILE, error,
                              "is damaged: “%s” is %" PRIu64 " but there are only %u tokens", key,
                              value, tokenizer->n_tokens);
  *id = (int32_t) value;
  return TRUE;
}

/* The id under the first of two keys that the file has, or what is usual. */
static gboolean
get_either_id (const TextTokenizer *tokenizer, const ModelGguf *gguf, const char *key,
               const char *other_key, int32_t usual, int32_t *id, GError **error)
{
  if (!get_token_id (tokenizer, gguf, key, id, error) ||
      (*id < 0 && !get_token_id (tokenizer, gguf, other_key, id, error)))
    return FALSE;
  if (*id < 0 && usual >= 0 && (uint32_t) usual < tokenizer->n_tokens)
    *id = usual;
  return TRUE;
}

/* The token that stands for what is unknown, by its key, by its type, or the usual one. */
static gboolean
find_unknown (TextVocabulary *vocabulary, GError **error)
{
  int32_t usual = vocabulary->tokenizer->kind->unknown;
  const guint8 *first;

  if (!get_token_id (vocabulary->tokenizer, vocabulary->gguf, "tokenizer.ggml.unknown_token_id",
                     &vocabulary->unknown, error))
    return FALSE;
  first = memchr (vocabulary->types, TEXT_TYPE_UNKNOWN, vocabulary->texts.n);
  if (vocabulary->unknown < 0 && first != NULL)
    vocabulary->unknown = (int32_t) (first - vocabulary->types);
  else if (vocabulary->unknown < 0 && usual >= 0 && (uint64_t) usual < vocabulary->texts.n)
    vocabulary->unknown = usual;
  return TRUE;
}

void
text_vocabulary_clear (TextVocabulary *vocabulary)
{
  g_clear_pointer (&vocabulary->types, g_free);
  g_clear_pointer (&vocabulary->scores, g_free);
  g_clear_pointer (&vocabulary->bytes, g_byte_array_unref);
  g_clear_pointer (&vocabulary->pieces, g_array_unref);
}

gboolean
text_vocabulary_load (TextVocabulary *vocabulary, TextTokenizer *tokenizer, const ModelGguf *gguf,
                      GError **error)
{
  const ModelArray *texts = &vocabulary->texts;

  vocabulary->tokenizer = tokenizer;
  vocabulary->gguf = gguf;
  if (!text_vocabulary_strings (gguf, "tokenizer.ggml.tokens", TEXT_MAX_TOKENS, &vocabulary->texts,
                                error))
    return FALSE;
  if (texts->n == 0)
    return model_gguf_refuse (gguf, ENGINE_ERROR_BAD_FILE, error, "is damaged: it has no tokens");
  tokenizer->n_tokens = (uint32_t) texts->n;
  tokenizer->flags = g_malloc0 (texts->n);
  vocabulary->types = g_malloc (texts->n);
  vocabulary->bytes = g_byte_array_new ();
  vocabulary->pieces = g_array_new (FALSE, FALSE, sizeof (uint32_t));
  memset (vocabulary->byte_tokens, 0xff, sizeof vocabulary->byte_tokens);
  if (!get_types (gguf, texts->n, vocabulary->types, error) ||
      !get_scores (gguf, texts->n, &vocabulary->scores, error) || !find_unknown (vocabulary, error))
    return FALSE;
  add_tokens (vocabulary);
  tokenizer->vocabulary = hash_tokens (vocabulary);
  return TRUE;
}

/* ---- ends ----------------------------------------------------------------------------- */

static void
clear_no_ends (TextTokenizer *tokenizer)
{
  for (size_t i = 0; i < G_N_ELEMENTS (no_ends); i++) {
    int32_t id = text_tokenizer_special (tokenizer, no_ends[i].text);

    if (id >= 0 && text_tokenizer_special (tokenizer, no_ends[i].others[0]) >= 0 &&
        text_tokenizer_special (tokenizer, no_ends[i].others[1]) >= 0)
      tokenizer->flags[id] &= (guint8) ~TEXT_FLAG_END;
  }
}

/* Phi-3 takes white space after its control tokens for a part of them, but after these three. The
 * file says so nowhere but in its name. */
static void
find_stripping_tokens (TextTokenizer *tokenizer, const ModelGguf *gguf)
{
  static const char *const others[] = { "<unk>", "<s>", "<|endoftext|>" };
  const char *name = model_gguf_get_string (gguf, "general.name");
  g_autofree char *lower = name != NULL ? g_ascii_strdown (name, -1) : NULL;

  if (lower == NULL || (strstr (lower, "phi-3") == NULL && strstr (lower, "phi3") == NULL))
    return;
  for (guint i = 0; i < tokenizer->asked.ids->len; i++)
    tokenizer->flags[g_array_index (tokenizer->asked.ids, uint32_t, i)] |= TEXT_FLAG_STRIPS_AFTER;
  for (size_t i = 0; i < G_N_ELEMENTS (others); i++) {
    int32_t id = text_tokenizer_special (tokenizer, others[i]);

    if (id >= 0)
      tokenizer->flags[id] &= (guint8) ~TEXT_FLAG_STRIPS_AFTER;
  }
}

gboolean
text_vocabulary_load_ends (TextTokenizer *tokenizer, const ModelGguf *gguf, GError **error)
{
  const TextKind *kind = tokenizer->kind;

  /* BERT's first and last tokens have names of their own, the second spelt like this. */
  if (!get_either_id (tokenizer, gguf, "tokenizer.ggml.bos_token_id", "tokenizer.ggml.cls_token_id",
                      kind->bos, &tokenizer->bos, error) ||
      !get_either_id (tokenizer, gguf, "tokenizer.ggml.eos_token_id",
                      "tokenizer.ggml.seperator_token_id", kind->eos, &tokenizer->eos, error) ||
      !model_gguf_get_bool (gguf, "tokenizer.ggml.add_bos_token", &tokenizer->adds_bos, NULL,
                            error) ||
      !model_gguf_get_bool (gguf, "tokenizer.ggml.add_eos_token", &tokenizer->adds_eos, NULL,
                            error))
    return FALSE;
  tokenizer->adds_bos = (tokenizer->adds_bos || tokenizer->insists_on_bos) && tokenizer->bos >= 0;
  tokenizer->adds_eos = tokenizer->adds_eos && tokenizer->eos >= 0;
  if (tokenizer->eos >= 0)
    tokenizer->flags[tokenizer->eos] |= TEXT_FLAG_END;
  for (size_t i = 0; i < G_N_ELEMENTS (end_keys); i++) {
    int32_t id;

    if (!get_token_id (tokenizer, gguf, end_keys[i], &id, error))
      return FALSE;
    if (id >= 0)
      tokenizer->flags[id] |= TEXT_FLAG_END;
  }
  clear_no_ends (tokenizer);
  find_stripping_tokens (tokenizer, gguf);
  return TRUE;
}
