/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What of half-written Markdown can be shown already. Pure text, any thread. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A copy of TEXT (LENGTH bytes of UTF-8, not necessarily terminated) that is fit for the parser.
 * Link definitions stay visible as text. Unless FINISHED, what may still change its meaning is held
 * back at the end (a lone `-`, half a link, the head of a table) and open emphasis is closed, so
 * that a reader never sees markup appear and vanish. Lines before the last block are unchanged in
 * number and place. Free with g_string_free (). */
GString *bottega_markdown_tail_prepare (const char *text,
                                        gsize length,
                                        gboolean finished);

G_END_DECLS
