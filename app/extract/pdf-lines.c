/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pages of a PDF to lines with their place and type, and out with the lines that every page
 * repeats. It knows no blocks. */
#define G_LOG_DOMAIN "bottega-extract"

#include "app/extract/pdf.h"

#include <math.h>
#include <string.h>

/* Running heads and feet are among so many rows from the top or bottom of a page. */
#define EDGE_ROWS 2
#define REPEATED  3
#define SAME_Y    4.0f  /* points */
#define WORD_GAP  0.13f /* of the letters' height: more than within any word */
#define WIDE_GAP  1.6f  /* of the letters' height: more than any blank between words */

typedef struct {
  PopplerRectangle *places;
  guint n;
  GList *types; /* of PopplerTextAttributes; where the walk is */
} Layout;

static void
clear_line (gpointer line)
{
  g_free (((PdfLine *) line)->text);
}

GArray *
pdf_lines_new (void)
{
  GArray *lines = g_array_new (FALSE, FALSE, sizeof (PdfLine));

  g_array_set_clear_func (lines, clear_line);
  return lines;
}

static gboolean
has_word (const char *font,
          const char *const *words)
{
  g_autofree char *lower = font == NULL ? g_strdup ("") : g_ascii_strdown (font, -1);

  for (; *words != NULL; words++)
    if (strstr (lower, *words) != NULL)
      return TRUE;
  return FALSE;
}

static gboolean
is_bold (const char *font)
{
  static const char *const words[] = { "bold", "black", "heavy", "cmbx", "cmssbx", "-demi", "medi",
                                       "lmroman10-b", NULL };

  return has_word (font, words);
}

static gboolean
is_mono (const char *font)
{
  static const char *const words[] = { "mono", "courier", "typewriter", "cmtt", "consol", "menlo",
                                       "sourcecode", "lmtt", "letter gothic", "nimbusmonl", NULL };

  return has_word (font, words);
}

static gboolean
is_bullet (gunichar c)
{
  static const char bullets[] = "•◦‣●○■□▪▫–—➢➤►▶·∙✓✔❑❖\xEF\x82\xB7\xEF\x82\xA7\xEF\x83\x98*-";

  return g_utf8_strchr (bullets, -1, c) != NULL;
}

/* The type that most letters of a line have. */
static void
take_type (PdfLine *line,
           Layout *layout,
           guint from,
           guint to)
{
  guint bold = 0, mono = 0, n = 0, most = 0;

  for (guint i = from; i < to; i++) {
    const PopplerTextAttributes *type;
    guint until;

    while (layout->types != NULL &&
           ((PopplerTextAttributes *) layout->types->data)->end_index < (gint) i)
      layout->types = layout->types->next;
    if (layout->types == NULL)
      break;
    type = layout->types->data;
    until = MIN (to, (guint) MAX (type->end_index + 1, (gint) i + 1));
    n += until - i;
    bold += is_bold (type->font_name) ? until - i : 0;
    mono += is_mono (type->font_name) ? until - i : 0;
    if (until - i > most) {
      most = until - i;
      line->size = (float) type->font_size;
    }
    i = until - 1;
  }
  line->bold = bold * 10 > n * 9;
  line->mono = mono * 10 > n * 9;
}

/* The box around characters, but blanks, whose boxes may be anything. */
static void
take_place (PdfLine *line,
            const Layout *layout,
            const char *text,
            guint from,
            guint to)
{
  gboolean in_first_word = TRUE;

  line->x0 = line->y0 = G_MAXFLOAT;
  line->x1 = line->y1 = -G_MAXFLOAT;
  for (guint i = from; i < to && i < layout->n; i++, text = g_utf8_next_char (text)) {
    const PopplerRectangle *place = &layout->places[i];

    if (g_unichar_isspace (g_utf8_get_char (text))) {
      in_first_word = FALSE;
      continue;
    }
    line->x0 = MIN (line->x0, (float) MIN (place->x1, place->x2));
    line->x1 = MAX (line->x1, (float) MAX (place->x1, place->x2));
    line->y0 = MIN (line->y0, (float) MIN (place->y1, place->y2));
    line->y1 = MAX (line->y1, (float) MAX (place->y1, place->y2));
    if (in_first_word)
      line->first_word = line->x1 - line->x0;
  }
}

/* How many characters a bullet with its blanks takes at the beginning of a line; 0: none. */
static guint
bullet_length (const char *text)
{
  const char *after = g_utf8_next_char (text);
  guint n = 1;

  if (*text == '\0' || !is_bullet (g_utf8_get_char (text)) || *after != ' ')
    return 0;
  for (; *after == ' '; after++)
    n++;
  return *after == '\0' ? 0 : n;
}

/* Rows of dots between an entry and its page. */
static void
drop_leaders (char *text)
{
  char *to = text;

  for (char *from = text; *from != '\0';) {
    gsize n = strspn (from, ". ");
    guint dots = 0;

    for (gsize i = 0; i < n; i++)
      dots += from[i] == '.';
    if (dots >= 4) {
      from += n;
      *to++ = ' ';
    } else {
      memmove (to, from, MAX (n, 1));
      to += MAX (n, 1);
      from += MAX (n, 1);
    }
  }
  *to = '\0';
}

/* A copy with the blanks that poppler loses where the type changes within a line. */
static char *
with_blanks (const Layout *layout,
             const char *text,
             guint from)
{
  GString *out = g_string_new (NULL);
  float end = 0;
  gboolean in_word = FALSE;

  for (guint i = from; *text != '\0'; text = g_utf8_next_char (text), i++) {
    gunichar c = g_utf8_get_char (text);

    if (i < layout->n && !g_unichar_isspace (c)) {
      const PopplerRectangle *place = &layout->places[i];
      float gap = (float) place->x1 - end, height = (float) fabs (place->y2 - place->y1);

      if (in_word && gap > height * WORD_GAP)
        g_string_append_c (out, ' ');
      end = (float) place->x2;
    }
    in_word = !g_unichar_isspace (c);
    g_string_append_unichar (out, c);
  }
  return g_string_free (out, FALSE);
}

static void
add_line (GArray *lines,
          Layout *layout,
          const char *text,
          gsize n_bytes,
          guint from,
          guint number)
{
  g_autofree char *raw = g_strndup (text, n_bytes), *spaced = NULL;
  PdfLine line = { .page = number, .bullet = -1 };
  guint to = from + (guint) g_utf8_strlen (raw, -1), bullet = bullet_length (raw);

  take_type (&line, layout, from, to);
  if (bullet > 0 && !line.mono) {
    take_place (&line, layout, raw, from, from + 1);
    line.bullet = line.x0;
    text = g_utf8_offset_to_pointer (raw, bullet);
    from += bullet;
  } else {
    text = raw;
  }
  line.first_word = 0;
  take_place (&line, layout, text, from, to);
  if (!isfinite (line.x0) || line.x1 < line.x0 || !(fabsf (line.x0) < 1e6f) ||
      !(fabsf (line.x1) < 1e6f) || !(fabsf (line.y0) < 1e6f) || !(fabsf (line.y1) < 1e6f))
    return;
  if (!(line.size > 0.5f && line.size < 1000))
    line.size = MAX (line.y1 - line.y0, 1);
  spaced = with_blanks (layout, text, from);
  line.text = bottega_document_clean (spaced, -1, FALSE);
  drop_leaders (line.text);
  g_strstrip (line.text);
  if (*line.text == '\0')
    g_free (line.text);
  else
    g_array_append_val (lines, line);
}

/* Where a line of poppler's ends for us: it also joins, often without a blank, what stands at the
 * same height in the next column. In characters. */
static guint
run_length (const Layout *layout,
            const char *text,
            guint from,
            guint n)
{
  float end = 0;

  for (guint i = 0; i < n && from + i < layout->n; i++, text = g_utf8_next_char (text)) {
    const PopplerRectangle *place = &layout->places[from + i];
    float height = (float) fabs (place->y2 - place->y1);

    if (g_unichar_isspace (g_utf8_get_char (text)))
      continue;
    if (i > 0 && fabsf ((float) place->x1 - end) > height * WIDE_GAP && end != 0)
      return i;
    end = (float) place->x2;
  }
  return n;
}

/* One line of poppler's text: as many of ours as it was set in. */
static void
add_runs (GArray *lines,
          Layout *layout,
          const char *text,
          gsize n_bytes,
          guint from,
          guint number)
{
  guint n = (guint) g_utf8_strlen (text, (gssize) n_bytes);
  gboolean is_off = FALSE;

  while (n > 0) {
    guint length = run_length (layout, text, from, n);
    const char *end = g_utf8_offset_to_pointer (text, (glong) length);
    guint before = lines->len;

    add_line (lines, layout, text, (gsize) (end - text), from, number);
    if (lines->len > before)
      g_array_index (lines, PdfLine, before).is_off = is_off;
    is_off = TRUE;
    from += length;
    n -= length;
    text = end;
  }
}

/* What was split off goes after the lines below its neighbour, to its own column. Those that stand
 * farther right are moved first, so that each stops before its own. */
static void
move_split (GArray *lines,
            guint first)
{
  for (guint i = lines->len; i-- > first;) {
    PdfLine line = g_array_index (lines, PdfLine, i);
    float bottom = line.y1;
    guint to = i;

    while (line.is_off && to + 1 < lines->len) {
      const PdfLine *next = &g_array_index (lines, PdfLine, to + 1);

      if ((next->x0 < line.x1 && next->x1 > line.x0) || next->y0 < line.y0 - 1 ||
          next->y0 - bottom > line.size * 2)
        break;
      bottom = MAX (bottom, next->y1);
      to++;
    }
    if (to > i) {
      memmove (&g_array_index (lines, PdfLine, i), &g_array_index (lines, PdfLine, i + 1),
               (to - i) * sizeof line);
      g_array_index (lines, PdfLine, to) = line;
    }
  }
}

gsize
pdf_add_lines (GArray *lines,
               PopplerPage *page,
               guint number)
{
  g_autofree char *text = poppler_page_get_text (page);
  GList *types = poppler_page_get_text_attributes (page);
  g_autofree PopplerRectangle *places = NULL;
  Layout layout = { .types = types };
  guint at = 0, first = lines->len;
  gsize letters = 0;

  if (text != NULL && poppler_page_get_text_layout (page, &places, &layout.n)) {
    layout.places = places;
    for (const char *line = text; *line != '\0';) {
      const char *newline = strchr (line, '\n');
      gsize n = newline == NULL ? strlen (line) : (gsize) (newline - line);

      add_runs (lines, &layout, line, n, at, number);
      at += (guint) g_utf8_strlen (line, (gssize) n) + 1;
      letters += n;
      line += n + (newline != NULL);
    }
  }
  if (lines->len - first < 3000) /* it is quadratic */
    move_split (lines, first);
  poppler_page_free_text_attributes (types);
  return letters;
}

/* The commonest value, weighted, of small numbers in steps. */
typedef struct {
  guint64 counts[512];
  float step;
} Histogram;

static void
histogram_add (Histogram *histogram,
               float value,
               gsize weight)
{
  int i = (int) (value / histogram->step + 0.5f);

  if (i >= 0 && i < (int) G_N_ELEMENTS (histogram->counts))
    histogram->counts[i] += weight;
}

static float
histogram_mode (const Histogram *histogram,
                float otherwise)
{
  guint best = 0;

  for (guint i = 1; i < G_N_ELEMENTS (histogram->counts); i++)
    if (histogram->counts[i] > histogram->counts[best])
      best = i;
  return best == 0 ? otherwise : (float) best * histogram->step;
}

PdfStyle
pdf_measure (const GArray *lines)
{
  g_autofree Histogram *sizes = g_new0 (Histogram, 1), *steps = g_new0 (Histogram, 1);
  PdfStyle style = { 0 };

  sizes->step = 0.25f;
  steps->step = 0.02f;
  for (guint i = 0; i < lines->len; i++) {
    const PdfLine *line = &g_array_index (lines, PdfLine, i);

    if (!line->mono)
      histogram_add (sizes, line->size, strlen (line->text));
  }
  style.body = histogram_mode (sizes, 10);
  for (guint i = 1; i < lines->len; i++) {
    const PdfLine *a = &g_array_index (lines, PdfLine, i - 1), *b = a + 1;
    float step = (b->y0 - a->y0) / style.body;

    if (a->page == b->page && step > 0.8f && step < 2.5f && !a->mono && !b->mono &&
        fabsf (a->size - style.body) < 0.3f && fabsf (b->size - style.body) < 0.3f)
      histogram_add (steps, step, 1);
  }
  style.leading = histogram_mode (steps, 1.2f);
  return style;
}

/* What a running head has in common on all pages: its words, with "#" for numbers. */
static char *
mask_of (const char *text)
{
  g_autoptr (GString) mask = g_string_new (NULL);
  gboolean is_roman = strspn (text, "ivxlcIVXLC") == strlen (text);

  for (const char *p = is_roman ? "#" : text; *p != '\0'; p++) {
    if (g_ascii_isdigit (*p))
      g_string_append (mask, mask->len > 0 && mask->str[mask->len - 1] == '#' ? "" : "#");
    else if (*p != ' ')
      g_string_append_c (mask, *p);
  }
  return g_string_free (g_steal_pointer (&mask), FALSE);
}

/* Where a line can be a running head: its distance in rows from the edge is small. */
static gboolean
is_at_edge (const GArray *lines,
            guint first,
            guint end,
            guint i)
{
  const PdfLine *line = &g_array_index (lines, PdfLine, i);
  float above = -G_MAXFLOAT, below = G_MAXFLOAT;
  guint n_above = 0, n_below = 0;

  for (guint k = first; k < end; k++) {
    const PdfLine *other = &g_array_index (lines, PdfLine, k);

    if (other->y1 < line->y0 + 1) {
      n_above += n_above == 0 || fabsf (other->y0 - above) > SAME_Y;
      above = other->y0;
    } else if (other->y0 > line->y1 - 1) {
      n_below += n_below == 0 || fabsf (other->y0 - below) > SAME_Y;
      below = other->y0;
    }
  }
  return n_above < EDGE_ROWS || n_below < EDGE_ROWS;
}

/* On how many pages something stands. */
typedef struct {
  guint pages, last;
} Count;

static char *
key_of (const PdfLine *line,
        int shift)
{
  g_autofree char *mask = mask_of (line->text);

  return g_strdup_printf ("%d %s", (int) (line->y0 / SAME_Y) + shift, mask);
}

static void
count_line (GHashTable *counts,
            const PdfLine *line)
{
  g_autofree char *key = key_of (line, 0);
  Count *count = g_hash_table_lookup (counts, key);

  if (count == NULL) {
    count = g_new0 (Count, 1);
    g_hash_table_insert (counts, g_steal_pointer (&key), count);
  }
  count->pages += count->last != line->page;
  count->last = line->page;
}

static guint
count_of (GHashTable *counts,
          const PdfLine *line)
{
  guint n = 0;

  for (int shift = -1; shift <= 1; shift++) {
    g_autofree char *key = key_of (line, shift);
    const Count *count = g_hash_table_lookup (counts, key);

    n += count == NULL ? 0 : count->pages;
  }
  return n;
}

void
pdf_drop_running (GArray *lines,
                  PdfStyle style,
                  guint n_pages)
{
  g_autoptr (GHashTable) counts = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_autofree gboolean *at_edge = g_new0 (gboolean, lines->len + 1);
  guint kept = 0;

  for (guint first = 0, end; first < lines->len; first = end) {
    guint page = g_array_index (lines, PdfLine, first).page;

    for (end = first; end < lines->len && g_array_index (lines, PdfLine, end).page == page; end++)
      continue;
    /* A page without end is no page of a book; and this is quadratic. */
    for (guint i = first; i < end && end - first < 1000; i++) {
      at_edge[i] = is_at_edge (lines, first, end, i);
      if (at_edge[i])
        count_line (counts, &g_array_index (lines, PdfLine, i));
    }
  }
  for (guint i = 0; i < lines->len; i++) {
    PdfLine *line = &g_array_index (lines, PdfLine, i);
    guint n = at_edge[i] ? count_of (counts, line) : 0;

    /* Large type at the same place may be the title of three slides. */
    if (n >= REPEATED && (line->size <= style.body * 1.1f || n * 2 > n_pages)) {
      g_clear_pointer (&line->text, g_free);
    } else if (kept++ != i) {
      g_array_index (lines, PdfLine, kept - 1) = *line;
      line->text = NULL;
    }
  }
  g_array_set_size (lines, kept);
}
