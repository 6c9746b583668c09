/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The documents that the next question is asked in: a pill each, which can be removed. Hidden while
 * there is none; the question is then asked in all. Main thread. */
#pragma once

#include <adwaita.h>

#include "app/assistant/bottega-library.h"

G_BEGIN_DECLS

#define BOTTEGA_TYPE_SCOPE_BAR (bottega_scope_bar_get_type ())
G_DECLARE_FINAL_TYPE (BottegaScopeBar, bottega_scope_bar, BOTTEGA, SCOPE_BAR, AdwBin)

/* A document or folder by its path, which the library may not have read yet. title: of the pill. */
void bottega_scope_bar_add (BottegaScopeBar *self, const char *path, const char *title);
void bottega_scope_bar_clear (BottegaScopeBar *self);

/* The ids (gint64) of the documents in LIBRARY that it stands for; empty: all. NULL when there are
 * pills, but nothing of them can be searched yet. */
GArray *bottega_scope_bar_find_documents (BottegaScopeBar *self, BottegaLibrary *library);

G_END_DECLS
