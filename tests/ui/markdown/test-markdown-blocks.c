/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Proves that a Markdown text gives the same blocks whether it comes at once or in pieces, that
 * half-written markup is never shown, and that no input makes invalid Pango markup.
 */
#include "config.h"

#include <pango/pango.h>

#include "app/ui/bottega-markdown-blocks.h"
#include "app/ui/bottega-markdown-inline.h"
#include "app/ui/bottega-markdown-tail.h"

static const char document[] =
    "# Title with **bold**\n\nA paragraph with *emphasis*, `code`, ~~gone~~ and a\nsecond line. "
    "See [the page](https://example.org/a?b=1&c=2) or https://example.net now.\n\n"
    "1. First **item**\n2. Second\n   - inner `x`\n   - other\n3. Third\n\n"
    "```python\nprint('**not bold**')\n\nx = a[1](2)\n```\n\n"
    "> A quote\n> of *two* lines\n\n"
    "| Name | Value |\n|:-----|------:|\n| a | **1** |\n| b | 2 |\n\n"
    "- [x] done\n- [ ] open\n\n---\n\n"
    "The ***end*** & <b>html</b> ![image](https://example.org/i.png)\n";

static GPtrArray *
blocks_at_once (const char *text)
{
  g_autoptr (BottegaMarkdownBlocks) blocks = bottega_markdown_blocks_new ();
  guint n_closed;

  bottega_markdown_blocks_append (blocks, text);
  return bottega_markdown_blocks_update (blocks, TRUE, &n_closed);
}

static void
check_markup (const BottegaMarkdownBlock *block)
{
  g_autoptr (GError) error = NULL;

  if (block->kind != BOTTEGA_MARKDOWN_TEXT && block->kind != BOTTEGA_MARKDOWN_HEADING)
    return;
  /* GtkLabel takes the links out before Pango sees the rest. */
  {
    g_autoptr (GRegex) anchors = g_regex_new ("</?a[^>]*>", 0, 0, NULL);
    g_autofree char *markup = g_regex_replace_literal (anchors, block->text, -1, 0, "", 0, NULL);
    pango_parse_markup (markup, -1, 0, NULL, NULL, NULL, &error);
    g_assert_no_error (error);
  }
}

/* Feeds TEXT in pieces of bytes from STEP to 2 STEP and returns all blocks. */
static GPtrArray *
blocks_in_pieces (const char *text,
                  guint step,
                  GRand *rand)
{
  g_autoptr (BottegaMarkdownBlocks) blocks = bottega_markdown_blocks_new ();
  GPtrArray *all = g_ptr_array_new_with_free_func ((GDestroyNotify) bottega_markdown_block_free);
  const char *at = text;

  for (;;) {
    guint n_closed, length = step;
    g_autoptr (GPtrArray) now = NULL;

    if (rand != NULL)
      length += g_rand_int_range (rand, 0, step);
    length = MIN (length, strlen (at));
    while (((guchar) at[length] & 0xc0) == 0x80)
      length++;
    if (*at != 0) {
      g_autofree char *piece = g_strndup (at, length);
      bottega_markdown_blocks_append (blocks, piece);
    }
    now = bottega_markdown_blocks_update (blocks, *at == 0, &n_closed);
    g_assert_cmpuint (n_closed, <=, now->len);
    for (guint i = 0; i < now->len; i++)
      check_markup (now->pdata[i]);
    for (guint i = 0; i < n_closed; i++)
      g_ptr_array_add (all, g_ptr_array_steal_index (now, 0));
    if (*at == 0)
      return all;
    at += length;
  }
}

static char *
describe (GPtrArray *blocks)
{
  GString *out = g_string_new (NULL);

  for (guint i = 0; i < blocks->len; i++) {
    const BottegaMarkdownBlock *block = blocks->pdata[i];
    const char *marker = block->marker != NULL ? block->marker : "";
    g_string_append_printf (out, "%u/%u i%u q%u [%s] (%s) %s\n", block->kind, block->level,
                            block->indent, block->quotes, marker,
                            block->language != NULL ? block->language : "",
                            block->text != NULL ? block->text : "");
    for (guint k = 0; block->cells != NULL && k < block->cells->len; k++)
      g_string_append_printf (out, "  | %s\n", (char *) block->cells->pdata[k]);
  }
  return g_string_free_and_steal (out);
}

static void
assert_same (const char *text,
             guint step,
             GRand *rand)
{
  g_autoptr (GPtrArray) whole = blocks_at_once (text);
  g_autoptr (GPtrArray) pieces = blocks_in_pieces (text, step, rand);
  g_autofree char *expected = describe (whole);
  g_autofree char *actual = describe (pieces);

  g_assert_cmpstr (actual, ==, expected);
}

static void
test_structure (void)
{
  g_autoptr (GPtrArray) blocks = blocks_at_once (document);
  const BottegaMarkdownBlock *block = blocks->pdata[0];

  g_assert_cmpint (block->kind, ==, BOTTEGA_MARKDOWN_HEADING);
  g_assert_cmpstr (block->text, ==, "Title with <b>bold</b>");

  block = blocks->pdata[3];
  g_assert_cmpstr (block->marker, ==, "2.");
  block = blocks->pdata[4];
  g_assert_cmpuint (block->indent, ==, 2);
  g_assert_cmpstr (block->marker, ==, "◦");

  block = blocks->pdata[7];
  g_assert_cmpint (block->kind, ==, BOTTEGA_MARKDOWN_CODE);
  g_assert_cmpstr (block->language, ==, "python");
  g_assert_cmpstr (block->text, ==, "print('**not bold**')\n\nx = a[1](2)");

  block = blocks->pdata[8];
  g_assert_cmpuint (block->quotes, ==, 1);

  block = blocks->pdata[9];
  g_assert_cmpint (block->kind, ==, BOTTEGA_MARKDOWN_TABLE);
  g_assert_cmpuint (block->n_columns, ==, 2);
  g_assert_cmpuint (block->cells->len, ==, 6);
  g_assert_cmpint (block->alignments[1], ==, BOTTEGA_MARKDOWN_END);
  g_assert_cmpstr (block->cells->pdata[3], ==, "<b>1</b>");

  block = blocks->pdata[10];
  g_assert_cmpstr (block->marker, ==, "☑");
  block = blocks->pdata[blocks->len - 1];
  g_assert_nonnull (strstr (block->text, "&lt;b&gt;html&lt;/b&gt; image ("));
}

static void
test_pieces (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (3);

  for (guint step = 1; step < 40; step++) {
    assert_same (document, step, NULL);
    assert_same (document, step, rand);
  }
}

/* Every prefix of the document shows no mark that the finished text does not show. */
static void
test_no_flicker (void)
{
  static const char *const marks[] = { "**", "```", "](", "~~", "***", "|:", "[x" };

  for (gsize length = 1; length < sizeof document; length++) {
    g_autoptr (BottegaMarkdownBlocks) blocks = bottega_markdown_blocks_new ();
    g_autofree char *prefix = g_strndup (document, length);
    g_autoptr (GPtrArray) now = NULL;
    guint n_closed;

    bottega_markdown_blocks_append (blocks, prefix);
    now = bottega_markdown_blocks_update (blocks, FALSE, &n_closed);
    for (guint i = 0; i < now->len; i++) {
      const BottegaMarkdownBlock *block = now->pdata[i];
      for (guint k = 0; k < G_N_ELEMENTS (marks); k++)
        if (block->kind != BOTTEGA_MARKDOWN_CODE && block->text != NULL &&
            strstr (block->text, marks[k]) != NULL)
          g_error ("“%s” shows “%s”", prefix, block->text);
    }
  }
}

static void
test_tail (void)
{
  static const struct {
    const char *text, *shown;
  } cases[] = {
    { "a **bold", "a **bold**" },
    { "a **bold ", "a **bold**" },
    { "a **bold*", "a **bold**" },
    { "a **bold *both", "a **bold *both***" },
    { "a **", "a " },
    { "a * b", "a * b" },
    { "snake_case_name", "snake_case_name" },
    { "use `code", "use `code`" },
    { "use `", "use " },
    { "see [the pa", "see " },
    { "see [1] and", "see [1] and" },
    { "see [page](https://exam", "see " },
    { "text\n-", "text\n" },
    { "text\n--", "text\n" },
    { "**bold\n-", "**bold**" },
    { "- one\n- ", "- one\n" },
    { "- one\n2", "- one\n" },
    { "```py", "```" },
    { "```py\nx = 1\n``", "```py\nx = 1\n" },
    { "| a | b |\n", "" },
    { "text\n\n| a | b |\n|--", "text\n\n" },
    { "| a | b |\n|---|---|\n| 1", "| a | b |\n|---|---|\n| 1" },
    { "[1]: https://example.org\n\nx", "\\[1]: https://example.org\n\nx" },
    { "```\n[1]: x\n", "```\n[1]: x\n" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    GString *shown = bottega_markdown_tail_prepare (cases[i].text, strlen (cases[i].text), FALSE);
    g_assert_cmpstr (shown->str, ==, cases[i].shown);
    g_string_free (shown, TRUE);
  }
}

static void
test_numbers (void)
{
  static const char text[] = "1. a\n1. b\n1. c\n\n   more\n1. d\n\ntext\n\n7. e\n";
  g_autoptr (GPtrArray) blocks = blocks_in_pieces (text, 1, NULL);
  static const char *const markers[] = { "1.", "2.", "3.", NULL, "4.", NULL, "7." };

  g_assert_cmpuint (blocks->len, ==, G_N_ELEMENTS (markers));
  for (guint i = 0; i < blocks->len; i++)
    g_assert_cmpstr (((BottegaMarkdownBlock *) blocks->pdata[i])->marker, ==, markers[i]);
}

static void
test_long_paragraph (void)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (GPtrArray) blocks = NULL;

  for (guint i = 0; i < 200; i++)
    g_string_append (text, "This is a sentence with **bold** words in it. ");
  blocks = blocks_in_pieces (text->str, 7, NULL);
  g_assert_cmpuint (blocks->len, >, 4);
  for (guint i = 0; i < blocks->len; i++) {
    const BottegaMarkdownBlock *block = blocks->pdata[i];
    g_assert_cmpint (block->continues, ==, i > 0);
    g_assert_true (g_str_has_prefix (block->text, "This is"));
    g_assert_null (strstr (block->text, "**"));
  }
}

static void
test_endless_paragraph (void)
{
  static const char *const parts[] = { "word ", "漢", "x", "**a " };

  for (guint k = 0; k < G_N_ELEMENTS (parts); k++) {
    g_autoptr (GString) text = g_string_new (NULL);
    g_autoptr (GPtrArray) blocks = NULL;
    while (text->len < 10000)
      g_string_append (text, parts[k]);
    blocks = blocks_in_pieces (text->str, 50, NULL);
    g_assert_cmpuint (blocks->len, >=, 3);
  }
}

static void
test_links (void)
{
  g_autoptr (GPtrArray) blocks = blocks_at_once (
      "[a](javascript:alert) [b](file:///etc/passwd) [c](http://x.org/\"><b>) [d](relative.md)");
  const char *text = ((BottegaMarkdownBlock *) blocks->pdata[0])->text;

  g_assert_null (strstr (text, "href=\"file"));
  g_assert_null (strstr (text, "href=\"javascript"));
  g_assert_null (strstr (text, "href=\"relative"));
  g_assert_true (bottega_markdown_link_is_safe ("HTTPS://example.org"));
  g_assert_true (bottega_markdown_link_is_safe ("mailto:a@b.c"));
  g_assert_false (bottega_markdown_link_is_safe ("data:text/html,x"));
  g_assert_false (bottega_markdown_link_is_safe (NULL));
}

/* [n] is a link where there is a source n, and in no other place. */
static void
test_sources (void)
{
  static const char *const names[] = { "Source 1, Lease, page 3", "Source 2, A & B", NULL };
  static const struct {
    const char *text;
    guint n_links;
  } cases[] = {
    { "once a year [1], with notice [2].", 2 },
    { "both [1, 2] and [1][2]", 4 },
    { "no source [3], [0], [1, 3], [], [1", 0 },
    { "in code `a[1]` and in [a link [1]](https://example.org)", 0 },
    { "| a [1] | b |\n|---|---|\n| c | d [2] |", 0 }, /* cells are not the block's text */
    { "- an item **[2]**", 1 },
    { "[99999999999999999999]", 0 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (BottegaMarkdownBlocks) blocks = bottega_markdown_blocks_new ();
    g_autoptr (GPtrArray) made = NULL;
    guint n_closed, n_links = 0;

    bottega_markdown_blocks_set_sources (blocks, names);
    bottega_markdown_blocks_append (blocks, cases[i].text);
    made = bottega_markdown_blocks_update (blocks, TRUE, &n_closed);
    for (guint k = 0; k < made->len; k++) {
      const BottegaMarkdownBlock *block = made->pdata[k];

      check_markup (block);
      for (const char *at = block->text; at != NULL && (at = strstr (at, "href=\"source:")); at++)
        n_links++;
    }
    g_assert_cmpuint (n_links, ==, cases[i].n_links);
  }
}

static void
test_hostile_depth (void)
{
  static const char *const parts[] = { "> ", "- ", "*", "[", "**_", "1. ", "![", "    " };

  for (guint i = 0; i < G_N_ELEMENTS (parts); i++) {
    g_autoptr (GString) text = g_string_new (NULL);
    g_autoptr (GPtrArray) blocks = NULL;
    for (guint k = 0; k < 5000; k++)
      g_string_append (text, parts[i]);
    g_string_append (text, "end");
    blocks = blocks_at_once (text->str);
    for (guint k = 0; k < blocks->len; k++)
      check_markup (blocks->pdata[k]);
  }
}

static char *
random_text (GRand *rand,
             gboolean bytes)
{
  static const char *const parts[] = {
    "**",
    "*",
    "_",
    "`",
    "```",
    "\n",
    "\n\n",
    "- ",
    "1. ",
    "> ",
    "# ",
    "|",
    "|--|",
    "[",
    "](",
    ")",
    "!",
    "<b>",
    "&amp;",
    "&",
    "<",
    "~~",
    "word ",
    "a",
    " ",
    "    ",
    "\\",
    "---\n",
    "é",
    "漢",
    "🙂",
    "http://x.y/",
    "\t",
    "[x] ",
    "[a]: ",
    "\"",
    "\x01",
  };
  GString *out = g_string_new (NULL);

  for (guint i = g_rand_int_range (rand, 1, 60); i > 0; i--) {
    if (bytes)
      g_string_append_c (out, g_rand_int_range (rand, 1, 256));
    else
      g_string_append (out, parts[g_rand_int_range (rand, 0, G_N_ELEMENTS (parts))]);
  }
  return g_string_free_and_steal (out);
}

static void
test_fuzz (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (20);

  for (guint i = 0; i < 4000; i++) {
    g_autofree char *text = random_text (rand, i % 4 == 0);
    g_autoptr (GPtrArray) pieces = blocks_in_pieces (text, 1 + i % 9, rand);
    for (guint k = 0; k < pieces->len; k++)
      check_markup (pieces->pdata[k]);
  }
}

int
main (int argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ui/markdown/structure", test_structure);
  g_test_add_func ("/ui/markdown/tail", test_tail);
  g_test_add_func ("/ui/markdown/pieces", test_pieces);
  g_test_add_func ("/ui/markdown/no-flicker", test_no_flicker);
  g_test_add_func ("/ui/markdown/numbers", test_numbers);
  g_test_add_func ("/ui/markdown/long-paragraph", test_long_paragraph);
  g_test_add_func ("/ui/markdown/endless-paragraph", test_endless_paragraph);
  g_test_add_func ("/ui/markdown/links", test_links);
  g_test_add_func ("/ui/markdown/sources", test_sources);
  g_test_add_func ("/ui/markdown/hostile-depth", test_hostile_depth);
  g_test_add_func ("/ui/markdown/fuzz", test_fuzz);
  return g_test_run ();
}
