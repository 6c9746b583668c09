/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Matching as a backtracking expression does it, on a few items and without a stack of its own: an
 * item takes all it can and gives back character by character. It knows no tokenizer.
 * Categories come from GLib; a byte that is no UTF-8 counts as U+FFFD. */
#include "engine/text/pattern.h"

#include "engine/text/utf8.h"

#include <string.h>

typedef struct {
  const char *text;
  size_t n;
} Window;

typedef struct {
  gunichar c;
  uint32_t atom;
  size_t bytes; /* 0 at the end */
} Character;

/* ---- characters ----------------------------------------------------------------------- */

static uint32_t
ascii_atom (char c)
{
  if (c >= 'A' && c <= 'Z')
    return ATOM_UPPER;
  if (c >= 'a' && c <= 'z')
    return ATOM_LOWER;
  if (c >= '0' && c <= '9')
    return ATOM_DIGIT;
  switch (c) {
  case ' ':
    return ATOM_BLANK;
  case '\r':
    return ATOM_CR;
  case '\n':
    return ATOM_LF;
  case '\t':
    return ATOM_TAB;
  case '\v':
  case '\f':
    return ATOM_SPACE;
  case '/':
    return ATOM_SLASH;
  case '`':
    return ATOM_GRAVE;
  case '~':
    return ATOM_TILDE;
  default:
    return strchr ("$+<=>^|", c) != NULL && c != '\0' ? ATOM_ASCII_SYMBOL
           : g_ascii_ispunct (c)                      ? ATOM_ASCII_PUNCTUATION
                                                      : ATOM_OTHER;
  }
}

static uint32_t
atom_of (gunichar c)
{
  /* By GUnicodeType. */
  static const uint32_t atoms[] = {
    [G_UNICODE_CONTROL] = ATOM_OTHER,
    [G_UNICODE_FORMAT] = ATOM_OTHER,
    [G_UNICODE_UNASSIGNED] = ATOM_OTHER,
    [G_UNICODE_PRIVATE_USE] = ATOM_OTHER,
    [G_UNICODE_SURROGATE] = ATOM_OTHER,
    [G_UNICODE_LOWERCASE_LETTER] = ATOM_LETTER,
    [G_UNICODE_MODIFIER_LETTER] = ATOM_LETTER,
    [G_UNICODE_OTHER_LETTER] = ATOM_LETTER,
    [G_UNICODE_TITLECASE_LETTER] = ATOM_LETTER,
    [G_UNICODE_UPPERCASE_LETTER] = ATOM_LETTER,
    [G_UNICODE_SPACING_MARK] = ATOM_MARK,
    [G_UNICODE_ENCLOSING_MARK] = ATOM_MARK,
    [G_UNICODE_NON_SPACING_MARK] = ATOM_MARK,
    [G_UNICODE_DECIMAL_NUMBER] = ATOM_NUMBER,
    [G_UNICODE_LETTER_NUMBER] = ATOM_NUMBER,
    [G_UNICODE_OTHER_NUMBER] = ATOM_NUMBER,
    [G_UNICODE_CONNECT_PUNCTUATION] = ATOM_PUNCTUATION,
    [G_UNICODE_DASH_PUNCTUATION] = ATOM_PUNCTUATION,
    [G_UNICODE_CLOSE_PUNCTUATION] = ATOM_PUNCTUATION,
    [G_UNICODE_FINAL_PUNCTUATION] = ATOM_PUNCTUATION,
    [G_UNICODE_INITIAL_PUNCTUATION] = ATOM_PUNCTUATION,
    [G_UNICODE_OTHER_PUNCTUATION] = ATOM_PUNCTUATION,
    [G_UNICODE_OPEN_PUNCTUATION] = ATOM_PUNCTUATION,
    [G_UNICODE_CURRENCY_SYMBOL] = ATOM_SYMBOL,
    [G_UNICODE_MODIFIER_SYMBOL] = ATOM_SYMBOL,
    [G_UNICODE_MATH_SYMBOL] = ATOM_SYMBOL,
    [G_UNICODE_OTHER_SYMBOL] = ATOM_SYMBOL,
    [G_UNICODE_LINE_SEPARATOR] = ATOM_SPACE,
    [G_UNICODE_PARAGRAPH_SEPARATOR] = ATOM_SPACE,
    [G_UNICODE_SPACE_SEPARATOR] = ATOM_SPACE,
  };
  GUnicodeType type = g_unichar_type (c);

  if (text_is_space (c))
    return ATOM_SPACE;
  return type < G_N_ELEMENTS (atoms) ? atoms[type] : ATOM_OTHER;
}

static Character
character_at (const Window *window, size_t offset)
{
  Character ch = { 0, 0, 0 };
  int whole;

  if (offset >= window->n)
    return ch;
  if ((guchar) window->text[offset] < 0x80) {
    ch.c = (guchar) window->text[offset];
    ch.atom = ascii_atom (window->text[offset]);
    ch.bytes = 1;
    return ch;
  }
  whole = text_utf8_character_bytes (window->text + offset, window->n - offset);
  ch.c = whole > 0 ? g_utf8_get_char (window->text + offset) : 0xfffd;
  ch.atom = atom_of (ch.c);
  ch.bytes = whole > 0 ? (size_t) whole : 1;
  return ch;
}

/* Where the character before end, of a run that began at begin, begins: as it was read forwards. */
static size_t
step_back (const Window *window, size_t begin, size_t end)
{
  for (size_t bytes = 2; bytes <= 4 && bytes <= end - begin; bytes++)
    if (text_utf8_character_bytes (window->text + end - bytes, bytes) == (int) bytes)
      return end - bytes;
  return end - 1;
}

uint32_t
text_pattern_atom (const char *text, size_t n, size_t *bytes)
{
  Window window = { text, n };
  Character ch = character_at (&window, 0);

  *bytes = ch.bytes;
  return ch.atom;
}

/* ---- matching ------------------------------------------------------------------------- */

static gboolean
in_ranges (const TextPatternRange *ranges, gunichar c)
{
  if (ranges != NULL)
    for (; ranges->first != 0; ranges++)
      if (c >= ranges->first && c <= ranges->last)
        return TRUE;
  return FALSE;
}

static gboolean
item_takes (const TextPatternItem *item, const Window *window, size_t at, const Character *ch)
{
  gboolean in;

  if (ch->bytes == 0)
    return FALSE;
  in = ((item->set & ch->atom) != 0 || in_ranges (item->with, ch->c)) &&
       !in_ranges (item->except, ch->c);
  if (in == item->negated && item->blank_in_words && ch->atom == ATOM_BLANK)
    return (character_at (window, at + 1).atom & SET_L) != 0;
  return in != item->negated;
}

/* Bytes of an English contraction at offset; 0: none. */
static size_t
contraction_bytes (const Window *window, size_t offset, TextContraction contraction)
{
  static const char *const endings[] = { "s", "t", "re", "ve", "m", "ll", "d" };
  const char *text = window->text + offset;
  size_t n = window->n - offset;

  if (contraction == TEXT_CONTRACTION_NONE || n < 2 || text[0] != '\'')
    return 0;
  for (size_t i = 0; i < G_N_ELEMENTS (endings); i++) {
    size_t length = strlen (endings[i]);

    if (length < n && (contraction == TEXT_CONTRACTION_ANY
                           ? g_ascii_strncasecmp (text + 1, endings[i], length)
                           : strncmp (text + 1, endings[i], length)) == 0)
      return 1 + length;
  }
  return 0;
}

#define NO_MATCH SIZE_MAX

/* What remains of pattern after its items up to the one with index i, from offset on: where it
 * ends. */
static size_t
match_rest (const TextPattern *pattern, size_t i, const Window *window, size_t offset)
{
  const TextPatternItem *item = i < G_N_ELEMENTS (pattern->items) ? &pattern->items[i] : NULL;
  size_t at = offset;
  unsigned count = 0;

  if (item == NULL || item->max == 0) {
    Character ch;

    if (!pattern->before_space)
      return offset + contraction_bytes (window, offset, pattern->contraction);
    ch = character_at (window, offset);
    return ch.bytes == 0 || (ch.atom & SET_S) != 0 ? offset : NO_MATCH;
  }
  while (item->max == TEXT_PATTERN_MANY || count < item->max) {
    Character ch = character_at (window, at);

    if (!item_takes (item, window, at, &ch))
      break;
    at += ch.bytes;
    count++;
  }
  for (; count >= item->min; count--) {
    size_t end = match_rest (pattern, i + 1, window, at);

    if (end != NO_MATCH || count == 0)
      return end;
    at = step_back (window, offset, at);
  }
  return NO_MATCH;
}

/* Whether a pattern can begin with a character at all. */
static gboolean
may_begin (const TextPattern *pattern, const Window *window, const Character *first)
{
  const TextPatternItem *item = &pattern->items[0];

  return item->min == 0 || item_takes (item, window, 0, first);
}

size_t
text_pattern_match (const TextPattern *patterns, size_t n_patterns, const char *text, size_t n)
{
  Window window = { text, n };
  Character first = character_at (&window, 0);

  for (size_t i = 0; i < n_patterns; i++) {
    size_t end;

    if (!may_begin (&patterns[i], &window, &first))
      continue;
    end = match_rest (&patterns[i], 0, &window, 0);
    if (end != NO_MATCH && end > 0)
      return end;
  }
  return 0;
}
