/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When the end of something is worth a notification: it took long, came to its end by itself, and
 * the person was elsewhere meanwhile. Whether notifications are wanted at all is a setting of the
 * desktop. */
#pragma once

#include "app/assistant/bottega-message.h"

G_BEGIN_DECLS

/* What took less may end while somebody only looks away. */
#define BOTTEGA_NOTICE_LONG_US (10 * G_USEC_PER_SEC)

/* seen: the window is the one that is being used. NULL: no notification; else its body, to stand
 * below the conversation's title: translated, borrowed, and without a word of the answer, since
 * notifications are shown on locked screens too. */
const char *bottega_notice_for_answer (gboolean seen, BottegaMessageState state, gint64 took_us);
/* The same for documents that have been read; free with g_free. error: why it ended early, or
 * NULL. */
char *bottega_notice_for_index (gboolean seen, gint64 took_us, guint n_ready, const char *error);

G_END_DECLS
