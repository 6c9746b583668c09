/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Puts units together to chunks, in two steps: groups that follow the headings, then pieces of a
 * group of about the same size. It must not know what chunks are used for.
 *
 * Both steps and the units before them look at each unit a bounded number of times: linear in the
 * text. */
#include "app/retrieval/bottega-chunker.h"
#include "app/retrieval/bottega-chunk-kind.h"
#include "app/retrieval/bottega-chunk-units.h"

#include <string.h>

/* In tokens. */
#define MIN_CHUNK    120 /* what is smaller is joined to what follows */
#define TINY_CHUNK   40  /* … even over the boundary of a main division */
#define OVERLAP      34  /* about 12 % */
#define MAX_SENTENCE 60  /* a longer one is not repeated */
#define MAX_HEADER   400 /* bytes of a table's header that is repeated */

/* Units that belong together: a section, or some small ones. */
typedef struct {
  guint begin, end;
  guint32 n_tokens;
  gboolean top;      /* begins a main division */
  gboolean headings; /* has nothing else yet */
} Group;

typedef struct {
  const BottegaDocument *document;
  BottegaUnits *units;
  GArray *groups; /* of Group */
  GArray *chunks; /* of BottegaChunk */
} Chunker;

static const BottegaUnit *
unit_at (const Chunker *self, guint i)
{
  return &g_array_index (self->units->units, BottegaUnit, i);
}

static const BottegaSection *
section_of (const Chunker *self, const BottegaUnit *unit)
{
  return &g_array_index (self->units->sections, BottegaSection, unit->section);
}

void
bottega_chunk_clear (BottegaChunk *chunk)
{
  g_clear_pointer (&chunk->heading, g_free);
  g_clear_pointer (&chunk->header, g_free);
}

/* ---- groups ---- */

static void
close_group (Chunker *self, Group *group)
{
  Group *before = self->groups->len > 0
                      ? &g_array_index (self->groups, Group, self->groups->len - 1)
                      : NULL;

  if (group->begin == group->end)
    return;
  /* What could not be joined to what follows is joined to what is before. */
  if (before != NULL &&
      (group->n_tokens < TINY_CHUNK || (group->n_tokens < MIN_CHUNK && !group->top))) {
    before->end = group->end;
    before->n_tokens += group->n_tokens;
  } else
    g_array_append_val (self->groups, *group);
}

static void
form_groups (Chunker *self)
{
  guint n = self->units->units->len;
  Group group = { .headings = TRUE };

  for (guint i = 0; i < n; i++) {
    const BottegaUnit *unit = unit_at (self, i);
    gboolean heading = unit->kind == BOTTEGA_UNIT_HEADING && unit->begins_block;
    gboolean top = heading && section_of (self, unit)->top;

    if (heading && !group.headings && group.n_tokens >= (top ? TINY_CHUNK : MIN_CHUNK)) {
      close_group (self, &group);
      group = (Group) { .begin = i, .top = top, .headings = TRUE };
    }
    group.headings &= unit->kind == BOTTEGA_UNIT_HEADING;
    group.n_tokens += unit->n_tokens;
    group.end = i + 1;
  }
  close_group (self, &group);
}

/* ---- chunks ---- */

/* The headings above most of it. */
static const char *
main_heading (const Chunker *self, guint begin, guint end)
{
  const BottegaUnit *best = NULL;
  guint32 best_tokens = 0, n_tokens = 0;

  for (guint i = begin; i < end; i++) {
    const BottegaUnit *unit = unit_at (self, i);

    if (i == begin || unit->section != unit_at (self, i - 1)->section)
      n_tokens = 0;
    n_tokens += unit->n_tokens;
    if (best == NULL || n_tokens > best_tokens) {
      best = unit;
      best_tokens = n_tokens;
    }
  }

  return section_of (self, best)->path;
}

static char *
table_header (const Chunker *self, const BottegaUnit *row)
{
  const BottegaUnit *header;
  g_autofree char *text = NULL;

  if (row->kind != BOTTEGA_UNIT_ROW || row->header == 0)
    return NULL;
  header = unit_at (self, row->header - 1);
  text = g_strndup (self->document->text->str + header->offset,
                    MIN (header->end - header->offset, MAX_HEADER));

  return g_utf8_make_valid (text, -1);
}

/* Units [begin, end); the first of them from `begin` to `fresh` repeat the chunk before. */
static void
add_chunk (Chunker *self, guint begin, guint fresh, guint end)
{
  const char *text = self->document->text->str;
  const BottegaUnit *first = unit_at (self, begin), *last = unit_at (self, end - 1);
  BottegaChunk chunk = { .offset = first->offset, .page = first->page };
  guint32 stop = last->end;
  guint n_rows = 0;

  while (stop > first->offset && g_ascii_isspace (text[stop - 1]))
    stop--;
  if (stop == first->offset)
    return;
  chunk.length = stop - first->offset;
  chunk.last_page = last->last_page;
  for (guint i = begin; i < end; i++) {
    const BottegaUnit *unit = unit_at (self, i);

    chunk.n_tokens += unit->n_tokens;
    n_rows += unit->kind == BOTTEGA_UNIT_ROW;
  }
  chunk.heading = g_strdup (main_heading (self, fresh, end));
  chunk.header = table_header (self, first);
  chunk.kind = bottega_chunk_kind (text + chunk.offset, chunk.length, chunk.heading,
                                   n_rows * 2 > end - begin);
  g_array_append_val (self->chunks, chunk);
}

/* Where the next chunk begins so that it repeats the last sentences before `end`. */
static guint
find_overlap (const Chunker *self, guint begin, guint end)
{
  const BottegaUnit *next = unit_at (self, end);
  guint32 n_tokens = 0;
  guint from = end;

  if (next->kind != BOTTEGA_UNIT_SENTENCE)
    return end;
  while (from > begin + 1) {
    const BottegaUnit *unit = unit_at (self, from - 1);

    n_tokens += unit->n_tokens;
    if (unit->kind != BOTTEGA_UNIT_SENTENCE || unit->section != next->section ||
        n_tokens > (from == end ? MAX_SENTENCE : OVERLAP))
      break;
    from--;
  }

  return from;
}

/* A heading and a table's header stay with what comes after them. */
static gboolean
is_glued (const BottegaUnit *unit)
{
  return unit->kind == BOTTEGA_UNIT_HEADING || unit->kind == BOTTEGA_UNIT_HEADER;
}

/* The end of the piece that begins at `begin` and wants `wanted` tokens, at most `most`. */
static guint
find_cut (const Chunker *self, guint begin, guint end, double wanted, guint32 most, guint32 *taken)
{
  guint i = begin;

  *taken = 0;
  while (i < end) {
    const BottegaUnit *unit = unit_at (self, i);
    gboolean cut;

    if (i > begin && *taken + unit->n_tokens > most)
      break;
    /* Before a heading rather than before a paragraph, before one rather than inside. */
    cut = i > begin && !is_glued (unit_at (self, i - 1)) &&
          *taken >= wanted * (unit->kind == BOTTEGA_UNIT_HEADING ? 0.6
                              : unit->begins_block               ? 0.85
                                                                 : 1.0);
    if (cut)
      break;
    *taken += unit->n_tokens;
    i++;
  }
  if (i == end)
    return end;
  /* Back over what must not be left at the end, unless there is nothing else. */
  for (guint back = i; back > begin + 1; back--)
    if (!is_glued (unit_at (self, back - 1))) {
      for (; i > back; i--)
        *taken -= unit_at (self, i - 1)->n_tokens;
      break;
    }

  return i;
}

static void
split_group (Chunker *self, const Group *group)
{
  guint32 remaining = group->n_tokens;
  guint begin = group->begin, repeated = begin; /* [repeated, begin) is the overlap */

  while (begin < group->end) {
    guint32 overlap = 0, most, taken;
    guint n_pieces, end;

    for (guint i = repeated; i < begin; i++)
      overlap += unit_at (self, i)->n_tokens;
    if (overlap + unit_at (self, begin)->n_tokens > BOTTEGA_CHUNK_MAX_TOKENS) {
      repeated = begin;
      overlap = 0;
    }
    most = BOTTEGA_CHUNK_MAX_TOKENS - overlap;
    n_pieces = remaining <= most ? 1 : 1 + remaining / (BOTTEGA_CHUNK_MAX_TOKENS - OVERLAP);
    end = find_cut (self, begin, group->end,
                    n_pieces == 1 ? G_MAXUINT32 : (double) remaining / n_pieces, most, &taken);
    add_chunk (self, repeated, begin, end);
    remaining -= MIN (taken, remaining);
    repeated = end < group->end ? find_overlap (self, begin, end) : end;
    begin = end;
  }
}

GArray *
bottega_chunker_run (const BottegaDocument *document, BottegaTokenCount count, gpointer user_data)
{
  g_autoptr (BottegaUnits) units = bottega_units_new (document, count, user_data);
  g_autoptr (GArray) groups = g_array_new (FALSE, FALSE, sizeof (Group));
  Chunker self = { document, units, groups, g_array_new (FALSE, FALSE, sizeof (BottegaChunk)) };

  g_array_set_clear_func (self.chunks, (GDestroyNotify) bottega_chunk_clear);
  form_groups (&self);
  for (guint i = 0; i < groups->len; i++)
    split_group (&self, &g_array_index (groups, Group, i));

  return self.chunks;
}

char *
bottega_chunk_indexed_text (const BottegaChunk *chunk,
                            const char *title,
                            const char *document_text)
{
  GString *text = g_string_new (NULL);

  /* The first heading often is the title. */
  if (title != NULL && (chunk->heading == NULL || !g_str_has_prefix (chunk->heading, title)))
    g_string_append (text, title);
  if (chunk->heading != NULL)
    g_string_append_printf (text, "%s%s", text->len > 0 ? " › " : "", chunk->heading);
  if (chunk->page > 0)
    g_string_append_printf (text, "%sp. %u", text->len > 0 ? " › " : "", chunk->page);
  if (text->len > 0)
    g_string_append_c (text, '\n');
  if (chunk->header != NULL)
    g_string_append_printf (text, "%s\n", chunk->header);
  g_string_append_len (text, document_text + chunk->offset, chunk->length);

  return g_string_free (text, FALSE);
}
