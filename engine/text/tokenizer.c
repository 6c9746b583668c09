/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tokenizer of a model file: its vocabulary, which tokens are special, which end an answer,
 * and the way from text to ids and back. How text is cut, pretokenizer.c, bpe.c, unigram.c and
 * wordpiece.c know. Another kind of tokenizer is a row in kinds and a file beside these.
 * Source of the keys: the GGUF specification. */
#include "engine/text/tokenizer.h"

#include "engine/error.h"
#include "engine/text/bpe.h"
#include "engine/text/pretokenizer.h"
#include "engine/text/special.h"
#include "engine/text/unigram.h"
#include "engine/text/wordpiece.h"

#include <inttypes.h>
#include <string.h>

/* The largest known have 262,208 tokens and 514,906 merges. */
#define MAX_TOKENS     (UINT64_C (512) << 10)
#define MAX_MERGES     (UINT64_C (640) << 10)
#define MAX_TEXT_BYTES (UINT64_C (32) << 20) /* of all tokens, and of all merges */
/* Parts of merges that are no tokens: a vocabulary cut short has some, a lying one would cost
 * memory. */
#define MAX_EXTRA_SYMBOLS (UINT32_C (64) << 10)
/* No word is that long; cutting one there bounds the memory that merging takes. */
#define MAX_PIECE_BYTES ((size_t) 1 << 20)

/* tokenizer.ggml.token_type */
enum {
  TYPE_NORMAL = 1,
  TYPE_UNKNOWN = 2,
  TYPE_CONTROL = 3,
  TYPE_USER_DEFINED = 4,
  TYPE_UNUSED = 5,
  TYPE_BYTE = 6,
};

enum {
  FLAG_SPECIAL = 1 << 0, /* control or unknown: never from a person's text, not shown */
  FLAG_END = 1 << 1,     /* ends an answer */
};

/* What is only needed while a vocabulary is read. */
typedef struct {
  TextTokenizer *tokenizer;
  ModelArray texts;
  guint8 *types;            /* [texts.n] */
  GByteArray *bytes;        /* of the token at hand; empty between two */
  int32_t unknown;          /* id of the token for what is unknown, or -1 */
  GArray *pieces;           /* uint32_t: ids of normal tokens, for kinds that ask for them */
  int32_t byte_tokens[256]; /* -1: none */
} Vocabulary;

typedef struct {
  const char *model;           /* tokenizer.ggml.model */
  gboolean adds_bos, adds_eos; /* where the file does not say */
  /* Appends to vocabulary->bytes what a token of text stands for and returns TRUE when it can be
   * found by it. */
  gboolean (*read_token) (Vocabulary *vocabulary, uint32_t id);
  gboolean (*load) (TextTokenizer *tokenizer, const ModelGguf *gguf, GError **error);
  void (*encode) (const TextTokenizer *tokenizer, const char *text, size_t n,
                  TextBpeScratch *scratch, GArray *tokens);
} Kind;

struct _TextTokenizer {
  const Kind *kind;
  char *description, *warning;
  uint32_t n_tokens;
  TextStrings *symbols; /* the first n_tokens are the tokens, as bytes that they stand for */
  guint8 *flags;        /* [n_tokens] */
  TextSpecials always;  /* found in any text: user-defined tokens */
  TextSpecials asked;   /* found in templates: those and the control tokens */
  int32_t bos, eos;
  gboolean adds_bos, adds_eos;

  /* Of the kind. */
  const TextPretokenizer *pretokenizer;
  TextBpe *bpe;
  TextUnigram *unigram;
  TextWordpiece wordpiece;
};

/* Tokens that end an answer by their text, whatever the file's type says of them: they are
 * control tokens. Files often name only one of several. */
static const char *const end_texts[] = { "<|im_end|>", "<|eot_id|>", "<|eom_id|>",
                                         "<|end|>", "<|return|>", "<|call|>",
                                         "<|flush|>", "<|calls|>", "<|endoftext|>",
                                         "<|end_of_text|>", "<end_of_turn>", "<end_of_utterance>",
                                         "<eos>", "</s>", "<EOT>",
                                         "_<EOT>", "[EOT]", "[EOS]",
                                         "<|eot|>", "<|fim_pad|>", "<fim-pad>",
                                         "<fim_pad>", "<|fim_repo|>", "<|repo_name|>",
                                         "<fim-repo>", "<reponame>", "<REPO>",
                                         "<|file_sep|>" };

/* Keys of tokens that end an answer. */
static const char *const end_keys[] = {
  "tokenizer.ggml.eos_token_id",
  "tokenizer.ggml.eot_token_id",
  "tokenizer.ggml.eom_token_id",
};

/* ---- loading -------------------------------------------------------------------------- */

/* The strings under key, with limits on their number and total size. */
static gboolean
get_strings (const ModelGguf *gguf, const char *key, uint64_t max, ModelArray *array,
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

/* Types of the tokens, one a token; a type that the file does not give is normal. */
static gboolean
get_types (const ModelGguf *gguf, uint64_t n, guint8 *types, GError **error)
{
  ModelArray array;

  memset (types, TYPE_NORMAL, n);
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

static gboolean
is_end_text (const ModelString *text)
{
  for (size_t i = 0; i < G_N_ELEMENTS (end_texts); i++)
    if (text->length > 0 && text->data[0] == end_texts[i][0] &&
        strlen (end_texts[i]) == text->length &&
        memcmp (end_texts[i], text->data, text->length) == 0)
      return TRUE;
  return FALSE;
}

/* Tokens of text become the bytes that they stand for; the others keep their text and are found by
 * text_specials_find alone. */
static void
add_tokens (Vocabulary *vocabulary)
{
  TextTokenizer *tokenizer = vocabulary->tokenizer;
  GArray *always = g_array_new (FALSE, FALSE, sizeof (uint32_t));
  GArray *asked = g_array_new (FALSE, FALSE, sizeof (uint32_t));

  for (uint32_t i = 0; i < tokenizer->n_tokens; i++) {
    const ModelString *text = &vocabulary->texts.strings[i];
    guint8 type = vocabulary->types[i];
    gboolean ends = is_end_text (text);
    gboolean special = ends || type == TYPE_CONTROL || type == TYPE_UNKNOWN;
    gboolean found = FALSE;

    tokenizer->flags[i] = (guint8) ((special ? FLAG_SPECIAL : 0) | (ends ? FLAG_END : 0));
    g_byte_array_set_size (vocabulary->bytes, 0);
    if (special || type == TYPE_USER_DEFINED) {
      g_array_append_val (asked, i);
      if (!special)
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

/* The id under the first of two keys that the file has. */
static gboolean
get_either_id (const TextTokenizer *tokenizer, const ModelGguf *gguf, const char *key,
               const char *other_key, int32_t *id, GError **error)
{
  return get_token_id (tokenizer, gguf, key, id, error) &&
         (*id >= 0 || get_token_id (tokenizer, gguf, other_key, id, error));
}

/* The token that stands for what is unknown, by its key or by its type. */
static gboolean
find_unknown (Vocabulary *vocabulary, const ModelGguf *gguf, GError **error)
{
  const guint8 *first;

  if (!get_token_id (vocabulary->tokenizer, gguf, "tokenizer.ggml.unknown_token_id",
                     &vocabulary->unknown, error))
    return FALSE;
  first = memchr (vocabulary->types, TYPE_UNKNOWN, vocabulary->texts.n);
  if (vocabulary->unknown < 0 && first != NULL)
    vocabulary->unknown = (int32_t) (first - vocabulary->types);
  return TRUE;
}

static void
vocabulary_clear (Vocabulary *vocabulary)
{
  g_clear_pointer (&vocabulary->types, g_free);
  g_clear_pointer (&vocabulary->bytes, g_byte_array_unref);
  g_clear_pointer (&vocabulary->pieces, g_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Vocabulary, vocabulary_clear)

/* vocabulary: zeros; it is what was read of the file. */
static gboolean
load_vocabulary (TextTokenizer *tokenizer, const ModelGguf *gguf, Vocabulary *vocabulary,
                 GError **error)
{
  const ModelArray *texts = &vocabulary->texts;

  vocabulary->tokenizer = tokenizer;
  if (!get_strings (gguf, "tokenizer.ggml.tokens", MAX_TOKENS, &vocabulary->texts, error))
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
      !find_unknown (vocabulary, gguf, error))
    return FALSE;
  add_tokens (vocabulary);
  return TRUE;
}

static gboolean
load_special_ids (TextTokenizer *tokenizer, const ModelGguf *gguf, GError **error)
{
  /* BERT's first and last tokens have names of their own, the second spelt like this. */
  if (!get_either_id (tokenizer, gguf, "tokenizer.ggml.bos_token_id",
                      "tokenizer.ggml.cls_token_id", &tokenizer->bos, error) ||
      !get_either_id (tokenizer, gguf, "tokenizer.ggml.eos_token_id",
                      "tokenizer.ggml.seperator_token_id", &tokenizer->eos, error) ||
      !model_gguf_get_bool (gguf, "tokenizer.ggml.add_bos_token", &tokenizer->adds_bos, NULL,
                            error) ||
      !model_gguf_get_bool (gguf, "tokenizer.ggml.add_eos_token", &tokenizer->adds_eos, NULL,
                            error))
    return FALSE;
  tokenizer->adds_bos = tokenizer->adds_bos && tokenizer->bos >= 0;
  tokenizer->adds_eos = tokenizer->adds_eos && tokenizer->eos >= 0;
  for (size_t i = 0; i < G_N_ELEMENTS (end_keys); i++) {
    int32_t id;

    if (!get_token_id (tokenizer, gguf, end_keys[i], &id, error))
      return FALSE;
    if (id >= 0)
      tokenizer->flags[id] |= FLAG_END;
  }
  return TRUE;
}

/* ---- byte-level BPE ------------------------------------------------------------------- */

static gboolean
read_bpe_token (Vocabulary *vocabulary, uint32_t id)
{
  const ModelString *text = &vocabulary->texts.strings[id];

  return text_bpe_bytes_of_text (text->data, text->length, vocabulary->bytes);
}

static gboolean
load_bpe (TextTokenizer *tokenizer, const ModelGguf *gguf, GError **error)
{
  const char *pre = model_gguf_get_string (gguf, "tokenizer.ggml.pre");
  g_auto (Vocabulary) vocabulary = { 0 };
  ModelArray merges;

  tokenizer->pretokenizer = pre != NULL ? text_pretokenizer_find (pre) : NULL;
  if (tokenizer->pretokenizer == NULL) {
    g_autofree char *shown = pre != NULL ? g_utf8_make_valid (pre, MIN (strlen (pre), 40)) : NULL;

    tokenizer->pretokenizer = text_pretokenizer_default ();
    if (shown != NULL)
      tokenizer->warning =
          g_strdup_printf ("The model cuts text into words by the rules “%s”, which this version "
                           "does not know; those of GPT-2 are used, and answers may be worse.",
                           shown);
    else
      tokenizer->warning = g_strdup (
          "The model does not say how it cuts text into words; the rules of GPT-2 "
          "are used, and answers may be worse.");
  }
  tokenizer->description = g_strdup_printf ("gpt2 (%s)", pre != NULL && tokenizer->warning == NULL
                                                             ? pre
                                                             : "default");
  tokenizer->adds_bos = text_pretokenizer_adds_bos (tokenizer->pretokenizer);
  if (!load_vocabulary (tokenizer, gguf, &vocabulary, error) ||
      !get_strings (gguf, "tokenizer.ggml.merges", MAX_MERGES, &merges, error))
    return FALSE;
  tokenizer->bpe =
      text_bpe_new (&merges, tokenizer->symbols, tokenizer->n_tokens + MAX_EXTRA_SYMBOLS);
  return tokenizer->bpe != NULL ||
         model_gguf_refuse (gguf, ENGINE_ERROR_BAD_FILE, error,
                            "is damaged: the merges of its tokenizer do not belong to its tokens");
}

static void
encode_bpe (const TextTokenizer *tokenizer, const char *text, size_t n, TextBpeScratch *scratch,
            GArray *tokens)
{
  gboolean whole_words = text_pretokenizer_ignores_merges (tokenizer->pretokenizer);

  while (n > 0) {
    size_t piece = text_pretokenizer_next (tokenizer->pretokenizer, text, MIN (n, MAX_PIECE_BYTES));
    uint32_t id = whole_words ? text_strings_find (tokenizer->symbols, text, piece)
                              : TEXT_STRINGS_NONE;

    if (id < tokenizer->n_tokens) {
      int32_t token = (int32_t) id;

      g_array_append_val (tokens, token);
    } else {
      text_bpe_encode (tokenizer->bpe, tokenizer->symbols, tokenizer->n_tokens, text, piece,
                       scratch, tokens);
    }
    text += piece;
    n -= piece;
  }
}

/* ---- unigram -------------------------------------------------------------------------- */

/* The byte that "<0x41>" stands for, or -1. */
static int
byte_of_token (const ModelString *text)
{
  int high, low;

  if (text->length != 6 || memcmp (text->data, "<0x", 3) != 0 || text->data[5] != '>')
    return -1;
  high = g_ascii_xdigit_value (text->data[3]);
  low = g_ascii_xdigit_value (text->data[4]);
  return high >= 0 && low >= 0 ? high * 16 + low : -1;
}

/* Pieces are found by their trie, which has scores too. */
static gboolean
read_unigram_token (Vocabulary *vocabulary, uint32_t id)
{
  const ModelString *text = &vocabulary->texts.strings[id];
  guint8 type = vocabulary->types[id];
  int byte = type == TYPE_BYTE ? byte_of_token (text) : -1;

  if (byte >= 0) {
    vocabulary->byte_tokens[byte] = (int32_t) id;
    g_byte_array_append (vocabulary->bytes, &(guint8) { (guint8) byte }, 1);
  } else if (type == TYPE_NORMAL) {
    text_unigram_bytes_of_piece (text->data, text->length, vocabulary->bytes);
    g_array_append_val (vocabulary->pieces, id);
  }
  return FALSE;
}

static gboolean
load_unigram (TextTokenizer *tokenizer, const ModelGguf *gguf, GError **error)
{
  g_auto (Vocabulary) vocabulary = { 0 };
  TextUnigramVocabulary unigram = { .symbols = tokenizer->symbols };

  tokenizer->description = g_strdup ("unigram");
  if (!load_vocabulary (tokenizer, gguf, &vocabulary, error))
    return FALSE;
  unigram.pieces = (const uint32_t *) (const void *) vocabulary.pieces->data;
  unigram.n_pieces = vocabulary.pieces->len;
  unigram.unknown = vocabulary.unknown;
  memcpy (unigram.byte_tokens, vocabulary.byte_tokens, sizeof unigram.byte_tokens);
  tokenizer->unigram = text_unigram_new (gguf, &unigram, error);
  return tokenizer->unigram != NULL;
}

static void
encode_unigram (const TextTokenizer *tokenizer, const char *text, size_t n,
                TextBpeScratch *scratch, GArray *tokens)
{
  text_unigram_encode (tokenizer->unigram, text, n, tokens);
}

/* ---- WordPiece ------------------------------------------------------------------------ */

static gboolean
read_wordpiece_token (Vocabulary *vocabulary, uint32_t id)
{
  const ModelString *text = &vocabulary->texts.strings[id];
  TextWordpiece *wordpiece = &vocabulary->tokenizer->wordpiece;

  if (text->length == 0 || vocabulary->types[id] != TYPE_NORMAL)
    return FALSE;
  text_wordpiece_bytes_of_piece (wordpiece->style, text->data, text->length, vocabulary->bytes);
  wordpiece->longest_bytes = MAX (wordpiece->longest_bytes, vocabulary->bytes->len);
  return TRUE;
}

static gboolean
load_wordpiece (TextTokenizer *tokenizer, const ModelGguf *gguf, GError **error)
{
  g_auto (Vocabulary) vocabulary = { 0 };
  TextWordpiece *wordpiece = &tokenizer->wordpiece;
  ModelArray texts;

  tokenizer->description = g_strdup ("wordpiece");
  if (!get_strings (gguf, "tokenizer.ggml.tokens", MAX_TOKENS, &texts, error))
    return FALSE;
  wordpiece->style = text_wordpiece_style (&texts);
  wordpiece->symbols = tokenizer->symbols;
  wordpiece->lowercase = TRUE;
  if (!model_gguf_get_bool (gguf, "tokenizer.ggml.normalizer.lowercase", &wordpiece->lowercase,
                            NULL, error) ||
      !load_vocabulary (tokenizer, gguf, &vocabulary, error))
    return FALSE;
  wordpiece->unknown = vocabulary.unknown;
  return TRUE;
}

static void
encode_wordpiece (const TextTokenizer *tokenizer, const char *text, size_t n,
                  TextBpeScratch *scratch, GArray *tokens)
{
  text_wordpiece_encode (&tokenizer->wordpiece, text, n, tokens);
}

static const Kind kinds[] = {
  { "gpt2", FALSE, FALSE, read_bpe_token, load_bpe, encode_bpe },
  { "t5", FALSE, TRUE, read_unigram_token, load_unigram, encode_unigram },
  { "bert", TRUE, TRUE, read_wordpiece_token, load_wordpiece, encode_wordpiece },
};

/* ---- the public side ------------------------------------------------------------------ */

static gboolean
find_kind (TextTokenizer *tokenizer, const ModelGguf *gguf, GError **error)
{
  const char *model = model_gguf_get_string (gguf, "tokenizer.ggml.model");
  g_autoptr (GString) supported = g_string_new (NULL);

  if (model == NULL)
    return model_gguf_refuse (gguf, ENGINE_ERROR_BAD_FILE, error, "has no tokenizer");
  for (size_t i = 0; i < G_N_ELEMENTS (kinds); i++) {
    if (strcmp (kinds[i].model, model) == 0)
      tokenizer->kind = &kinds[i];
    g_string_append_printf (supported, "%s%s", i > 0 ? ", " : "", kinds[i].model);
  }
  if (tokenizer->kind == NULL)
    return model_gguf_refuse (
        gguf, ENGINE_ERROR_UNSUPPORTED, error,
        "has a tokenizer of the kind “%.40s”, which this version cannot run (it runs: %s)", model,
        supported->str);
  return TRUE;
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
      !load_special_ids (tokenizer, gguf, error))
    return NULL;
  return g_steal_pointer (&tokenizer);
}

void
text_tokenizer_free (TextTokenizer *tokenizer)
{
  if (tokenizer == NULL)
    return;
  text_bpe_free (tokenizer->bpe);
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
  return has_flag (tokenizer, id, FLAG_END);
}

gboolean
text_tokenizer_is_special (const TextTokenizer *tokenizer, int32_t id)
{
  return has_flag (tokenizer, id, FLAG_SPECIAL);
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

void
text_tokenizer_encode_parts (const TextTokenizer *tokenizer, const TextPart *parts, size_t n_parts,
                             GArray *tokens)
{
  g_autoptr (GByteArray) text = g_byte_array_new (), trusted = g_byte_array_new ();
  g_autoptr (GArray) matches = g_array_new (FALSE, FALSE, sizeof (TextSpecialMatch));
  g_auto (TextBpeScratch) scratch = { 0 };
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

    tokenizer->kind->encode (tokenizer, bytes + done, match->offset - done, &scratch, tokens);
    g_array_append_val (tokens, token);
    done = match->offset + match->bytes;
  }
  tokenizer->kind->encode (tokenizer, bytes + done, text->len - done, &scratch, tokens);
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
