/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The kinds of tokenizers as a table: how a vocabulary of each is read, and how text becomes ids.
 * The work is done in bpe.c, spm.c, unigram.c and wordpiece.c; another kind is a row here and a
 * file beside these. Special tokens are cut out before a text comes here. */
#include "engine/text/tokenizer-private.h"

#include "engine/error.h"
#include "engine/text/marks.h"

#include <string.h>

/* Parts of merges that are no tokens: a vocabulary cut short has some, a lying one would cost
 * memory. */
#define MAX_EXTRA_SYMBOLS (UINT32_C (64) << 10)

/* A token for a byte that is found by no text. */
static gboolean
take_byte_token (TextVocabulary *vocabulary, uint32_t id)
{
  int value = vocabulary->types[id] == TEXT_TYPE_BYTE
                  ? text_marks_byte (&vocabulary->texts.strings[id])
                  : -1;
  guint8 byte = (guint8) value;

  if (value < 0)
    return FALSE;
  vocabulary->byte_tokens[byte] = (int32_t) id;
  g_byte_array_append (vocabulary->bytes, &byte, 1);
  return TRUE;
}

/* ---- BPE by a list of merges ---------------------------------------------------------- */

static gboolean
read_bpe_token (TextVocabulary *vocabulary, uint32_t id)
{
  const ModelString *text = &vocabulary->texts.strings[id];

  if (!text_pretokenizer_of_characters (vocabulary->tokenizer->pretokenizer))
    return text_bpe_bytes_of_text (text->data, text->length, vocabulary->bytes);
  if (take_byte_token (vocabulary, id))
    return FALSE;
  text_marks_to_spaces (text->data, text->length, vocabulary->bytes);
  return text->length > 0;
}

/* By name; where the file has none, or one that is not known, with a warning. */
static void
choose_pretokenizer (TextTokenizer *tokenizer, const char *name)
{
  g_autofree char *shown = name != NULL ? g_utf8_make_valid (name, MIN (strlen (name), 40)) : NULL;

  tokenizer->pretokenizer = name != NULL ? text_pretokenizer_find (name) : NULL;
  if (tokenizer->pretokenizer != NULL) {
    tokenizer->description = g_strdup_printf ("%s (%s)", tokenizer->kind->model, name);
    return;
  }
  tokenizer->description = g_strdup_printf ("%s (default)", tokenizer->kind->model);
  tokenizer->pretokenizer = text_pretokenizer_find (name != NULL ? "gpt-2" : "default");
  if (shown != NULL)
    tokenizer->warning =
        g_strdup_printf ("The model cuts text into words by the rules “%s”, which this version "
                         "does not know; those of GPT-2 are used, and answers may be worse.",
                         shown);
  else
    tokenizer->warning =
        g_strdup ("The model does not say how it cuts text into words; usual rules are used, and "
                  "answers may be worse.");
}

static gboolean
load_merges (TextTokenizer *tokenizer, const ModelGguf *gguf, const char *pre, GError **error)
{
  g_auto (TextVocabulary) vocabulary = { 0 };
  gboolean of_characters;
  ModelArray merges;

  choose_pretokenizer (tokenizer, pre);
  of_characters = text_pretokenizer_of_characters (tokenizer->pretokenizer);
  tokenizer->adds_bos = text_pretokenizer_adds_bos (tokenizer->pretokenizer);
  tokenizer->insists_on_bos = text_pretokenizer_insists_on_bos (tokenizer->pretokenizer);
  if (!text_vocabulary_load (&vocabulary, tokenizer, gguf, error) ||
      !text_vocabulary_strings (gguf, "tokenizer.ggml.merges", TEXT_MAX_MERGES, &merges, error))
    return FALSE;
  tokenizer->bpe = text_bpe_new (&merges, tokenizer->symbols,
                                 tokenizer->n_tokens + MAX_EXTRA_SYMBOLS,
                                 of_characters ? vocabulary.byte_tokens : NULL);
  tokenizer->part_words = of_characters && text_marks_part_words (tokenizer->symbols);
  return tokenizer->bpe != NULL ||
         model_gguf_refuse (gguf, ENGINE_ERROR_BAD_FILE, error,
                            "is damaged: the merges of its tokenizer do not belong to its tokens");
}

static gboolean
load_gpt2 (TextTokenizer *tokenizer, const ModelGguf *gguf, GError **error)
{
  return load_merges (tokenizer, gguf, model_gguf_get_string (gguf, "tokenizer.ggml.pre"), error);
}

static gboolean
load_gemma4 (TextTokenizer *tokenizer, const ModelGguf *gguf, GError **error)
{
  return load_merges (tokenizer, gguf, "gemma4", error);
}

static void
encode_word (const TextTokenizer *tokenizer, const char *word, size_t n, TextMergeScratch *scratch,
             GArray *tokens)
{
  uint32_t id = text_pretokenizer_takes_whole (tokenizer->pretokenizer, word, n)
                    ? text_strings_find (tokenizer->symbols, word, n)
                    : TEXT_STRINGS_NONE;
  int32_t token = (int32_t) id;

  if (id < tokenizer->n_tokens)
    g_array_append_val (tokens, token);
  else
    text_bpe_encode (tokenizer->bpe, word, n, scratch, tokens);
}

static void
encode_bpe (const TextTokenizer *tokenizer, const char *text, size_t n, TextMergeScratch *scratch,
            GArray *tokens)
{
  g_autoptr (GByteArray) spaced = NULL;
  TextPieces pieces;
  size_t piece;

  if (text_pretokenizer_of_characters (tokenizer->pretokenizer) &&
      memmem (text, n, TEXT_MARK, strlen (TEXT_MARK)) != NULL) {
    spaced = g_byte_array_new ();
    text_marks_to_spaces (text, n, spaced);
    text = (const char *) spaced->data;
    n = spaced->len;
  }
  text_pieces_begin (&pieces, tokenizer->pretokenizer, text, n);
  while ((piece = text_pieces_next (&pieces)) > 0)
    for (size_t word; piece > 0; piece -= word, text += word) {
      word = text_marks_word_bytes (tokenizer->part_words, text, piece);
      encode_word (tokenizer, text, word, scratch, tokens);
    }
}

/* ---- SentencePiece BPE ---------------------------------------------------------------- */

static gboolean
read_spm_token (TextVocabulary *vocabulary, uint32_t id)
{
  const ModelString *text = &vocabulary->texts.strings[id];

  if (take_byte_token (vocabulary, id))
    return FALSE;
  text_marks_to_spaces (text->data, text->length, vocabulary->bytes);
  return text->length > 0;
}

static gboolean
load_spm (TextTokenizer *tokenizer, const ModelGguf *gguf, GError **error)
{
  g_auto (TextVocabulary) vocabulary = { 0 };
  TextSpmVocabulary spm = { .symbols = tokenizer->symbols };

  tokenizer->description = g_strdup ("llama");
  tokenizer->adds_prefix = TRUE;
  if (!model_gguf_get_bool (gguf, "tokenizer.ggml.add_space_prefix", &tokenizer->adds_prefix, NULL,
                            error) ||
      !text_vocabulary_load (&vocabulary, tokenizer, gguf, error))
    return FALSE;
  spm.n_tokens = tokenizer->n_tokens;
  spm.scores = vocabulary.scores;
  spm.unknown = vocabulary.unknown;
  memcpy (spm.byte_tokens, vocabulary.byte_tokens, sizeof spm.byte_tokens);
  tokenizer->spm = text_spm_new (&spm);
  return TRUE;
}

/* Special tokens and the ends of a text are alike: what stands between two of them begins with a
 * space. */
static void
encode_spm (const TextTokenizer *tokenizer, const char *text, size_t n, TextMergeScratch *scratch,
            GArray *tokens)
{
  g_autoptr (GByteArray) spaced = g_byte_array_sized_new ((guint) MIN (n + 1, G_MAXUINT));

  if (tokenizer->adds_prefix)
    g_byte_array_append (spaced, (const guint8 *) " ", 1);
  text_marks_to_spaces (text, n, spaced);
  text_spm_encode (tokenizer->spm, (const char *) spaced->data, spaced->len, scratch, tokens);
}

/* ---- unigram -------------------------------------------------------------------------- */

/* Pieces are found by their trie, which has scores too. */
static gboolean
read_unigram_token (TextVocabulary *vocabulary, uint32_t id)
{
  const ModelString *text = &vocabulary->texts.strings[id];

  if (!take_byte_token (vocabulary, id) && vocabulary->types[id] == TEXT_TYPE_NORMAL) {
    text_marks_to_spaces (text->data, text->length, vocabulary->bytes);
    g_array_append_val (vocabulary->pieces, id);
  }
  return FALSE;
}

static gboolean
load_unigram (TextTokenizer *tokenizer, const ModelGguf *gguf, GError **error)
{
  g_auto (TextVocabulary) vocabulary = { 0 };
  TextUnigramVocabulary unigram = { .symbols = tokenizer->symbols };

  tokenizer->description = g_strdup ("unigram");
  if (!text_vocabulary_load (&vocabulary, tokenizer, gguf, error))
    return FALSE;
  unigram.pieces = (const uint32_t *) (const void *) vocabulary.pieces->data;
  unigram.n_pieces = vocabulary.pieces->len;
  unigram.scores = vocabulary.scores;
  unigram.unknown = vocabulary.unknown;
  memcpy (unigram.byte_tokens, vocabulary.byte_tokens, sizeof unigram.byte_tokens);
  tokenizer->unigram = text_unigram_new (gguf, &unigram, error);
  return tokenizer->unigram != NULL;
}

static void
encode_unigram (const TextTokenizer *tokenizer, const char *text, size_t n,
                TextMergeScratch *scratch, GArray *tokens)
{
  text_unigram_encode (tokenizer->unigram, text, n, tokens);
}

/* ---- WordPiece ------------------------------------------------------------------------ */

static gboolean
read_wordpiece_token (TextVocabulary *vocabulary, uint32_t id)
{
  const ModelString *text = &vocabulary->texts.strings[id];
  TextWordpiece *wordpiece = &vocabulary->tokenizer->wordpiece;

  if (text->length == 0 || vocabulary->types[id] != TEXT_TYPE_NORMAL)
    return FALSE;
  text_wordpiece_bytes_of_piece (wordpiece->style, text->data, text->length, vocabulary->bytes);
  wordpiece->longest_bytes = MAX (wordpiece->longest_bytes, vocabulary->bytes->len);
  return TRUE;
}

static gboolean
load_wordpiece (TextTokenizer *tokenizer, const ModelGguf *gguf, GError **error)
{
  g_auto (TextVocabulary) vocabulary = { 0 };
  TextWordpiece *wordpiece = &tokenizer->wordpiece;
  ModelArray texts;

  tokenizer->description = g_strdup ("wordpiece");
  if (!text_vocabulary_strings (gguf, "tokenizer.ggml.tokens", TEXT_MAX_TOKENS, &texts, error))
    return FALSE;
  wordpiece->style = text_wordpiece_style (&texts);
  wordpiece->symbols = tokenizer->symbols;
  wordpiece->lowercase = TRUE;
  if (!model_gguf_get_bool (gguf, "tokenizer.ggml.normalizer.lowercase", &wordpiece->lowercase,
                            NULL, error))
    return FALSE;
  wordpiece->strips_accents = wordpiece->lowercase;
  if (!model_gguf_get_bool (gguf, "tokenizer.ggml.normalizer.strip_accents",
                            &wordpiece->strips_accents, NULL, error) ||
      !text_vocabulary_load (&vocabulary, tokenizer, gguf, error))
    return FALSE;
  wordpiece->unknown = vocabulary.unknown;
  return TRUE;
}

static void
encode_wordpiece (const TextTokenizer *tokenizer, const char *text, size_t n,
                  TextMergeScratch *scratch, GArray *tokens)
{
  text_wordpiece_encode (&tokenizer->wordpiece, text, n, tokens);
}

static const TextKind kinds[] = {
  { "gpt2", FALSE, FALSE, -1, -1, -1, read_bpe_token, load_gpt2, encode_bpe },
  { "gemma4", TRUE, FALSE, -1, -1, -1, read_bpe_token, load_gemma4, encode_bpe },
  { "llama", TRUE, FALSE, 1, 2, 0, read_spm_token, load_spm, encode_spm },
  { "t5", FALSE, TRUE, -1, -1, -1, read_unigram_token, load_unigram, encode_unigram },
  { "bert", TRUE, TRUE, -1, -1, -1, read_wordpiece_token, load_wordpiece, encode_wordpiece },
};

const TextKind *
text_kind_find (const char *model)
{
  for (size_t i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (strcmp (kinds[i].model, model) == 0)
      return &kinds[i];
  return NULL;
}

char *
text_kind_names (void)
{
  GString *names = g_string_new (kinds[0].model);

  for (size_t i = 1; i < G_N_ELEMENTS (kinds); i++)
    g_string_append_printf (names, ", %s", kinds[i].model);
  return g_string_free (names, FALSE);
}
