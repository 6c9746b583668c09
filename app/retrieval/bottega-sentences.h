/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where sentences end, in Italian and English and roughly in other languages.
 *
 * Pure functions; any thread. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* text: UTF-8, [begin, end) of it one paragraph. Returns where the sentence after the one at begin
 * begins (the blanks between them belong to the first), or end. Greater than begin. */
guint32 bottega_sentence_next (const char *text, guint32 begin, guint32 end);

G_END_DECLS
