/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The passages of one answer: each where it stands, on its page or in its text. Main thread. */
#pragma once

#include <adwaita.h>

#include "app/assistant/bottega-library.h"
#include "app/assistant/bottega-message.h"

G_BEGIN_DECLS

#define BOTTEGA_TYPE_SOURCES_PANE (bottega_sources_pane_get_type ())
G_DECLARE_FINAL_TYPE (BottegaSourcesPane, bottega_sources_pane, BOTTEGA, SOURCES_PANE, AdwBin)

void bottega_sources_pane_set_library (BottegaSourcesPane *self, BottegaLibrary *library);

/* Into the list, where the arrow keys go from passage to passage. */
void bottega_sources_pane_focus (BottegaSourcesPane *self);
/* Whether it lies over the conversation, and so needs a button to close it. */
void bottega_sources_pane_set_over (BottegaSourcesPane *self, gboolean over);

/* Shows passage NUMBER of ANSWER; 0: the one that was shown, or the first. NULL: nothing. */
void bottega_sources_pane_show (BottegaSourcesPane *self, BottegaMessage *answer, guint number);

G_END_DECLS
