/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Asks for a new title of a conversation. */
#pragma once

#include <adwaita.h>

#include "app/assistant/bottega-conversation.h"

G_BEGIN_DECLS

/* Presents the dialog over parent; the conversation is renamed when the person agrees. */
void bottega_rename_dialog_present (BottegaConversation *conversation, GtkWidget *parent);

G_END_DECLS
