/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The seal of a process against every network: the kernel refuses it, and all that it starts, each
 * socket but those of this computer, for good. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum {
  BOTTEGA_SEAL_NOT_TRIED,
  BOTTEGA_SEAL_CLOSED,
  BOTTEGA_SEAL_REMOTE_SCREEN, /* the window is drawn through the network: it must stay open */
  BOTTEGA_SEAL_IMPOSSIBLE,    /* the kernel does not take it */
} BottegaSeal;

/* Call it first in main (), while there is one thread. display: what the window is drawn on (the
 * value of DISPLAY), NULL: none. Threads that there are already are sealed too. */
BottegaSeal bottega_seal_close (const char *display);
/* What came of it. Any thread. */
BottegaSeal bottega_seal_get (void);

/* TRUE for the name of an X display that is reached through the network, "localhost:10.0". */
gboolean bottega_seal_is_remote (const char *display);

G_END_DECLS
