/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A column of native widgets that shows Markdown, also while it is being written. Nothing is ever
 * loaded from an address. Main thread. */
#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define BOTTEGA_TYPE_MARKDOWN_VIEW (bottega_markdown_view_get_type ())
G_DECLARE_FINAL_TYPE (BottegaMarkdownView, bottega_markdown_view, BOTTEGA, MARKDOWN_VIEW, GtkWidget)

GtkWidget *bottega_markdown_view_new (void);

/* Adds PIECE. It shows at the next frame, together with all else that came until then. */
void bottega_markdown_view_append (BottegaMarkdownView *self,
                                   const char *piece);

/* No more text comes: half-written markup is shown as it is. */
void bottega_markdown_view_finish (BottegaMarkdownView *self);

/* Replaces everything by TEXT, at once. FINISHED as in finish (). */
void bottega_markdown_view_set_text (BottegaMarkdownView *self,
                                     const char *text,
                                     gboolean finished);

/* The names of what the markers [1], [2] … refer to (NULL-terminated, or NULL: nothing). They
 * become links, and following one activates the action answer.show-source of a widget around this
 * one. */
void bottega_markdown_view_set_sources (BottegaMarkdownView *self,
                                        const char *const *names);

/* All the text so far, also what is not shown yet; valid until the next change. */
const char *bottega_markdown_view_get_text (BottegaMarkdownView *self);

/* A selectable label whose links open by a click only, through the portal. Set its text with
 * gtk_label_set_markup (). */
GtkWidget *bottega_markdown_view_make_label (GtkAccessibleRole role);

G_END_DECLS
