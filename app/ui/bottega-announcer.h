/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tells screen readers what is being written, a sentence at a time and at most once a second. It
 * knows pieces of text, not messages. Main thread. */
#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

typedef struct _BottegaAnnouncer BottegaAnnouncer;

/* WIDGET speaks; it must outlive the announcer. */
BottegaAnnouncer *bottega_announcer_new (GtkWidget *widget);
void bottega_announcer_free (BottegaAnnouncer *self);

/* PIECE of Markdown has been written. */
void bottega_announcer_add (BottegaAnnouncer *self,
                            const char *piece);

/* The text has ended: the rest is said even if it is no whole sentence. */
void bottega_announcer_finish (BottegaAnnouncer *self);

/* Takes the whole sentences (ALL: everything) off the start of PENDING, without marks. NULL: there
 * is nothing to say. Free with g_free (). */
char *bottega_announcer_take (GString *pending,
                              gboolean all);

G_END_DECLS
