/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Owns a Markdown text that grows, and turns the part of it that is still open into blocks. The
 * rule that makes this cheap is CommonMark's own: only the last top-level block (in a list: the
 * last item) can still change, so everything before it is parsed for the last time. It must not
 * know widgets.
 */
#define G_LOG_DOMAIN "bottega-markdown-blocks"

#include "config.h"

#include "app/ui/bottega-markdown-blocks.h"
#include "app/ui/bottega-markdown-inline.h"
#include "app/ui/bottega-markdown-tail.h"

#include <cmark-gfm-core-extensions.h>
#include <string.h>

/* A longer paragraph is cut after a sentence, so that what is laid out anew stays short. */
#define PARAGRAPH_BYTES 1200

/* Where no sentence ends for so long, after a word. */
#define SENTENCE_BYTES 2000

/* Quotes and lists nested deeper are shown flat. */
#define MAX_DEPTH 16

struct _BottegaMarkdownBlocks {
  GString *text;
  gsize open;         /* where the text that is not closed starts */
  int ordinal;        /* the number of the list item at open, 0: as it is written there */
  gboolean continues; /* open is inside of a paragraph */
  char **sources;     /* names of what [1], [2] … refer to, or NULL */
};

/* Where in the tree the flattening is. */
typedef struct {
  GPtrArray *blocks;
  const char *const *sources;
  guint indent;
  guint quotes;
  char *marker; /* for the next block; owned */
} Flat;

static const char *const extensions[] = { "table", "strikethrough", "autolink", "tasklist" };

void
bottega_markdown_block_free (BottegaMarkdownBlock *block)
{
  if (block == NULL)
    return;
  g_free (block->marker);
  g_free (block->text);
  g_free (block->language);
  g_free (block->alignments);
  g_clear_pointer (&block->cells, g_ptr_array_unref);
  g_free (block);
}

static gboolean
cells_equal (const BottegaMarkdownBlock *a,
             const BottegaMarkdownBlock *b)
{
  if (a->cells == NULL || b->cells == NULL)
    return a->cells == b->cells;
  if (a->n_columns != b->n_columns || a->cells->len != b->cells->len)
    return FALSE;
  for (guint i = 0; i < a->cells->len; i++)
    if (!g_str_equal (a->cells->pdata[i], b->cells->pdata[i]))
      return FALSE;
  return memcmp (a->alignments, b->alignments, a->n_columns) == 0;
}

gboolean
bottega_markdown_block_equal (const BottegaMarkdownBlock *a,
                              const BottegaMarkdownBlock *b)
{
  return a->kind == b->kind && a->level == b->level && a->indent == b->indent &&
         a->quotes == b->quotes && a->continues == b->continues &&
         g_strcmp0 (a->marker, b->marker) == 0 && g_strcmp0 (a->text, b->text) == 0 &&
         g_strcmp0 (a->language, b->language) == 0 && cells_equal (a, b);
}

static BottegaMarkdownBlock *
add_block (Flat *flat,
           BottegaMarkdownKind kind)
{
  BottegaMarkdownBlock *block = g_new0 (BottegaMarkdownBlock, 1);

  block->kind = kind;
  block->indent = flat->indent;
  block->quotes = flat->quotes;
  block->marker = g_steal_pointer (&flat->marker);
  g_ptr_array_add (flat->blocks, block);
  return block;
}

static void
add_code (Flat *flat,
          cmark_node *node)
{
  BottegaMarkdownBlock *block = add_block (flat, BOTTEGA_MARKDOWN_CODE);
  const char *code = cmark_node_get_literal (node);
  const char *info = cmark_node_get_fence_info (node);
  gsize length = code != NULL ? strlen (code) : 0;

  /* The newline before the closing fence is not a line of the code. */
  if (length > 0 && code[length - 1] == '\n')
    length--;
  block->text = g_strndup (code != NULL ? code : "", length);
  if (info != NULL && *info != 0)
    block->language = g_strndup (info, strcspn (info, " \t,{:"));
}

static void
add_table (Flat *flat,
           cmark_node *node)
{
  BottegaMarkdownBlock *block = add_block (flat, BOTTEGA_MARKDOWN_TABLE);
  const guint8 *alignments = cmark_gfm_extensions_get_table_alignments (node);

  block->n_columns = cmark_gfm_extensions_get_table_columns (node);
  block->alignments = g_new0 (guint8, MAX (block->n_columns, 1));
  for (guint i = 0; alignments != NULL && i < block->n_columns; i++)
    block->alignments[i] = alignments[i] == 'r'   ? BOTTEGA_MARKDOWN_END
                           : alignments[i] == 'c' ? BOTTEGA_MARKDOWN_CENTER
                                                  : BOTTEGA_MARKDOWN_START;

  block->cells = g_ptr_array_new_with_free_func (g_free);
  for (cmark_node *row = cmark_node_first_child (node); row != NULL; row = cmark_node_next (row)) {
    guint n = 0;
    for (cmark_node *cell = cmark_node_first_child (row); cell != NULL && n < block->n_columns;
         cell = cmark_node_next (cell), n++)
      g_ptr_array_add (block->cells, bottega_markdown_inline_markup (cell, flat->sources));
    for (; n < block->n_columns; n++)
      g_ptr_array_add (block->cells, g_strdup (""));
  }
}

static void
add_literal (Flat *flat,
             const char *literal)
{
  g_autofree char *text = g_strdup (literal != NULL ? literal : "");

  g_strchomp (text);
  add_block (flat, BOTTEGA_MARKDOWN_TEXT)->text = g_markup_escape_text (text, -1);
}

static void flatten_children (Flat *flat,
                              cmark_node *node);

static char *
item_marker (cmark_node *item,
             int number,
             guint indent)
{
  static const char *const bullets[] = {
    BOTTEGA_MARKDOWN_DISC,
    BOTTEGA_MARKDOWN_CIRCLE,
    BOTTEGA_MARKDOWN_SQUARE,
  };

  if (g_str_equal (cmark_node_get_type_string (item), "tasklist"))
    return g_strdup (cmark_gfm_extensions_get_tasklist_item_checked (item) ? BOTTEGA_MARKDOWN_DONE
                                                                           : BOTTEGA_MARKDOWN_OPEN);
  if (number >= 0)
    return g_strdup_printf ("%d.", number);
  return g_strdup (bullets[(indent - 1) % G_N_ELEMENTS (bullets)]);
}

static void
flatten_list (Flat *flat,
              cmark_node *list,
              int ordinal)
{
  int number = -1;

  if (cmark_node_get_list_type (list) == CMARK_ORDERED_LIST)
    number = ordinal > 0 ? ordinal : cmark_node_get_list_start (list);

  /* A list that is all of an item: the item keeps a line of its own. */
  if (flat->marker != NULL)
    add_literal (flat, "");
  flat->indent++;
  for (cmark_node *item = cmark_node_first_child (list); item != NULL;
       item = cmark_node_next (item)) {
    flat->marker = item_marker (item, number, flat->indent);
    flatten_children (flat, item);
    if (flat->marker != NULL)
      add_literal (flat, "");
    if (number >= 0)
      number++;
  }
  flat->indent--;
}

static void
flatten (Flat *flat,
         cmark_node *node)
{
  switch (cmark_node_get_type (node)) {
  case CMARK_NODE_PARAGRAPH:
    add_block (flat, BOTTEGA_MARKDOWN_TEXT)->text =
        bottega_markdown_inline_markup (node, flat->sources);
    break;
  case CMARK_NODE_HEADING: {
    BottegaMarkdownBlock *block = add_block (flat, BOTTEGA_MARKDOWN_HEADING);
    block->level = cmark_node_get_heading_level (node);
    block->text = bottega_markdown_inline_markup (node, flat->sources);
    break;
  }
  case CMARK_NODE_CODE_BLOCK:
    add_code (flat, node);
    break;
  case CMARK_NODE_THEMATIC_BREAK:
    add_block (flat, BOTTEGA_MARKDOWN_RULE);
    break;
  case CMARK_NODE_BLOCK_QUOTE:
    flat->quotes++;
    flatten_children (flat, node);
    flat->quotes--;
    break;
  case CMARK_NODE_LIST:
    flatten_list (flat, node, 0);
    break;
  default:
    if (g_str_equal (cmark_node_get_type_string (node), "table"))
      add_table (flat, node);
    else
      add_literal (flat, cmark_node_get_literal (node));
  }
}

static void
flatten_children (Flat *flat,
                  cmark_node *node)
{
  if (flat->indent + flat->quotes >= MAX_DEPTH) {
    g_autofree char *text = bottega_markdown_inline_text (node);
    add_literal (flat, text);
    return;
  }
  for (cmark_node *child = cmark_node_first_child (node); child != NULL;
       child = cmark_node_next (child))
    flatten (flat, child);
}

static cmark_node *
parse (const char *text,
       gsize length)
{
  cmark_parser *parser = cmark_parser_new (CMARK_OPT_STRIKETHROUGH_DOUBLE_TILDE);
  cmark_node *root;

  for (guint i = 0; i < G_N_ELEMENTS (extensions); i++)
    cmark_parser_attach_syntax_extension (parser, cmark_find_syntax_extension (extensions[i]));
  cmark_parser_feed (parser, text, length);
  root = cmark_parser_finish (parser);
  cmark_parser_free (parser);
  /* The parser leaves a bracket and what is in it as texts of their own. */
  cmark_consolidate_text_nodes (root);
  return root;
}

/* Where LINE (from 1) starts. */
static gsize
line_offset (const char *text,
             gsize length,
             int line)
{
  const char *at = text;

  for (int i = 1; i < line && at != NULL; i++) {
    at = memchr (at, '\n', length - (at - text));
    at = at != NULL ? at + 1 : NULL;
  }
  return at != NULL ? (gsize) (at - text) : length;
}

/* Whether NODE starts on a line of its own behind all that comes before it. */
static gboolean
starts_anew (cmark_node *node)
{
  cmark_node *before = cmark_node_previous (node);

  return before != NULL && cmark_node_get_end_line (before) < cmark_node_get_start_line (node);
}

/* The end of a sentence between FROM and LIMIT after which emphasis is closed, or 0. */
static gsize
sentence_end (const char *text,
              gsize limit)
{
  guint marks[128] = { 0 };
  gsize best = 0;

  for (gsize i = 0; i + 4 < limit; i++) {
    gsize end = 0;

    marks[text[i] & 0x7f] += (text[i] & 0x80) == 0;
    if (strchr (".!?", text[i]) != NULL && text[i + 1] == ' ' && g_ascii_isalpha (text[i + 2]))
      end = i + 2;
    else if (g_str_has_prefix (text + i, "。") && (text[i + 3] & 0x80) != 0)
      end = i + 3;
    if (end > 0 && marks['*'] % 2 == 0 && marks['_'] % 2 == 0 && marks['`'] % 2 == 0 &&
        marks['~'] % 2 == 0 && marks['['] == marks[']'] && marks['('] == marks[')'])
      best = end;
  }
  return best;
}

/* The end of the last word before LIMIT, or of the last character. */
static gsize
word_end (const char *text,
          gsize limit)
{
  for (gsize i = limit; i > limit / 2; i--)
    if (text[i - 1] == ' ' && g_ascii_isalpha (text[i]))
      return i;
  return g_utf8_find_prev_char (text, text + limit) - text;
}

/* Whether ROOT is one paragraph that is too long: where to cut it, or 0. */
static gsize
paragraph_cut (BottegaMarkdownBlocks *self,
               cmark_node *root)
{
  cmark_node *last = cmark_node_last_child (root);
  const char *open = self->text->str + self->open;
  gsize length = self->text->len - self->open;
  gsize end;

  if (length < PARAGRAPH_BYTES || last == NULL || cmark_node_previous (last) != NULL ||
      cmark_node_get_type (last) != CMARK_NODE_PARAGRAPH)
    return 0;
  end = sentence_end (open, PARAGRAPH_BYTES);
  if (end == 0 && length > SENTENCE_BYTES)
    end = sentence_end (open, SENTENCE_BYTES);
  if (end == 0 && length > SENTENCE_BYTES)
    end = word_end (open, SENTENCE_BYTES);
  return end;
}

/* Moves what is open on to the last block or list item, and counts the blocks before it. */
static guint
close_blocks (BottegaMarkdownBlocks *self,
              cmark_node *root,
              GArray *ends)
{
  cmark_node *last = cmark_node_last_child (root);
  const char *open = self->text->str + self->open;
  gsize length = self->text->len - self->open;
  guint n_before = 0, n_items = 0;
  cmark_node *item;

  if (last == NULL)
    return 0;
  for (cmark_node *node = cmark_node_first_child (root); node != last;
       node = cmark_node_next (node))
    n_before++;

  item = cmark_node_get_type (last) == CMARK_NODE_LIST ? cmark_node_last_child (last) : NULL;
  for (cmark_node *node = item; node != NULL; node = cmark_node_previous (node))
    n_items++;

  if (ends->len != n_before + MAX (n_items, 1))
    return 0;
  if (n_items > 1 && starts_anew (item)) {
    gboolean goes_on = n_before == 0 && self->ordinal > 0;
    int start = goes_on ? self->ordinal : cmark_node_get_list_start (last);
    gboolean ordered = cmark_node_get_list_type (last) == CMARK_ORDERED_LIST;
    self->ordinal = ordered ? start + n_items - 1 : 0;
    self->open += line_offset (open, length, cmark_node_get_start_line (item));
  } else if (n_before > 0 && starts_anew (last)) {
    self->ordinal = 0;
    self->open += line_offset (open, length, cmark_node_get_start_line (last));
  } else {
    return 0;
  }
  self->continues = FALSE;
  return g_array_index (ends, guint, ends->len - 1);
}

/* Appends the top level to BLOCKS; ENDS, if not NULL, takes for each node (in the last list for
 * each item) the number of blocks before it. */
static void
flatten_root (BottegaMarkdownBlocks *self,
              cmark_node *root,
              GArray *ends,
              GPtrArray *blocks)
{
  Flat flat = { .blocks = blocks, .sources = (const char *const *) self->sources };
  guint first = blocks->len;

  for (cmark_node *node = cmark_node_first_child (root); node != NULL;
       node = cmark_node_next (node)) {
    guint before = blocks->len - first;

    if (ends != NULL)
      g_array_append_val (ends, before);
    if (cmark_node_get_type (node) != CMARK_NODE_LIST) {
      flatten (&flat, node);
      continue;
    }
    flatten_list (&flat, node, node == cmark_node_first_child (root) ? self->ordinal : 0);
    if (ends == NULL || cmark_node_next (node) != NULL)
      continue;
    for (guint i = before + 1; i < blocks->len - first; i++) {
      const BottegaMarkdownBlock *block = blocks->pdata[first + i];
      if (block->indent == 1 && block->marker != NULL)
        g_array_append_val (ends, i);
    }
  }
  if (blocks->len > first)
    ((BottegaMarkdownBlock *) blocks->pdata[first])->continues = self->continues;
}

BottegaMarkdownBlocks *
bottega_markdown_blocks_new (void)
{
  BottegaMarkdownBlocks *self = g_new0 (BottegaMarkdownBlocks, 1);

  cmark_gfm_core_extensions_ensure_registered ();
  self->text = g_string_new (NULL);
  return self;
}

void
bottega_markdown_blocks_free (BottegaMarkdownBlocks *self)
{
  g_string_free (self->text, TRUE);
  g_strfreev (self->sources);
  g_free (self);
}

void
bottega_markdown_blocks_set_sources (BottegaMarkdownBlocks *self,
                                     const char *const *names)
{
  g_strfreev (self->sources);
  self->sources = g_strdupv ((char **) names);
}

void
bottega_markdown_blocks_append (BottegaMarkdownBlocks *self,
                                const char *text)
{
  if (g_utf8_validate (text, -1, NULL)) {
    g_string_append (self->text, text);
  } else {
    g_autofree char *valid = g_utf8_make_valid (text, -1);
    g_string_append (self->text, valid);
  }
}

/* Closes the part of a paragraph before END (relative to what is open). */
static void
close_part (BottegaMarkdownBlocks *self,
            gsize end,
            GPtrArray *blocks)
{
  cmark_node *root = parse (self->text->str + self->open, end);

  flatten_root (self, root, NULL, blocks);
  cmark_node_free (root);
  self->open += end;
  self->continues = TRUE;
}

GPtrArray *
bottega_markdown_blocks_update (BottegaMarkdownBlocks *self,
                                gboolean finished,
                                guint *n_closed)
{
  GPtrArray *blocks;

  blocks = g_ptr_array_new_with_free_func ((GDestroyNotify) bottega_markdown_block_free);
  for (;;) {
    g_autoptr (GArray) ends = g_array_new (FALSE, FALSE, sizeof (guint));
    GString *prepared = bottega_markdown_tail_prepare (self->text->str + self->open,
                                                       self->text->len - self->open, finished);
    cmark_node *root = parse (prepared->str, prepared->len);
    gsize cut = paragraph_cut (self, root);

    if (cut > 0) {
      close_part (self, cut, blocks);
    } else {
      guint n_before = blocks->len;
      flatten_root (self, root, ends, blocks);
      *n_closed = finished ? blocks->len : n_before + close_blocks (self, root, ends);
    }
    cmark_node_free (root);
    g_string_free (prepared, TRUE);
    if (cut == 0)
      break;
  }

  if (finished) {
    self->open = self->text->len;
    self->ordinal = 0;
    self->continues = FALSE;
  }
  return blocks;
}

const char *
bottega_markdown_blocks_get_text (BottegaMarkdownBlocks *self)
{
  return self->text->str;
}
