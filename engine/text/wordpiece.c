/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Cutting a text into words and words into the longest pieces.
 * Source: Devlin et al. 2018 (arXiv 1810.04805) and the rules of its "basic" tokenizer, as the peer
 * reads them: of a character that can be taken apart the first is left, all marks go, and words
 * have any length. It knows no special tokens. */
#include "engine/text/wordpiece.h"

#include "engine/text/marks.h"
#include "engine/text/utf8.h"

#include <string.h>

#define HASHES "##"
#define MARK   0x2581 /* what TEXT_MARK holds */

static gboolean
starts_with (const char *bytes, size_t n, const char *prefix)
{
  return n > strlen (prefix) && memcmp (bytes, prefix, strlen (prefix)) == 0;
}

TextWordpieceStyle
text_wordpiece_style (const ModelArray *pieces)
{
  uint64_t n_hashes = 0, n_spaces = 0;

  for (uint64_t i = 0; i < pieces->n; i++) {
    n_hashes += starts_with (pieces->strings[i].data, pieces->strings[i].length, HASHES);
    n_spaces += starts_with (pieces->strings[i].data, pieces->strings[i].length, TEXT_MARK);
  }
  return n_spaces > n_hashes ? TEXT_WORDPIECE_SPACES : TEXT_WORDPIECE_HASHES;
}

void
text_wordpiece_bytes_of_piece (TextWordpieceStyle style, const char *piece, size_t n,
                               GByteArray *out)
{
  const char *mark = style == TEXT_WORDPIECE_SPACES ? TEXT_MARK : HASHES;
  gboolean marked = starts_with (piece, n, mark);
  gboolean begins_word = marked == (style == TEXT_WORDPIECE_SPACES);

  if (begins_word)
    g_byte_array_append (out, (const guint8 *) " ", 1);
  if (marked) {
    piece += strlen (mark);
    n -= strlen (mark);
  }
  if (n > 0)
    g_byte_array_append (out, (const guint8 *) piece, (guint) n);
}

/* Ideographs: each is a word. Kana and Hangul are written in words. Source: the blocks that BERT
 * lists. */
static gboolean
is_ideograph (gunichar c)
{
  static const struct {
    gunichar first, last;
  } blocks[] = {
    { 0x3400, 0x4dbf },
    { 0x4e00, 0x9fff },
    { 0xf900, 0xfaff },
    { 0x20000, 0x2a6df },
    { 0x2a700, 0x2b73f },
    { 0x2b740, 0x2b81f },
    { 0x2b920, 0x2ceaf },
    { 0x2f800, 0x2fa1f },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (blocks); i++)
    if (c >= blocks[i].first && c <= blocks[i].last)
      return TRUE;
  return FALSE;
}

/* Dropped: control characters, marks, and what is not text. */
static gboolean
is_dropped (const TextWordpiece *wordpiece, gunichar c)
{
  switch ((int) g_unichar_type (c)) {
  case G_UNICODE_CONTROL:
  case G_UNICODE_FORMAT:
  case G_UNICODE_PRIVATE_USE:
    return TRUE;
  case G_UNICODE_SPACING_MARK:
  case G_UNICODE_ENCLOSING_MARK:
  case G_UNICODE_NON_SPACING_MARK:
    return wordpiece->strips_accents;
  default:
    return c == 0xfffd;
  }
}

/* Roman numerals and letters in circles have a lower case too, though they are no letters. */
static gunichar
lower (gunichar c)
{
  if (c >= 0x2160 && c <= 0x216f)
    return c + 0x10;
  if (c >= 0x24b6 && c <= 0x24cf)
    return c + 0x1a;
  return g_unichar_tolower (c);
}

/* A word by itself: punctuation, and all of ASCII that is no letter, digit or space. */
static gboolean
is_punctuation (gunichar c)
{
  if (c < 0x80)
    return g_ascii_ispunct ((char) c);
  switch (g_unichar_type (c)) {
  case G_UNICODE_CONNECT_PUNCTUATION:
  case G_UNICODE_DASH_PUNCTUATION:
  case G_UNICODE_OPEN_PUNCTUATION:
  case G_UNICODE_CLOSE_PUNCTUATION:
  case G_UNICODE_INITIAL_PUNCTUATION:
  case G_UNICODE_FINAL_PUNCTUATION:
  case G_UNICODE_OTHER_PUNCTUATION:
    return TRUE;
  default:
    return FALSE;
  }
}

/* Appends the pieces of word (a space, then its letters), or the unknown token. */
static void
encode_word (const TextWordpiece *wordpiece, const GString *word, GArray *tokens)
{
  guint first = tokens->len;
  size_t begin = 0;

  while (begin < word->len) {
    size_t n = MIN (word->len - begin, wordpiece->longest_bytes);
    uint32_t id = TEXT_STRINGS_NONE;

    for (; n > 0; n--) {
      id = text_strings_find (wordpiece->symbols, word->str + begin, n);
      if (id != TEXT_STRINGS_NONE)
        break;
    }
    if (id == TEXT_STRINGS_NONE) {
      begin = SIZE_MAX;
    } else {
      int32_t token = (int32_t) id;

      g_array_append_val (tokens, token);
      begin += n;
    }
  }
  if (begin == SIZE_MAX) {
    g_array_set_size (tokens, first);
    if (wordpiece->unknown >= 0)
      g_array_append_val (tokens, wordpiece->unknown);
  }
}

static void
end_word (const TextWordpiece *wordpiece, GString *word, GArray *tokens)
{
  if (word->len > 1)
    encode_word (wordpiece, word, tokens);
  g_string_assign (word, " ");
}

static void
take (const TextWordpiece *wordpiece, gunichar c, GString *word, GArray *tokens)
{
  gboolean alone;

  if (wordpiece->strips_accents)
    g_unichar_fully_decompose (c, FALSE, &c, 1);
  if (text_is_space (c)) {
    end_word (wordpiece, word, tokens);
    return;
  }
  if (is_dropped (wordpiece, c))
    return;
  alone = is_punctuation (c) || is_ideograph (c);
  if (alone)
    end_word (wordpiece, word, tokens);
  if (c == MARK) /* as it stands in pieces */
    g_string_append_c (word, ' ');
  else
    g_string_append_unichar (word, wordpiece->lowercase ? lower (c) : c);
  if (alone)
    end_word (wordpiece, word, tokens);
}

void
text_wordpiece_encode (const TextWordpiece *wordpiece, const char *text, size_t n, GArray *tokens)
{
  g_autoptr (GString) word = g_string_new (" ");

  while (n > 0) {
    int whole = text_utf8_character_bytes (text, n);
    size_t bytes = whole > 0 ? (size_t) whole : 1;

    if (whole > 0 && *text != '\0')
      take (wordpiece, g_utf8_get_char (text), word, tokens);
    text += bytes;
    n -= bytes;
  }
  end_word (wordpiece, word, tokens);
}
