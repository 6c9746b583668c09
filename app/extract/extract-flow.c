/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A stack of frames on the heap: the document, and on it asides and the cells of tables. What a
 * frame has finished goes to the frame below it when it is closed, what the lowest has finished to
 * the document. It knows no format. */
#include "app/extract/extract-flow.h"

#include <string.h>

#define MAX_COLUMNS 1024
/* Longer texts are not said again in every row or column that they span. */
#define REPEATED_BYTES 200

typedef struct {
  BottegaBlockKind kind;
  guint level, page;
  GString *text;
} Piece;

typedef struct {
  GPtrArray *pieces;
  ExtractCell spans;
} Cell;

typedef struct {
  guint rows; /* still to come */
  char *text;
} Carried;

typedef struct {
  ExtractTableKind kind;
  gboolean in_row, header_row;
  gboolean has_header;
  gboolean has_rows; /* its header is behind it */
  GPtrArray *cells;  /* of Cell: of the open row */
  GPtrArray *header; /* of GString, by column: header rows put together */
  GPtrArray *above;  /* of char *, by column: the row before */
  GArray *carried;   /* of Carried, by column */
  char *last;        /* the row that was said last */
} Table;

typedef enum {
  FRAME_DOCUMENT,
  FRAME_ASIDE,
  FRAME_CELL
} FrameKind;

typedef struct _Frame Frame;
struct _Frame {
  Frame *below;
  FrameKind kind;
  Piece *open;
  GPtrArray *pieces; /* finished; of the document: code that may go on */
  GPtrArray *after;  /* asides of the open piece */
  Table *table;      /* open in this frame; its cells are frames above */
  ExtractCell spans; /* of a cell */
};

struct _ExtractFlow {
  const ExtractInput *input;
  BottegaDocument *document;
  Frame *top;
  guint page;
  ExtractFailure failure;
};

static void
piece_free (gpointer data)
{
  Piece *piece = data;

  g_string_free (piece->text, TRUE);
  g_free (piece);
}

static void
cell_free (gpointer data)
{
  Cell *cell = data;

  g_ptr_array_unref (cell->pieces);
  g_free (cell);
}

static void
string_free (gpointer data)
{
  g_string_free (data, TRUE);
}

static void
carried_clear (gpointer data)
{
  g_free (((Carried *) data)->text);
}

static Piece *
piece_new (ExtractFlow *self, BottegaBlockKind kind, guint level)
{
  Piece *piece = g_new0 (Piece, 1);

  *piece = (Piece) { kind, level, self->page, g_string_new (NULL) };
  return piece;
}

static gboolean
is_blank (const GString *text)
{
  return text->str[strspn (text->str, " \t\r\n")] == '\0';
}

static void
push (ExtractFlow *self, FrameKind kind)
{
  Frame *frame = g_new0 (Frame, 1);

  frame->below = self->top;
  frame->kind = kind;
  frame->pieces = g_ptr_array_new_with_free_func (piece_free);
  frame->after = g_ptr_array_new_with_free_func (piece_free);
  self->top = frame;
}

static void
say (ExtractFlow *self, const Piece *piece)
{
  bottega_document_add_block (self->document, piece->kind, piece->level, piece->page,
                              piece->text->str, (gssize) piece->text->len);
  if (self->failure == EXTRACT_OK && extract_is_full (self->input, self->document))
    self->failure = EXTRACT_TOO_MUCH_TEXT;
}

/* Takes piece. Lines of code come as paragraphs of their own, so the last waits for more. */
static void
put (ExtractFlow *self, Frame *frame, Piece *piece)
{
  Piece *last = frame->pieces->len == 0 ? NULL : frame->pieces->pdata[frame->pieces->len - 1];
  gboolean is_code = piece->kind == BOTTEGA_BLOCK_CODE;

  if (is_code && last != NULL && last->kind == BOTTEGA_BLOCK_CODE) {
    g_string_append_printf (last->text, "\n%s", piece->text->str);
    piece_free (piece);
    return;
  }
  if (is_blank (piece->text)) {
    piece_free (piece);
    return;
  }
  if (frame->kind == FRAME_DOCUMENT && last != NULL) {
    say (self, last);
    g_ptr_array_set_size (frame->pieces, 0);
  }
  if (frame->kind != FRAME_DOCUMENT || is_code) {
    g_ptr_array_add (frame->pieces, piece);
  } else {
    say (self, piece);
    piece_free (piece);
  }
}

static void
put_all (ExtractFlow *self, Frame *frame, GPtrArray *pieces)
{
  for (guint i = 0; i < pieces->len; i++) {
    put (self, frame, pieces->pdata[i]);
    pieces->pdata[i] = NULL;
  }
  g_ptr_array_set_free_func (pieces, NULL);
  g_ptr_array_set_size (pieces, 0);
  g_ptr_array_set_free_func (pieces, piece_free);
}

static void
close_piece (ExtractFlow *self, Frame *frame)
{
  if (frame->open != NULL)
    put (self, frame, g_steal_pointer (&frame->open));
  put_all (self, frame, frame->after);
}

/* --- rows ------------------------------------------------------------------------------------ */

static char *
cell_text (const Cell *cell)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < cell->pieces->len; i++) {
    const Piece *piece = cell->pieces->pdata[i];

    g_string_append_printf (text, "%s%s", i > 0 ? " " : "", piece->text->str);
  }
  g_strstrip (text->str);
  return g_string_free (text, FALSE);
}

static char *
repeated (const char *text)
{
  return g_strdup (strlen (text) <= REPEATED_BYTES ? text : "");
}

static void
add_carried (Table *table, GPtrArray *texts)
{
  while (texts->len < table->carried->len) {
    Carried *carried = &g_array_index (table->carried, Carried, texts->len);

    if (carried->rows == 0)
      return;
    carried->rows--;
    g_ptr_array_add (texts, g_strdup (carried->text));
  }
}

static void
carry (Table *table, guint column, guint rows, const char *text)
{
  Carried *carried;

  if (table->carried->len <= column)
    g_array_set_size (table->carried, column + 1);
  carried = &g_array_index (table->carried, Carried, column);
  g_free (carried->text);
  *carried = (Carried) { rows, repeated (text) };
}

/* The open row's texts by column, with what spans from above and from the left. */
static GPtrArray *
row_texts (Table *table, gboolean is_header)
{
  GPtrArray *texts = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; i < table->cells->len && texts->len < MAX_COLUMNS; i++) {
    const Cell *cell = table->cells->pdata[i];
    const ExtractCell *spans = &cell->spans;
    guint n = MIN (MAX (spans->columns, 1), MAX_COLUMNS), repeat = MAX (spans->repeat, 1);
    g_autofree char *text = cell_text (cell);

    add_carried (table, texts);
    if (spans->continued && texts->len < table->above->len && *text == '\0') {
      g_free (text);
      text = repeated (table->above->pdata[texts->len]);
    }
    for (guint k = 0; k < n * MIN (repeat, MAX_COLUMNS) && texts->len < MAX_COLUMNS; k++) {
      if (spans->rows > 1)
        carry (table, texts->len, spans->rows - 1, k == 0 ? text : "");
      g_ptr_array_add (texts, k == 0                    ? g_strdup (text)
                              : is_header || k % n == 0 ? repeated (text)
                                                        : g_strdup (""));
    }
  }
  add_carried (table, texts);
  while (texts->len > 0 && *(char *) texts->pdata[texts->len - 1] == '\0')
    g_ptr_array_set_size (texts, (int) texts->len - 1);
  return texts;
}

static void
join_row (ExtractFlow *self, Frame *frame, BottegaBlockKind kind, const GPtrArray *texts)
{
  Table *table = frame->table;
  Piece *piece = piece_new (self, kind, 0);

  for (guint i = 0; i < texts->len; i++)
    g_string_append_printf (piece->text, "%s%s", i > 0 ? " | " : "", (char *) texts->pdata[i]);
  if (g_strcmp0 (piece->text->str, table->last) == 0) {
    piece_free (piece);
    return;
  }
  g_free (table->last);
  table->last = g_strdup (piece->text->str);
  put (self, frame, piece);
}

static void
add_to_header (Table *table, const GPtrArray *texts)
{
  table->has_header = TRUE;
  for (guint i = 0; i < texts->len; i++) {
    const char *text = texts->pdata[i];
    GString *column;

    if (i == table->header->len)
      g_ptr_array_add (table->header, g_string_new (NULL));
    column = table->header->pdata[i];
    if (strcmp (column->str, text) != 0)
      g_string_append_printf (column, "%s%s", column->len > 0 && *text != '\0' ? " " : "", text);
  }
}

static void
say_header (ExtractFlow *self, Frame *frame)
{
  g_autoptr (GPtrArray) texts = g_ptr_array_new ();

  for (guint i = 0; i < frame->table->header->len; i++)
    g_ptr_array_add (texts, ((GString *) frame->table->header->pdata[i])->str);
  if (texts->len > 0)
    join_row (self, frame, BOTTEGA_BLOCK_TABLE_HEADER, texts);
  g_ptr_array_set_size (frame->table->header, 0);
}

typedef struct {
  guint texts, numbers, header_cells;
  gboolean has_heading, is_continued;
} RowFacts;

static RowFacts
look_at_row (const Table *table)
{
  RowFacts facts = { 0 };

  for (guint i = 0; i < table->cells->len; i++) {
    const Cell *cell = table->cells->pdata[i];
    guint repeat = MAX (cell->spans.repeat, 1);

    facts.is_continued |= cell->spans.continued;
    if (cell->pieces->len == 0)
      continue;
    facts.numbers += cell->spans.number ? repeat : 0;
    facts.texts += cell->spans.number ? 0 : repeat;
    facts.header_cells += cell->spans.header ? repeat : 0;
    for (guint k = 0; k < cell->pieces->len; k++)
      facts.has_heading |= ((Piece *) cell->pieces->pdata[k])->kind == BOTTEGA_BLOCK_HEADING;
  }
  return facts;
}

static gboolean
is_header_row (const Table *table, const RowFacts *facts)
{
  guint filled = facts->texts + facts->numbers;

  if (table->has_rows || filled == 0)
    return FALSE;
  if (table->header_row)
    return TRUE;
  if (table->kind == EXTRACT_SHEET)
    return table->header->len == 0 && facts->texts >= 2 && facts->numbers == 0;
  return facts->header_cells == filled && filled >= 2;
}

/* A row that only places things (one text beside a picture, say), or the title above a sheet's
 * table. */
static gboolean
is_layout (const Table *table, const RowFacts *facts)
{
  gboolean is_alone = table->cells->len == 1 ||
                      (facts->texts == 1 && !table->has_header && !facts->is_continued);

  if (table->kind == EXTRACT_SHEET)
    return !table->has_rows && table->header->len == 0 && facts->texts == 1 && facts->numbers == 0;
  return facts->has_heading || (is_alone && table->carried->len == 0);
}

static void
close_row (ExtractFlow *self, Frame *frame)
{
  Table *table = frame->table;
  RowFacts facts = look_at_row (table);
  gboolean is_header = is_header_row (table, &facts);

  if (is_layout (table, &facts)) {
    say_header (self, frame);
    for (guint i = 0; i < table->cells->len; i++)
      put_all (self, frame, ((Cell *) table->cells->pdata[i])->pieces);
  } else {
    g_autoptr (GPtrArray) texts = row_texts (table, is_header);

    if (is_header) {
      add_to_header (table, texts);
    } else if (texts->len > 0) {
      say_header (self, frame);
      join_row (self, frame, BOTTEGA_BLOCK_TABLE_ROW, texts);
      table->has_rows = TRUE;
    }
    g_ptr_array_unref (table->above);
    table->above = g_steal_pointer (&texts);
  }
  g_ptr_array_set_size (table->cells, 0);
  table->in_row = FALSE;
}

/* --- frames ---------------------------------------------------------------------------------- */

static void
close_table (ExtractFlow *self, Frame *frame)
{
  Table *table = frame->table;

  close_piece (self, frame);
  if (table->in_row)
    close_row (self, frame);
  say_header (self, frame);
  g_ptr_array_unref (table->cells);
  g_ptr_array_unref (table->header);
  g_ptr_array_unref (table->above);
  g_array_unref (table->carried);
  g_free (table->last);
  g_clear_pointer (&frame->table, g_free);
}

static void
frame_free (Frame *frame)
{
  g_ptr_array_unref (frame->pieces);
  g_ptr_array_unref (frame->after);
  g_free (frame);
}

static void
pop (ExtractFlow *self)
{
  Frame *frame = self->top, *below = frame->below;

  if (frame->table != NULL)
    close_table (self, frame);
  close_piece (self, frame);
  self->top = below;
  if (frame->kind == FRAME_CELL) {
    Cell *cell = g_new0 (Cell, 1);

    *cell = (Cell) { g_ptr_array_ref (frame->pieces), frame->spans };
    g_ptr_array_add (below->table->cells, cell);
  } else if (frame->kind == FRAME_ASIDE && below->open != NULL) {
    g_ptr_array_extend_and_steal (below->after, g_ptr_array_ref (frame->pieces));
  } else if (frame->kind == FRAME_ASIDE) {
    put_all (self, below, frame->pieces);
  } else {
    for (guint i = 0; i < frame->pieces->len; i++)
      say (self, frame->pieces->pdata[i]);
  }
  frame_free (frame);
}

/* The frame of the innermost open table, with everything closed that is above it; NULL: none. */
static Frame *
down_to_table (ExtractFlow *self)
{
  Frame *frame = self->top;

  while (frame != NULL && frame->table == NULL)
    frame = frame->below;
  while (frame != NULL && self->top != frame)
    pop (self);
  return frame;
}

ExtractFlow *
extract_flow_new (const ExtractInput *input, BottegaDocument *document)
{
  ExtractFlow *self = g_new0 (ExtractFlow, 1);

  self->input = input;
  self->document = document;
  push (self, FRAME_DOCUMENT);
  return self;
}

void
extract_flow_free (ExtractFlow *self)
{
  while (self->top != NULL)
    pop (self);
  g_free (self);
}

ExtractFailure
extract_flow_failure (ExtractFlow *self)
{
  return self->failure;
}

void
extract_flow_set_page (ExtractFlow *self, guint page)
{
  self->page = page;
}

void
extract_flow_open (ExtractFlow *self, BottegaBlockKind kind, guint level)
{
  close_piece (self, self->top);
  self->top->open = piece_new (self, kind, level);
}

void
extract_flow_close (ExtractFlow *self)
{
  close_piece (self, self->top);
}

gboolean
extract_flow_is_open (ExtractFlow *self)
{
  return self->top->open != NULL;
}

void
extract_flow_text (ExtractFlow *self, const char *text, gsize n_bytes)
{
  if (self->top->open != NULL)
    g_string_append_len (self->top->open->text, text, (gssize) n_bytes);
}

void
extract_flow_open_aside (ExtractFlow *self)
{
  push (self, FRAME_ASIDE);
}

void
extract_flow_close_aside (ExtractFlow *self)
{
  Frame *frame = self->top, *below;

  while (frame != NULL && frame->kind != FRAME_ASIDE)
    frame = frame->below;
  if (frame == NULL)
    return;
  below = frame->below;
  while (self->top != below)
    pop (self);
}

void
extract_flow_open_table (ExtractFlow *self, ExtractTableKind kind)
{
  Frame *frame = self->top;

  close_piece (self, frame);
  if (frame->table != NULL)
    close_table (self, frame);
  frame->table = g_new0 (Table, 1);
  frame->table->kind = kind;
  frame->table->cells = g_ptr_array_new_with_free_func (cell_free);
  frame->table->header = g_ptr_array_new_with_free_func (string_free);
  frame->table->above = g_ptr_array_new_with_free_func (g_free);
  frame->table->carried = g_array_new (FALSE, TRUE, sizeof (Carried));
  g_array_set_clear_func (frame->table->carried, carried_clear);
}

void
extract_flow_close_table (ExtractFlow *self)
{
  Frame *frame = down_to_table (self);

  if (frame != NULL)
    close_table (self, frame);
}

void
extract_flow_open_row (ExtractFlow *self, gboolean header)
{
  Frame *frame = down_to_table (self);

  if (frame == NULL)
    return;
  close_piece (self, frame);
  if (frame->table->in_row)
    close_row (self, frame);
  frame->table->in_row = TRUE;
  frame->table->header_row = header;
}

void
extract_flow_close_row (ExtractFlow *self)
{
  Frame *frame = down_to_table (self);

  if (frame != NULL && frame->table->in_row)
    close_row (self, frame);
}

ExtractCell *
extract_flow_open_cell (ExtractFlow *self, const ExtractCell *cell)
{
  Frame *frame = down_to_table (self);

  if (frame == NULL)
    return NULL;
  if (!frame->table->in_row)
    extract_flow_open_row (self, FALSE);
  push (self, FRAME_CELL);
  self->top->spans = *cell;
  return &self->top->spans;
}

void
extract_flow_close_cell (ExtractFlow *self)
{
  down_to_table (self);
}

/* --- labels ---------------------------------------------------------------------------------- */

static void
append_roman (GString *label, guint number)
{
  static const guint values[] = { 1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1 };
  static const char *const letters[] = { "m", "cm", "d", "cd", "c", "xc", "l",
                                         "xl", "x", "ix", "v", "iv", "i" };

  for (guint i = 0; i < G_N_ELEMENTS (values); i++)
    for (; number >= values[i]; number -= values[i])
      g_string_append (label, letters[i]);
}

char *
extract_flow_label (char style, guint number)
{
  g_autoptr (GString) label = g_string_new (NULL);

  if (style == '\0' || strchr ("1aAiI", style) == NULL)
    return NULL;
  if (style == '1' || number == 0 || number > 999)
    g_string_append_printf (label, "%u", number);
  else if (g_ascii_tolower (style) == 'i')
    append_roman (label, number);
  else
    for (guint n = number; n > 0; n = (n - 1) / 26)
      g_string_prepend_c (label, (char) ('a' + (n - 1) % 26));
  if (g_ascii_isupper (style))
    g_string_ascii_up (label);
  g_string_append (label, ". ");
  return g_string_free (g_steal_pointer (&label), FALSE);
}
