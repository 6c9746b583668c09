/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How the conversation changes a message. Main thread only. */
#pragma once

#include "app/assistant/bottega-message.h"
#include "app/assistant/bottega-sources.h"
#include "app/retrieval/bottega-store-chats.h"

G_BEGIN_DECLS

/* From and to the store's row; parent and conversation are the caller's. An answer that is busy in
 * any way is one word in the store, "writing"; a question is "queued" or "complete". */
BottegaMessage *bottega_message_new_from_row (const BottegaStoreMessage *row);
/* Free with bottega_store_message_free (). */
BottegaStoreMessage *bottega_message_to_row (BottegaMessage *self,
                                             const char *conversation,
                                             const char *parent);

void bottega_message_set_state (BottegaMessage *self, BottegaMessageState state);
void bottega_message_set_started_us (BottegaMessage *self, gint64 started_us);
void bottega_message_set_included (BottegaMessage *self, gboolean included);
/* Answers before this one, while queued. */
void bottega_message_set_waiting (BottegaMessage *self, guint n_before);
void bottega_message_set_load_fraction (BottegaMessage *self, double fraction);
void bottega_message_set_reading (BottegaMessage *self, guint done, guint total, double left_s);
void bottega_message_append (BottegaMessage *self, const char *utf8, gsize bytes);
void bottega_message_append_thought (BottegaMessage *self, const char *utf8, gsize bytes);
void bottega_message_set_writer (BottegaMessage *self, const char *model_name, const char *device);
/* The whole text anew; notifies. */
void bottega_message_set_text (BottegaMessage *self, const char *text);
/* The line shown while SEARCHING; NULL: "Searching the documents". */
void bottega_message_set_search_phase (BottegaMessage *self, const char *text);
void bottega_message_set_note (BottegaMessage *self, const char *sentence);
void bottega_message_set_scope (BottegaMessage *self, const gint64 *documents, guint n,
                                const char *titles);
/* What was found: takes the place of all that was known. passages: GPtrArray of BottegaPassage by
 * number; NULL: none. */
void bottega_message_set_found (BottegaMessage *self, const char *query, BottegaSourcesUse use,
                                gboolean only_documents, GPtrArray *passages);
/* The model reads the first n; the others leave the list. */
void bottega_message_set_n_read (BottegaMessage *self, guint n);
const BottegaSources *bottega_message_get_sources (BottegaMessage *self);
/* Seconds in one of the busy states, since the answer was begun or goes on. */
double bottega_message_get_state_s (BottegaMessage *self, BottegaMessageState state);
/* Before the end, with whose stats they are kept. */
void bottega_message_set_facts (BottegaMessage *self, const BottegaAnswerFacts *facts);
/* The end: state, sentence (may be NULL) and stats (may be NULL). */
void bottega_message_finish (BottegaMessage *self, BottegaMessageState state, const char *error,
                             const EngineStats *stats);

G_END_DECLS
