/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Cutting a text into the likeliest pieces (Viterbi). Special tokens and ids at the ends of a text
 * are the tokenizer's business. Source: Kudo 2018 (arXiv 1804.10959); normalisation as
 * SentencePiece's normalizer does it. */
#include "engine/text/unigram.h"

#include "engine/error.h"
#include "engine/text/charsmap.h"
#include "engine/text/marks.h"
#include "engine/text/trie.h"
#include "engine/text/utf8.h"

#include <inttypes.h>
#include <math.h>

/* The 250,000 pieces of XLM-RoBERTa make 0.78 million nodes. */
#define MAX_NODES (UINT32_C (8) << 20)
/* A word longer than that is cut there, which bounds memory. */
#define MAX_SEGMENT_BYTES ((size_t) 1 << 20)
/* How much worse an unknown character is than the least likely piece. */
#define UNKNOWN_PENALTY 10.0

struct _TextUnigram {
  TextTrie *pieces;
  float *scores; /* [n_scores] by token id */
  double unknown_score;
  int32_t unknown, byte_tokens[256];
  TextCharsmap *charsmap; /* NULL: NFKC */
  gboolean adds_prefix;   /* a text begins with a space */
  gboolean folds_spaces;  /* several are one, none at the ends */
  gboolean cuts_at_space; /* no piece goes on after a space: words can be read one by one */
};

/* ---- loading -------------------------------------------------------------------------- */

static gboolean
load_scores (TextUnigram *unigram, const ModelGguf *gguf, const TextUnigramVocabulary *vocabulary,
             GError **error)
{
  uint32_t n_tokens = text_strings_count (vocabulary->symbols);
  double least = INFINITY;

  if (vocabulary->scores == NULL)
    return model_gguf_refuse (gguf, ENGINE_ERROR_BAD_FILE, error,
                              "has no scores for the pieces of its tokenizer");
  unigram->scores = g_memdup2 (vocabulary->scores, n_tokens * sizeof *unigram->scores);
  for (size_t i = 0; i < vocabulary->n_pieces; i++)
    least = MIN (least, (double) unigram->scores[vocabulary->pieces[i]]);
  unigram->unknown_score = (isfinite (least) ? least : 0) - UNKNOWN_PENALTY;
  return TRUE;
}

static gboolean
load_normalisation (TextUnigram *unigram, const ModelGguf *gguf, GError **error)
{
  ModelArray array;

  unigram->adds_prefix = unigram->folds_spaces = TRUE;
  if (!model_gguf_get_bool (gguf, "tokenizer.ggml.add_space_prefix", &unigram->adds_prefix, NULL,
                            error) ||
      !model_gguf_get_bool (gguf, "tokenizer.ggml.remove_extra_whitespaces",
                            &unigram->folds_spaces, NULL, error))
    return FALSE;
  if (!model_gguf_get_array (gguf, "tokenizer.ggml.precompiled_charsmap", &array) || array.n == 0)
    return TRUE;
  if (array.type == MODEL_VALUE_U8 || array.type == MODEL_VALUE_I8)
    unigram->charsmap = text_charsmap_new (array.data, array.n);
  return unigram->charsmap != NULL ||
         model_gguf_refuse (gguf, ENGINE_ERROR_BAD_FILE, error,
                            "is damaged: the table of characters of its tokenizer cannot be read");
}

/* Whether a space can only begin a piece. */
static gboolean
spaces_begin_pieces (const TextUnigramVocabulary *vocabulary)
{
  for (size_t i = 0; i < vocabulary->n_pieces; i++) {
    size_t n;
    const char *bytes = text_strings_get (vocabulary->symbols, vocabulary->pieces[i], &n);

    if (n > 1 && memchr (bytes + 1, ' ', n - 1) != NULL)
      return FALSE;
  }
  return TRUE;
}

TextUnigram *
text_unigram_new (const ModelGguf *gguf, const TextUnigramVocabulary *vocabulary, GError **error)
{
  g_autoptr (TextUnigram) unigram = g_new0 (TextUnigram, 1);

  unigram->unknown = vocabulary->unknown;
  memcpy (unigram->byte_tokens, vocabulary->byte_tokens, sizeof unigram->byte_tokens);
  if (!load_scores (unigram, gguf, vocabulary, error) ||
      !load_normalisation (unigram, gguf, error))
    return NULL;
  unigram->pieces =
      text_trie_new (vocabulary->symbols, vocabulary->pieces, vocabulary->n_pieces, MAX_NODES);
  if (unigram->pieces == NULL) {
    model_gguf_refuse (gguf, ENGINE_ERROR_BAD_FILE, error,
                       "has longer pieces in its tokenizer than the limit allows");
    return NULL;
  }
  unigram->cuts_at_space = spaces_begin_pieces (vocabulary);
  return g_steal_pointer (&unigram);
}

void
text_unigram_free (TextUnigram *unigram)
{
  if (unigram == NULL)
    return;
  text_trie_free (unigram->pieces);
  text_charsmap_free (unigram->charsmap);
  g_free (unigram->scores);
  g_free (unigram);
}

/* ---- normalisation -------------------------------------------------------------------- */

typedef struct {
  const TextUnigram *unigram;
  GString *out;
  gboolean begun;      /* something has been written */
  gboolean space_owed; /* one that is written before the next word */
} Normaliser;

static void
put_space (Normaliser *normaliser)
{
  if (normaliser->unigram->folds_spaces)
    normaliser->space_owed = normaliser->begun;
  else
    g_string_append_c (normaliser->out, ' ');
}

static void
begin_word (Normaliser *normaliser)
{
  if (normaliser->space_owed || (!normaliser->begun && normaliser->unigram->adds_prefix))
    g_string_append_c (normaliser->out, ' ');
  normaliser->begun = TRUE;
  normaliser->space_owed = FALSE;
}

/* Bytes that stand for themselves now; a written mark is a space that is not folded. */
static void
put_bytes (Normaliser *normaliser, const char *bytes, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    gboolean mark = n - i >= strlen (TEXT_MARK) &&
                    memcmp (bytes + i, TEXT_MARK, strlen (TEXT_MARK)) == 0;

    if (bytes[i] == ' ') {
      put_space (normaliser);
      continue;
    }
    if (!normaliser->begun || normaliser->space_owed)
      begin_word (normaliser);
    g_string_append_c (normaliser->out, mark ? ' ' : bytes[i]);
    if (mark)
      i += strlen (TEXT_MARK) - 1;
  }
}

static void
put_mapped (Normaliser *normaliser, const char *text, size_t n)
{
  const TextCharsmap *map = normaliser->unigram->charsmap;

  while (n > 0) {
    const char *replacement;
    size_t used = text_charsmap_find (map, text, n, &replacement);

    if (used > 0) {
      put_bytes (normaliser, replacement, strlen (replacement));
    } else {
      int whole = text_utf8_character_bytes (text, n);

      used = whole > 0 ? (size_t) whole : 1;
      if (whole > 0)
        put_bytes (normaliser, text, used);
      else
        put_bytes (normaliser, TEXT_REPLACEMENT, strlen (TEXT_REPLACEMENT));
    }
    text += used;
    n -= used;
  }
}

/* Where the file has no map: Unicode's compatibility forms; as in the usual map all white space is
 * a space and control characters go. */
static void
put_nfkc (Normaliser *normaliser, const char *text, size_t n)
{
  g_autofree char *valid = g_utf8_make_valid (text, (gssize) n);
  g_autofree char *normal = g_utf8_normalize (valid, -1, G_NORMALIZE_NFKC);

  for (const char *at = normal; *at != '\0'; at = g_utf8_next_char (at)) {
    gunichar c = g_utf8_get_char (at);

    if (g_unichar_isspace (c))
      put_space (normaliser);
    else if (!g_unichar_iscntrl (c))
      put_bytes (normaliser, at, (size_t) (g_utf8_next_char (at) - at));
  }
}

/* ---- the best way through a segment --------------------------------------------------- */

/* A place between two bytes. */
typedef struct {
  double score;  /* of the best way here; -INFINITY: none */
  uint32_t from; /* where its last piece begins */
  uint32_t next; /* on the best way of all, where the piece that begins here ends */
  int32_t token; /* its last piece; -1: an unknown character */
} Place;

/* Follows all pieces that begin at begin, where a character of character_bytes stands. */
static void
extend (const TextUnigram *unigram, const char *text, size_t n, size_t begin,
        size_t character_bytes, Place *places)
{
  const TextTrie *trie = unigram->pieces;
  double score = places[begin].score;
  gboolean known = FALSE;
  uint32_t node = TEXT_TRIE_ROOT;

  for (size_t end = begin + 1; end <= n; end++) {
    uint32_t token;

    node = text_trie_step (trie, node, (guint8) text[end - 1]);
    if (node == TEXT_TRIE_NONE)
      break;
    token = trie->nodes[node].value;
    if (token == TEXT_TRIE_NONE)
      continue;
    known |= end - begin == character_bytes;
    if (score + (double) unigram->scores[token] > places[end].score) {
      places[end].score = score + (double) unigram->scores[token];
      places[end].from = (uint32_t) begin;
      places[end].token = (int32_t) token;
    }
  }
  if (!known && score + unigram->unknown_score > places[begin + character_bytes].score) {
    Place *end = &places[begin + character_bytes];

    end->score = score + unigram->unknown_score;
    end->from = (uint32_t) begin;
    end->token = -1;
  }
}

/* The bytes of an unknown character as tokens, or the unknown token; first: where this text's
 * tokens begin. */
static void
append_unknown (const TextUnigram *unigram, const char *bytes, size_t n, guint first,
                GArray *tokens)
{
  gboolean has_bytes = TRUE;

  for (size_t i = 0; i < n; i++)
    has_bytes &= unigram->byte_tokens[(guint8) bytes[i]] >= 0;
  if (has_bytes) {
    for (size_t i = 0; i < n; i++)
      g_array_append_val (tokens, unigram->byte_tokens[(guint8) bytes[i]]);
    return;
  }
  if (unigram->unknown < 0 ||
      (tokens->len > first &&
       g_array_index (tokens, int32_t, tokens->len - 1) == unigram->unknown))
    return;
  g_array_append_val (tokens, unigram->unknown);
}

/* places: [n + 1]. */
static void
encode_segment (const TextUnigram *unigram, const char *text, size_t n, Place *places, guint first,
                GArray *tokens)
{
  places[0].score = 0;
  for (size_t i = 1; i <= n; i++)
    places[i].score = -INFINITY;
  for (size_t i = 0; i < n;) {
    int whole = text_utf8_character_bytes (text + i, n - i);
    size_t character_bytes = whole > 0 ? (size_t) whole : 1;

    extend (unigram, text, n, i, character_bytes, places);
    i += character_bytes;
  }
  for (uint32_t i = (uint32_t) n; i > 0; i = places[i].from)
    places[places[i].from].next = i;
  for (uint32_t i = 0; i < n; i = places[i].next) {
    const Place *end = &places[places[i].next];

    if (end->token >= 0)
      g_array_append_val (tokens, end->token);
    else
      append_unknown (unigram, text + i, places[i].next - i, first, tokens);
  }
}

/* The length of what can be cut alone. */
static size_t
segment_bytes (const TextUnigram *unigram, const char *text, size_t n)
{
  size_t most = MIN (n, MAX_SEGMENT_BYTES);
  const char *space =
      unigram->cuts_at_space && n > 1 ? memchr (text + 1, ' ', most - 1) : NULL;

  if (space != NULL)
    return (size_t) (space - text);
  if (most < n) /* no character is cut in two */
    for (unsigned back = 0; back < 3 && ((guint8) text[most] & 0xc0) == 0x80; back++)
      most--;
  return most;
}

void
text_unigram_encode (const TextUnigram *unigram, const char *text, size_t n, GArray *tokens)
{
  g_autoptr (GString) normal = g_string_sized_new (n + n / 8 + 16);
  Normaliser normaliser = { .unigram = unigram, .out = normal };
  g_autofree Place *places = NULL;
  size_t n_places = 0;
  guint first = tokens->len;

  if (unigram->charsmap != NULL)
    put_mapped (&normaliser, text, n);
  else
    put_nfkc (&normaliser, text, n);
  for (size_t done = 0; done < normal->len;) {
    size_t segment = segment_bytes (unigram, normal->str + done, normal->len - done);

    if (segment >= n_places) {
      n_places = MAX (segment + 1, 256);
      places = g_renew (Place, places, n_places);
    }
    encode_segment (unigram, normal->str + done, segment, places, first, tokens);
    done += segment;
  }
}
