/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The name of the open space as a button with a menu: another one, a new one, deleting it. Main
 * thread. */
#pragma once

#include <adwaita.h>

#include "app/assistant/bottega-assistant.h"

G_BEGIN_DECLS

#define BOTTEGA_TYPE_SPACE_MENU (bottega_space_menu_get_type ())
G_DECLARE_FINAL_TYPE (BottegaSpaceMenu, bottega_space_menu, BOTTEGA, SPACE_MENU, AdwBin)

void bottega_space_menu_set_assistant (BottegaSpaceMenu *self, BottegaAssistant *assistant);

/* What a person reads for the space of this name. Borrowed from it, or from the translations. */
const char *bottega_space_menu_title (const char *name);

G_END_DECLS
