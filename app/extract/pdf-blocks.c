/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines of a PDF to blocks: which lines go on with a paragraph, what is a heading, an item, code,
 * a row. Every line keeps its place, as a BottegaLine over just the bytes it became. It knows
 * nothing of poppler. */
#define G_LOG_DOMAIN "bottega-extract"

#include "app/extract/pdf.h"

#include <math.h>
#include <string.h>

#define MAX_LEVELS    6
#define HEADING_CHARS 120

typedef struct {
  const ExtractInput *input;
  BottegaDocument *document;
  const GArray *lines;
  PdfStyle style;
  float sizes[MAX_LEVELS]; /* of headings, largest first; 0: no more */
  guint numbered;          /* the level of headings like "1"; 0: there are none with numbers */
  /* the block in the making */
  GString *text;
  GArray *pieces; /* of Piece */
  BottegaBlockKind kind;
  guint level;
  float left;       /* of code */
  float bullets[8]; /* where the bullets of the open lists stand */
  guint n_bullets;
} Maker;

typedef struct {
  gsize offset;
  guint line;
} Piece;

static const PdfLine *
line_at (const Maker *maker,
         guint i)
{
  return &g_array_index (maker->lines, PdfLine, i);
}

static void
finish_block (Maker *maker)
{
  gsize start = maker->document->text->len;
  const Piece *pieces = (const Piece *) (gconstpointer) maker->pieces->data;

  if (maker->pieces->len > 0 &&
      bottega_document_add_block (maker->document, maker->kind, maker->level,
                                  line_at (maker, pieces[0].line)->page, maker->text->str,
                                  (gssize) maker->text->len) &&
      maker->document->text->len - 1 - start == maker->text->len) {
    for (guint i = 0; i < maker->pieces->len; i++) {
      const PdfLine *line = line_at (maker, pieces[i].line);
      gsize end = i + 1 < maker->pieces->len ? pieces[i + 1].offset : maker->text->len;
      gsize at = pieces[i].offset;
      BottegaLine place = { .page = line->page,
                            .x = line->x0,
                            .y = line->y0,
                            .width = line->x1 - line->x0,
                            .height = line->y1 - line->y0 };

      /* Not what stands between this piece and the next. */
      while (end > at && strchr (" \n|", maker->text->str[end - 1]) != NULL &&
             i + 1 < maker->pieces->len)
        end--;
      place.offset = (guint32) (start + at);
      place.length = (guint32) (end - at);
      if (end > at)
        g_array_append_val (maker->document->lines, place);
    }
  }
  g_string_truncate (maker->text, 0);
  g_array_set_size (maker->pieces, 0);
}

static void
add_piece (Maker *maker,
           guint line,
           const char *separator)
{
  Piece piece = { .line = line };

  if (maker->text->len > 0)
    g_string_append (maker->text, separator);
  piece.offset = maker->text->len;
  g_array_append_val (maker->pieces, piece);
  g_string_append (maker->text, line_at (maker, line)->text);
}

static void
begin_block (Maker *maker,
             BottegaBlockKind kind,
             guint level,
             guint line)
{
  finish_block (maker);
  maker->kind = kind;
  maker->level = level;
  add_piece (maker, line, "");
}

/* "1." or "1)", "a)", "(1)", "[1]" before words: an item of a list where it is no heading. */
static gboolean
is_numbered (const char *text)
{
  gboolean open = *text == '(' || *text == '[';
  const char *p = text + open;
  gsize n = strspn (p, "0123456789");

  if (n == 0 && g_ascii_islower (*p))
    n = 1;
  if (n == 0 || n > 3)
    return FALSE;
  p += n;
  if (open ? *p != ')' && *p != ']' : *p != ')' && !(*p == '.' && g_ascii_isdigit (text[0])))
    return FALSE;
  return p[1] == ' ' && p[2] != '\0';
}

static gboolean
ends_sentence (const char *text)
{
  gsize n = strlen (text);

  while (n > 1 && (strchr (")\"'", text[n - 1]) != NULL || (guint8) text[n - 1] >= 0x80))
    n--;
  return n > 0 && strchr (".?!:;", text[n - 1]) != NULL;
}

static gboolean
begins_lower (const char *text)
{
  return g_unichar_islower (g_utf8_get_char (text));
}

/* Words in type that stands out, not a sentence. */
static gboolean
is_heading (const Maker *maker,
            const PdfLine *line)
{
  float body = maker->style.body;
  gsize n = strlen (line->text);
  gboolean has_letter = FALSE;

  for (const char *p = line->text; *p != '\0'; p = g_utf8_next_char (p))
    has_letter |= g_unichar_isalpha (g_utf8_get_char (p));
  if ((!has_letter && extract_section_depth (line->text) == 0) || line->table != 0 ||
      line->bullet >= 0 || line->mono || n > HEADING_CHARS)
    return FALSE;
  if (line->size >= body * 1.12f)
    return n > 1 || line->size < body * 2; /* no initials */
  return line->bold && line->size >= body * 0.88f && strchr (".,;:", line->text[n - 1]) == NULL;
}

static guint
level_of_size (const Maker *maker,
               float size)
{
  guint level = 1;

  while (level < MAX_LEVELS && maker->sizes[level - 1] > size + 0.4f)
    level++;
  return level;
}

/* "1.2" says it better than type does, but "1." may number the parts of anything. */
static guint
heading_level (const Maker *maker,
               const PdfLine *line)
{
  guint depth = extract_section_depth (line->text);

  return depth >= 2 ? MIN (maker->numbered + depth - 1, MAX_LEVELS)
                    : level_of_size (maker, line->size);
}

static void
add_size (Maker *maker,
          float size)
{
  guint at = 0;

  while (at < MAX_LEVELS && maker->sizes[at] > size + 0.4f)
    at++;
  if (at == MAX_LEVELS || fabsf (maker->sizes[at] - size) <= 0.4f)
    return;
  memmove (&maker->sizes[at + 1], &maker->sizes[at], (MAX_LEVELS - 1 - at) * sizeof (float));
  maker->sizes[at] = size;
}

/* The sizes that headings come in, and on which level their numbers begin. */
static void
measure_headings (Maker *maker)
{
  float size_of_depth[3] = { 0 };

  for (guint i = 0; i < maker->lines->len; i++) {
    const PdfLine *line = line_at (maker, i);
    guint depth;

    if (!is_heading (maker, line))
      continue;
    add_size (maker, line->size);
    depth = extract_section_depth (line->text);
    if (depth == 1 || depth == 2)
      size_of_depth[depth] = MAX (size_of_depth[depth], line->size);
  }
  maker->numbered = 1;
  if (size_of_depth[1] > 0 && size_of_depth[1] >= size_of_depth[2])
    maker->numbered = level_of_size (maker, size_of_depth[1]);
  else if (size_of_depth[2] > 0)
    maker->numbered = MAX (level_of_size (maker, size_of_depth[2]), 2) - 1;
}

static gboolean
same_row (const PdfLine *a,
          const PdfLine *b)
{
  return a->page == b->page && fabsf ((a->y0 + a->y1) - (b->y0 + b->y1)) < a->size * 0.9f &&
         b->x0 >= a->x1 - 1;
}

/* Where lines like this one end at the right: the farthest of its neighbours. */
static float
right_edge (const Maker *maker,
            guint i)
{
  const PdfLine *line = line_at (maker, i);
  float right = line->x1;

  for (guint k = i >= 4 ? i - 4 : 0; k < MIN (i + 5, maker->lines->len); k++) {
    const PdfLine *other = line_at (maker, k);

    if (other->page == line->page && fabsf (other->x0 - line->x0) < line->size * 3 &&
        fabsf (other->size - line->size) < 1 && !other->mono)
      right = MAX (right, other->x1);
  }
  return right;
}

/* TRUE where the first word of line i would still have fitted on the line before. */
static gboolean
ends_short (const Maker *maker,
            guint i)
{
  const PdfLine *a = line_at (maker, i - 1), *b = line_at (maker, i);

  return a->x1 + a->size * 0.6f + b->first_word < right_edge (maker, i - 1);
}

/* Whether line i goes on with the paragraph that line i - 1 is in. */
static gboolean
goes_on (const Maker *maker,
         guint i)
{
  const PdfLine *a = line_at (maker, i - 1), *b = line_at (maker, i);
  gboolean a_is_first = maker->pieces->len == 1;
  float step = b->y0 - a->y0, indent = b->x0 - a->x0;

  if (b->bullet >= 0 || b->mono != a->mono || b->table != 0 || a->table != 0 ||
      fabsf (a->size - b->size) > a->size * 0.12f ||
      (is_numbered (b->text) && ends_sentence (a->text)))
    return FALSE;
  /* Over to the next column or page: only in the middle of a sentence. */
  if (a->page != b->page || step < -a->size * 0.5f)
    return !ends_sentence (a->text) && (begins_lower (b->text) || g_str_has_suffix (a->text, "-"));
  if (fabsf (step) < a->size * 0.5f)
    return same_row (a, b) && b->x0 - a->x1 < a->size * 2;
  if (step > maker->style.leading * MAX (a->size, b->size) * 1.25f || b->x0 > a->x1 ||
      b->x1 < a->x0)
    return FALSE;
  if (maker->kind == BOTTEGA_BLOCK_LIST_ITEM && a_is_first) {
    if (a->bullet >= 0 && fabsf (b->x0 - a->bullet) < a->size * 0.5f)
      return !ends_short (maker, i);
    return indent > -a->size * 0.5f && !is_numbered (b->text);
  }
  if (ends_short (maker, i))
    return FALSE;
  /* An indented line begins a paragraph; or the first one hangs out, as in bibliographies. */
  if (indent > a->size * 0.7f)
    return a_is_first && !ends_sentence (a->text);
  return indent > -a->size * 0.7f || a_is_first;
}

/* Between two lines of a paragraph: nothing after a hyphen that only the line's end put there. */
static const char *
joint (Maker *maker,
       const char *next)
{
  GString *text = maker->text;
  const char *word = text->str + text->len, *before;
  gsize hyphen = g_str_has_suffix (text->str, "\xE2\x80\x90") ? 3 : 1;

  while (word > text->str && word[-1] != ' ')
    word--;
  /* An address or a path that was cut after a slash. */
  if (g_str_has_suffix (text->str, "/") && text->str + text->len - word > 4)
    return "";
  if (text->len < 2 || (text->str[text->len - 1] != '-' && hyphen == 1) || !begins_lower (next))
    return " ";
  before = g_utf8_find_prev_char (text->str, text->str + text->len - hyphen);
  if (before == NULL || !g_unichar_isalpha (g_utf8_get_char (before)))
    return " ";
  /* "state-of-the-" keeps its hyphens. */
  if (memchr (word, '-', text->len - hyphen - (gsize) (word - text->str)) == NULL)
    g_string_truncate (text, text->len - hyphen);
  return "";
}

static void
add_code (Maker *maker,
          guint i)
{
  const PdfLine *line = line_at (maker, i);
  const PdfLine *last = i == 0 ? NULL : line_at (maker, i - 1);
  float width = line->size * 0.6f;
  gboolean goes = maker->kind == BOTTEGA_BLOCK_CODE && maker->pieces->len > 0 && last->mono &&
                  last->page == line->page && last->table == 0;
  float step = goes ? line->y0 - last->y0 : 0;

  if (goes && same_row (last, line)) {
    add_piece (maker, i, "  ");
    return;
  }
  if (!goes || step < 0 || step > line->size * 2.2f) {
    begin_block (maker, BOTTEGA_BLOCK_CODE, 0, i);
    maker->left = line->x0;
    return;
  }
  g_string_append_c (maker->text, '\n');
  for (int n = (int) CLAMP ((line->x0 - maker->left) / width + 0.5f, 0, 60); n > 0; n--)
    g_string_append_c (maker->text, ' ');
  add_piece (maker, i, "");
}

static guint
item_level (Maker *maker,
            const PdfLine *line)
{
  float at = line->bullet >= 0 ? line->bullet : line->x0;

  while (maker->n_bullets > 0 && maker->bullets[maker->n_bullets - 1] > at + line->size * 0.5f)
    maker->n_bullets--;
  if (maker->n_bullets == 0 || maker->bullets[maker->n_bullets - 1] < at - line->size * 0.5f) {
    if (maker->n_bullets < G_N_ELEMENTS (maker->bullets))
      maker->bullets[maker->n_bullets++] = at;
  }
  return MAX (maker->n_bullets, 1);
}

/* All of a table at its first line; poppler reads the others later. */
static void
add_table (Maker *maker,
           guint first)
{
  guint table = line_at (maker, first)->table, n_rows = 0, end = first;
  gboolean bold = TRUE, has_digit = FALSE;

  while (end < maker->lines->len && line_at (maker, end)->page == line_at (maker, first)->page) {
    const PdfLine *line = line_at (maker, end++);

    if (line->table == table) {
      n_rows = MAX (n_rows, line->row + 1);
      bold &= line->row > 0 || line->bold;
      has_digit |= line->row == 0 && strpbrk (line->text, "0123456789") != NULL;
    }
  }
  for (guint row = 0; row < n_rows; row++) {
    finish_block (maker);
    maker->kind = row == 0 && (bold || (!has_digit && n_rows > 2)) ? BOTTEGA_BLOCK_TABLE_HEADER
                                                                   : BOTTEGA_BLOCK_TABLE_ROW;
    maker->level = 0;
    for (guint column = 0, left = 1; left > 0; column++) {
      const char *separator = " | ";

      left = 0;
      for (guint i = first; i < end; i++) {
        const PdfLine *line = line_at (maker, i);

        if (line->table != table || line->row != row)
          continue;
        left += line->column > column;
        if (line->column == column) {
          add_piece (maker, i, separator);
          separator = " ";
        }
      }
    }
  }
  finish_block (maker);
}

/* A heading of more than one line, or its number and its words. */
static gboolean
heading_goes_on (const Maker *maker,
                 guint i)
{
  const PdfLine *last = line_at (maker, i - 1), *line = line_at (maker, i);
  gboolean is_number = maker->pieces->len == 1 && extract_section_depth (last->text) > 0 &&
                       strlen (last->text) < 12;
  float step = line->y0 - last->y0;

  if (last->bold != line->bold || fabsf (last->size - line->size) >= 0.6f ||
      last->page != line->page)
    return FALSE;
  return (is_number && same_row (last, line)) ||
         (step > line->size * 0.5f && step < line->size * 1.7f && line->x0 < last->x1 &&
          line->x1 > last->x0 && extract_section_depth (line->text) == 0);
}

static void
add_text (Maker *maker,
          guint i)
{
  const PdfLine *line = line_at (maker, i);
  gboolean heading = is_heading (maker, line), is_open = maker->pieces->len > 0;

  if (is_open && maker->kind == BOTTEGA_BLOCK_HEADING && heading && heading_goes_on (maker, i)) {
    add_piece (maker, i, " ");
    maker->level = MIN (maker->level, heading_level (maker, line));
  } else if (is_open && maker->kind != BOTTEGA_BLOCK_HEADING &&
             maker->kind != BOTTEGA_BLOCK_CODE && (!heading || line_at (maker, i - 1)->bold) &&
             goes_on (maker, i)) {
    add_piece (maker, i, joint (maker, line->text));
  } else if (heading) {
    maker->n_bullets = 0;
    begin_block (maker, BOTTEGA_BLOCK_HEADING, heading_level (maker, line), i);
  } else if (line->bullet >= 0 || is_numbered (line->text)) {
    begin_block (maker, BOTTEGA_BLOCK_LIST_ITEM, item_level (maker, line), i);
  } else {
    if (maker->n_bullets > 0 && line->x0 < maker->bullets[0] + line->size * 0.3f)
      maker->n_bullets = 0;
    begin_block (maker, BOTTEGA_BLOCK_PARAGRAPH, 0, i);
  }
}

gboolean
pdf_add_blocks (const ExtractInput *input,
                BottegaDocument *document,
                const GArray *lines,
                PdfStyle style)
{
  g_autoptr (GHashTable) done = g_hash_table_new (NULL, NULL);
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (GArray) pieces = g_array_new (FALSE, FALSE, sizeof (Piece));
  Maker maker = { .input = input,
                  .document = document,
                  .lines = lines,
                  .style = style,
                  .text = text,
                  .pieces = pieces };

  measure_headings (&maker);
  for (guint i = 0; i < lines->len && !extract_is_full (input, document); i++) {
    const PdfLine *line = line_at (&maker, i);

    if (line->table != 0) {
      if (g_hash_table_add (done, GUINT_TO_POINTER (line->table)))
        add_table (&maker, i);
    } else if (line->mono) {
      add_code (&maker, i);
    } else {
      add_text (&maker, i);
    }
  }
  finish_block (&maker);
  return !extract_is_full (input, document);
}
