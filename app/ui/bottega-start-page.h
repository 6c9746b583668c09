/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What stands in the place of an empty conversation: welcome, no model, a model that cannot be
 * used, not enough memory. */
#pragma once

#include <adwaita.h>

#include "app/assistant/bottega-assistant.h"

G_BEGIN_DECLS

#define BOTTEGA_TYPE_START_PAGE (bottega_start_page_get_type ())
G_DECLARE_FINAL_TYPE (BottegaStartPage, bottega_start_page, BOTTEGA, START_PAGE, AdwBin)

/* Property "ready" (boolean, read-only, notifies): a question can be asked from here. */
void bottega_start_page_set_assistant (BottegaStartPage *self, BottegaAssistant *assistant);
gboolean bottega_start_page_get_ready (BottegaStartPage *self);

G_END_DECLS
