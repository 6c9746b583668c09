/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Takes a document apart into units and sections, in one pass. It must not know how big a chunk is
 * to be, but for the largest unit. Tokens are counted once a block and shared out by bytes. */
#include "app/retrieval/bottega-chunk-units.h"
#include "app/retrieval/bottega-sentences.h"

#include <string.h>

#define MAX_LEVEL         6
#define MAX_HEADING_CHARS 100

typedef struct {
  const BottegaDocument *document;
  BottegaTokenCount count;
  gpointer user_data;
  BottegaUnits *units;
  guint line;                /* the last that begins at or before the present offset */
  guint top_level;           /* of the main divisions; 0: none */
  guint32 header;            /* index + 1 of the present table's header */
  char *path[MAX_LEVEL + 1]; /* headings above the present place, by level */
  double tokens_per_byte;    /* of the present block */
  const BottegaBlock *block;
  gboolean begins_block;
} Parser;

/* About four letters a token; what is written without blanks (Chinese, Japanese) a token a sign. */
static guint
estimate_tokens (const char *text, gsize n_bytes, gpointer user_data)
{
  guint letters = 0, signs = 0;

  for (const char *p = text; p < text + n_bytes; p++) {
    guint8 c = (guint8) *p;

    if (c >= 0xe3)
      signs++;
    else if ((c & 0xc0) != 0x80)
      letters++;
  }

  return letters / 4 + signs + 1;
}

/* ---- pages ---- */

/* The page of the line that holds this offset; offsets must not fall. */
static guint32
page_at (Parser *self, guint32 offset, guint32 otherwise)
{
  const GArray *lines = self->document->lines;

  if (lines->len == 0)
    return otherwise;
  while (self->line + 1 < lines->len &&
         g_array_index (lines, BottegaLine, self->line + 1).offset <= offset)
    self->line++;

  return MAX (otherwise, g_array_index (lines, BottegaLine, self->line).page);
}

/* ---- units ---- */

static void
add_unit (Parser *self, BottegaUnitKind kind, guint32 offset, guint32 end)
{
  BottegaUnit unit = {
    .offset = offset,
    .end = end,
    .n_tokens = (guint32) ((end - offset) * self->tokens_per_byte + 0.5),
    .section = self->units->sections->len - 1,
    .header = kind == BOTTEGA_UNIT_ROW ? self->header : 0,
    .kind = (guint8) kind,
    .begins_block = self->begins_block,
  };

  unit.n_tokens = MAX (unit.n_tokens, 1);
  unit.page = page_at (self, offset, self->block->page);
  unit.last_page = page_at (self, end - 1, unit.page);
  self->begins_block = FALSE;
  g_array_append_val (self->units->units, unit);
}

/* Where [begin, end), which is too long, is best cut so that the first piece is at most n bytes:
 * after a semicolon, colon, comma or cell, else after a blank, else between two characters. */
static guint32
cut_at (const char *text, guint32 begin, guint32 n)
{
  guint32 blank = 0, cut;

  for (guint32 i = begin + n; i > begin + n / 2; i--) {
    char c = text[i - 1];

    if (c != ' ' && c != '\n')
      continue;
    if (blank == 0)
      blank = i;
    if (i >= begin + 2 && strchr (";:,|\n", text[i - 2]) != NULL)
      return i;
  }
  if (blank != 0)
    return blank;
  for (guint32 i = begin + n / 2; i > begin; i--)
    if (text[i - 1] == ' ')
      return i;
  for (cut = begin + n; ((guint8) text[cut] & 0xc0) == 0x80;)
    cut--;

  return cut;
}

/* Adds a piece of text as one unit, or as several if it is too long. */
static void
add_units (Parser *self, BottegaUnitKind kind, guint32 begin, guint32 end)
{
  guint32 most = (guint32) MAX (64.0, BOTTEGA_CHUNK_MAX_TOKENS * 0.8 / self->tokens_per_byte);

  while ((end - begin) * self->tokens_per_byte > BOTTEGA_CHUNK_MAX_TOKENS && end - begin > most) {
    guint32 cut = cut_at (self->document->text->str, begin, most);

    add_unit (self, kind, begin, cut);
    begin = cut;
  }
  if (begin < end)
    add_unit (self, kind, begin, end);
}

/* ---- headings ---- */

static char *
heading_text (const Parser *self)
{
  const char *text = self->document->text->str + self->block->offset;
  g_autofree char *whole = g_strndup (text, self->block->length);

  g_strdelimit (whole, "\n\t", ' ');
  if (g_utf8_strlen (whole, -1) <= MAX_HEADING_CHARS)
    return g_steal_pointer (&whole);
  *g_utf8_offset_to_pointer (whole, MAX_HEADING_CHARS - 1) = '\0';

  return g_strconcat (whole, "…", NULL);
}

static void
begin_section (Parser *self)
{
  guint level = CLAMP (self->block->level, 1, MAX_LEVEL);
  GString *path = g_string_new (NULL);
  BottegaSection section = { .top = level <= self->top_level };

  for (guint i = level; i <= MAX_LEVEL; i++)
    g_clear_pointer (&self->path[i], g_free);
  self->path[level] = heading_text (self);
  for (guint i = 1; i <= level; i++)
    if (self->path[i] != NULL)
      g_string_append_printf (path, "%s%s", path->len > 0 ? " › " : "", self->path[i]);
  section.path = g_string_free (path, FALSE);
  g_array_append_val (self->units->sections, section);
}

/* The smallest level that more than one heading has: one alone is the title. */
static guint
find_top_level (const GArray *blocks)
{
  guint n[MAX_LEVEL + 1] = { 0 };

  for (guint i = 0; i < blocks->len; i++) {
    const BottegaBlock *block = &g_array_index (blocks, BottegaBlock, i);

    if (block->kind == BOTTEGA_BLOCK_HEADING)
      n[CLAMP (block->level, 1, MAX_LEVEL)]++;
  }
  for (guint level = 1; level <= MAX_LEVEL; level++)
    if (n[level] > 1)
      return level;

  return 0;
}

/* ---- blocks ---- */

static void
add_sentences (Parser *self)
{
  const char *text = self->document->text->str;
  guint32 begin = self->block->offset, end = begin + self->block->length;

  while (begin < end) {
    guint32 next = bottega_sentence_next (text, begin, end);

    add_units (self, BOTTEGA_UNIT_SENTENCE, begin, next);
    begin = next;
  }
}

static void
add_code (Parser *self)
{
  const char *text = self->document->text->str;
  guint32 begin = self->block->offset, end = begin + self->block->length;

  while (begin < end) {
    const char *newline = memchr (text + begin, '\n', end - begin);
    guint32 next = newline != NULL ? (guint32) (newline + 1 - text) : end;

    add_units (self, BOTTEGA_UNIT_CODE, begin, next);
    begin = next;
  }
}

static void
add_block (Parser *self, const BottegaBlock *block)
{
  const char *text = self->document->text->str + block->offset;
  guint32 end = block->offset + block->length;
  guint n_tokens;

  if (block->length == 0)
    return;
  self->block = block;
  self->begins_block = TRUE;
  n_tokens = self->count (text, block->length, self->user_data);
  self->tokens_per_byte = MAX (n_tokens, 1) / (double) block->length;
  if (block->kind != BOTTEGA_BLOCK_TABLE_ROW)
    self->header = 0;

  switch ((BottegaBlockKind) block->kind) {
  case BOTTEGA_BLOCK_HEADING:
    begin_section (self);
    add_units (self, BOTTEGA_UNIT_HEADING, block->offset, end);
    break;
  case BOTTEGA_BLOCK_TABLE_HEADER:
    add_units (self, BOTTEGA_UNIT_HEADER, block->offset, end);
    self->header = self->units->units->len;
    break;
  case BOTTEGA_BLOCK_TABLE_ROW:
    add_units (self, BOTTEGA_UNIT_ROW, block->offset, end);
    break;
  case BOTTEGA_BLOCK_CODE:
    add_code (self);
    break;
  case BOTTEGA_BLOCK_PARAGRAPH:
  case BOTTEGA_BLOCK_LIST_ITEM:
  case BOTTEGA_BLOCK_N_KINDS:
    add_sentences (self);
    break;
  }
}

BottegaUnits *
bottega_units_new (const BottegaDocument *document, BottegaTokenCount count, gpointer user_data)
{
  Parser self = { .document = document, .user_data = user_data };
  BottegaSection first = { 0 };

  self.count = count != NULL ? count : estimate_tokens;
  self.units = g_new0 (BottegaUnits, 1);
  self.units->units = g_array_new (FALSE, FALSE, sizeof (BottegaUnit));
  self.units->sections = g_array_new (FALSE, FALSE, sizeof (BottegaSection));
  g_array_append_val (self.units->sections, first);
  self.top_level = find_top_level (document->blocks);
  for (guint i = 0; i < document->blocks->len; i++)
    add_block (&self, &g_array_index (document->blocks, BottegaBlock, i));
  for (guint i = 0; i <= MAX_LEVEL; i++)
    g_free (self.path[i]);

  return self.units;
}

void
bottega_units_free (BottegaUnits *self)
{
  if (self == NULL)
    return;
  for (guint i = 0; i < self->sections->len; i++)
    g_free (g_array_index (self->sections, BottegaSection, i).path);
  g_array_unref (self->sections);
  g_array_unref (self->units);
  g_free (self);
}
