/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The button ◔ of the composer: how full the model's context is, and in its popover what that
 * means in tokens. */
#pragma once

#include <adwaita.h>

#include "app/assistant/bottega-conversation.h"

G_BEGIN_DECLS

#define BOTTEGA_TYPE_CONTEXT_METER (bottega_context_meter_get_type ())
G_DECLARE_FINAL_TYPE (BottegaContextMeter, bottega_context_meter, BOTTEGA, CONTEXT_METER, AdwBin)

/* NULL: shows nothing. */
void bottega_context_meter_set_conversation (BottegaContextMeter *self,
                                             BottegaConversation *conversation);

G_END_DECLS
