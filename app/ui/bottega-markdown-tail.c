/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Owns the end of a text that is still being written: what to hold back and which emphasis to close
 * so that the parser sees whole constructs. It scans lines and inline delimiters by the rules of
 * CommonMark as far as the last paragraph needs them. It must not know widgets or the parser.
 */
#define G_LOG_DOMAIN "bottega-markdown-tail"

#include "config.h"

#include "app/ui/bottega-markdown-tail.h"

#include <string.h>

/* A link that is still open after so many bytes is more likely a bracket. */
#define LINK_HOLD_BYTES 300

/* Emphasis nested deeper than this stays as it is written. */
#define MAX_OPEN 16

/* The state of the walk over the lines. Offsets are into the prepared text. */
typedef struct {
  char fence; /* '`' or '~' inside of a fenced code block, else 0 */
  guint fence_length;
  gboolean fence_fresh; /* the last line is the one that opened the fence */
  gsize line;           /* where the last line starts */
  gsize content;        /* where its text starts, after quote and list marks */
  gsize run;            /* where the paragraph of the last line starts */
  gsize table;          /* where the rows at the end start */
  guint table_rows;
  gboolean indented; /* four spaces and no list mark: code, perhaps */
} Walk;

typedef struct {
  char mark;
  guint length;
} Delimiter;

/* The state of the walk over the inlines of one paragraph. */
typedef struct {
  Delimiter open[MAX_OPEN];
  guint n_open;
  guint code_run;   /* length of the open code span's backticks, or 0 */
  gsize code_start; /* where its text starts */
  gssize link;      /* where a link or image starts that is not complete, or -1 */
  gssize trailing;  /* where delimiters at the very end start that closed nothing, or -1 */
} Inlines;

static gsize
skip_list_mark (const char *text,
                gsize at,
                gsize end)
{
  gsize p = at;

  if (p < end && strchr ("-+*", text[p]) != NULL)
    p++;
  else {
    while (p < end && p - at < 9 && g_ascii_isdigit (text[p]))
      p++;
    if (p == at || p == end || (text[p] != '.' && text[p] != ')'))
      return at;
    p++;
  }

  if (p < end && text[p] != ' ' && text[p] != '\t')
    return at;
  return p;
}

/* Skips indentation, quote and list marks; says whether there was a mark. */
static gsize
skip_marks (const char *text,
            gsize at,
            gsize end,
            gboolean *marked)
{
  for (;;) {
    while (at < end && (text[at] == ' ' || text[at] == '\t'))
      at++;
    if (at < end && text[at] == '>') {
      at++;
      *marked = TRUE;
    } else {
      gsize after = skip_list_mark (text, at, end);
      if (after == at)
        return at;
      at = after;
      *marked = TRUE;
    }
  }
}

static guint
run_length (const char *text,
            gsize at,
            gsize end)
{
  gsize p = at;

  while (p < end && text[p] == text[at])
    p++;
  return p - at;
}

static gboolean
is_blank (const char *text,
          gsize at,
          gsize end)
{
  while (at < end && g_ascii_isspace (text[at]))
    at++;
  return at == end;
}

/* `[label]: address`, which the parser would take away. */
static gboolean
is_definition (const char *text,
               gsize at,
               gsize end)
{
  const char *close;

  if (at >= end || text[at] != '[')
    return FALSE;
  close = memchr (text + at, ']', end - at);
  return close != NULL && close + 1 < text + end && close[1] == ':';
}

static void
walk_fence (Walk *walk,
            const char *text,
            gsize end)
{
  gsize at = walk->line;

  while (at < end && strchr (" \t>", text[at]) != NULL)
    at++;
  walk->fence_fresh = FALSE;
  if (at < end && text[at] == walk->fence) {
    guint length = run_length (text, at, end);
    if (length >= walk->fence_length && is_blank (text, at + length, end)) {
      walk->fence = 0;
      walk->run = end;
    }
  }
}

/* Behind the backticks of a fence there are no more of them. */
static gboolean
is_backtick_fence (const char *text,
                   gsize at,
                   gsize end)
{
  return text[at - 1] == '`' && memchr (text + at, '`', end - at) == NULL;
}

/* Takes one line in that is not inside of a fence. */
static void
walk_line (Walk *walk,
           const char *text,
           gsize end)
{
  gboolean marked = FALSE;
  gsize at = skip_marks (text, walk->line, end, &marked);
  guint length = at < end ? run_length (text, at, end) : 0;

  walk->content = at;
  walk->indented = !marked && at - walk->line >= 4;

  if (length >= 3 && (text[at] == '~' || is_backtick_fence (text, at + length, end))) {
    walk->fence = text[at];
    walk->fence_length = length;
    walk->fence_fresh = TRUE;
  }

  if (at < end && text[at] == '|') {
    if (walk->table_rows++ == 0)
      walk->table = walk->line;
  } else {
    walk->table_rows = 0;
  }

  if (is_blank (text, at, end))
    walk->run = end;
  else if (marked || text[at] == '#' || text[at] == '|')
    walk->run = at;
}

/* Copies TEXT line by line into OUT and leaves WALK at the last line. */
static void
walk_lines (Walk *walk,
            const char *text,
            gsize length,
            GString *out)
{
  gsize at = 0;

  while (at < length) {
    const char *newline = memchr (text + at, '\n', length - at);
    gsize end = newline != NULL ? (gsize) (newline - text) + 1 : length;
    gsize mark = at;

    while (mark < end && mark - at < 3 && text[mark] == ' ')
      mark++;
    walk->line = out->len;
    if (walk->fence == 0 && is_definition (text, mark, end))
      g_string_append_c (out, '\\');
    g_string_append_len (out, text + at, end - at);

    if (walk->fence != 0)
      walk_fence (walk, out->str, out->len);
    else
      walk_line (walk, out->str, out->len);
    at = end;
  }
}

static gboolean
can_follow (char c)
{
  return c != 0 && !g_ascii_isspace (c);
}

static void
close_delimiters (Inlines *inlines,
                  char mark,
                  guint *length)
{
  for (guint i = inlines->n_open; i > 0 && *length > 0; i--) {
    Delimiter *open = &inlines->open[i - 1];
    guint used;

    if (open->mark != mark)
      continue;
    used = MIN (open->length, *length);
    open->length -= used;
    *length -= used;
    /* What was opened inside of it and not closed is text. */
    inlines->n_open = open->length > 0 ? i : i - 1;
  }
}

/* A run of `*`, `_` or `~` at AT. */
static gsize
scan_delimiters (Inlines *inlines,
                 const char *text,
                 gsize start,
                 gsize at,
                 gsize end)
{
  guint length = run_length (text, at, end);
  guint left = length;
  char mark = text[at];
  char before = at > start ? text[at - 1] : 0;
  char after = at + length < end ? text[at + length] : 0;
  gboolean opens = can_follow (after) &&
                   (!g_ascii_ispunct (after) || !can_follow (before) || g_ascii_ispunct (before));
  gboolean closes = can_follow (before) &&
                    (!g_ascii_ispunct (before) || !can_follow (after) || g_ascii_ispunct (after));

  if (mark == '_' && opens && closes) {
    opens = g_ascii_ispunct (before);
    closes = g_ascii_ispunct (after);
  }
  if (mark == '~' && length != 2 && after != 0)
    return at + length;

  if (closes)
    close_delimiters (inlines, mark, &left);
  if (left > 0 && after == 0)
    inlines->trailing = at;
  else if (left > 0 && opens && inlines->n_open < MAX_OPEN)
    inlines->open[inlines->n_open++] = (Delimiter) { mark, left };
  return at + length;
}

/* A code span from AT on; returns where it ends. */
static gsize
scan_code (Inlines *inlines,
           const char *text,
           gsize at,
           gsize end)
{
  guint length = run_length (text, at, end);
  gsize p = at + length;

  while (p < end) {
    guint run;
    if (text[p] != '`') {
      p++;
      continue;
    }
    run = run_length (text, p, end);
    p += run;
    if (run == length)
      return p;
  }

  inlines->code_run = length;
  inlines->code_start = at + length;
  if (inlines->code_start == end)
    inlines->trailing = at;
  return end;
}

/* Whether the `]` at AT ends its link, or the `(address)` after it is still to come. */
static gboolean
link_is_complete (const char *text,
                  gsize at,
                  gsize end)
{
  if (at + 1 >= end)
    return FALSE;
  if (text[at + 1] != '(')
    return TRUE;
  for (gsize p = at + 2; p < end; p++)
    if (text[p] == ')' || text[p] == '\n')
      return TRUE;
  return FALSE;
}

static void
scan_inlines (Inlines *inlines,
              const char *text,
              gsize start,
              gsize end)
{
  gsize at = start;

  *inlines = (Inlines) { .link = -1, .trailing = -1 };
  while (at < end) {
    switch (text[at]) {
    case '\\':
      if (at + 1 == end)
        inlines->trailing = at;
      at += 2;
      break;
    case '`':
      at = scan_code (inlines, text, at, end);
      break;
    case '*':
    case '_':
    case '~':
      at = scan_delimiters (inlines, text, start, at, end);
      break;
    case '[':
      if (inlines->link < 0)
        inlines->link = at > start && text[at - 1] == '!' ? at - 1 : at;
      at++;
      break;
    case ']':
      if (inlines->link >= 0 && link_is_complete (text, at, end))
        inlines->link = -1;
      at++;
      break;
    default:
      at++;
    }
  }
}

/* Shortens TEXT by a last line that consists of marks only: it may become a list, a rule, a
 * heading, a fence, or the underline that makes a heading of the line above. */
static void
hold_marks (GString *text,
            const Walk *walk)
{
  gsize at = walk->content;
  gsize digits;

  if (text->len == 0 || text->str[text->len - 1] == '\n')
    return;
  at += strspn (text->str + at, "-+*=_#`~|:> \t");
  digits = strspn (text->str + at, "0123456789");
  if (at == walk->content && digits < 10)
    at += digits;
  if (at + 1 == text->len && digits > 0 && strchr (".)", text->str[at]) != NULL)
    at++;
  if (at >= text->len)
    g_string_truncate (text, walk->line);
}

static void
hold_table (GString *text,
            const Walk *walk)
{
  gboolean whole = text->len > 0 && text->str[text->len - 1] == '\n';
  gboolean rule = strspn (text->str + walk->line, "|:- \t") == text->len - walk->line;

  if (walk->table_rows == 1 || (walk->table_rows == 2 && !whole && rule))
    g_string_truncate (text, walk->table);
}

static void
strip_space (GString *text,
             gsize start)
{
  while (text->len > start && g_ascii_isspace (text->str[text->len - 1]))
    g_string_truncate (text, text->len - 1);
}

/* Holds back what is incomplete in the last paragraph and closes its emphasis. */
static void
complete_inlines (GString *text,
                  const Walk *walk)
{
  Inlines inlines;

  if (walk->run >= text->len)
    return;
  scan_inlines (&inlines, text->str, walk->run, text->len);
  if (inlines.link >= 0 && text->len - inlines.link < LINK_HOLD_BYTES) {
    g_string_truncate (text, inlines.link);
    hold_marks (text, walk);
    if (walk->run >= text->len)
      return;
    scan_inlines (&inlines, text->str, walk->run, text->len);
  }

  if (inlines.trailing >= 0) {
    g_string_truncate (text, inlines.trailing);
    if (inlines.code_run > 0 && inlines.code_start > text->len)
      inlines.code_run = 0;
  }
  if (inlines.code_run > 0) {
    while (text->len > inlines.code_start && text->str[text->len - 1] == '`')
      g_string_truncate (text, text->len - 1);
    for (guint i = 0; i < inlines.code_run; i++)
      g_string_append_c (text, '`');
  } else if (inlines.n_open > 0) {
    strip_space (text, walk->run);
  }
  for (guint i = inlines.n_open; i > 0; i--)
    for (guint k = 0; k < inlines.open[i - 1].length; k++)
      g_string_append_c (text, inlines.open[i - 1].mark);
}

/* Inside of a fence only its own marks are held: the language until its line ends, and what may
 * become the closing fence. */
static void
hold_fence (GString *text,
            const Walk *walk)
{
  gsize at = walk->line;

  if (text->str[text->len - 1] == '\n')
    return;
  if (walk->fence_fresh) {
    g_string_truncate (text, walk->content + walk->fence_length);
    return;
  }
  at += strspn (text->str + at, " \t>");
  if (at < text->len && text->str[at] == walk->fence &&
      at + run_length (text->str, at, text->len) == text->len)
    g_string_truncate (text, walk->line);
}

GString *
bottega_markdown_tail_prepare (const char *text,
                               gsize length,
                               gboolean finished)
{
  GString *out = g_string_sized_new (length + 16);
  Walk walk = { 0 };

  walk_lines (&walk, text, length, out);
  if (finished || out->len == 0)
    return out;

  if (walk.fence != 0) {
    hold_fence (out, &walk);
    return out;
  }

  hold_table (out, &walk);
  if (out->len > walk.line)
    hold_marks (out, &walk);
  if (out->len <= walk.line) {
    /* The lines above have an end of their own. */
    GString *above = bottega_markdown_tail_prepare (out->str, out->len, FALSE);
    g_string_free (out, TRUE);
    return above;
  }
  if (!walk.indented)
    complete_inlines (out, &walk);
  return out;
}
