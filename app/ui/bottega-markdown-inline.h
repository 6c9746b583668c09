/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inline Markdown as Pango markup. Pure text, any thread. */
#pragma once

#include <glib.h>

#include <cmark-gfm.h>

G_BEGIN_DECLS

/* The inlines inside of NODE (a paragraph, heading, table cell …) as markup that Pango accepts
 * whatever the text holds. Links keep their address only where bottega_markdown_link_is_safe ();
 * images become their description and address; HTML stays text.
 *
 * SOURCES (NULL-terminated, or NULL) are the names of what [1], [2] … in the text refer to: such a
 * marker becomes a link to BOTTEGA_MARKDOWN_SOURCE and its number, with the name as its title. */
#define BOTTEGA_MARKDOWN_SOURCE "source:"
char *bottega_markdown_inline_markup (cmark_node *node,
                                      const char *const *sources);

/* The text inside of NODE without any markup, for what cannot be shown with structure. */
char *bottega_markdown_inline_text (cmark_node *node);

/* Whether a click may open ADDRESS: http, https and mailto only. */
gboolean bottega_markdown_link_is_safe (const char *address);

G_END_DECLS
