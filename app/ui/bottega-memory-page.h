/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BottegaMemoryPage: the preferences about memory and speed, with what they cost for the model in
 * use, foreseen by the planner as they change. Lives in a dialog that has "preferences.reset". */
#pragma once

#include "app/assistant/bottega-assistant.h"

#include <adwaita.h>

G_BEGIN_DECLS

#define BOTTEGA_TYPE_MEMORY_PAGE (bottega_memory_page_get_type ())
G_DECLARE_FINAL_TYPE (BottegaMemoryPage, bottega_memory_page, BOTTEGA, MEMORY_PAGE,
                      AdwPreferencesPage)

/* Once. */
void bottega_memory_page_set_assistant (BottegaMemoryPage *self, BottegaAssistant *assistant);
/* The keyboard goes on from the presets: what it was on is about to go. */
void bottega_memory_page_focus (BottegaMemoryPage *self);
/* What is set is what is used: loads the model again where that is needed. */
void bottega_memory_page_apply (BottegaMemoryPage *self);

G_END_DECLS
