/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A vertical box inside of a BottegaEndViewport that draws only the rows near what is seen, so that
 * a long page costs no more than a short one. Main thread. */
#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define BOTTEGA_TYPE_TRANSCRIPT (bottega_transcript_get_type ())
G_DECLARE_FINAL_TYPE (BottegaTranscript, bottega_transcript, BOTTEGA, TRANSCRIPT, GtkBox)

G_END_DECLS
