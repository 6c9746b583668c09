/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Finds conversations and documents of a space by their words, for programs that ask at every key:
 * a file that is opened, read and closed again, with no lock, model or thread. Any thread; waits
 * for the disk. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  gboolean is_document;
  char *id;    /* of a conversation, or the number of a document */
  char *title; /* of a document its name where it says no title */
  char *path;  /* of a document; NULL */
} BottegaQuickHit;

void bottega_quick_hit_free (BottegaQuickHit *hit);

/* Those that have every word of QUERY (the last may be the beginning of a word; case and accents do
 * not matter): at most N conversations, newest first, then at most N documents, those first that
 * have the words in their title or name. GPtrArray of BottegaQuickHit, empty when there are none;
 * NULL and a sentence when the file at PATH cannot be read. */
GPtrArray *bottega_quick_search (const char *path, const char *query, guint n, GError **error);

G_END_DECLS
