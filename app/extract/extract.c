/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which extractor a file gets, and what all extractors share. It knows no format but by its row in
 * extractors.def, and nothing of processes: tests and fuzz targets call it directly. */
#define G_LOG_DOMAIN "bottega-extract"

#include "app/extract/extract.h"

#include <string.h>

/* A PDF may have something before its first line. */
#define MAGIC_WITHIN 1024
#define TITLE_BYTES  300

typedef struct {
  const char *suffixes, *media_type, *magic;
  ExtractFunc extract;
} Extractor;

static const Extractor extractors[] = {
#define EXTRACTOR(id, suffixes, media_type, magic, name, function) \
  { suffixes, media_type, magic, function },
#include "app/extract/extractors.def"
#undef EXTRACTOR
};

gboolean
extract_is_full (const ExtractInput *input,
                 const BottegaDocument *document)
{
  return document->text->len > input->output_bytes;
}

/* A title that a program made of its own name, a file's name, or nothing. */
static gboolean
is_junk_title (const char *title)
{
  static const char *const starts[] = {
    "untitled", "microsoft word", "microsoft powerpoint", "microsoft excel",
    "powerpoint presentation", "senza titolo", "documento senza", "document1", "documento1",
    "titlepage", "slide 1", "diapositiva 1", "presentazione standard"
  };
  static const char *const ends[] = { ".doc", ".docx", ".odt", ".tex", ".dvi", ".indd",
                                      ".qxd", ".pdf", ".ps", ".rtf", ".ppt", ".pptx",
                                      ".xls", ".fm", ".book", ".html", ".htm" };
  g_autofree char *lower = g_utf8_strdown (title, -1);

  for (guint i = 0; i < G_N_ELEMENTS (starts); i++)
    if (g_str_has_prefix (lower, starts[i]))
      return TRUE;
  for (guint i = 0; i < G_N_ELEMENTS (ends); i++)
    if (g_str_has_suffix (lower, ends[i]))
      return TRUE;
  return g_utf8_strlen (title, -1) < 3;
}

void
extract_set_title (BottegaDocument *document,
                   const char *title)
{
  g_autofree char *clean = title == NULL ? NULL : bottega_document_clean (title, -1, FALSE);

  if (clean == NULL || is_junk_title (clean))
    return;
  if (strlen (clean) > TITLE_BYTES) {
    const char *end = g_utf8_find_prev_char (clean, clean + TITLE_BYTES);

    clean[end - clean] = '\0';
    g_strchomp (clean);
  }
  g_free (document->title);
  document->title = g_steal_pointer (&clean);
}

void
extract_set_language (BottegaDocument *document,
                      const char *language)
{
  gsize n = language == NULL ? 0 : strspn (language, "abcdefghijklmnopqrstuvwxyz"
                                                     "ABCDEFGHIJKLMNOPQRSTUVWXYZ");

  if (n < 2 || n > 3 || (language[n] != '\0' && strchr ("-_.@", language[n]) == NULL))
    return;
  g_free (document->language);
  document->language = g_ascii_strdown (language, (gssize) n);
}

void
extract_title_from_heading (BottegaDocument *document)
{
  for (guint i = 0; i < document->blocks->len && document->title == NULL; i++) {
    const BottegaBlock *block = &g_array_index (document->blocks, BottegaBlock, i);

    if (block->kind == BOTTEGA_BLOCK_HEADING) {
      g_autofree char *text = g_strndup (document->text->str + block->offset, block->length);

      extract_set_title (document, text);
    }
  }
}

guint
extract_section_depth (const char *text)
{
  const char *p = text;
  guint depth = 0;

  /* "A.3" and "IV." count as "1.3" and "4." */
  if (g_ascii_isupper (*p) && p[1] == '.' && g_ascii_isdigit (p[2]))
    p += 1;
  else if (strspn (p, "IVXLC") > 0 && p[strspn (p, "IVXLC")] == '.')
    p += strspn (p, "IVXLC");
  else
    p += strspn (p, "0123456789");
  if (p == text || p - text > 4)
    return 0;
  depth = 1;
  while (*p == '.' && g_ascii_isdigit (p[1])) {
    depth++;
    p += 1 + strspn (p + 1, "0123456789");
  }
  p += *p == '.' || *p == ')';
  return *p == ' ' || *p == '\0' ? depth : 0;
}

static gboolean
has_magic (const ExtractInput *input,
           const Extractor *extractor)
{
  gsize n = strlen (extractor->magic);
  gsize within = g_str_equal (extractor->magic, "%PDF-") ? MIN (input->size, MAGIC_WITHIN) : n;

  return n > 0 && input->size >= n && memmem (input->data, within, extractor->magic, n) != NULL;
}

static const Extractor *
by_suffix (const char *suffix)
{
  g_autofree char *word = g_strconcat (" ", suffix, " ", NULL);

  for (guint i = 0; i < G_N_ELEMENTS (extractors); i++)
    if (*suffix != '\0' && strstr (extractors[i].suffixes, word) != NULL)
      return &extractors[i];
  return NULL;
}

/* The one kind whose files begin like this; NULL: none, or several. */
static const Extractor *
by_magic (const ExtractInput *input)
{
  const Extractor *found = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (extractors); i++)
    if (has_magic (input, &extractors[i])) {
      if (found != NULL)
        return NULL;
      found = &extractors[i];
    }
  return found;
}

/* What the bytes say counts for more than the name; the name decides where they are silent. A
 * text's name is believed unless the sign of another kind is its very beginning. */
static const Extractor *
choose (const ExtractInput *input,
        ExtractFailure *failure)
{
  const Extractor *named = by_suffix (input->suffix), *seen = by_magic (input);

  if (named != NULL && has_magic (input, named))
    return named;
  if (seen != NULL && (named == NULL || named->magic[0] != '\0' ||
                       memcmp (input->data, seen->magic, strlen (seen->magic)) == 0))
    return seen;
  if (named != NULL && named->magic[0] == '\0')
    return named;
  *failure = named != NULL ? EXTRACT_WRONG_KIND : EXTRACT_UNSUPPORTED;
  return *input->suffix == '\0' ? by_suffix ("txt") : NULL;
}

BottegaDocument *
extract_document (const ExtractInput *input,
                  ExtractFailure *failure)
{
  g_autoptr (BottegaDocument) document = NULL;
  const Extractor *extractor;

  *failure = EXTRACT_EMPTY;
  if (input->size == 0)
    return NULL;
  extractor = choose (input, failure);
  if (extractor == NULL)
    return NULL;
  document = bottega_document_new (extractor->media_type);
  *failure = EXTRACT_DAMAGED;
  if (!extractor->extract (input, document, failure))
    return NULL;
  *failure = extract_is_full (input, document) ? EXTRACT_TOO_MUCH_TEXT : EXTRACT_EMPTY;
  if (document->blocks->len == 0 || *failure == EXTRACT_TOO_MUCH_TEXT)
    return NULL;
  extract_title_from_heading (document);
  *failure = EXTRACT_OK;
  return g_steal_pointer (&document);
}
