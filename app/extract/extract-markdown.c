/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Markdown through cmark-gfm: its tree flattened to blocks. Markup goes, words stay; a link is its
 * text. It knows nothing of encodings. */
#define G_LOG_DOMAIN "bottega-extract"

#include "app/extract/extract-decode.h"
#include "app/extract/extract.h"

#include <cmark-gfm-core-extensions.h>
#include <string.h>

static const char *const extensions[] = { "table", "strikethrough", "autolink", "tasklist" };

typedef struct {
  const ExtractInput *input;
  BottegaDocument *document;
  GString *text; /* of the block in the making */
  guint depth;   /* of lists */
  gboolean item; /* the next paragraph is the first of its item */
} Flat;

/* YAML between two lines of dashes at the beginning; returns where the text begins. */
static const char *
skip_front_matter (const char *text,
                   BottegaDocument *document)
{
  const char *end = g_str_has_prefix (text, "---\n") ? strstr (text + 3, "\n---\n") : NULL;
  g_autofree char *matter = NULL;
  g_auto (GStrv) lines = NULL;

  if (end == NULL)
    return text;
  matter = g_strndup (text, (gsize) (end - text));
  lines = g_strsplit (matter, "\n", -1);
  for (char **line = lines; *line != NULL; line++) {
    char *value = strchr (*line, ':');

    if (value == NULL || g_ascii_isspace (**line))
      continue;
    *value++ = '\0';
    g_strstrip (value);
    if (strlen (value) >= 2 && strchr ("\"'", *value) != NULL &&
        value[strlen (value) - 1] == *value) {
      value[strlen (value) - 1] = '\0';
      value++;
    }
    if (g_str_equal (*line, "title"))
      extract_set_title (document, value);
    else if (g_str_equal (*line, "lang") || g_str_equal (*line, "language"))
      extract_set_language (document, value);
  }
  return end + strlen ("\n---\n");
}

static void
append_without_tags (GString *out,
                     const char *html)
{
  gboolean in_tag = FALSE;

  for (; *html != '\0'; html++) {
    if (*html == '<')
      in_tag = TRUE;
    else if (*html == '>' && in_tag)
      in_tag = FALSE;
    else if (!in_tag)
      g_string_append_c (out, *html);
  }
}

static void
append_inline (Flat *flat,
               cmark_node *node)
{
  cmark_node_type type = cmark_node_get_type (node);

  if (type == CMARK_NODE_TEXT || type == CMARK_NODE_CODE)
    g_string_append (flat->text, cmark_node_get_literal (node));
  else if (type == CMARK_NODE_SOFTBREAK || type == CMARK_NODE_LINEBREAK)
    g_string_append_c (flat->text, ' ');
}

static void
flush (Flat *flat,
       BottegaBlockKind kind,
       guint level)
{
  bottega_document_add_block (flat->document, kind, level, 0, flat->text->str,
                              (gssize) flat->text->len);
  g_string_truncate (flat->text, 0);
}

static void
leave (Flat *flat,
       cmark_node *node)
{
  cmark_node_type type = cmark_node_get_type (node);
  const char *name = cmark_node_get_type_string (node); /* an extension's types have no constants */

  if (type == CMARK_NODE_HEADING) {
    flush (flat, BOTTEGA_BLOCK_HEADING, (guint) cmark_node_get_heading_level (node));
  } else if (type == CMARK_NODE_PARAGRAPH) {
    flush (flat, flat->item ? BOTTEGA_BLOCK_LIST_ITEM : BOTTEGA_BLOCK_PARAGRAPH,
           flat->item ? flat->depth : 0);
    flat->item = FALSE;
  } else if (g_str_equal (name, "table_cell")) {
    if (cmark_node_next (node) != NULL)
      g_string_append (flat->text, " | ");
  } else if (g_str_equal (name, "table_header")) {
    flush (flat, BOTTEGA_BLOCK_TABLE_HEADER, 0);
  } else if (g_str_equal (name, "table_row")) {
    flush (flat, BOTTEGA_BLOCK_TABLE_ROW, 0);
  } else if (type == CMARK_NODE_LIST) {
    flat->depth--;
  }
}

static void
enter (Flat *flat,
       cmark_node *node)
{
  cmark_node_type type = cmark_node_get_type (node);

  if (type == CMARK_NODE_CODE_BLOCK) {
    g_string_append (flat->text, cmark_node_get_literal (node));
    flush (flat, BOTTEGA_BLOCK_CODE, 0);
  } else if (type == CMARK_NODE_HTML_BLOCK) {
    append_without_tags (flat->text, cmark_node_get_literal (node));
    flush (flat, BOTTEGA_BLOCK_PARAGRAPH, 0);
  } else if (type == CMARK_NODE_LIST) {
    flat->depth++;
  } else if (type == CMARK_NODE_ITEM) {
    flat->item = TRUE;
  } else {
    append_inline (flat, node);
  }
}

static void
flatten (Flat *flat,
         cmark_node *tree)
{
  cmark_iter *at = cmark_iter_new (tree);
  cmark_event_type event;

  while ((event = cmark_iter_next (at)) != CMARK_EVENT_DONE &&
         !extract_is_full (flat->input, flat->document)) {
    cmark_node *node = cmark_iter_get_node (at);

    if (event == CMARK_EVENT_ENTER)
      enter (flat, node);
    else
      leave (flat, node);
  }
  cmark_iter_free (at);
}

gboolean
extract_markdown (const ExtractInput *input,
                  BottegaDocument *document,
                  ExtractFailure *failure)
{
  g_autofree char *text = extract_decode (input->data, input->size);
  g_autoptr (GString) block = g_string_new (NULL);
  Flat flat = { .input = input, .document = document, .text = block };
  const char *body;
  cmark_parser *parser;
  cmark_node *tree;

  *failure = EXTRACT_BINARY;
  if (text == NULL)
    return FALSE;
  cmark_gfm_core_extensions_ensure_registered ();
  parser = cmark_parser_new (CMARK_OPT_DEFAULT | CMARK_OPT_FOOTNOTES);
  for (guint i = 0; i < G_N_ELEMENTS (extensions); i++)
    cmark_parser_attach_syntax_extension (parser, cmark_find_syntax_extension (extensions[i]));
  body = skip_front_matter (text, document);
  cmark_parser_feed (parser, body, strlen (body));
  tree = cmark_parser_finish (parser);
  flatten (&flat, tree);
  cmark_node_free (tree);
  cmark_parser_free (parser);
  return TRUE;
}
