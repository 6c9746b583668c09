/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Plain text, as people set it with nothing but lines: empty lines between paragraphs, lines broken
 * at some width, underlined or shouted headings, lists, indented code. Where a sign can mean two
 * things the quieter reading wins: a paragraph. It knows nothing of encodings. */
#define G_LOG_DOMAIN "bottega-extract"

#include "app/extract/extract-decode.h"
#include "app/extract/extract.h"

#include <string.h>

#define HEADING_CHARS 80
#define WIDEST        110 /* lines that are longer were not broken by hand */
#define CODE_INDENT   4

typedef struct {
  const char *text; /* not NUL-terminated: n bytes, without blanks at both ends */
  guint n, chars, indent;
} Line;

typedef struct {
  const ExtractInput *input;
  BottegaDocument *document;
  GArray *lines; /* of Line */
  guint width;   /* where lines are broken; 0: they are not */
  guint base;    /* the indent of most lines */
  char marks[6]; /* of underlines, in the order of their appearance */
  GString *text; /* of the block in the making */
  gboolean in_list;
} Reader;

static const Line *
line_at (const Reader *reader,
         guint i)
{
  return &g_array_index (reader->lines, Line, i);
}

static GArray *
split_lines (const char *text)
{
  GArray *lines = g_array_new (FALSE, FALSE, sizeof (Line));

  for (const char *at = text; *at != '\0';) {
    gsize n = strcspn (at, "\n\r\f");
    Line line = { .text = at, .n = (guint) n };

    for (; line.n > 0 && (*line.text == ' ' || *line.text == '\t'); line.text++, line.n--)
      line.indent = *line.text == '\t' ? (line.indent / 8 + 1) * 8 : line.indent + 1;
    while (line.n > 0 && g_ascii_isspace (line.text[line.n - 1]))
      line.n--;
    line.chars = (guint) g_utf8_strlen (line.text, (gssize) line.n);
    g_array_append_val (lines, line);
    at += n;
    at += at[0] == '\r' && at[1] == '\n' ? 2 : *at != '\0';
  }
  return lines;
}

/* Where nine of ten lines have ended, and how far in most of them begin. */
static void
measure (Reader *reader)
{
  guint widths[256] = { 0 }, indents[64] = { 0 }, n = 0, seen = 0;

  for (guint i = 0; i < reader->lines->len; i++) {
    const Line *line = line_at (reader, i);

    if (line->n == 0)
      continue;
    n++;
    widths[MIN (line->indent + line->chars, 255)]++;
    indents[MIN (line->indent, 63)]++;
  }
  for (guint width = 0; width < 256; width++) {
    seen += widths[width];
    if (seen * 10 >= n * 9) {
      reader->width = width <= WIDEST ? width : 0;
      break;
    }
  }
  for (guint indent = 1; indent < 64; indent++)
    if (indents[indent] > indents[reader->base])
      reader->base = indent;
}

/* A line of one punctuation mark over and over. */
static char
mark_of (const Line *line)
{
  if (line->n < 3 || strchr ("=-~^\"#*+_`:.", *line->text) == NULL)
    return '\0';
  for (guint i = 1; i < line->n; i++)
    if (line->text[i] != *line->text)
      return '\0';
  return *line->text;
}

static guint
level_of_mark (Reader *reader,
               char mark)
{
  guint i = 0;

  while (i < G_N_ELEMENTS (reader->marks) && reader->marks[i] != '\0' && reader->marks[i] != mark)
    i++;
  i = MIN (i, (guint) G_N_ELEMENTS (reader->marks) - 1);
  reader->marks[i] = mark;
  return i + 1;
}

/* How many bytes a bullet or a number takes at the beginning; 0: no item. */
static guint
marker_length (const Line *line)
{
  gsize n = strspn (line->text, "0123456789");
  static const char *const bullets[] = { "- ", "* ", "+ ", "• ", "– ", "· ", "◦ ", "o " };

  for (guint i = 0; i < G_N_ELEMENTS (bullets); i++)
    if (line->n > strlen (bullets[i]) && g_str_has_prefix (line->text, bullets[i]))
      return (guint) strlen (bullets[i]);
  if (n == 0 && line->n > 3 && g_ascii_islower (*line->text) && line->text[1] == ')')
    n = 1;
  if (n > 0 && n <= 3 && n + 2 < line->n && strchr (".)", line->text[n]) != NULL &&
      line->text[n + 1] == ' ')
    return (guint) n + 2;
  return 0;
}

static gboolean
is_shouted (const Line *line)
{
  guint letters = 0;

  for (const char *p = line->text; p < line->text + line->n; p = g_utf8_next_char (p)) {
    gunichar c = g_utf8_get_char (p);

    if (g_unichar_islower (c))
      return FALSE;
    letters += g_unichar_isupper (c);
  }
  return letters >= 4 && letters * 2 > line->chars && line->text[line->n - 1] != ',';
}

/* A line that stands alone and looks like the name of what follows; 0: it does not. */
static guint
heading_level (const Line *line,
               const char *suffix)
{
  g_autofree char *text = g_strndup (line->text, line->n);
  guint depth = extract_section_depth (text), stars = (guint) strspn (text, "*=");
  char end = text[line->n - 1];

  if (line->chars > HEADING_CHARS)
    return 0;
  /* "* A" of Org and "== A" of AsciiDoc. */
  if (stars > 0 && stars <= 6 && text[stars] == ' ' &&
      (*text == '*' ? g_str_equal (suffix, "org") : TRUE))
    return stars;
  if (depth >= 2 && strchr (".;:,", end) == NULL && line->n > 5)
    return MIN (depth, 6);
  return is_shouted (line) ? 1 + (depth == 0 && line->chars > 40) : 0;
}

static void
flush (Reader *reader,
       BottegaBlockKind kind,
       guint level)
{
  bottega_document_add_block (reader->document, kind, level, 0, reader->text->str,
                              (gssize) reader->text->len);
  g_string_truncate (reader->text, 0);
}

static void
append_line (Reader *reader,
             const Line *line,
             guint from)
{
  if (reader->text->len > 0 && reader->text->str[reader->text->len - 1] != '-')
    g_string_append_c (reader->text, ' ');
  g_string_append_len (reader->text, line->text + from, line->n - from);
}

/* TRUE where the line after the break could not have stood on the one before it: then nobody meant
 * the break. */
static gboolean
was_broken (const Reader *reader,
            const Line *a,
            const Line *b)
{
  gsize word = 0;
  gboolean in_sentence = g_unichar_islower (g_utf8_get_char (b->text)) &&
                         strchr (".:;!?", a->text[a->n - 1]) == NULL;

  while (word < b->n && !g_ascii_isspace (b->text[word]))
    word++;
  if (reader->width == 0)
    return FALSE;
  return in_sentence || a->indent + a->chars + 1 + (guint) g_utf8_strlen (b->text, (gssize) word) +
                                reader->width / 10 >
                            reader->width;
}

/* Indented lines; after a list, where they may go on with an item, with a program's signs too. */
static gboolean
is_code (const Reader *reader,
         guint first,
         guint end)
{
  gboolean has_sign = FALSE;

  for (guint i = first; i < end; i++) {
    const Line *line = line_at (reader, i);

    if (line->indent < reader->base + CODE_INDENT)
      return FALSE;
    has_sign |= *line->text == '$' || strchr ("{};", line->text[line->n - 1]) != NULL;
  }
  return !reader->in_list || has_sign;
}

static void
add_code (Reader *reader,
          guint first,
          guint end)
{
  guint least = G_MAXUINT;

  for (guint i = first; i < end; i++)
    least = MIN (least, line_at (reader, i)->indent);
  for (guint i = first; i < end; i++) {
    const Line *line = line_at (reader, i);

    for (guint n = MIN (line->indent - least, 80); n > 0; n--)
      g_string_append_c (reader->text, ' ');
    g_string_append_len (reader->text, line->text, line->n);
    g_string_append_c (reader->text, '\n');
  }
  flush (reader, BOTTEGA_BLOCK_CODE, 0);
}

/* Lines without an empty one between them. */
static void
add_group (Reader *reader,
           guint first,
           guint end)
{
  guint item = 0;

  for (guint i = first; i < end; i++) {
    const Line *line = line_at (reader, i);
    guint marker = marker_length (line);
    char mark = i + 1 < end ? mark_of (line_at (reader, i + 1)) : '\0';

    if (mark_of (line) != '\0') { /* a line drawn above a heading, or for its own sake */
      if (reader->text->len > 0)
        flush (reader, item > 0 ? BOTTEGA_BLOCK_LIST_ITEM : BOTTEGA_BLOCK_PARAGRAPH, item);
      continue;
    }
    if (mark != '\0' && reader->text->len == 0 && line->chars <= HEADING_CHARS &&
        line_at (reader, i + 1)->n * 2 > line->chars) {
      append_line (reader, line, 0);
      flush (reader, BOTTEGA_BLOCK_HEADING, level_of_mark (reader, mark));
      continue;
    }
    if (reader->text->len > 0 &&
        (marker > 0 || (item == 0 && !was_broken (reader, line_at (reader, i - 1), line))))
      flush (reader, item > 0 ? BOTTEGA_BLOCK_LIST_ITEM : BOTTEGA_BLOCK_PARAGRAPH, item);
    if (marker > 0)
      item = 1 + MIN ((line->indent - MIN (line->indent, reader->base)) / 2, 5);
    /* A bullet goes, a number stays. */
    append_line (reader, line, marker > 0 && !g_ascii_isalnum (*line->text) ? marker : 0);
  }
  if (reader->text->len > 0)
    flush (reader, item > 0 ? BOTTEGA_BLOCK_LIST_ITEM : BOTTEGA_BLOCK_PARAGRAPH, item);
  reader->in_list = item > 0 || (reader->in_list && line_at (reader, first)->indent > reader->base);
}

gboolean
extract_text (const ExtractInput *input,
              BottegaDocument *document,
              ExtractFailure *failure)
{
  g_autofree char *text = extract_decode (input->data, input->size);
  g_autoptr (GArray) lines = text == NULL ? NULL : split_lines (text);
  g_autoptr (GString) block = g_string_new (NULL);
  Reader reader = { .input = input, .document = document, .lines = lines, .text = block };

  *failure = EXTRACT_BINARY;
  if (text == NULL)
    return FALSE;
  measure (&reader);
  for (guint i = 0, end; i < lines->len && !extract_is_full (input, document); i = end + 1) {
    guint level;

    for (end = i; end < lines->len && line_at (&reader, end)->n > 0; end++)
      continue;
    if (end == i)
      continue;
    level = end == i + 1 ? heading_level (line_at (&reader, i), input->suffix) : 0;
    if (level > 0) {
      const Line *line = line_at (&reader, i);
      guint sign = (guint) strspn (line->text, "*=");

      append_line (&reader, line, sign > 0 ? MIN (sign + 1, line->n) : 0);
      flush (&reader, BOTTEGA_BLOCK_HEADING, level);
      reader.in_list = FALSE;
    } else if (is_code (&reader, i, end)) {
      add_code (&reader, i, end);
    } else {
      add_group (&reader, i, end);
    }
  }
  return TRUE;
}
