/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BottegaCitations: holds the markers of an answer against the passages that it was given. While
 * text streams, [2], [1, 3], [2-4], [passage 1] become [2], [1][3], [2][3][4], [1]; numbers that
 * match no passage are taken out, and what may still become a marker is held back. Code is left as
 * it is.
 *
 * A plain value; not tied to a thread. */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _BottegaCitations BottegaCitations;

BottegaCitations *bottega_citations_new (guint n_passages);
void bottega_citations_free (BottegaCitations *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BottegaCitations, bottega_citations_free)

/* Appends to out what of the text so far can be shown. The text may be cut anywhere. */
void bottega_citations_push (BottegaCitations *self, const char *text, gsize n_bytes, GString *out);
/* The text has ended: what was held back comes, or goes if it was half a marker. */
void bottega_citations_finish (BottegaCitations *self, GString *out);
/* A marker of this passage (from 1) has come. */
gboolean bottega_citations_is_used (BottegaCitations *self, guint number);
gboolean bottega_citations_any_used (BottegaCitations *self);

/* For an answer without any marker: the text with a marker after each sentence that one of the
 * passages (texts[n], of numbers 1 … n) clearly supports: most of its words are there, and every
 * number. used[n] is set for those. NULL: none is clear enough. Free with g_free. */
char *bottega_citations_attribute (const char *answer, const char *const *texts, guint n,
                                   gboolean *used);

G_END_DECLS
