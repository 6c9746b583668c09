/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The documents that the next question is asked in, and those that are pinned in the conversation:
 * a pill each, which can be pinned and removed. Hidden while there is none; the question is then
 * asked in all. Main thread. */
#pragma once

#include <adwaita.h>

#include "app/assistant/bottega-conversation.h"
#include "app/assistant/bottega-library.h"

G_BEGIN_DECLS

#define BOTTEGA_TYPE_SCOPE_BAR (bottega_scope_bar_get_type ())
G_DECLARE_FINAL_TYPE (BottegaScopeBar, bottega_scope_bar, BOTTEGA, SCOPE_BAR, AdwBin)

/* A document or folder by its path, which the library may not have read yet. title: of the pill. */
void bottega_scope_bar_add (BottegaScopeBar *self, const char *path, const char *title);
/* All but the pinned. */
void bottega_scope_bar_clear (BottegaScopeBar *self);
/* Whose documents they are; a pill of another library goes. */
void bottega_scope_bar_set_library (BottegaScopeBar *self, BottegaLibrary *library);
/* In which they are pinned: its own pills come instead of all that there are. */
void bottega_scope_bar_set_conversation (BottegaScopeBar *self, BottegaConversation *conversation);

/* The ids (gint64) of the documents that the next question is asked in; empty: all. Pinned ones are
 * read whole anyway and are none of them. NULL when there are others, but nothing of them can be
 * searched yet. */
GArray *bottega_scope_bar_find_documents (BottegaScopeBar *self);

G_END_DECLS
