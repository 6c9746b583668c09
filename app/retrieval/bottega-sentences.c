/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Finds the ends of sentences. It must not know what they are cut for.
 *
 * A full stop ends one unless the word before it is an abbreviation, an initial, or a number at the
 * head of a list, or a small letter follows. */
#include "app/retrieval/bottega-sentences.h"

#include <string.h>

/* In small letters; what is followed by a name or a number and seldom ends a sentence. */
static const char *const abbreviations[] = {
  "art",
  "artt",
  "avv",
  "cap",
  "capp",
  "cfr",
  "ch",
  "cit",
  "cod",
  "col",
  "coll",
  "comm",
  "cons",
  "cpv",
  "dec",
  "dir",
  "doc",
  "dott",
  "dr",
  "ed",
  "eds",
  "eq",
  "es",
  "esp",
  "fasc",
  "feb",
  "fig",
  "figg",
  "fn",
  "gen",
  "geom",
  "hon",
  "ing",
  "jan",
  "lett",
  "lib",
  "loc",
  "mons",
  "mr",
  "mrs",
  "ms",
  "mt",
  "n",
  "nn",
  "nr",
  "num",
  "op",
  "p",
  "pag",
  "pagg",
  "par",
  "parr",
  "pp",
  "prof",
  "proff",
  "prot",
  "pt",
  "reg",
  "rev",
  "rif",
  "sec",
  "sect",
  "seg",
  "segg",
  "sen",
  "sez",
  "sig",
  "sigg",
  "sost",
  "spett",
  "ss",
  "st",
  "tab",
  "tabb",
  "tel",
  "trad",
  "v",
  "vd",
  "viz",
  "vol",
  "voll",
  "vs",
};

static gboolean
is_abbreviation (const char *word, gsize n)
{
  char low[8];

  if (n >= sizeof low)
    return FALSE;
  for (gsize i = 0; i < n; i++)
    low[i] = g_ascii_tolower (word[i]);
  low[n] = '\0';
  for (guint i = 0; i < G_N_ELEMENTS (abbreviations); i++)
    if (strcmp (low, abbreviations[i]) == 0)
      return TRUE;

  return FALSE;
}

/* Does the full stop at `dot` end something? */
static gboolean
stop_ends (const char *text, guint32 begin, guint32 dot)
{
  const char *end = text + dot;
  const char *word = end;
  gboolean inner_dot = FALSE, digits = TRUE;
  glong n_chars;

  while (word > text + begin && (gsize) (end - word) < 64) {
    const char *before = g_utf8_prev_char (word);
    gunichar c = g_utf8_get_char (before);

    if (c != '.' && !g_unichar_isalnum (c))
      break;
    word = before;
    inner_dot |= c == '.';
    digits &= c < 0x80 && g_ascii_isdigit ((char) c);
  }
  if (word == end || end[-1] == '.')
    return TRUE;
  n_chars = g_utf8_strlen (word, end - word);
  if (digits) /* "1. First": the head of a list; "in 1998." is an end */
    return word != text + begin;
  /* "e.g.", "p.es.", "U.S."; "www.example.org." is an end. */
  if (inner_dot && n_chars <= 6)
    return FALSE;
  if (n_chars == 1 && g_unichar_isalpha (g_utf8_get_char (word)))
    return FALSE;

  return !is_abbreviation (word, (gsize) (end - word));
}

static gboolean
is_closing (gunichar c)
{
  return c == '"' || c == '\'' || c == ')' || c == ']' || c == 0x00bb || c == 0x2019 || c == 0x201d;
}

guint32
bottega_sentence_next (const char *text, guint32 begin, guint32 end)
{
  const char *stop = text + end;
  const char *p = text + begin;

  while (p < stop) {
    gunichar c = g_utf8_get_char (p);
    const char *next = g_utf8_next_char (p);
    const char *after = next, *closed;
    gboolean ends = c == '!' || c == '?' || c == 0x2026;

    if (c == 0x3002 || c == 0xff01 || c == 0xff1f) /* ideographic: no blank follows */
      return (guint32) (next - text);
    p = next;
    ends |= c == '.' && (next >= stop || *next != '.');
    if (!ends)
      continue;
    while (after < stop && is_closing (g_utf8_get_char (after)))
      after = g_utf8_next_char (after);
    closed = after;
    if (after < stop && *after != ' ' && *after != '\n')
      continue;
    while (after < stop && (*after == ' ' || *after == '\n'))
      after++;
    if (after >= stop)
      return end;
    if (g_unichar_islower (g_utf8_get_char (after)))
      continue;
    if (c == '.' && closed == next && !stop_ends (text, begin, (guint32) (next - 1 - text)))
      continue;
    return (guint32) (after - text);
  }

  return end;
}
