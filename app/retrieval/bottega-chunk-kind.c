/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a chunk is, by its headings, its phrases and the form of its lines. It must not know how
 * chunks are cut or ranked. */
#include "app/retrieval/bottega-chunk-kind.h"

#include <string.h>

/* A heading of this name, alone, in small letters. */
static const struct {
  const char *name;
  BottegaChunkKind kind;
} names[] = {
  { "contents", BOTTEGA_CHUNK_CONTENTS },
  { "table of contents", BOTTEGA_CHUNK_CONTENTS },
  { "sommario", BOTTEGA_CHUNK_CONTENTS },
  { "indice", BOTTEGA_CHUNK_CONTENTS },
  { "indice generale", BOTTEGA_CHUNK_CONTENTS },
  { "indice dei contenuti", BOTTEGA_CHUNK_CONTENTS },
  { "list of figures", BOTTEGA_CHUNK_CONTENTS },
  { "list of tables", BOTTEGA_CHUNK_CONTENTS },
  { "index", BOTTEGA_CHUNK_INDEX },
  { "concept index", BOTTEGA_CHUNK_INDEX },
  { "general index", BOTTEGA_CHUNK_INDEX },
  { "indice analitico", BOTTEGA_CHUNK_INDEX },
  { "indice dei nomi", BOTTEGA_CHUNK_INDEX },
  { "references", BOTTEGA_CHUNK_REFERENCES },
  { "bibliography", BOTTEGA_CHUNK_REFERENCES },
  { "works cited", BOTTEGA_CHUNK_REFERENCES },
  { "bibliografia", BOTTEGA_CHUNK_REFERENCES },
  { "riferimenti bibliografici", BOTTEGA_CHUNK_REFERENCES },
};

/* Part of a heading, in small letters: a licence stands below it. */
static const char *const licence_headings[] = {
  "general public license",
  "general public licence",
  "free documentation license",
  "free documentation licence",
  "creative commons",
  "apache license",
  "bsd license",
  "mit license",
  "mozilla public license",
  "copyright notice",
  "license agreement",
  "software license",
};

/* Two of these, in small letters, make a licence. */
static const char *const licence_phrases[] = {
  "permission is hereby granted",
  "permission is granted to",
  "redistribution and use in source",
  "without warranty",
  "no warranty",
  "merchantability",
  "fitness for a particular purpose",
  "general public license",
  "free documentation license",
  "\"as is\"",
  "“as is”",
  "free software foundation",
  "all rights reserved",
  "licensor",
  "sublicense",
  "covered work",
  "this license",
  "invariant sections",
  "copyright holder",
  "copyright (c)",
  "copyright ©",
  "creative commons",
  "tutti i diritti riservati",
  "questa licenza",
  "senza alcuna garanzia",
  "licenza gnu",
};

/* What the lines of a chunk look like. */
typedef struct {
  guint n_lines;
  guint numbered;   /* end in a number */
  guint leaders;    /* with dots before it */
  guint rising;     /* whose number is no smaller than the one before */
  guint alphabetic; /* whose first letter is no smaller than the one before */
  guint sections;   /* begin with "1.2" */
  guint citations;  /* begin with "[12]" or hold a DOI or ISBN */
} Lines;

static gboolean
has_any (const char *text, const char *const *phrases, guint n, guint wanted)
{
  guint found = 0;

  for (guint i = 0; i < n && found < wanted; i++)
    if (strstr (text, phrases[i]) != NULL)
      found++;

  return found == wanted;
}

/* The number at the end of a line, -1: none. *before: where it begins. */
static gint
trailing_number (const char *line, gsize n, gsize *before)
{
  gsize begin = n;
  gint number = 0;

  while (begin > 0 && g_ascii_isdigit (line[begin - 1]))
    begin--;
  *before = begin;
  if (begin == n || n - begin > 4 || begin == 0)
    return -1;
  for (gsize i = begin; i < n; i++)
    number = number * 10 + (line[i] - '0');

  return number;
}

static gboolean
begins_section (const char *line, gsize n)
{
  gsize i = 0;
  guint dots = 0;

  while (i < n && (g_ascii_isdigit (line[i]) || line[i] == '.'))
    dots += line[i++] == '.' && i < n && g_ascii_isdigit (line[i]);

  return i > 0 && i < n && line[i] == ' ' && dots > 0;
}

static gboolean
is_citation (const char *line, gsize n)
{
  if (n > 3 && line[0] == '[' && memchr (line, ']', MIN (n, 12)) != NULL)
    return TRUE;

  return g_strstr_len (line, (gssize) n, "doi") != NULL ||
         g_strstr_len (line, (gssize) n, "isbn") != NULL;
}

/* text in small letters */
static Lines
look_at_lines (const char *text)
{
  Lines lines = { 0 };
  gint last = -1;
  guint8 last_letter = 0;

  for (const char *line = text; *line != '\0';) {
    const char *end = strchrnul (line, '\n');
    gsize n = (gsize) (end - line), before;
    gint number;

    while (n > 0 && line[n - 1] == ' ')
      n--;
    if (n > 0 && n <= 120) {
      number = trailing_number (line, n, &before);
      lines.sections += begins_section (line, n);
      lines.alphabetic += (guint8) line[0] >= last_letter;
      last_letter = (guint8) line[0];
      if (number >= 0) {
        lines.numbered++;
        lines.rising += number >= last;
        last = number;
        lines.leaders += (before >= 3 && (strncmp (line + before - 3, "...", 3) == 0 ||
                                          strncmp (line + before - 3, ". .", 3) == 0 ||
                                          strncmp (line + before - 3, ".. ", 3) == 0 ||
                                          strncmp (line + before - 3, " . ", 3) == 0));
      }
    }
    if (n > 0) {
      lines.n_lines++;
      lines.citations += is_citation (line, n);
    }
    line = *end != '\0' ? end + 1 : end;
  }

  return lines;
}

/* The kind that the last heading of a path says; TEXT: it says nothing. */
static BottegaChunkKind
kind_of_heading (const char *heading)
{
  const char *last = heading;

  for (const char *at; (at = strstr (last, " › ")) != NULL;)
    last = at + strlen (" › ");
  while (g_ascii_isdigit (*last) || *last == '.' || *last == ' ')
    last++;
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (strcmp (last, names[i].name) == 0)
      return names[i].kind;

  return BOTTEGA_CHUNK_TEXT;
}

static BottegaChunkKind
kind_of_lines (const Lines *lines)
{
  guint n = lines->n_lines;

  if (n >= 3 && lines->leaders * 2 >= n)
    return BOTTEGA_CHUNK_CONTENTS;
  if (n >= 8 && lines->numbered * 10 >= n * 7)
    return lines->alphabetic * 10 >= n * 8 && lines->rising * 10 < lines->numbered * 8
               ? BOTTEGA_CHUNK_INDEX
           : lines->rising * 10 >= lines->numbered * 8 ? BOTTEGA_CHUNK_CONTENTS
                                                       : BOTTEGA_CHUNK_TEXT;
  if (n >= 8 && lines->sections * 10 >= n * 7)
    return BOTTEGA_CHUNK_CONTENTS;
  if (n >= 4 && lines->citations * 10 >= n * 6)
    return BOTTEGA_CHUNK_REFERENCES;

  return BOTTEGA_CHUNK_TEXT;
}

BottegaChunkKind
bottega_chunk_kind (const char *text, gsize n_bytes, const char *heading, gboolean tabular)
{
  g_autofree char *low = g_utf8_strdown (text, (gssize) n_bytes);
  g_autofree char *low_heading = heading != NULL ? g_utf8_strdown (heading, -1) : g_strdup ("");
  BottegaChunkKind said = kind_of_heading (low_heading);
  Lines lines;

  if (has_any (low, licence_phrases, G_N_ELEMENTS (licence_phrases), 2) ||
      has_any (low_heading, licence_headings, G_N_ELEMENTS (licence_headings), 1))
    return BOTTEGA_CHUNK_LICENCE;
  if (tabular)
    return BOTTEGA_CHUNK_TEXT;
  if (said == BOTTEGA_CHUNK_REFERENCES)
    return said;
  lines = look_at_lines (low);
  /* Another heading's word is taken only with lines that bear it out: “Index” may be a chapter.
   */
  if (said != BOTTEGA_CHUNK_TEXT && lines.n_lines >= 3 &&
      (lines.numbered + lines.sections + lines.citations) * 3 >= lines.n_lines)
    return said;

  return kind_of_lines (&lines);
}
