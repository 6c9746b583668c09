/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Owns the translation of Markdown inlines (emphasis, code, links, images, raw HTML) to Pango
 * markup. It walks with an iterator, never by recursion, so that hostile nesting costs no stack.
 * It must not know blocks or widgets, and never fetches anything.
 */
#define G_LOG_DOMAIN "bottega-markdown-inline"

#include "config.h"

#include "app/ui/bottega-markdown-inline.h"

#include <string.h>

/* A grey that is a wash on a light page and on a dark one. */
#define CODE_OPEN \
  "<span font_family=\"monospace\" background=\"#808080\" background_alpha=\"18%\">"
#define CODE_CLOSE "</span>"

static void
append_escaped (GString *out,
                const char *text)
{
  g_autofree char *escaped = g_markup_escape_text (text != NULL ? text : "", -1);

  g_string_append (out, escaped);
}

gboolean
bottega_markdown_link_is_safe (const char *address)
{
  static const char *const schemes[] = { "http://", "https://", "mailto:" };

  for (guint i = 0; i < G_N_ELEMENTS (schemes); i++)
    if (address != NULL && g_ascii_strncasecmp (address, schemes[i], strlen (schemes[i])) == 0)
      return TRUE;
  return FALSE;
}

static void
append_anchor (GString *out,
               const char *address)
{
  g_autofree char *escaped = g_markup_escape_text (address, -1);

  /* The title becomes the tooltip: where a link leads can be read before it is followed. */
  g_string_append_printf (out, "<a href=\"%s\" title=\"%s\">", escaped, escaped);
}

/* The marker at AT, such as [2] or [1, 3], when all of its numbers are sources: its length, else 0.
 * Its numbers are added to NUMBERS. */
static gsize
parse_marker (const char *at,
              guint n_sources,
              GArray *numbers)
{
  const char *c = at + 1;

  g_array_set_size (numbers, 0);
  for (;;) {
    char *end;
    guint64 number = g_ascii_isdigit (*c) ? g_ascii_strtoull (c, &end, 10) : 0;
    guint n = (guint) MIN (number, G_MAXUINT);

    if (n == 0 || n > n_sources)
      return 0;
    g_array_append_val (numbers, n);
    c = end;
    if (*c == ']')
      return c + 1 - at;
    if (*c++ != ',')
      return 0;
    c += strspn (c, " ");
  }
}

static void
append_source (GString *out,
               guint number,
               const char *name)
{
  g_autofree char *escaped = g_markup_escape_text (name, -1);

  g_string_append_printf (out,
                          "<a href=\"" BOTTEGA_MARKDOWN_SOURCE "%u\" title=\"%s\" class=\"source\">"
                          "<span size=\"smaller\" rise=\"1.5pt\">[%u]</span></a>",
                          number, escaped, number);
}

static void
append_text (GString *out,
             const char *text,
             const char *const *sources)
{
  guint n_sources = sources != NULL ? g_strv_length ((char **) sources) : 0;
  g_autoptr (GArray) numbers = g_array_new (FALSE, FALSE, sizeof (guint));
  const char *from = text;

  for (const char *at = text; n_sources > 0 && (at = strchr (at, '[')) != NULL;) {
    gsize length = parse_marker (at, n_sources, numbers);
    g_autofree char *before = NULL;

    if (length == 0) {
      at++;
      continue;
    }
    before = g_strndup (from, at - from);
    append_escaped (out, before);
    for (guint i = 0; i < numbers->len; i++) {
      guint number = g_array_index (numbers, guint, i);
      append_source (out, number, sources[number - 1]);
    }
    from = at += length;
  }
  append_escaped (out, from);
}

static void
append_link (GString *out,
             cmark_node *node,
             gboolean enter)
{
  const char *address = cmark_node_get_url (node);
  gboolean safe = bottega_markdown_link_is_safe (address);

  if (safe && enter)
    append_anchor (out, address);
  else if (safe)
    g_string_append (out, "</a>");
  else if (!enter && address != NULL && *address != 0) {
    g_string_append (out, " (");
    append_escaped (out, address);
    g_string_append (out, ")");
  }
}

/* After the description of an image, which its children gave. */
static void
append_image_address (GString *out,
                      cmark_node *node,
                      gboolean in_link)
{
  const char *address = cmark_node_get_url (node);

  if (address == NULL || *address == 0)
    return;
  g_string_append (out, " (");
  if (bottega_markdown_link_is_safe (address) && !in_link) {
    append_anchor (out, address);
    append_escaped (out, address);
    g_string_append (out, "</a>");
  } else {
    append_escaped (out, address);
  }
  g_string_append_c (out, ')');
}

static void
append_html (GString *out,
             const char *html)
{
  /* The one tag that models use in ordinary answers: a line break inside of a table. */
  if (html != NULL && g_ascii_strncasecmp (html, "<br", 3) == 0)
    g_string_append_c (out, '\n');
  else
    append_escaped (out, html);
}

/* Nodes without children. */
static gboolean
append_leaf (GString *out,
             cmark_node *node,
             const char *const *sources)
{
  const char *literal = cmark_node_get_literal (node);

  switch (cmark_node_get_type (node)) {
  case CMARK_NODE_TEXT:
    append_text (out, literal != NULL ? literal : "", sources);
    return TRUE;
  case CMARK_NODE_CODE:
    g_string_append (out, CODE_OPEN);
    append_escaped (out, cmark_node_get_literal (node));
    g_string_append (out, CODE_CLOSE);
    return TRUE;
  case CMARK_NODE_SOFTBREAK: /* models break lines where they mean it */
  case CMARK_NODE_LINEBREAK:
    g_string_append_c (out, '\n');
    return TRUE;
  case CMARK_NODE_HTML_INLINE:
    append_html (out, cmark_node_get_literal (node));
    return TRUE;
  default:
    return FALSE;
  }
}

char *
bottega_markdown_inline_markup (cmark_node *node,
                                const char *const *sources)
{
  GString *out = g_string_new (NULL);
  cmark_iter *iter = cmark_iter_new (node);
  cmark_event_type event;
  guint links = 0;

  while ((event = cmark_iter_next (iter)) != CMARK_EVENT_DONE) {
    cmark_node *at = cmark_iter_get_node (iter);
    gboolean enter = event == CMARK_EVENT_ENTER;

    if (at == node || (enter && append_leaf (out, at, links > 0 ? NULL : sources)))
      continue;
    switch (cmark_node_get_type (at)) {
    case CMARK_NODE_EMPH:
      g_string_append (out, enter ? "<i>" : "</i>");
      break;
    case CMARK_NODE_STRONG:
      g_string_append (out, enter ? "<b>" : "</b>");
      break;
    case CMARK_NODE_LINK:
      /* Pango has no links inside of links. */
      links -= enter ? 0 : 1;
      if (links == 0)
        append_link (out, at, enter);
      links += enter ? 1 : 0;
      break;
    case CMARK_NODE_IMAGE:
      if (!enter)
        append_image_address (out, at, links > 0);
      break;
    default:
      if (g_str_equal (cmark_node_get_type_string (at), "strikethrough"))
        g_string_append (out, enter ? "<s>" : "</s>");
    }
  }
  cmark_iter_free (iter);

  return g_string_free_and_steal (out);
}

char *
bottega_markdown_inline_text (cmark_node *node)
{
  GString *out = g_string_new (NULL);
  cmark_iter *iter = cmark_iter_new (node);
  cmark_event_type event;

  while ((event = cmark_iter_next (iter)) != CMARK_EVENT_DONE) {
    const char *literal = cmark_node_get_literal (cmark_iter_get_node (iter));
    if (event == CMARK_EVENT_ENTER && literal != NULL)
      g_string_append_printf (out, "%s%s", out->len > 0 ? " " : "", literal);
  }
  cmark_iter_free (iter);

  return g_string_free_and_steal (out);
}
