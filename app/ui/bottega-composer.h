/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The entry in which a question is written: one row that grows to eight, Send or Stop, the context
 * meter, the documents it is asked in (+ adds some, @ completes their names), and above it the
 * questions that wait for the answer in progress. */
#pragma once

#include <adwaita.h>

#include "app/ui/bottega-context-meter.h"
#include "app/ui/bottega-scope-bar.h"

G_BEGIN_DECLS

#define BOTTEGA_TYPE_COMPOSER (bottega_composer_get_type ())
G_DECLARE_FINAL_TYPE (BottegaComposer, bottega_composer, BOTTEGA, COMPOSER, AdwBin)

/* Properties: "text" (string), "writing" (an answer is in progress: the button is Stop), "can-send"
 * (a model is there to answer), "queue" (GListModel of waiting questions: objects with a string
 * property "text"; may be NULL), "has-documents" (there are some to ask about).
 * Signals: "send" (text) → TRUE when it was taken, and only then the entry is emptied; "stop";
 * "attach" (documents are to be chosen);
 * "queue-edit" and "queue-remove" (the question's object); "queue-send" (the first). */
char *bottega_composer_dup_text (BottegaComposer *self);
void bottega_composer_set_text (BottegaComposer *self, const char *text);
void bottega_composer_set_queue (BottegaComposer *self, GListModel *queue);
BottegaContextMeter *bottega_composer_get_meter (BottegaComposer *self); /* borrowed */
/* Whose documents @ completes. */
void bottega_composer_set_library (BottegaComposer *self, BottegaLibrary *library);
BottegaScopeBar *bottega_composer_get_scope (BottegaComposer *self); /* borrowed */

G_END_DECLS
