/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Owns when something is worth a notification and what it says. It must not know how it is sent. */
#include "config.h"

#include "app/assistant/bottega-notice.h"

#include <glib/gi18n-lib.h>

const char *
bottega_notice_for_answer (gboolean seen, BottegaMessageState state, gint64 took_us)
{
  if (seen || took_us < BOTTEGA_NOTICE_LONG_US)
    return NULL;
  if (state == BOTTEGA_MESSAGE_STATE_COMPLETE)
    return _ ("The answer is there.");
  if (state == BOTTEGA_MESSAGE_STATE_FAILED)
    return _ ("The answer could not be written.");

  return NULL;
}

char *
bottega_notice_for_index (gboolean seen, gint64 took_us, guint n_ready, const char *error)
{
  if (seen || took_us < BOTTEGA_NOTICE_LONG_US)
    return NULL;
  if (error != NULL)
    return g_strdup (error);

  return g_strdup_printf (ngettext ("%u document can be asked about.",
                                    "%u documents can be asked about.", n_ready),
                          n_ready);
}
